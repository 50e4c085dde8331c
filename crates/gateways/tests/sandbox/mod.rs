//! The sandbox: the suite over every transport, its cards, its faults, its webhooks, its books.

mod books;
mod cards;
mod controls;
mod http;
mod suite;
mod webhooks;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use domain::gateway::{Answer, ChargeReport, OpTag};
use domain::money::{Currency, Money};
use domain::time::{Span, Timestamp};
use gateways::gateway::{CreateCharge, CreateRefund, Gateway};
use gateways::sandbox::{Books, Clock, Core, SandboxGateway};

pub(super) const SECRET: &str = "whsec_sandbox_tests";
pub(super) const START: Timestamp = Timestamp(1_700_000_000_000_000);
pub(super) const TIMEOUT: Duration = Duration::from_secs(8);

/// A sandbox in this process whose clock only the test moves.
pub(super) struct Bench {
    pub(super) gateway: SandboxGateway,
    pub(super) core: Arc<Core>,
    now: Arc<AtomicI64>,
    op: AtomicI64,
}

impl Bench {
    pub(super) fn new() -> Bench {
        Bench::with(Books::memory(7).unwrap())
    }

    pub(super) fn with(books: Books) -> Bench {
        let now = Arc::new(AtomicI64::new(START.0));
        let hand = Arc::clone(&now);
        let clock: Clock = Arc::new(move || Timestamp(hand.load(Ordering::SeqCst)));
        let core = Arc::new(Core::new(books, clock, SECRET));
        Bench {
            gateway: SandboxGateway::in_process(Arc::clone(&core), TIMEOUT, vec![SECRET.to_owned()]),
            core,
            now,
            op: AtomicI64::new(0),
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        Timestamp(self.now.load(Ordering::SeqCst))
    }

    pub(super) fn advance(&self, span: Span) {
        self.now.fetch_add(span.0, Ordering::SeqCst);
    }

    /// A request to charge 20.00 USD at once, with a key of its own.
    pub(super) fn request(&self, token: &str) -> CreateCharge {
        let op = self.op.fetch_add(1, Ordering::SeqCst);
        CreateCharge {
            key: format!("test:{op}:charge"),
            tag: OpTag { instance: "test".to_owned(), op },
            amount: usd(2_000),
            customer: None,
            method: Some(token.to_owned()),
            confirm: true,
            description: String::new(),
        }
    }

    pub(super) async fn charge(&self, token: &str) -> Answer<ChargeReport> {
        self.gateway.create_charge(&self.request(token)).await
    }

    /// Refunds part of a charge under a key named after the amount.
    pub(super) fn refund(charge: &ChargeReport, minor: i64) -> CreateRefund {
        CreateRefund {
            key: format!("{}:refund {minor}", charge.reference),
            tag: charge.tag.clone().unwrap(),
            charge: charge.reference.clone(),
            amount: usd(minor),
        }
    }
}

pub(super) fn usd(minor: i64) -> Money {
    Currency::USD.minor(minor)
}

pub(super) fn done<T: std::fmt::Debug>(answer: Answer<T>) -> T {
    match answer {
        Answer::Done(report) => report,
        other => panic!("not done: {other:?}"),
    }
}
