//! Many writes on the wire before the first answer: one round trip instead of one per table.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

use tokio_postgres::{Client, Error, Statement};

use super::values::Arrays;

/// A write that waits for its batch to be sent.
pub(super) struct Write {
    pub(super) statement: Statement,
    pub(super) arrays: Arrays<'static>,
}

/// One answer per request, in the order they were sent.
pub(super) type Answers = Vec<Result<(), Error>>;

type Request<'a> = Pin<Box<dyn Future<Output = Result<(), Error>> + 'a>>;

/// Sends the writes and then `last`. It fails as a whole never; the answers do.
pub(super) async fn send(client: &Client, writes: &[Write], last: Option<&str>) -> Result<Answers, Error> {
    let mut requests: Vec<Request<'_>> = Vec::with_capacity(writes.len() + 1);
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

/// A request is sent when it is first polled, so polling in order sends in order.
async fn answers(mut requests: Vec<Request<'_>>) -> Answers {
    let mut answers: Vec<Option<Result<(), Error>>> = requests.iter().map(|_| None).collect();
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
