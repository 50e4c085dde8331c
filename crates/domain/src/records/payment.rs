//! Payments, operations at gateways, refunds, saved cards and the ledger's rows.

use std::borrow::Cow;

use super::{Standing, by_id, by_key, words};
use crate::id::{BookingId, CardId, EntryId, Id, OfferId, OpId, PaymentId, PersonId, RefundId};
use crate::money::{Currency, Money};
use crate::policy::Kind;
use crate::time::Timestamp;

/// Price, discount, fee and split, frozen before payment. `total + subsidy = fee + share`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quote {
    pub currency: Currency,
    pub list_minor: i64,
    pub discount_minor: i64,
    /// The price after discount.
    pub base_minor: i64,
    pub fee_minor: i64,
    /// Paid by the platform in the payer's stead.
    pub subsidy_minor: i64,
    /// What the payer is charged.
    pub total_minor: i64,
    /// What the payee earns.
    pub share_minor: i64,
}

words! {
    PaymentState {
        Pending = "pending",
        Processing = "processing",
        Completed = "completed",
        Failed = "failed",
        Cancelled = "cancelled",
        PartiallyRefunded = "partially_refunded",
        Refunded = "refunded",
        Disputed = "disputed",
    }
}

/// The money owed for one payable; it has many operations, at most one capture.
#[derive(Clone, Debug, PartialEq)]
pub struct Payment {
    pub id: PaymentId,
    pub kind: Kind,
    pub payer: PersonId,
    pub payee: PersonId,
    pub booking: Option<BookingId>,
    pub offer: OfferId,
    pub quote: Quote,
    /// What an hour of it costs: the agreed rate, or the price of the session brought to an hour. `None`
    /// where nothing tells how long it takes.
    pub hourly_minor: Option<i64>,
    pub state: PaymentState,
    pub gateway: String,
    /// The latest operation that tries, or tried, to collect it.
    pub op: Option<OpId>,
    /// The gateway's id of the charge (the intent on the wire).
    pub reference: Option<String>,
    pub card_brand: Option<String>,
    pub card_last_four: Option<String>,
    pub used_saved_card: bool,
    pub failure: Option<String>,
    pub captured_minor: i64,
    pub refunded_minor: i64,
    pub refund_reserved_minor: i64,
    pub paid_at: Option<Timestamp>,
    /// When the payee's share became available.
    pub released_at: Option<Timestamp>,
    /// When the clock has something to do: release the share.
    pub wake_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

by_id!(Payment, PaymentId);

words! {
    OpKind { Charge = "charge", Refund = "refund" }
}

words! {
    /// Where an operation at a gateway stands.
    OpState {
        /// Committed, not yet sent.
        Intent = "intent",
        /// A lease holder is calling the gateway.
        InFlight = "in_flight",
        /// The payer (or the payer's client, or the bank) must act; live until its deadline.
        Waiting = "waiting",
        /// Sent, and nobody knows. Never "failed".
        Unknown = "unknown",
        Succeeded = "succeeded",
        Failed = "failed",
        Cancelled = "cancelled",
        /// A refund that had succeeded and came back.
        Returned = "returned",
        /// Money arrived for an operation that was over.
        Late = "late",
    }
}

words! {
    /// Who confirms a charge.
    Confirmer { Server = "server", Client = "client" }
}

words! {
    /// The call to make next. Each has an idempotency key of its own.
    Call { Create = "create", Confirm = "confirm", Cancel = "cancel", Find = "find" }
}

/// One attempt at one gateway, with its own fixed key and outcome.
#[derive(Clone, Debug, PartialEq)]
pub struct Op {
    pub id: OpId,
    pub kind: OpKind,
    pub payment: PaymentId,
    pub refund: Option<RefundId>,
    pub payer: PersonId,
    pub gateway: String,
    pub amount: Money,
    pub customer: Option<String>,
    /// The payment method's token; never a number.
    pub method: Option<String>,
    pub confirmer: Confirmer,
    /// Whether the payer's client can finish a 3-D Secure challenge.
    pub action_allowed: bool,
    pub state: OpState,
    /// The wish to end it at the gateway: believed only when the gateway says so.
    pub cancel_wanted: bool,
    /// The gateway's id of the charge or refund.
    pub reference: Option<String>,
    /// The gateway's id of the movement.
    pub movement: Option<String>,
    /// Goes up with every claim; an older holder may report but not go on.
    pub fence: i64,
    pub lease_until: Option<Timestamp>,
    pub first_sent_at: Option<Timestamp>,
    pub tries: i64,
    /// A waiting operation is ended then.
    pub deadline: Option<Timestamp>,
    /// When recovery looks again; set on every live operation.
    pub wake_at: Option<Timestamp>,
    pub error: Option<String>,
    pub decline_code: Option<String>,
    pub error_message: Option<String>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

by_id!(Op, OpId, PaymentId, |op| Some(op.payment));

words! {
    RefundState { Requested = "requested", Approved = "approved", Rejected = "rejected", Processing = "processing", Processed = "processed", Failed = "failed" }
}

words! {
    /// Why money goes back.
    RefundCause {
        Cancelled = "cancelled",
        Declined = "declined",
        Expired = "expired",
        /// The payable was gone when the money came.
        LateCapture = "late_capture",
        Requested = "requested",
        /// Made at the gateway by somebody else; we only heard of it.
        Gateway = "gateway",
    }
}

/// Money back to the payer; a record of its own.
#[derive(Clone, Debug, PartialEq)]
pub struct Refund {
    pub id: RefundId,
    pub payment: PaymentId,
    pub payer: PersonId,
    pub booking: Option<BookingId>,
    /// `None` when the system asked.
    pub requested_by: Option<PersonId>,
    pub cause: RefundCause,
    pub reason: String,
    pub amount_minor: i64,
    pub fee_minor: i64,
    pub share_minor: i64,
    pub subsidy_minor: i64,
    /// The part of the share taken from what was not yet released.
    pub from_pending_minor: i64,
    /// Taken from what was available; the rest of the share became a receivable from the payee.
    pub from_available_minor: i64,
    pub currency: Currency,
    pub state: RefundState,
    /// The newest attempt: a failed one may be tried again.
    pub op: Option<OpId>,
    pub failure: Option<String>,
    /// What the administrator who decided wrote beside it.
    pub admin_notes: String,
    pub reviewed_by: Option<PersonId>,
    pub reviewed_at: Option<Timestamp>,
    pub processed_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

by_id!(Refund, RefundId, PaymentId, |refund| Some(refund.payment));

/// A saved card: the gateway's token and the face, never more.
#[derive(Clone, Debug, PartialEq)]
pub struct Card {
    pub id: CardId,
    pub person: PersonId,
    pub gateway: String,
    pub customer: String,
    pub token: String,
    pub brand: String,
    pub last_four: String,
    pub exp_month: i64,
    pub exp_year: i64,
    pub is_default: bool,
    pub active: bool,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

by_id!(Card, CardId, PersonId, |card| Some(card.person));

/// A person as a gateway knows him: one per person and gateway.
#[derive(Clone, Debug, PartialEq)]
pub struct Customer {
    pub person: PersonId,
    pub gateway: String,
    pub reference: String,
    pub created_at: Timestamp,
}

by_key!(
    Customer,
    (PersonId, String),
    |customer| (customer.person, customer.gateway.clone()),
    lane | customer | customer.person.lane()
);

/// An immutable balanced set of postings for one event.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub id: EntryId,
    /// The name of the recipe that made it.
    pub recipe: Cow<'static, str>,
    /// What happened to what: `op`, `payment`, `booking`, `refund` and its raw id.
    pub subject: Cow<'static, str>,
    pub subject_id: i64,
    pub currency: Currency,
    pub at: Timestamp,
}

/// One signed movement on one account: debit +, credit −.
#[derive(Clone, Debug, PartialEq)]
pub struct Posting {
    pub entry: EntryId,
    pub number: i64,
    pub account: String,
    /// The person the account belongs to, 0 for the platform's.
    pub owner: i64,
    pub currency: Currency,
    pub posted_minor: i64,
    pub pending_minor: i64,
}

impl Quote {
    pub fn base(&self) -> Money {
        self.currency.minor(self.base_minor)
    }
    pub fn fee(&self) -> Money {
        self.currency.minor(self.fee_minor)
    }
    pub fn subsidy(&self) -> Money {
        self.currency.minor(self.subsidy_minor)
    }
    pub fn total(&self) -> Money {
        self.currency.minor(self.total_minor)
    }
    pub fn share(&self) -> Money {
        self.currency.minor(self.share_minor)
    }
}

impl Refund {
    pub fn amount(&self) -> Money {
        self.currency.minor(self.amount_minor)
    }
    pub fn fee(&self) -> Money {
        self.currency.minor(self.fee_minor)
    }
    pub fn subsidy(&self) -> Money {
        self.currency.minor(self.subsidy_minor)
    }
    pub fn from_pending(&self) -> Money {
        self.currency.minor(self.from_pending_minor)
    }
    pub fn from_available(&self) -> Money {
        self.currency.minor(self.from_available_minor)
    }
    /// What the payee owes after this refund because he no longer had it.
    pub fn from_receivable(&self) -> Money {
        self.currency.minor(self.share_minor - self.from_pending_minor - self.from_available_minor)
    }
}

impl RefundState {
    /// Asked for, and neither sent nor refused: an administrator's to decide.
    pub fn open(self) -> bool {
        matches!(self, RefundState::Requested | RefundState::Approved)
    }

    /// Its money has gone back, or is on its way.
    pub fn counts(self) -> bool {
        matches!(self, RefundState::Processing | RefundState::Processed)
    }
}

impl OpState {
    /// Something may still happen at the gateway, and recovery keeps looking.
    pub fn live(self) -> bool {
        matches!(self, OpState::Intent | OpState::InFlight | OpState::Waiting | OpState::Unknown)
    }
}

impl Payment {
    /// The money has been taken, and not all of it has gone back.
    pub fn is_paid(&self) -> bool {
        self.state.captured() && self.state != PaymentState::Refunded
    }
}

impl PaymentState {
    /// The money has been taken, whatever went back later.
    pub fn captured(self) -> bool {
        use PaymentState as S;
        matches!(self, S::Completed | S::PartiallyRefunded | S::Refunded | S::Disputed)
    }

    /// What it means for the parties.
    pub fn standing(self) -> Standing {
        use PaymentState as S;
        match self {
            S::Pending | S::Processing => Standing::Open,
            S::Completed | S::PartiallyRefunded | S::Disputed => Standing::Paid,
            S::Refunded => Standing::Returned,
            S::Failed => Standing::Failed,
            S::Cancelled => Standing::Cancelled,
        }
    }
}
