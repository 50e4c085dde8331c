//! Many statements on the wire before the first answer: one round trip instead of one per table.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio_postgres::{Client, Error, Row, Statement};

use super::values::Arrays;

/// A statement that waits for its batch to be sent.
pub(super) struct Waiting {
    pub(super) statement: Statement,
    pub(super) arrays: Arrays,
}

/// One answer per request, in the order they were sent.
pub(super) type Answers<T = ()> = Vec<Result<T, Error>>;

type Request<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + 'a>>;

/// The writes and then `last`; nothing is sent yet.
pub(super) fn sending<'a>(
    client: &'a Client,
    writes: &'a [Waiting],
    last: Option<&'a str>,
) -> Exchange<'a, ()> {
    let mut requests: Vec<Request<'_, ()>> = Vec::with_capacity(writes.len() + 1);
    for write in writes {
        requests.push(Box::pin(async move {
            client.execute(&write.statement, &write.arrays.params()).await.map(drop)
        }));
    }
    if let Some(last) = last {
        requests.push(Box::pin(client.batch_execute(last)));
    }
    Exchange::new(requests)
}

/// Sends texts without parameters, all before the first answer.
pub(super) async fn tell(client: &Client, texts: &[&str]) -> Result<(), Error> {
    let requests = texts.iter().map(|text| -> Request<'_, ()> { Box::pin(client.batch_execute(text)) });
    Exchange::new(requests.collect()).all().await.map(drop)
}

/// Sends questions; the first error is everybody's, because it ended the transaction.
pub(super) async fn ask(client: &Client, questions: &[Waiting]) -> Result<Vec<Vec<Row>>, Error> {
    let mut requests: Vec<Request<'_, Vec<Row>>> = Vec::with_capacity(questions.len());
    for question in questions {
        requests.push(Box::pin(
            async move { client.query(&question.statement, &question.arrays.params()).await },
        ));
    }
    Exchange::new(requests).all().await
}

/// Requests, and those of their answers that are there.
pub(super) struct Exchange<'a, T> {
    requests: Vec<Request<'a, T>>,
    answers: Vec<Option<Result<T, Error>>>,
    sent: bool,
}

impl<'a, T> Exchange<'a, T> {
    fn new(requests: Vec<Request<'a, T>>) -> Exchange<'a, T> {
        let answers = requests.iter().map(|_| None).collect();
        Exchange { requests, answers, sent: false }
    }

    /// Every answer, or the first error.
    pub(super) async fn all(mut self) -> Result<Vec<T>, Error> {
        self.answered(self.requests.len()).await?;
        self.answers().into_iter().collect()
    }

    /// Those that are there.
    pub(super) fn answers(self) -> Answers<T> {
        self.answers.into_iter().flatten().collect()
    }

    /// Sends everything, and waits for the first so many answers. It fails as a whole only where something
    /// could not be sent; then nothing behind it was.
    pub(super) async fn answered(&mut self, count: usize) -> Result<(), Error> {
        poll_fn(|context| self.poll(count, context)).await
    }

    /// A request is sent when it is first polled, so polling in order sends in order. No answer can be
    /// there at once: what is, could not be sent.
    fn poll(&mut self, count: usize, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        for (request, answer) in self.requests.iter_mut().zip(&mut self.answers) {
            if answer.is_some() {
                continue;
            }
            match request.as_mut().poll(context) {
                Poll::Ready(Err(error)) if !self.sent => return Poll::Ready(Err(error)),
                Poll::Ready(found) => *answer = Some(found),
                Poll::Pending => {}
            }
        }
        self.sent = true;
        if self.answers[..count].iter().all(Option::is_some) { Poll::Ready(Ok(())) } else { Poll::Pending }
    }
}
