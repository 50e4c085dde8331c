//! Bookings: a payer's claim on a session, from request to completion.
//!
//! Invariants: rate and fee policy freeze when a booking is made; a pending or confirmed booking
//! with times holds its slot for both parties; cancelling always settles the money; only a captured
//! payment makes a booking completable; a request to move a booking is good for the version it was
//! made for and no other. Meetings are deliberately not here (`server::meetings`).

mod cancel;
mod complete;
mod confirm;
mod create;
mod notes;
mod proposal;
mod reschedule;
mod respond;
mod tick;
mod wake;

pub use cancel::{Cancel, Cancelled};
pub use complete::Complete;
pub use confirm::Confirm;
pub use create::{Create, check_slot};
pub use notes::EditNotes;
pub use proposal::Proposal;
pub use reschedule::{Form, Reschedule, Rescheduled};
pub use respond::Respond;
pub use tick::{Tick, Ticked};
pub(crate) use wake::wake_when_paid;

use crate::id::{Id, PersonId};
use crate::records::{Booking, Payment};
use crate::refusal::Refusal;
use crate::world::{Needs, World};

/// Who is asking, as the rules see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    Party(PersonId),
    Admin(PersonId),
    System,
}

impl Actor {
    pub fn person(self) -> Option<PersonId> {
        match self {
            Actor::Party(person) | Actor::Admin(person) => Some(person),
            Actor::System => None,
        }
    }

    /// A stranger has nothing to do with a booking, whoever let him ask.
    fn concerns(self, booking: &Booking) -> Result<(), Refusal> {
        match self {
            Actor::Party(person) if person != booking.payer && person != booking.payee => {
                Err(Refusal::NotFound)
            }
            _ => Ok(()),
        }
    }
}

/// The booking's payment, if anybody has tried to pay.
pub(crate) fn payment_of<'w>(world: &'w World, booking: &Booking) -> Option<&'w Payment> {
    booking.payment.and_then(|id| world.payments.get(&id))
}

/// Asks for the booking's payment and all that ending it touches.
fn needs_money(needs: &mut Needs, world: &World, booking: &Booking) {
    let Some(id) = booking.payment else { return };
    needs.payments.key(id);
    needs.ops.group(id);
    if let Some(payment) = world.payments.peek(&id) {
        crate::refunds::needs(needs, payment);
    }
}

/// The parties' lanes: every booking command changes rows of both.
fn lanes_of(booking: crate::id::BookingId, payer: PersonId, lanes: &mut crate::command::Lanes) {
    lanes.insert(booking.lane());
    lanes.insert(payer.lane());
}
