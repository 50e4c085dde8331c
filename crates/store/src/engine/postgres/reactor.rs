//! The runtime one connection lives on: nothing moves unless somebody waits, and never for ever.

use std::future::{Future, poll_fn};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::runtime::Runtime;

use crate::engine::dialect;
use crate::engine::fault::{Fault, OpenError};

/// Why a request has no answer.
pub(super) enum Failure {
    TimedOut,
    Driver(tokio_postgres::Error),
}

impl Failure {
    pub(super) fn fault(self) -> Fault {
        match self {
            Failure::TimedOut => Fault::Unavailable("no answer in time".into()),
            Failure::Driver(error) => dialect::postgres_fault(error),
        }
    }

    /// A server that shut the session (57P0x, 25P03), serves reads only (25006) or said nothing.
    pub(super) fn ends_the_session(&self) -> bool {
        let Failure::Driver(error) = self else {
            return true;
        };
        match error.code() {
            Some(code) => code.code().starts_with("57P") || matches!(code.code(), "25P03" | "25006"),
            None => error.is_closed(),
        }
    }
}

/// The runtime, which must not be waited for when a connection is dropped inside another one.
pub(super) struct Reactor(Option<Runtime>);

impl Reactor {
    pub(super) fn new() -> Result<Reactor, OpenError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.map(|runtime| Reactor(Some(runtime))).map_err(|error| Fault::other(error).into())
    }

    pub(super) fn run<T>(
        &self,
        limit: Duration,
        work: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, Failure> {
        let runtime = self.0.as_ref().expect("taken only by drop");
        match runtime.block_on(async { tokio::time::timeout(limit, work).await }) {
            Ok(outcome) => outcome.map_err(Failure::Driver),
            Err(_) => Err(Failure::TimedOut),
        }
    }
}

impl Reactor {
    /// Lets the driver see what arrived while nobody waited: the first turn polls the socket, the
    /// second runs whom that woke.
    pub(super) fn tick(&self) {
        self.tick_after(|_| {});
    }

    /// The same after something was begun here, which is sent with it.
    pub(super) fn tick_after(&self, begin: impl FnOnce(&mut Context<'_>)) {
        let mut begin = Some(begin);
        let turns = async {
            poll_fn(|context| {
                if let Some(begin) = begin.take() {
                    begin(context);
                }
                Poll::Ready(())
            })
            .await;
            tokio::task::yield_now().await;
            tokio::task::yield_now().await;
            Ok(())
        };
        let _ = self.run(Duration::from_secs(1), turns);
    }
}

impl Drop for Reactor {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
