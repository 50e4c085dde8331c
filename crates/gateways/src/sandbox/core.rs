//! The sandbox's behaviour: one call in, one verdict out, everything decided inside the books.
//!
//! Invariants: a key names one request for [`KEY_WINDOW`], and its repeat gets the first answer; a
//! call that is never answered has still happened completely or not at all; no clock, no dice.
//! What each verb does is in `charges`, `refunds`, `payouts`, `disputes` and `customers`; waiting,
//! sockets and time-outs belong to the transport (`gateway`, `http`).

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use domain::gateway::{
    Answer, CardReport, ChargeReport, Decline, DisputeReport, PayoutReport, RefundReport, Unknown,
};
use domain::money::Money;
use domain::time::{Span, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::books::{Books, BooksError};
use super::faults::{Call, Fault, Faults, MovesMoney};
use super::readout::Readout;
use super::tables::{Sql, StoredAnswer, Tables};
use super::webhooks::OutgoingWebhook;
use super::wire::Wire;
use super::{charges, customers, disputes, payouts, readout, refunds, webhooks};
use crate::gateway::{
    CancelCharge, ConfirmCharge, CreateCharge, CreateCustomer, CreatePayout, CreateRefund, Statement,
};

/// Tells the sandbox what time it is.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// How long a key is honoured.
pub const KEY_WINDOW: Span = Span::hours(24);

/// What a scripted `rate_limited` asks for.
const RATE_LIMIT_PAUSE: Span = Span::seconds(1);

/// How a call ended in the books, and whether anybody will hear of it.
#[derive(Debug)]
pub struct Verdict<T> {
    pub answer: Answer<T>,
    /// The answer never arrives: the transport must let its caller wait in vain.
    pub lost: bool,
}

impl<T> From<Answer<T>> for Verdict<T> {
    fn from(answer: Answer<T>) -> Verdict<T> {
        Verdict { answer, lost: false }
    }
}

/// The sandbox itself, without any transport.
pub struct Core {
    books: Books,
    clock: Clock,
    /// Microseconds that the marketplace's test clock is ahead of `clock`, when it is another one.
    ahead: AtomicI64,
    /// Signs webhooks and client secrets.
    secret: Arc<str>,
}

/// What a verb may use while it alone is in the books.
pub(super) struct Desk<'a> {
    pub(super) tables: &'a Tables,
    pub(super) now: Timestamp,
    pub(super) secret: &'a str,
    /// A scripted fault makes the payer's bank say no.
    pub(super) bank_declines: bool,
}

impl Core {
    /// `secret` is the webhook secret that the receiver shares.
    pub fn new(books: Books, clock: Clock, secret: &str) -> Core {
        Core { books, clock, ahead: AtomicI64::new(0), secret: secret.into() }
    }

    /// The sandbox's clock: never behind a `now` that [`Core::settle_due`] was told.
    pub fn now(&self) -> Timestamp {
        (self.clock)() + Span(self.ahead.load(Ordering::SeqCst))
    }

    pub async fn create_charge(&self, request: &CreateCharge) -> Verdict<ChargeReport> {
        let request = request.clone();
        let moves_money = if request.confirm { MovesMoney::Yes } else { MovesMoney::No };
        self.call(Call::Charge, moves_money, move |desk| {
            desk.keyed("create_charge", &request.key, &request, || charges::create(desk, &request))
        })
        .await
    }

    pub async fn confirm_charge(&self, request: &ConfirmCharge) -> Verdict<ChargeReport> {
        let request = request.clone();
        self.call(Call::Confirm, MovesMoney::Yes, move |desk| {
            desk.keyed("confirm_charge", &request.key, &request, || charges::confirm(desk, &request))
        })
        .await
    }

    pub async fn cancel_charge(&self, request: &CancelCharge) -> Verdict<ChargeReport> {
        let request = request.clone();
        self.call(Call::Any, MovesMoney::No, move |desk| {
            desk.keyed("cancel_charge", &request.key, &request, || charges::cancel(desk, &request.reference))
        })
        .await
    }

    pub async fn find_charge(&self, reference: &str) -> Verdict<ChargeReport> {
        let reference = reference.to_owned();
        self.call(Call::Any, MovesMoney::No, move |desk| charges::find(desk, &reference)).await
    }

    pub async fn create_refund(&self, request: &CreateRefund) -> Verdict<RefundReport> {
        let request = request.clone();
        self.call(Call::Refund, MovesMoney::Yes, move |desk| {
            desk.keyed("create_refund", &request.key, &request, || refunds::create(desk, &request))
        })
        .await
    }

    pub async fn find_refund(&self, reference: &str) -> Verdict<RefundReport> {
        let reference = reference.to_owned();
        self.call(Call::Any, MovesMoney::No, move |desk| refunds::find(desk, &reference)).await
    }

