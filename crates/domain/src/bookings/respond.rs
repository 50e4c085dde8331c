//! Answering a request to move a booking.

use serde_json::json;

use super::cancel::REASON_MAX;
use super::reschedule::{movable, move_to, needs_to_move};
use super::wake::wake_when_paid;
use super::{Actor, lanes_of};
use crate::command::{Command, Lanes};
use crate::context::Context;
use crate::id::{BookingId, Id, PersonId};
use crate::letters;
use crate::records::{Booking, ProposalOutcome, Word};
use crate::refusal::Refusal;
use crate::world::{Needs, World};

#[derive(Clone, Debug)]
pub struct Respond {
    pub booking: BookingId,
    pub payer: PersonId,
    pub actor: Actor,
    /// The version of the booking that the answer is for.
    pub seen: i64,
    pub outcome: ProposalOutcome,
    /// At most 1000 characters.
    pub message: Option<String>,
}

impl Command for Respond {
    type Receipt = Booking;

    fn lanes(&self, lanes: &mut Lanes) {
        lanes_of(self.booking, self.payer, lanes);
    }

    fn needs(&self, world: &World, needs: &mut Needs) {
        needs.bookings.key(self.booking);
        let booking = world.bookings.peek(&self.booking);
        if let Some((booking, proposal)) = booking.and_then(|booking| Some((booking, booking.proposal()?))) {
            needs_to_move(needs, booking, proposal.slot);
        }
    }

    fn decide(&self, cx: &Context<'_>, world: &mut World) -> Result<Booking, Refusal> {
        let booking = world.bookings.get(&self.booking).ok_or(Refusal::NotFound)?.clone();
        if self.message.as_ref().is_some_and(|message| message.chars().count() > REASON_MAX) {
            let problem = format!("At most {REASON_MAX} characters.");
            return Err(Refusal::invalid("response_message", problem));
        }
        self.actor.concerns(&booking)?;
        movable(cx, &booking)?;
        let proposal = booking.proposal().ok_or(Refusal::NoRescheduleRequest)?;
        if self.actor != Actor::Party(booking.awaited(&proposal)) {
            return Err(Refusal::WrongParty);
        }
        if booking.version != self.seen {
            return Err(Refusal::BookingChanged);
        }
        if self.outcome == ProposalOutcome::Confirmed {
            move_to(cx, world, &booking, proposal.slot)?;
        }
        Ok(self.end(cx, world))
    }
}

impl Respond {
    fn end(&self, cx: &Context<'_>, world: &mut World) -> Booking {
        let (id, outcome) = (self.booking, self.outcome);
        world.bookings.update(&id, |booking| booking.end_proposal(cx, outcome));
        let booking = world.bookings.get(&id).expect("just changed").clone();
        let paid = super::payment_of(world, &booking).is_some_and(|payment| payment.state.captured());
        if paid {
            world.bookings.update(&id, |booking| booking.wake_at = wake_when_paid(cx, booking));
        }
        let change = json!({ "outcome": outcome.word(), "with_message": self.message.is_some() }).to_string();
        let object = ("booking", id.raw(), id.lane());
        world.audit(cx, self.actor.person(), "booking.reschedule_answered", object, change);
        let body = format!(r#"{{"booking_id":{id},"outcome":"{}"}}"#, outcome.word());
        world.tell(id.lane(), "booking.reschedule_answered", id.raw(), cx.now, body);
        let booking = world.bookings.get(&id).expect("just changed").clone();
        let by = self.actor.person().map(Id::raw);
        let more = json!({ "by": by, "accepted": outcome == ProposalOutcome::Confirmed });
        letters::of_booking(world, &booking, "reschedule_answered", (more, cx.now));
        booking
    }
}
