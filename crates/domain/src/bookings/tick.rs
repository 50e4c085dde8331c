//! What the clock does to a booking: unanswered requests and unpaid bookings lapse, held lessons
//! complete themselves.

use super::cancel::{Cancelled, cancel};
use super::{Actor, complete, lanes_of, needs_money, payment_of};
use crate::command::{Fact, Lanes};
use crate::context::Context;
use crate::id::{BookingId, PersonId};
use crate::records::{Booking, BookingState, Completion, OpKind, ProposalOutcome, RefundCause};
use crate::schedule;
use crate::time::Timestamp;
use crate::world::{Needs, World};

/// A booking's wake-up.
#[derive(Clone, Debug)]
pub struct Tick {
    pub booking: BookingId,
    pub payer: PersonId,
}

#[derive(Clone, Debug)]
pub enum Ticked {
    /// Nothing was due.
    Nothing,
    Completed,
    Expired(Box<Cancelled>),
}

impl Fact for Tick {
    type Receipt = Ticked;

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

    fn record(&self, cx: &Context<'_>, world: &mut World) -> Ticked {
        let Some(booking) = world.bookings.get(&self.booking).cloned() else {
            return Ticked::Nothing;
        };
        if booking.wake_at.is_none_or(|at| at > cx.now) {
            return Ticked::Nothing;
        }
        self.lapse(cx, world, &booking);
        let paid = payment_of(world, &booking).is_some_and(|payment| payment.state.captured());
        match booking.state {
            BookingState::Confirmed if paid => self.complete_or_wait(cx, world, &booking),
            BookingState::Confirmed if under_way(world, &booking) => {
                // Money may be arriving right now: look again when the operation has been looked at.
                self.wake(world, Some(cx.now + cx.policies.lease));
                Ticked::Nothing
            }
            BookingState::Pending | BookingState::Confirmed => {
                let reason = if booking.state == BookingState::Pending {
                    "not confirmed in time"
                } else {
                    "not paid in time"
                };
                let gone = cancel(cx, world, &booking, Actor::System, RefundCause::Expired, reason);
                Ticked::Expired(Box::new(gone))
            }
            BookingState::Completed | BookingState::Cancelled => {
                self.wake(world, None);
                Ticked::Nothing
            }
        }
    }
}

impl Tick {
    /// A request to move the session that nobody answered before it was to begin counts as declined.
    fn lapse(&self, cx: &Context<'_>, world: &mut World, booking: &Booking) {
        if booking.proposal().is_some() && booking.starts_at.is_some_and(|at| at <= cx.now) {
            world
                .bookings
                .update(&self.booking, |booking| booking.end_proposal(cx, ProposalOutcome::Declined));
        }
    }

    fn complete_or_wait(&self, cx: &Context<'_>, world: &mut World, booking: &Booking) -> Ticked {
        let due = booking.ends_at.map(|end| end + cx.policies.booking.auto_complete_after);
        if due.is_some_and(|due| due <= cx.now) {
            complete::complete(cx, world, booking, Completion::Auto);
            return Ticked::Completed;
        }
        self.wake(world, due);
        Ticked::Nothing
    }

    fn wake(&self, world: &mut World, at: Option<Timestamp>) {
        world.bookings.update(&self.booking, |booking| booking.wake_at = at);
    }
}

fn under_way(world: &World, booking: &Booking) -> bool {
    let live = |op: &crate::records::Op| op.kind == OpKind::Charge && op.state.live() && !op.cancel_wanted;
    booking.payment.is_some_and(|payment| world.ops.of(&payment).any(live))
}