    pub async fn create_payout(&self, request: &CreatePayout) -> Verdict<PayoutReport> {
        let request = request.clone();
        self.call(Call::Payout, MovesMoney::Yes, move |desk| {
            desk.keyed("create_payout", &request.key, &request, || payouts::create(desk, &request))
        })
        .await
    }

    pub async fn find_payout(&self, reference: &str) -> Verdict<PayoutReport> {
        let reference = reference.to_owned();
        self.call(Call::Any, MovesMoney::No, move |desk| payouts::find(desk, &reference)).await
    }

    pub async fn find_dispute(&self, reference: &str) -> Verdict<DisputeReport> {
        let reference = reference.to_owned();
        self.call(Call::Any, MovesMoney::No, move |desk| disputes::find(desk, &reference)).await
    }

    pub async fn submit_evidence(&self, reference: &str, evidence: &str) -> Verdict<DisputeReport> {
        let (reference, evidence) = (reference.to_owned(), evidence.to_owned());
        self.call(Call::Any, MovesMoney::No, move |desk| {
            disputes::submit_evidence(desk, &reference, &evidence)
        })
        .await
    }

    pub async fn create_customer(&self, request: &CreateCustomer) -> Verdict<String> {
        let request = request.clone();
        self.call(Call::Any, MovesMoney::No, move |desk| {
            desk.keyed("create_customer", &request.key, &request, || customers::create(desk, &request))
        })
        .await
    }

    pub async fn attach_card(&self, customer: &str, token: &str) -> Verdict<CardReport> {
        let (customer, token) = (customer.to_owned(), token.to_owned());
        self.call(Call::Any, MovesMoney::No, move |desk| customers::attach(desk, &customer, &token)).await
    }

    pub async fn detach_card(&self, token: &str) -> Verdict<()> {
        let token = token.to_owned();
        self.call(Call::Any, MovesMoney::No, move |desk| customers::detach(desk, &token)).await
    }

    pub async fn delete_customer(&self, customer: &str) -> Verdict<()> {
        let customer = customer.to_owned();
        self.call(Call::Any, MovesMoney::No, move |desk| customers::delete(desk, &customer)).await
    }

    pub async fn list_since(&self, since: Timestamp, page: Option<&str>) -> Verdict<Statement> {
        let page = page.map(str::to_owned);
        self.call(Call::Any, MovesMoney::No, move |desk| readout::list_since(desk, since, page.as_deref()))
            .await
    }

    /// Ends a 3-D Secure challenge in the payer's name. No fault meets it: it is a control.
    pub async fn authenticate(&self, reference: &str, passed: bool) -> Answer<ChargeReport> {
        let reference = reference.to_owned();
        let done = self.control(move |desk| charges::authenticate(desk, &reference, passed)).await;
        done.unwrap_or_else(|error| unknown(error.to_string()))
    }

    /// Somebody refunds a charge at the gateway itself. No fault meets it: it is a control.
    pub async fn refund_by_hand(&self, charge: &str, amount: Money) -> Answer<RefundReport> {
        let charge = charge.to_owned();
        let done = self.control(move |desk| refunds::by_hand(desk, &charge, amount)).await;
        done.unwrap_or_else(|error| unknown(error.to_string()))
    }

    /// Replaces the script of faults.
    pub async fn set_faults(&self, faults: Faults) -> Result<(), BooksError> {
        self.control(move |desk| {
            desk.tables.faults.replace(faults);
            Ok(())
        })
        .await
    }

    /// Everything the books say, for a human or an auditor.
    pub async fn readout(&self) -> Result<Readout, BooksError> {
        self.control(readout::readout).await
    }

    /// Lets happen what was to happen by `now`: pending refunds, returned payouts, disputes whose
    /// time for evidence is over. A sandbox that runs alone learns the marketplace's time here.
    pub async fn settle_due(&self, now: Timestamp) -> Result<(), BooksError> {
        let ahead = now - (self.clock)();
        self.ahead.fetch_max(ahead.0, Ordering::SeqCst);
        self.control(move |desk| Desk { now, ..*desk }.settle()).await
    }

    /// The webhooks to send now, signed; each must be reported to [`Core::delivered`] or comes
    /// again.
    pub async fn due_webhooks(&self, now: Timestamp) -> Result<Vec<OutgoingWebhook>, BooksError> {
        self.control(move |desk| {
            let desk = Desk { now, ..*desk };
            desk.settle()?;
            webhooks::due(&desk)
        })
        .await
    }

    /// How one delivery went.
    pub async fn delivered(&self, delivery: i64, outcome: webhooks::Delivery) -> Result<(), BooksError> {
        self.control(move |desk| webhooks::delivered(desk, delivery, outcome)).await
    }

