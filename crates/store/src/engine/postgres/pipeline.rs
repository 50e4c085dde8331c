//! Many statements on the wire before the first answer: one round trip instead of one per table.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

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

/// Sends the writes and then `last`. It fails as a whole never; the answers do.
pub(super) async fn send(client: &Client, writes: &[Waiting], last: Option<&str>) -> Result<Answers, Error> {
    let mut requests: Vec<Request<'_, ()>> = Vec::with_capacity(writes.len() + 1);
    for write in writes {
        requests.push(Box::pin(async move {
            client.execute(&write.statement, &write.arrays.params()).await.map(drop)
        }));
    }
    if let Some(last) = last {
        requests.push(Box::pin(client.batch_execute(last)));
    }
    Ok(answers(requests).await)
}

/// Sends texts without parameters, all before the first answer.
pub(super) async fn tell(client: &Client, texts: &[&str]) -> Result<(), Error> {
    let requests = texts.iter().map(|text| -> Request<'_, ()> { Box::pin(client.batch_execute(text)) });
    answers(requests.collect()).await.into_iter().collect()
}

/// Sends questions; the first error is everybody's, because it ended the transaction.
pub(super) async fn ask(client: &Client, questions: &[Waiting]) -> Result<Vec<Vec<Row>>, Error> {
    let mut requests: Vec<Request<'_, Vec<Row>>> = Vec::with_capacity(questions.len());
    for question in questions {
        requests.push(Box::pin(
            async move { client.query(&question.statement, &question.arrays.params()).await },
        ));
    }
    answers(requests).await.into_iter().collect()
}

/// A request is sent when it is first polled, so polling in order sends in order.
async fn answers<T>(mut requests: Vec<Request<'_, T>>) -> Answers<T> {
    let mut answers: Vec<Option<Result<T, Error>>> = requests.iter().map(|_| None).collect();
    poll_fn(|context| {
        for (request, answer) in requests.iter_mut().zip(&mut answers) {
            if answer.is_none()
                && let Poll::Ready(found) = request.as_mut().poll(context)
            {
                *answer = Some(found);
            }
        }
        if answers.iter().all(Option::is_some) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    answers.into_iter().flatten().collect()
}
