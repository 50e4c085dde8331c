//! Everything that is left goes back: what cancelling, declining and expiry mean for the money
//! (BR-43), in either order with a request and repeated.

use super::start::{note, raise, restart};
use super::{Asked, left, open_request, standing, start};
use crate::context::{Context, Plant};
use crate::id::{OpId, PaymentId, RefundId};
use crate::world::World;

/// What became of all that was left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Given {
    /// Nothing had been taken.
    Nothing,
    /// On its way, or gone back before.
    Sent(RefundId, OpId),
    /// An administrator decides; asked for now or before.
    Requested(RefundId),
}

/// Sends all that is left of a payment back, or leaves a request for it where refunds are decided by
/// hand. A request that waits already becomes the refund: there is one.
pub fn give_all(cx: &Context<'_>, world: &mut World, id: PaymentId, asked: &Asked) -> Given {
    let Some(payment) = world.payments.get(&id).filter(|payment| payment.state.captured()).cloned() else {
        return Given::Nothing;
    };
    if cx.plants.removed(Plant::GiveBack) {
        return Given::Nothing;
    }
    let rest = left(cx.policies, &payment);
    if rest.is_zero() {
        let before = standing(world, id).and_then(|refund| Some((refund.id, refund.op?)));
        return before.map_or(Given::Nothing, |(refund, op)| Given::Sent(refund, op));
    }
    let open = open_request(world, id).map(|refund| refund.id);
    match (cx.policies.refunds.sends(payment.kind), open) {
        (true, Some(open)) => {
            let op = restart(cx, world, open, rest).expect("what is left can be refunded");
            Given::Sent(open, op)
        }
        (true, None) => {
            let (refund, op) = start(cx, world, id, rest, asked).expect("what is left can be refunded");
            Given::Sent(refund, op)
        }
        (false, Some(open)) => {
            raise(cx, world, &payment, open, rest);
            Given::Requested(open)
        }
        (false, None) => Given::Requested(note(cx, world, &payment, rest, asked)),
    }
}
