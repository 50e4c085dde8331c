//! Refunds: money back to the payer, each a record and an operation of its own.
//!
//! Invariants: refunded + reserved never exceeds captured; a refund is committed before its call;
//! the payee's share is held while it is under way; success, failure and a later return each post
//! exactly once. Who may ask for which refund is decided elsewhere.

mod record;
mod start;

pub use record::{RecordRefund, SettledRefund};
pub use start::{Asked, needs, start};
pub(crate) use start::{needs_of_op, refund_op};

use crate::context::Context;
use crate::id::Id;
use crate::ledger::{Account, recipes};
use crate::money::Money;
use crate::records::{Payment, PaymentState};
use crate::world::World;

impl Payment {
    /// What can still go back: captured − refunded − under way.
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
