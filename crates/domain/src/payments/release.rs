//! The lesson is done, or the hold is over: the payee's share becomes available.

use crate::command::{Fact, Lanes};
use crate::context::Context;
use crate::id::{Id, PaymentId};
use crate::records::Payment;
use crate::world::{Needs, World};

/// Releases a payment's share if its time has come.
#[derive(Clone, Debug)]
pub struct Release {
    pub payment: PaymentId,
}

impl Fact for Release {
    /// Whether something was released.
    type Receipt = bool;

    fn lanes(&self, lanes: &mut Lanes) {
        lanes.insert(self.payment.lane());
    }

    fn needs(&self, world: &World, needs: &mut Needs) {
        needs.payments.key(self.payment);
        if let Some(payment) = world.payments.peek(&self.payment) {
            crate::refunds::needs(needs, payment);
        }
    }

    fn record(&self, cx: &Context<'_>, world: &mut World) -> bool {
        let Some(payment) = world.payments.get(&self.payment).cloned() else {
            return false;
        };
        if payment.wake_at.is_none_or(|at| at > cx.now) {
            return false;
        }
        world.payments.update(&self.payment, |payment| payment.wake_at = None);
        if !payment.state.captured() || payment.released_at.is_some() {
            return false;
        }
        let left = left_of_share(world, &payment);
        crate::refunds::release(cx, world, ("payment", payment.id.raw()), &payment, left);
        world.payments.update(&self.payment, |payment| {
            payment.released_at = Some(cx.now);
            payment.updated_at = cx.now;
        });
        true
    }
}

/// The share less what refunds have taken, or hold, of it.
fn left_of_share(world: &World, payment: &Payment) -> crate::money::Money {
    let counting = world.refunds.of(&payment.id).filter(|refund| refund.state.counts());
    let taken: i64 = counting.map(|refund| refund.from_pending_minor).sum();
    payment.quote.currency.minor(payment.quote.share_minor - taken)
}
