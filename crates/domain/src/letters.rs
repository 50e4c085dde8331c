//! Letters: whatever people must be told of by mail queues a job in the commit of its cause.
//!
//! Invariants: one job an event, so nobody is told twice; a job names rows and never copies personal
//! data or addresses. Deliberately not here: who reads the letter and what it says (the server's).

use serde_json::{Value, json};

use crate::id::{Id, OpId};
use crate::records::{Booking, Op};
use crate::time::Timestamp;
use crate::world::World;

/// Tells of something that has happened to a booking. `more` is an object with what its rows will
/// not tell any more when the letter is written.
pub(crate) fn of_booking(
    world: &mut World,
    booking: &Booking,
    event: &'static str,
    (more, now): (Value, Timestamp),
) {
    let body = json!({ "booking_id": booking.id.raw(), "event": event, "more": more }).to_string();
    let key = format!("{}:{event}:{}", booking.id, booking.version);
    world.queue(booking.id.lane(), "booking_letter", key, body, now);
}

/// Tells the payer that an attempt to pay has failed for good.
pub(crate) fn of_decline(world: &mut World, op: &Op, now: Timestamp) {
    let id: OpId = op.id;
    let body = json!({ "payment_id": op.payment.raw(), "op_id": id.raw() }).to_string();
    world.queue(id.lane(), "decline_letter", id.to_string(), body, now);
}
