//! Asking for a refund: sent at once where the policy allows, otherwise one request for an
//! administrator (BR-40 to BR-42).

use super::start::note;
use super::{Asked, Route, left, open_request, route, standing, start};
use crate::command::{Command, Lanes};
use crate::context::Context;
use crate::id::{Id, OpId, PaymentId, PersonId};
use crate::idempotency::{Answer, Key, Seen};
use crate::money::Money;
use crate::records::{Payment, Refund, RefundCause, Word};
use crate::refusal::Refusal;
use crate::world::{Needs, World};

/// Characters.
pub const REASON_MAX: usize = 1_000;

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    Party(PersonId),
    Admin(PersonId),
}

/// How a request is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// At once where the policy allows.
    ByPolicy,
    /// By an administrator, always; the payer asks.
    ByHand,
}

#[derive(Clone, Debug)]
pub struct Request {
    pub payment: PaymentId,
    pub by: By,
    /// `None`: all that is left.
    pub amount: Option<Money>,
    pub reason: String,
    pub way: Way,
    /// The client's, or one derived from the body: a derived one counts for parts only, because a
    /// refund of everything has its row for a key.
    pub key: Option<Key>,
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Requested {
    /// Committed: drive its operation now.
    Started {
        refund: Refund,
        op: OpId,
        /// Whether the final answer is to be kept under the key.
        keep: bool,
    },
    /// An administrator will decide.
    Noted(Refund),
    /// The same was asked before, or nothing is left: this one is it.
    Standing(Refund),
    /// The same request is, or was, being worked on by this operation.
    Join(OpId),
    Replay(Answer),
}

impl Command for Request {
    type Receipt = Requested;

    fn lanes(&self, lanes: &mut Lanes) {
        lanes.insert(self.payment.lane());
        lanes.extend(self.key.iter().map(|key| key.person.lane()));
    }

    fn needs(&self, world: &World, needs: &mut Needs) {
        if let Some(key) = &self.key {
            key.needs(world, needs);
        }
        needs.payments.key(self.payment);
        if let Some(payment) = world.payments.peek(&self.payment) {
            super::needs(needs, payment);
        }
    }

    fn decide(&self, cx: &Context<'_>, world: &mut World) -> Result<Requested, Refusal> {
        let own_key = self.key.as_ref().filter(|key| key.window.is_none());
        if let Some(seen) = seen(cx, world, own_key)? {
            return Ok(seen);
        }
        let payment = world.payments.get(&self.payment).ok_or(Refusal::NotFound)?.clone();
        self.may_ask(&payment)?;
        if self.reason.chars().count() > REASON_MAX {
            return Err(Refusal::invalid("reason", format!("At most {REASON_MAX} characters.")));
        }
        if !payment.state.captured() {
            return Err(Refusal::NotRefundable);
        }
        let most = left(cx.policies, &payment);
        if most.is_zero() {
            let before = standing(world, payment.id).cloned();
            return before.map(Requested::Standing).ok_or(Refusal::NotRefundable);
        }
        let amount = self.amount.unwrap_or(most);
        if amount.minor < 1 {
            return Err(Refusal::invalid("requested_amount_dollars", "must be greater than 0"));
        }
        if let Some(open) = open_request(world, payment.id) {
            let (refund, state) = (open.id, open.state.word());
            let same = open.amount() == amount;
            return same
                .then(|| Requested::Standing(open.clone()))
                .ok_or(Refusal::RefundOpen { refund, state });
        }
        if let Some(seen) = seen(cx, world, self.key.as_ref())? {
            return Ok(seen);
        }
        if amount.minor > most.minor {
            return Err(Refusal::RefundExceedsRemaining);
        }
        self.begin(cx, world, &payment, (amount, most))
    }
}

impl Request {
    /// BR-41: the payer, the payee of a booking, an administrator. Strangers know of no payment.
    fn may_ask(&self, payment: &Payment) -> Result<(), Refusal> {
        let by = self.by.person();
        let party = by == payment.payer || by == payment.payee;
        match (self.by, self.way) {
            (By::Party(_), _) if !party => Err(Refusal::NotFound),
            (_, Way::ByHand) if by != payment.payer => Err(Refusal::WrongParty),
            (By::Party(_), Way::ByPolicy) if by != payment.payer && payment.booking.is_none() => {
                Err(Refusal::WrongParty)
            }
            _ => Ok(()),
        }
    }

    fn begin(
        &self,
        cx: &Context<'_>,
        world: &mut World,
        payment: &Payment,
        (amount, most): (Money, Money),
    ) -> Result<Requested, Refusal> {
        let asked =
            Asked { cause: RefundCause::Requested, by: Some(self.by.person()), reason: self.reason.clone() };
        let booking = payment.booking.and_then(|id| world.bookings.get(&id));
        let goes = route(cx.policies, cx.now, payment, booking);
        if self.way == Way::ByHand || goes != Route::Automatic {
            let id = note(cx, world, payment, amount, &asked);
            return Ok(Requested::Noted(world.refunds.get(&id).expect("just noted").clone()));
        }
        let (id, op) = start(cx, world, payment.id, amount, &asked)?;
        let key = self.key.as_ref().filter(|key| key.window.is_none() || amount != most);
        if let Some(key) = key {
            key.begin(cx, world, op);
        }
        let refund = world.refunds.get(&id).expect("just started").clone();
        Ok(Requested::Started { refund, op, keep: key.is_some() })
    }
}

impl By {
    pub fn person(self) -> PersonId {
        match self {
            By::Party(person) | By::Admin(person) => person,
        }
    }
}

fn seen(cx: &Context<'_>, world: &World, key: Option<&Key>) -> Result<Option<Requested>, Refusal> {
    let Some(key) = key else { return Ok(None) };
    Ok(match key.seen(cx, world)? {
        Seen::Never => None,
        Seen::Answered(answer) => Some(Requested::Replay(answer)),
        Seen::Running(op) => Some(Requested::Join(op)),
    })
}
