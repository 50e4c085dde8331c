//! Requesting a session.

use serde_json::json;

use crate::calendar;
use crate::command::{Command, Lanes};
use crate::context::Context;
use crate::id::{BookingId, Id, OfferId, PersonId};
use crate::letters;
use crate::meetings;
use crate::policy::Kind;
use crate::records::{Booking, BookingState, Offer, OfferState};
use crate::refusal::Refusal;
use crate::schedule::{self, Slot};
use crate::world::{Needs, World};

/// Characters.
pub const NOTES_MAX: usize = 2_000;

#[derive(Clone, Debug)]
pub struct Create {
    pub payer: PersonId,
    pub payee: PersonId,
    pub offer: OfferId,
    pub slot: Slot,
    pub notes: String,
    pub session_type: String,
}

/// The rules of BR-1 that look only at the times.
pub fn check_slot(cx: &Context<'_>, slot: Slot) -> Result<(), Refusal> {
    let policy = &cx.policies.booking;
    if slot.starts_at >= slot.ends_at {
        return Err(Refusal::invalid("end_time", "The end must be after the start."));
    }
    if slot.starts_at <= cx.now {
        return Err(Refusal::invalid("start_time", "The start must be in the future."));
    }
    let length_max = policy.length_max.min(schedule::LENGTH_MAX);
    if slot.length() < policy.length_min || slot.length() > length_max {
        let minutes = |span: crate::time::Span| span.whole_seconds() / 60;
        let (min, max) = (minutes(policy.length_min), minutes(length_max));
        return Err(Refusal::invalid("end_time", format!("A session lasts {min} to {max} minutes.")));
    }
    Ok(())
}

impl Command for Create {
    type Receipt = Booking;

    fn lanes(&self, lanes: &mut Lanes) {
        lanes.insert(self.payee.lane());
        lanes.insert(self.payer.lane());
    }

    fn needs(&self, _world: &World, needs: &mut Needs) {
        needs.offers.key(self.offer);
        needs.students.key(self.payer);
        calendar::needs(needs, [self.payer, self.payee], self.slot);
    }

    fn decide(&self, cx: &Context<'_>, world: &mut World) -> Result<Booking, Refusal> {
        check_slot(cx, self.slot)?;
        let offer = world.offers.get(&self.offer).ok_or(Refusal::NotFound)?.clone();
        self.check(cx, world, &offer)?;
        let id: BookingId = world.new_id(self.payee.lane());
        calendar::take(cx, world, id, ([self.payer, self.payee], self.slot))?;
        let booking = self.booking(cx, id, &offer);
        world.bookings.insert(booking.clone());
        let change = json!({ "offer": offer.id.raw(), "after": "pending" }).to_string();
        world.audit(cx, Some(self.payer), "booking.requested", ("booking", id.raw(), id.lane()), change);
        world.tell(id.lane(), "booking.requested", id.raw(), cx.now, format!(r#"{{"booking_id":{id}}}"#));
        letters::of_booking(world, &booking, "requested", (json!({}), cx.now));
        meetings::call_for(cx, world, &booking);
        Ok(booking)
    }
}

impl Create {
    fn check(&self, cx: &Context<'_>, world: &World, offer: &Offer) -> Result<(), Refusal> {
        if offer.payee != self.payee {
            return Err(Refusal::OfferOfAnother);
        }
        if self.payer == self.payee {
            return Err(Refusal::OwnOffer);
        }
        if offer.state != OfferState::Active {
            return Err(Refusal::OfferInactive);
        }
        if cx.policies.booking.require_student_role && world.students.get(&self.payer).is_none() {
            return Err(Refusal::StudentRequired);
        }
        if self.notes.chars().count() > NOTES_MAX {
            return Err(Refusal::invalid("notes", format!("At most {NOTES_MAX} characters.")));
        }
        Ok(())
    }

    fn booking(&self, cx: &Context<'_>, id: BookingId, offer: &Offer) -> Booking {
        let confirm_by = cx.now + cx.policies.booking.confirm_ttl;
        Booking {
            id,
            kind: Kind::Booking,
            payer: self.payer,
            payee: self.payee,
            offer: offer.id,
            title: offer.title.clone(),
            starts_at: Some(self.slot.starts_at),
            ends_at: Some(self.slot.ends_at),
            state: BookingState::Pending,
            rate_minor: offer.price_minor,
            unit: cx.policies.booking_unit,
            currency: offer.currency,
            fee: cx.policies.fee(Kind::Booking),
            payment: None,
            last_payment_error: None,
            notes: self.notes.clone(),
            session_type: self.session_type.clone(),
            cancellation_reason: None,
            cancelled_by: None,
            completion: None,
            completed_at: None,
            proposed_starts_at: None,
            proposed_ends_at: None,
            proposed_by: None,
            proposal_reason: None,
            proposal_version: None,
            proposal_outcome: None,
            room: None,
            wake_at: Some(confirm_by.min(self.slot.starts_at)),
            version: 1,
            created_at: cx.now,
            updated_at: cx.now,
        }
    }
}
