//! The one trait every gateway implements, and the requests it takes.
//!
//! Every call that creates something carries `key`, the idempotency key `<instance>:<op>:<call>`,
//! and an [`OpTag`] for the object's metadata. A call is one HTTP exchange: no retries inside, a
//! time limit of `gateways.timeout_seconds`, and an [`Answer`] that tells "no" from "nobody knows".

use std::future::Future;
use std::pin::Pin;

use domain::gateway::{
    Answer, CardFace, CardReport, ChargeReport, DisputeReport, Notice, OpTag, PayoutReport, RefundReport,
};
use domain::money::Money;
use domain::time::{Span, Timestamp};

pub type Pending<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What a gateway can do; the API and the pages hide the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Abilities {
    pub saved_cards: bool,
    /// The payer's own client can confirm a charge (client secret).
    pub client_confirmed: bool,
    /// One call creates and confirms; otherwise the charge is created unconfirmed, its id recorded,
    /// and then confirmed.
    pub one_call_charge: bool,
    pub raw_test_cards: bool,
}

/// How long a gateway honours an idempotency key. After it a blind repeat could charge twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyWindows {
    pub charge: Span,
    pub refund: Span,
}

#[derive(Clone, Debug)]
pub struct CreateCharge {
    pub key: String,
    pub tag: OpTag,
    pub amount: Money,
    /// The gateway's customer the method belongs to.
    pub customer: Option<String>,
    /// The payment method's token; `None` for a charge the client will complete.
    pub method: Option<String>,
    /// Confirm in the same call (only where `one_call_charge`).
    pub confirm: bool,
    /// Shown on the payer's statement or the gateway's dashboard, where supported.
    pub description: String,
}

#[derive(Clone, Debug)]
pub struct ConfirmCharge {
    pub key: String,
    pub reference: String,
    pub method: Option<String>,
}

#[derive(Clone, Debug)]
pub struct CancelCharge {
    pub key: String,
    pub reference: String,
}

#[derive(Clone, Debug)]
pub struct CreateRefund {
    pub key: String,
    pub tag: OpTag,
    /// The charge's reference.
    pub charge: String,
    pub amount: Money,
}

#[derive(Clone, Debug)]
pub struct CreateCustomer {
    pub key: String,
    /// The person's UUID, for the metadata.
    pub person: String,
    pub email: String,
    pub name: String,
}

/// No Debug: the account must reach no log.
#[derive(Clone)]
pub struct CreatePayout {
    pub key: String,
    pub tag: OpTag,
    /// Where the payee wants it: the rail's account id, address or number.
    pub account: String,
    pub amount: Money,
}

/// A card as typed by its owner. No Debug, no Display, no Serialize: it must reach no log.
pub struct RawCard {
    pub number: String,
    pub exp_month: i64,
    pub exp_year: i64,
    pub cvc: String,
}

/// One page of what the gateway has, for reconciliation.
#[derive(Clone, Debug, Default)]
pub struct Statement {
    pub charges: Vec<ChargeReport>,
    pub refunds: Vec<RefundReport>,
    /// Where to go on, `None` at the end.
    pub next: Option<String>,
}

/// An inbound webhook as it came over the wire.
#[derive(Clone, Copy)]
pub struct Inbound<'a> {
    /// Header look-up, case-insensitive.
    pub header: &'a dyn Fn(&str) -> Option<String>,
    pub body: &'a [u8],
    pub now: Timestamp,
}

/// Why a webhook was not believed. Nothing is stored of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InboundError {
    /// No webhook secret is configured, so nothing can be authentic.
    NoSecret,
    BadSignature,
    /// Signed too long ago or too far in the future.
    Stale,
    Unparsable,
}

pub trait Gateway: Send + Sync {
    /// The name in configuration, accounts and on the wire: `stripe`, `sandbox`.
    fn name(&self) -> &'static str;
    fn abilities(&self) -> Abilities;
    fn key_windows(&self) -> KeyWindows;
    /// True when real money moves.
    fn live(&self) -> bool;

    fn create_charge<'a>(&'a self, request: &'a CreateCharge) -> Pending<'a, Answer<ChargeReport>>;
    fn confirm_charge<'a>(&'a self, request: &'a ConfirmCharge) -> Pending<'a, Answer<ChargeReport>>;
    /// Believe only a report that says `Cancelled`; a charge that had succeeded reports `Succeeded`.
    fn cancel_charge<'a>(&'a self, request: &'a CancelCharge) -> Pending<'a, Answer<ChargeReport>>;
    fn find_charge<'a>(&'a self, reference: &'a str) -> Pending<'a, Answer<ChargeReport>>;

    fn create_refund<'a>(&'a self, request: &'a CreateRefund) -> Pending<'a, Answer<RefundReport>>;
    fn find_refund<'a>(&'a self, reference: &'a str) -> Pending<'a, Answer<RefundReport>>;

    /// Sends money to a payee, where the gateway is a rail for payouts.
    fn create_payout<'a>(&'a self, _request: &'a CreatePayout) -> Pending<'a, Answer<PayoutReport>> {
        unsupported()
    }
    fn find_payout<'a>(&'a self, _reference: &'a str) -> Pending<'a, Answer<PayoutReport>> {
        unsupported()
    }

    fn find_dispute<'a>(&'a self, _reference: &'a str) -> Pending<'a, Answer<DisputeReport>> {
        unsupported()
    }
    /// Hands in what speaks for the payee; repeating it changes nothing more.
    fn submit_evidence<'a>(
        &'a self,
        _reference: &'a str,
        _evidence: &'a str,
    ) -> Pending<'a, Answer<DisputeReport>> {
        unsupported()
    }

    /// The gateway's id of a new customer.
    fn create_customer<'a>(&'a self, request: &'a CreateCustomer) -> Pending<'a, Answer<String>>;
    /// Attaches a payment method to a customer; the report carries the token to use from now on.
    fn attach_card<'a>(&'a self, customer: &'a str, token: &'a str) -> Pending<'a, Answer<CardReport>>;
    fn detach_card<'a>(&'a self, token: &'a str) -> Pending<'a, Answer<()>>;
    /// Forgets a customer and detaches his cards. Repeating it is having done it once.
    fn delete_customer<'a>(&'a self, _customer: &'a str) -> Pending<'a, Answer<()>> {
        unsupported()
    }
    /// The token of a published test number, `None` for every other number. Compared in constant
    /// time; the number goes nowhere.
    fn test_token(&self, card: &RawCard) -> Option<String>;
    /// The face of a token without asking anyone, where the token itself says it.
    fn known_face(&self, _token: &str) -> Option<CardFace> {
        None
    }

    /// What was created at or after `since`, page by page, in the gateway's own order (some list
    /// newest first): a caller's watermark moves only after the last page.
    fn list_since<'a>(&'a self, since: Timestamp, page: Option<&'a str>) -> Pending<'a, Answer<Statement>>;

    /// Verifies and reads a webhook. Synchronous and side-effect free.
    fn receive(&self, inbound: Inbound<'_>) -> Result<Notice, InboundError>;
}

fn unsupported<'a, T: Send + 'a>() -> Pending<'a, Answer<T>> {
    Box::pin(std::future::ready(Answer::Rejected("this gateway does not offer that".to_owned())))
}
