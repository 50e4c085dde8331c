//! The teacher says yes, naming the time where none was agreed.

use serde_json::json;

use super::wake::wake_when_confirmed;
use super::{Actor, lanes_of, payment_of};
use crate::calendar;
use crate::command::{Command, Lanes};
use crate::context::Context;
use crate::id::{BookingId, Id, PersonId};
use crate::letters;
use crate::meetings;
use crate::policy::BookingFlow;
use crate::records::{Booking, BookingState};
use crate::refusal::Refusal;
use crate::schedule::Slot;
use crate::world::{Needs, World};

#[derive(Clone, Debug)]
pub struct Confirm {
    pub booking: BookingId,
    pub payer: PersonId,
    pub actor: Actor,
    /// Required for, and only allowed on, a booking without times.
    pub slot: Option<Slot>,
}

impl Command for Confirm {
    type Receipt = Booking;

    fn lanes(&self, lanes: &mut Lanes) {
        lanes_of(self.booking, self.payer, lanes);
    }

    fn needs(&self, world: &World, needs: &mut Needs) {
        needs.bookings.key(self.booking);
        let Some(booking) = world.bookings.peek(&self.booking) else {
            return;
        };
        if let Some(payment) = booking.payment {
            needs.payments.key(payment);
        }
        if let Some(slot) = self.slot {
            calendar::needs(needs, [booking.payer, booking.payee], slot);
        }
    }

    fn decide(&self, cx: &Context<'_>, world: &mut World) -> Result<Booking, Refusal> {
        let booking = world.bookings.get(&self.booking).ok_or(Refusal::NotFound)?.clone();
        self.actor.concerns(&booking)?;
        if self.actor == Actor::Party(booking.payer) {
            return Err(Refusal::WrongParty);
        }
        match booking.state {
            BookingState::Pending => {}
            BookingState::Confirmed => return Ok(booking),
            BookingState::Cancelled => return Err(Refusal::BookingCancelled),
            BookingState::Completed => return Err(Refusal::WrongState),
        }
        let paid = payment_of(world, &booking).is_some_and(|payment| payment.state.captured());
        if cx.policies.booking.flow == BookingFlow::PayThenConfirm && !paid {
            return Err(Refusal::NotPaid);
        }
        let slot = self.times(cx, world, &booking)?;
        world.bookings.update(&self.booking, |booking| {
            booking.starts_at = Some(slot.starts_at);
            booking.ends_at = Some(slot.ends_at);
            booking.state = BookingState::Confirmed;
            booking.wake_at = Some(wake_when_confirmed(cx, slot, paid));
            booking.version += 1;
            booking.updated_at = cx.now;
        });
        let id = self.booking;
        let change = r#"{"before":"pending","after":"confirmed"}"#.to_owned();
        world.audit(cx, self.actor.person(), "booking.confirmed", ("booking", id.raw(), id.lane()), change);
        world.tell(id.lane(), "booking.confirmed", id.raw(), cx.now, format!(r#"{{"booking_id":{id}}}"#));
        let booking = world.bookings.get(&id).expect("just changed").clone();
        letters::of_booking(world, &booking, "confirmed", (json!({}), cx.now));
        meetings::call_for(cx, world, &booking);
        Ok(booking)
    }
}

impl Confirm {
    fn times(&self, cx: &Context<'_>, world: &mut World, booking: &Booking) -> Result<Slot, Refusal> {
        match (booking.slot(), self.slot) {
            (Some(slot), None) if slot.starts_at <= cx.now => Err(Refusal::BookingOver),
            (Some(slot), None) => Ok(slot),
            (Some(slot), Some(asked)) if slot == asked => Ok(slot),
            (Some(_), Some(_)) => {
                Err(Refusal::invalid("start_time", "This booking has its time; reschedule it."))
            }
            (None, None) => Err(Refusal::NeedsTimes),
            (None, Some(slot)) => {
                super::check_slot(cx, slot)?;
                calendar::take(cx, world, booking.id, ([booking.payer, booking.payee], slot))?;
                Ok(slot)
            }
        }
    }
}
