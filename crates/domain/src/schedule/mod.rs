//! Who is taken when. Half-open intervals; a party has one row for each UTC day a booking touches.
//!
//! Invariant: pending and confirmed bookings with times hold rows for payer and payee, others hold
//! none; no two bookings of one party overlap. Availability (when a teacher would like to work) is
//! deliberately not here (`calendar`).

use serde_json::json;

use crate::id::{BookingId, PersonId};
use crate::letters;
use crate::meetings;
use crate::records::{Booking, BookingState, Busy};
use crate::refusal::Refusal;
use crate::rows::Record;
use crate::time::{Span, Timestamp};
use crate::world::{Needs, World};

/// The longest a booking can be: what a look at the calendar is bounded by.
pub const LENGTH_MAX: Span = Span::DAY;

/// A booking's interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    pub starts_at: Timestamp,
    pub ends_at: Timestamp,
}

impl Slot {
    pub fn length(self) -> Span {
        self.ends_at - self.starts_at
    }

    fn days(self) -> impl Iterator<Item = i64> {
        self.starts_at.day()..=(self.ends_at - Span(1)).day()
    }

    /// Whether the two have an instant in common.
    pub fn meets(self, other: Slot) -> bool {
        other.starts_at < self.ends_at && self.starts_at < other.ends_at
    }
}

impl Busy {
    pub fn slot(&self) -> Slot {
        Slot { starts_at: self.starts_at, ends_at: self.ends_at }
    }
}

impl Booking {
    pub fn slot(&self) -> Option<Slot> {
        Some(Slot { starts_at: self.starts_at?, ends_at: self.ends_at? })
    }
}

/// The rows that a booking with times holds while it is pending or confirmed.
pub fn busy(booking: &Booking) -> impl Iterator<Item = Busy> {
    let (id, slots) = (booking.id, booking.slot().into_iter());
    let parties = [booking.payer, booking.payee];
    slots.flat_map(move |slot| parties.into_iter().flat_map(move |party| rows(id, party, slot)))
}

fn rows(booking: BookingId, party: PersonId, slot: Slot) -> impl Iterator<Item = Busy> {
    let Slot { starts_at, ends_at } = slot;
    slot.days().map(move |day| Busy { party, day, booking, starts_at, ends_at })
}

/// Asks for everything that could collide with the slot; for nothing where it is no slot.
pub fn needs(needs: &mut Needs, parties: [PersonId; 2], slot: Slot) {
    if slot.starts_at >= slot.ends_at || slot.length() > LENGTH_MAX {
        return;
    }
    for party in parties {
        for day in slot.days() {
            needs.busy.group((party, day));
        }
    }
}

/// Whether the slot is free for both parties, what the booking itself holds aside.
pub fn check(world: &World, booking: BookingId, parties: [PersonId; 2], slot: Slot) -> Result<(), Refusal> {
    for party in parties {
        for day in slot.days() {
            let taken = |busy: &Busy| busy.booking != booking && slot.meets(busy.slot());
            if world.busy.of(&(party, day)).any(taken) {
                return Err(Refusal::SlotTaken);
            }
        }
    }
    Ok(())
}

/// Takes a slot that was found free for both parties. What the booking held before has been freed.
pub fn hold(world: &mut World, booking: BookingId, parties: [PersonId; 2], slot: Slot) {
    for party in parties {
        for row in rows(booking, party, slot) {
            world.busy.insert(row);
        }
    }
}

/// Frees what a booking held.
pub fn free(world: &mut World, booking: &Booking) {
    for row in busy(booking) {
        world.busy.remove(&row.key());
    }
}

/// Asks for what [`free`] and [`close`] touch.
pub fn needs_to_free(needs: &mut Needs, booking: &Booking) {
    for row in busy(booking) {
        needs.busy.key(row.key());
    }
}

/// Cancels a booking, frees its time and tells its parties. The money is the caller's business.
pub fn close(world: &mut World, id: BookingId, by: Option<PersonId>, reason: &str, now: Timestamp) {
    let before = world.bookings.get(&id).expect("loaded to be closed").state;
    close_quietly(world, id, by, reason, now);
    let booking = world.bookings.get(&id).expect("just closed").clone();
    let declined = before == BookingState::Pending && by == Some(booking.payee);
    let event = if declined { "declined" } else { "cancelled" };
    let more = json!({ "was_confirmed": before == BookingState::Confirmed });
    letters::of_booking(world, &booking, event, (more, now));
}

/// The same for a purchase that was never paid: nobody but the payer has heard of it.
pub(crate) fn close_quietly(
    world: &mut World,
    id: BookingId,
    by: Option<PersonId>,
    reason: &str,
    now: Timestamp,
) {
    let booking = world.bookings.get(&id).expect("loaded to be closed").clone();
    free(world, &booking);
    world.bookings.update(&id, |booking| {
        booking.state = BookingState::Cancelled;
        booking.cancelled_by = by;
        booking.cancellation_reason = Some(reason.to_string());
        booking.wake_at = None;
        booking.version += 1;
        booking.updated_at = now;
    });
    let body = format!(r#"{{"booking_id":{id}}}"#);
    world.tell(crate::id::Id::lane(id), "booking.cancelled", id.0, now, body);
    let booking = world.bookings.get(&id).expect("just closed").clone();
    meetings::follow(world, &booking, now);
}
