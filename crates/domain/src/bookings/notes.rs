//! Changing the notes, the one thing of a booking that its parties may edit freely.

use super::create::NOTES_MAX;
use super::lanes_of;
use crate::command::{Command, Lanes};
use crate::context::Context;
use crate::id::{BookingId, PersonId};
use crate::records::Booking;
use crate::refusal::Refusal;
use crate::world::{Needs, World};

#[derive(Clone, Debug)]
pub struct EditNotes {
    pub booking: BookingId,
    pub payer: PersonId,
    pub notes: String,
}

impl Command for EditNotes {
    type Receipt = Booking;

    fn lanes(&self, lanes: &mut Lanes) {
        lanes_of(self.booking, self.payer, lanes);
    }

    fn needs(&self, _world: &World, needs: &mut Needs) {
        needs.bookings.key(self.booking);
    }

    fn decide(&self, cx: &Context<'_>, world: &mut World) -> Result<Booking, Refusal> {
        if self.notes.chars().count() > NOTES_MAX {
            return Err(Refusal::invalid("notes", format!("At most {NOTES_MAX} characters.")));
        }
        world.bookings.get(&self.booking).ok_or(Refusal::NotFound)?;
        world.bookings.update(&self.booking, |booking| {
            booking.notes.clone_from(&self.notes);
            booking.updated_at = cx.now;
        });
        Ok(world.bookings.get(&self.booking).expect("just changed").clone())
    }
}
