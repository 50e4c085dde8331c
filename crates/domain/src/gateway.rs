//! What a gateway can say, in the marketplace's own words.
//!
//! Gateways (the crate) translate their wire format into these reports; the rules decide what they
//! mean. Provider words stay in the provider's folder. Nothing here decides or calls.

use crate::money::Money;
use crate::time::{Span, Timestamp};

/// How long a request that nobody has heard of can still be travelling (or, at a gateway, after its key has
/// expired).
pub const DRAIN: Span = Span::HOUR;

/// How a call to a gateway ended. `Unknown` is the one that loses money when it is forgotten.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer<T> {
    /// The gateway answered, and this is the present state of the object.
    Done(T),
    /// A definite no to this attempt; nothing moved and nothing will.
    Declined(Decline),
    /// Provably never sent (connection refused, name not found): nothing can have happened.
    NotSent(String),
    /// The gateway refused the request as malformed or impossible: definite, not executed, and our
    /// bug or our configuration. The text is for the operator.
    Rejected(String),
    /// Nobody knows: time-out, reset, 5xx, unparsable, key conflict, authentication failure.
    Unknown(Unknown),
}

/// Why nobody knows, and how long the gateway asked us to wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown {
    pub reason: String,
    pub retry_after: Option<Span>,
}

/// The gateway's definite refusal of a payment method.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decline {
    /// `card_declined`, `expired_card`, `incorrect_cvc`, `processing_error`,
    /// `authentication_required`, …
    pub code: String,
    /// The bank's finer reason: `insufficient_funds`, `lost_card`, … when it gives one.
    pub decline_code: Option<String>,
    /// A sentence the payer may read.
    pub message: String,
}

/// The face of a card: all that is ever kept of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardFace {
    /// `visa`, `mastercard`, `amex`, … ; never empty, `unknown` when the gateway does not say.
    pub brand: String,
    pub last_four: String,
    pub exp_month: i64,
    pub exp_year: i64,
}

/// Where a charge stands at its gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChargeState {
    /// Created; a payment method is missing or the last one was declined. Nothing can move until
    /// somebody confirms it again.
    NeedsMethod {
        last_decline: Option<Decline>,
    },
    /// A method is attached; nobody has confirmed.
    NeedsConfirmation,
    /// The payer must act (3-D Secure, approval page).
    NeedsAction,
    /// The gateway is working on it; the outcome will come.
    Processing,
    Succeeded,
    Cancelled,
}

/// A charge as its gateway tells it: the answer to create, confirm, cancel and look-up alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChargeReport {
    /// The gateway's id of the charge as a whole (Stripe: the intent).
    pub reference: String,
    pub state: ChargeState,
    /// What was asked for; on success exactly what was taken.
    pub amount: Money,
    /// What the payer's client needs to finish it; a secret of payer and gateway.
    pub client_secret: Option<String>,
    /// The gateway's id of the movement itself, once there is one (Stripe: the charge).
    pub movement: Option<String>,
    pub card: Option<CardFace>,
    /// `(instance, op id)` from the metadata that we sent; `None` when it is not ours.
    pub tag: Option<OpTag>,
    /// Already returned to the payer, as far as the gateway knows.
    pub refunded: Money,
}

/// The mark that every object we create at a gateway carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpTag {
    pub instance: String,
    pub op: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefundReportState {
    Pending,
    Succeeded,
    Failed,
}

/// A refund as its gateway tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundReport {
    pub reference: String,
    /// The charge it belongs to.
    pub charge: String,
    pub state: RefundReportState,
    pub amount: Money,
    pub failure: Option<String>,
    pub tag: Option<OpTag>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayoutReportState {
    Pending,
    Paid,
    /// Refused, or returned by the bank after it had been paid.
    Failed,
}

/// A payout as its gateway tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayoutReport {
    pub reference: String,
    pub state: PayoutReportState,
    pub amount: Money,
    pub failure: Option<String>,
    pub tag: Option<OpTag>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DisputeReportState {
    NeedsEvidence,
    UnderReview,
    Won,
    Lost,
}

/// A dispute as its gateway tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DisputeReport {
    pub reference: String,
    /// The charge it belongs to.
    pub charge: String,
    pub state: DisputeReportState,
    pub amount: Money,
    /// The bank's word: `fraudulent`, `product_not_received`, …
    pub reason: String,
    /// Without evidence by then it is lost.
    pub evidence_due_at: Timestamp,
}

/// A payment method as its gateway tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardReport {
    /// The gateway's token (`pm_…`).
    pub token: String,
    /// The gateway's customer it is attached to, if any.
    pub customer: Option<String>,
    pub face: CardFace,
}

/// What an authentic webhook is about. A hint to ask again, never a statement of what happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hint {
    Charge {
        reference: String,
        /// The event tells of success. Where that is known already, there is nothing to ask.
        succeeded: bool,
    },
    Refund {
        reference: String,
        charge: Option<String>,
    },
    Dispute {
        reference: String,
        charge: Option<String>,
    },
    Payout {
        reference: String,
    },
    CardDetached {
        token: String,
    },
    /// A type that means nothing to us.
    Other,
}

/// An authentic inbound event, stored before anything is done about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The gateway's id of the event: a duplicate carries the same.
    pub event: String,
    /// The gateway's name for what happened (`payment_intent.succeeded`).
    pub kind: String,
    pub hint: Hint,
    /// False for test-mode events.
    pub live: bool,
}
