//! Refunds: money back to the payer, each a record and an operation of its own.
//!
//! Invariants: refunded + reserved never exceeds captured; a refund is committed before its call;
//! the payee's share is held while it is under way; success, failure and a later return each post
//! exactly once; at most one request a payment waits for a decision. What is decided here is also
//! what is previewed: a preview runs the refund and takes it back. Deliberately not here: the calls
//! to gateways, disputes, and what cancelling a booking means beside its money.

mod adopt;
mod all;
mod eligibility;
mod preview;
mod record;
mod request;
mod review;
mod start;

pub use adopt::{Adopt, Adopted};
pub use all::{Given, give_all};
pub use eligibility::{Closed, Manual, Route, left, route};
pub use preview::{Preview, Previewed};
pub use record::{RecordRefund, SettledRefund};
pub use request::{By, REASON_MAX, Request, Requested, Way};
pub use review::{NOTES_MAX, Review, Reviewed, Verdict};
pub use start::{Asked, needs, start};
pub(crate) use start::{needs_of_op, refund_op};

use crate::context::Context;
use crate::id::{Id, PaymentId};
use crate::ledger::{Account, recipes};
use crate::money::Money;
use crate::pricing::RefundSplit;
use crate::records::{Payment, PaymentState, Refund};
use crate::world::World;

impl Payment {
    /// What of the capture is still here: captured − refunded − under way.
    pub fn refundable_left(&self) -> Money {
        self.quote.currency.minor(self.captured_minor - self.refunded_minor - self.refund_reserved_minor)
    }

    /// The state that the amounts say.
    pub fn state_from_amounts(&self) -> PaymentState {
        if self.refunded_minor == 0 {
            PaymentState::Completed
        } else if self.refunded_minor >= self.captured_minor {
            PaymentState::Refunded
        } else {
            PaymentState::PartiallyRefunded
        }
    }
}

/// The request that waits for an administrator.
fn open_request(world: &World, payment: PaymentId) -> Option<&Refund> {
    world.refunds.of(&payment).find(|refund| refund.state.open())
}

/// The newest refund whose money has gone back or is on its way.
fn standing(world: &World, payment: PaymentId) -> Option<&Refund> {
    world.refunds.of(&payment).filter(|refund| refund.state.counts()).last()
}

/// What each party has given back of a payment, or is giving.
fn given_back(world: &World, payment: &Payment) -> RefundSplit {
    let counting = world.refunds.of(&payment.id).filter(|refund| refund.state.counts());
    counting.fold(RefundSplit::none(payment.quote.currency), |sum, refund| {
        let share = refund.currency.minor(refund.share_minor);
        sum.and(RefundSplit { fee: refund.fee(), subsidy: refund.subsidy(), share })
    })
}

/// Moves a part of a payment's share from pending to available, repaying what the payee owes first.
pub(crate) fn release(
    cx: &Context<'_>,
    world: &mut World,
    subject: (&'static str, i64),
    payment: &Payment,
    amount: Money,
) {
    let (lane, currency) = (payment.id.lane(), payment.quote.currency);
    let owed = world.balance(&Account::PayeeReceivable(payment.payee), lane, currency).max(currency.zero());
    world.post(lane, recipes::release(subject, payment.payee, amount, owed), cx.now);
}

/// Sets off what the payee owns against what he owes, in either direction.
fn set_off(cx: &Context<'_>, world: &mut World, subject: (&'static str, i64), payment: &Payment) {
    let (lane, currency) = (payment.id.lane(), payment.quote.currency);
    let owed = world.balance(&Account::PayeeReceivable(payment.payee), lane, currency);
    let owned = -world.balance(&Account::PayeeAvailable(payment.payee), lane, currency);
    let repaid = owed.min(owned.max(currency.zero()));
    world.post(lane, recipes::set_off(subject, payment.payee, repaid), cx.now);
}
