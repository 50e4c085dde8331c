//! When payees would like to work: stretches of the wall clock of their own zone, every week or on
//! one date.
//!
//! Invariants: no two stretches of one payee that count on the same day overlap; a date with
//! stretches of its own has only those, the weekly ones do not count then; an instant is open if and
//! only if the wall clock shows a time inside a stretch, so an hour that clocks skip is nobody's and
//! one that they repeat is open twice. Who is taken when is deliberately not here (`schedule`), nor
//! are text forms.

mod edit;
mod openings;
#[cfg(test)]
mod tests;
mod zone;

pub use edit::{Edit, EditCalendar, HOURS_MAX, HoursPatch};
pub use openings::{free_starts, openings};
pub use zone::{DAY_MAX, Zone};

use crate::context::{Context, Plant};
use crate::id::{BookingId, PersonId};
use crate::records::Hours;
use crate::refusal::Refusal;
use crate::schedule::{self, Slot};
use crate::world::{Needs, World};

/// Seconds of a local day by the wall clock, whatever clocks do.
pub const SECONDS_A_DAY: i64 = 86_400;

/// Asks for a payee's availability and the zone of its wall clock.
fn needs_hours(needs: &mut Needs, payee: PersonId) {
    needs.teachers.key(payee);
    needs.availability.group(payee);
}

/// Asks for what [`check`] and [`take`] look at, for payer and payee. Availability is asked for whether
/// it is enforced or not: what a command needs does not depend on settings.
pub fn needs(needs: &mut Needs, parties: [PersonId; 2], slot: Slot) {
    schedule::needs(needs, parties, slot);
    needs_hours(needs, parties[1]);
}

/// Whether a booking may take place then: its payee works at that time, where that is enforced, and
/// both payer and payee are free.
pub fn check(
    cx: &Context<'_>,
    world: &World,
    booking: BookingId,
    (parties, slot): ([PersonId; 2], Slot),
) -> Result<(), Refusal> {
    if cx.policies.booking.enforce_availability && !is_open(world, parties[1], slot) {
        return Err(Refusal::OutsideAvailability);
    }
    if cx.plants.removed(Plant::Overlap) {
        return Ok(());
    }
    schedule::check(world, booking, parties, slot)
}

/// The one way a booking gets its time: checks it and holds it for both parties.
pub fn take(
    cx: &Context<'_>,
    world: &mut World,
    booking: BookingId,
    (parties, slot): ([PersonId; 2], Slot),
) -> Result<(), Refusal> {
    check(cx, world, booking, (parties, slot))?;
    schedule::hold(world, booking, parties, slot);
    Ok(())
}

fn is_open(world: &World, payee: PersonId, slot: Slot) -> bool {
    let zone = world.teachers.get(&payee).and_then(|teacher| Zone::named(&teacher.time_zone));
    let hours: Vec<Hours> = world.availability.of(&payee).map(|row| row.hours).collect();
    openings::cover(&hours, &zone.unwrap_or_default(), slot)
}
