//! What a driver needs for one call, and when to try again.

use super::DRAIN;
use crate::context::{Context, Plant};
use crate::gateway::OpTag;
use crate::id::{Id, OpId, PersonId};
use crate::money::Money;
use crate::records::{Call, Confirmer, Op, OpKind, Word};
use crate::time::{Span, Timestamp};

/// A gateway as the protocol sees it: constants of its code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rail {
    pub gateway: String,
    /// One call creates and confirms.
    pub one_call: bool,
    /// How long a charge's key is honoured.
    pub charge_window: Span,
    /// How long a refund's key is honoured.
    pub refund_window: Span,
}

/// The right and the means to make one call.
#[derive(Clone, Debug, PartialEq)]
pub struct Ticket {
    pub op: OpId,
    pub payer: PersonId,
    pub kind: OpKind,
    pub fence: i64,
    /// When the right to call ends: from then on somebody else may be the holder.
    pub until: Timestamp,
    pub call: Call,
    pub gateway: String,
    /// `<instance>:<op>:<call>`; fixed for ever.
    pub key: String,
    pub tag: OpTag,
    pub amount: Money,
    pub customer: Option<String>,
    pub method: Option<String>,
    /// The charge's (or refund's) id at the gateway; without it a look-up goes through lists.
    pub reference: Option<String>,
    /// Confirm in the creating call.
    pub confirm: bool,
    /// Nothing older than this needs to be looked at when searching lists.
    pub since: Timestamp,
}

impl Ticket {
    /// The ticket of an operation's current holder.
    pub fn of(cx: &Context<'_>, op: &Op, call: Call, rail: &Rail) -> Ticket {
        let instance = &cx.policies.instance;
        let mut key = format!("{instance}:{}:{}", op.id, call.word());
        if cx.plants.removed(Plant::SameKey) {
            key = format!("{key}:{}", op.tries);
        }
        Ticket {
            op: op.id,
            payer: op.payer,
            kind: op.kind,
            fence: op.fence,
            until: op.lease_until.unwrap_or(cx.now),
            call,
            gateway: op.gateway.clone(),
            key,
            tag: OpTag { instance: instance.clone(), op: op.id.raw() },
            amount: op.amount,
            customer: op.customer.clone(),
            method: op.method.clone(),
            reference: op.reference.clone(),
            confirm: rail.one_call && op.confirmer == Confirmer::Server,
            since: op.first_sent_at.unwrap_or(op.created_at) - Span::HOUR,
        }
    }
}

impl Rail {
    pub fn window(&self, kind: OpKind) -> Span {
        match kind {
            OpKind::Charge => self.charge_window,
            OpKind::Refund => self.refund_window,
        }
    }

    /// Whether a repeat with the same key is still the same request to the gateway. One hour early,
    /// because clocks differ and requests travel.
    pub fn may_repeat(&self, cx: &Context<'_>, op: &Op) -> bool {
        let sent = op.first_sent_at.unwrap_or(cx.now);
        cx.plants.removed(Plant::Window) || cx.now < sent + self.window(op.kind) - Span::HOUR
    }

    /// Whether "the gateway has no such object" proves that nothing happened.
    pub fn absence_counts(&self, cx: &Context<'_>, op: &Op) -> bool {
        let sent = op.first_sent_at.unwrap_or(cx.now);
        let over = sent + self.window(op.kind);
        if cx.plants.removed(Plant::EarlyLookUp) {
            return true;
        }
        if cx.plants.removed(Plant::Drain) { cx.now >= over - Span::HOUR } else { cx.now >= over + DRAIN }
    }
}

/// Recovery's patience, by how often it has tried.
const SCHEDULE: [Span; 8] = [
    Span::seconds(2),
    Span::seconds(5),
    Span::seconds(15),
    Span::seconds(30),
    Span::minutes(1),
    Span::minutes(2),
    Span::minutes(5),
    Span::minutes(15),
];

/// When to look again after `tries` tries: 2 s, 5, 15, 30, 1 min, 2, 5, 15, then hourly.
pub fn retry_at(tries: i64, now: Timestamp) -> Timestamp {
    let index = usize::try_from(tries.max(1) - 1).unwrap_or(usize::MAX);
    now + SCHEDULE.get(index).copied().unwrap_or(Span::HOUR)
}
