//! Finding a booking through its parties' scope.

use axum::http::HeaderMap;
use domain::bookings::Actor;
use domain::id::{BookingId, Id};
use domain::idempotency::Key;
use domain::records::Person;
use store::reads::bookings::BookingParts;

use super::view::is_party;
use crate::app::App;
use crate::http::Problem;
use crate::http::idempotency::Request;

/// A booking that the caller may see, and as whom he acts on it.
pub(super) struct Found {
    pub(super) parts: BookingParts,
    pub(super) actor: Actor,
}

/// Not there and not yours are the same 404; administrators see every booking.
pub(super) async fn find(app: &App, person: &Person, id: &str) -> Result<Found, Problem> {
    let id = parse_id(id)?;
    let parts = app.db.read(move |reads| reads.booking(id)).await?.ok_or_else(Problem::not_found)?;
    if is_party(&parts.booking, person.id) {
        return Ok(Found { parts, actor: Actor::Party(person.id) });
    }
    if person.admin {
        return Ok(Found { parts, actor: Actor::Admin(person.id) });
    }
    Err(Problem::not_found())
}

/// Anything but a positive whole number names nothing.
fn parse_id(id: &str) -> Result<BookingId, Problem> {
    let raw = id.parse::<i64>().ok().filter(|raw| *raw > 0);
    raw.map(BookingId::from_raw).ok_or_else(Problem::not_found)
}

/// The idempotency key of an action on a booking.
pub(super) fn action_key(
    person: &Person,
    operation: &str,
    id: &str,
    digest: [u8; 32],
    headers: &HeaderMap,
) -> Result<Option<Key>, Problem> {
    Request { person: person.id, operation, path: &[id], digest }.key(headers)
}
