//! The lesson has been held: the booking is completed and its payment's share falls due.

use serde_json::json;

use super::{Actor, lanes_of, needs_money, payment_of};
use crate::command::{Command, Lanes};
use crate::context::{Context, Plant};
use crate::id::{BookingId, Id, PersonId};
use crate::letters;
use crate::policy::Release;
use crate::records::{Booking, BookingState, Completion, Word};
use crate::refusal::Refusal;
use crate::schedule;
use crate::world::{Needs, World};

#[derive(Clone, Debug)]
pub struct Complete {
    pub booking: BookingId,
    pub payer: PersonId,
    pub actor: Actor,
}

impl Command for Complete {
    type Receipt = Booking;

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

    fn decide(&self, cx: &Context<'_>, world: &mut World) -> Result<Booking, Refusal> {
        let booking = world.bookings.get(&self.booking).ok_or(Refusal::NotFound)?.clone();
        self.actor.concerns(&booking)?;
        match booking.state {
            BookingState::Confirmed => {}
            BookingState::Completed => return Ok(booking),
            BookingState::Cancelled => return Err(Refusal::BookingCancelled),
            BookingState::Pending => return Err(Refusal::BookingNotConfirmed),
        }
        let paid = payment_of(world, &booking).is_some_and(|payment| payment.state.captured());
        if !paid {
            return Err(Refusal::NotPaid);
        }
        let ends_at = booking.ends_at.ok_or(Refusal::NeedsTimes)?;
        if ends_at > cx.now && !cx.plants.removed(Plant::Ended) {
            return Err(Refusal::NotEnded { ends_at });
        }
        let how = match self.actor {
            Actor::Party(person) if person == booking.payer => Completion::Student,
            Actor::Party(_) => Completion::Teacher,
            Actor::Admin(_) | Actor::System => Completion::Auto,
        };
        Ok(complete(cx, world, &booking, how))
    }
}

/// Completes a confirmed, paid, ended booking.
pub(super) fn complete(cx: &Context<'_>, world: &mut World, booking: &Booking, how: Completion) -> Booking {
    schedule::free(world, booking);
    world.bookings.update(&booking.id, |booking| {
        booking.state = BookingState::Completed;
        booking.completion = Some(how);
        booking.completed_at = Some(cx.now);
        booking.wake_at = None;
        booking.version += 1;
        booking.updated_at = cx.now;
    });
    let payment = booking.payment.expect("a paid booking has its payment");
    let kind = booking.kind;
    world.payments.update(&payment, |payment| {
        if payment.released_at.is_none() && cx.policies.release(kind) == Release::OnCompletion {
            payment.wake_at = Some(cx.now + cx.policies.hold);
        }
    });
    let id = booking.id;
    let by = match how {
        Completion::Student => Some(booking.payer),
        Completion::Teacher => Some(booking.payee),
        Completion::Auto => None,
    };
    let change = r#"{"before":"confirmed","after":"completed"}"#.to_owned();
    world.audit(cx, by, "booking.completed", ("booking", id.raw(), id.lane()), change);
    let body = format!(r#"{{"booking_id":{id},"completed_by":"{}"}}"#, how.word());
    world.tell(id.lane(), "booking.completed", id.raw(), cx.now, body);
    let booking = world.bookings.get(&id).expect("just changed").clone();
    letters::of_booking(world, &booking, "completed", (json!({}), cx.now));
    booking
}