    async fn call<T: Send + 'static>(
        &self,
        call: Call,
        moves_money: MovesMoney,
        act: impl FnOnce(&Desk<'_>) -> Sql<Verdict<T>> + Send + 'static,
    ) -> Verdict<T> {
        let (now, secret) = (self.now(), Arc::clone(&self.secret));
        let work = move |tables: &Tables| {
            let fault = tables.faults.borrow_mut().take(call, moves_money);
            match fault {
                Some(Fault::TimeoutNotExecuted) => {
                    return Ok(Verdict { answer: unknown("no answer"), lost: true });
                }
                Some(Fault::Error500) => return Ok(unknown("the gateway answered 500").into()),
                Some(Fault::RateLimited) => return Ok(rate_limited().into()),
                Some(Fault::TimeoutExecuted | Fault::Declined) | None => {}
            }
            let desk = Desk { tables, now, secret: &secret, bank_declines: fault == Some(Fault::Declined) };
            let mut verdict = act(&desk)?;
            verdict.lost |= fault == Some(Fault::TimeoutExecuted);
            Ok(verdict)
        };
        let done = self.books.run(work).await;
        done.unwrap_or_else(|error| unknown(error.to_string()).into())
    }

    /// Work that no fault meets.
    async fn control<R: Send + 'static>(
        &self,
        act: impl FnOnce(&Desk<'_>) -> Sql<R> + Send + 'static,
    ) -> Result<R, BooksError> {
        let (now, secret) = (self.now(), Arc::clone(&self.secret));
        let work = move |tables: &Tables| act(&Desk { tables, now, secret: &secret, bank_declines: false });
        self.books.run(work).await
    }
}

/// The form of an answer under its key. Only what is final is stored: refused requests are not.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Stored<Body, No> {
    Done(Body),
    Declined(No),
}

impl Desk<'_> {
    /// Acts once a key: the same request again gets the same answer, another request under the key
    /// gets neither an effect nor an answer to go by.
    fn keyed<Q: Wire, T: Wire>(
        &self,
        verb: &str,
        key: &str,
        request: &Q,
        act: impl FnOnce() -> Sql<Verdict<T>>,
    ) -> Sql<Verdict<T>> {
        let request = fingerprint(verb, request);
        if let Some(stored) = self.tables.answer(key, self.now - KEY_WINDOW)? {
            if stored.request != request {
                return Ok(unknown("idempotency conflict: this key named another request").into());
            }
            return Ok(read_stored(&stored.body).into());
        }
        let verdict = act()?;
        if let Some(body) = write_stored(&verdict.answer) {
            self.tables.put_answer(key, self.now, &StoredAnswer { request, body })?;
        }
        Ok(verdict)
    }

    /// Lets happen what is due at this desk's `now`.
    pub(super) fn settle(&self) -> Sql<()> {
        refunds::settle(self)?;
        payouts::settle(self)?;
        disputes::settle(self)
    }
}

fn fingerprint<Q: Wire>(verb: &str, request: &Q) -> [u8; 32] {
    let body = serde_json::to_vec(&request.body()).expect("bodies have only plain members");
    Sha256::new().chain_update(verb).chain_update([0]).chain_update(body).finalize().into()
}

fn write_stored<T: Wire>(answer: &Answer<T>) -> Option<String> {
    let stored = match answer {
        Answer::Done(report) => Stored::Done(report.body()),
        Answer::Declined(decline) => Stored::Declined(decline.body()),
        Answer::NotSent(_) | Answer::Rejected(_) | Answer::Unknown(_) => return None,
    };
    Some(serde_json::to_string(&stored).expect("bodies have only plain members"))
}

fn read_stored<T: Wire>(body: &str) -> Answer<T> {
    let answer = match serde_json::from_str(body) {
        Ok(Stored::Done(report)) => T::read(report).map(Answer::Done),
        Ok(Stored::Declined(decline)) => Decline::read(decline).map(Answer::Declined),
        Err(_) => None,
    };
    answer.unwrap_or_else(|| unknown("the stored answer cannot be read"))
}

pub(super) fn unknown<T>(reason: impl Into<String>) -> Answer<T> {
    Answer::Unknown(Unknown { reason: reason.into(), retry_after: None })
}

fn rate_limited<T>() -> Answer<T> {
    Answer::Unknown(Unknown { reason: "rate limited".to_owned(), retry_after: Some(RATE_LIMIT_PAUSE) })
}

/// A request that makes no sense: definite, not executed.
pub(super) fn rejected<T>(why: &str) -> Verdict<T> {
    Answer::Rejected(why.to_owned()).into()
}
