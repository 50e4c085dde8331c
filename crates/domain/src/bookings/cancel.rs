//! Cancelling: frees the time, drops an open intent, gives the money back. Declining is the
//! teacher's cancelling of a request; expiry is the clock's.

use super::{Actor, lanes_of, needs_money, payment_of};
use crate::command::{Command, Lanes};
use crate::context::Context;
use crate::id::{BookingId, Id, OpId, PersonId, RefundId};
use crate::operations;
use crate::records::{Booking, BookingState, OpKind, PaymentState, RefundCause, Word};
use crate::refunds::{self, Asked, Given};
use crate::refusal::Refusal;
use crate::schedule;
use crate::world::{Needs, World};

/// Characters.
pub const REASON_MAX: usize = 1_000;

#[derive(Clone, Debug)]
pub struct Cancel {
    pub booking: BookingId,
    pub payer: PersonId,
    pub actor: Actor,
    pub cause: RefundCause,
    pub reason: String,
}

/// What cancelling set in motion; calls to gateways come after the commit.
#[derive(Clone, Debug)]
pub struct Cancelled {
    pub booking: Booking,
    /// The full refund and its operation.
    pub refund: Option<(RefundId, OpId)>,
    /// The request that stands for it where refunds are decided by hand.
    pub requested: Option<RefundId>,
    /// Operations to be ended at their gateway.
    pub drop: Vec<OpId>,
    /// False when it was cancelled before.
    pub changed: bool,
}

impl Command for Cancel {
    type Receipt = Cancelled;

    fn lanes(&self, lanes: &mut Lanes) {
        lanes_of(self.booking, self.payer, lanes);
    }

    fn needs(&self, world: &World, needs: &mut Needs) {
        needs.bookings.key(self.booking);
        let Some(booking) = world.bookings.peek(&self.booking) else {
            return;
        };
        schedule::needs_to_free(needs, booking);
        needs_money(needs, world, booking);
    }

    fn decide(&self, cx: &Context<'_>, world: &mut World) -> Result<Cancelled, Refusal> {
        let booking = world.bookings.get(&self.booking).ok_or(Refusal::NotFound)?.clone();
        if self.reason.chars().count() > REASON_MAX {
            return Err(Refusal::invalid("reason", format!("At most {REASON_MAX} characters.")));
        }
        self.actor.concerns(&booking)?;
        if booking.state == BookingState::Cancelled {
            return Ok(already(world, booking));
        }
        self.check(cx, &booking)?;
        Ok(cancel(cx, world, &booking, self.actor, self.cause, &self.reason))
    }
}

impl Cancel {
    fn check(&self, cx: &Context<'_>, booking: &Booking) -> Result<(), Refusal> {
        if self.cause == RefundCause::Declined {
            if self.actor == Actor::Party(booking.payer) {
                return Err(Refusal::WrongParty);
            }
            return if booking.state == BookingState::Pending { Ok(()) } else { Err(Refusal::WrongState) };
        }
        if booking.state == BookingState::Completed {
            return Err(Refusal::WrongState);
        }
        let over = booking.slot().is_some_and(|slot| slot.ends_at <= cx.now);
        match self.actor {
            Actor::Party(_) if over => Err(Refusal::BookingOver),
            Actor::Party(_) | Actor::Admin(_) | Actor::System => Ok(()),
        }
    }
}

/// Cancels an open booking and settles its money.
pub(crate) fn cancel(
    cx: &Context<'_>,
    world: &mut World,
    booking: &Booking,
    actor: Actor,
    cause: RefundCause,
    reason: &str,
) -> Cancelled {
    schedule::close(world, booking.id, actor.person(), reason, cx.now);
    let drop = drop_open(cx, world, booking);
    let given = give_back(cx, world, booking, actor, cause, reason);
    let (id, before) = (booking.id, booking.state.word());
    let change = format!(r#"{{"before":"{before}","after":"cancelled","cause":"{}"}}"#, cause.word());
    world.audit(cx, actor.person(), "booking.cancelled", ("booking", id.raw(), id.lane()), change);
    let booking = world.bookings.get(&booking.id).expect("just closed").clone();
    let (refund, requested) = match given {
        Given::Nothing => (None, None),
        Given::Sent(refund, op) => (Some((refund, op)), None),
        Given::Requested(refund) => (None, Some(refund)),
    };
    Cancelled { booking, refund, requested, drop, changed: true }
}

/// Wishes the end of every live charge. One that has the money already completes and is refunded.
fn drop_open(cx: &Context<'_>, world: &mut World, booking: &Booking) -> Vec<OpId> {
    let Some(payment) = booking.payment else {
        return Vec::new();
    };
    let live = world.ops.of(&payment).filter(|op| op.kind == OpKind::Charge && op.state.live());
    let drop: Vec<OpId> = live.map(|op| op.id).collect();
    for op in &drop {
        operations::want_cancel(world, *op, cx.now);
    }
    let unpaid = payment_of(world, booking)
        .is_some_and(|p| matches!(p.state, PaymentState::Pending | PaymentState::Failed));
    if unpaid && drop.is_empty() {
        world.payments.update(&payment, |payment| {
            payment.state = PaymentState::Cancelled;
            payment.updated_at = cx.now;
        });
    }
    drop
}

fn give_back(
    cx: &Context<'_>,
    world: &mut World,
    booking: &Booking,
    actor: Actor,
    cause: RefundCause,
    reason: &str,
) -> Given {
    // A teacher who declines and a request that lapses give back whatever is configured.
    let keeps_money = cause == RefundCause::Cancelled && !cx.policies.booking.refund_on_cancel;
    let Some(payment) = booking.payment.filter(|_| !keeps_money) else { return Given::Nothing };
    let asked = Asked { cause, by: actor.person(), reason: reason.to_string() };
    refunds::give_all(cx, world, payment, &asked)
}

/// Asking again changes nothing and tells the same.
fn already(world: &World, booking: Booking) -> Cancelled {
    let made = booking.payment.and_then(|payment| world.refunds.of(&payment).last());
    let refund = made.and_then(|made| Some((made.id, made.op?)));
    let requested = made.filter(|made| made.state.open()).map(|made| made.id);
    Cancelled { booking, refund, requested, drop: Vec::new(), changed: false }
}
