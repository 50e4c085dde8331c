//! Finding a booking through its parties' scope.

use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::HeaderMap;
use domain::bookings::Actor;
use domain::id::{BookingId, Id};
use domain::idempotency::Key;
use domain::records::Person;
use serde::de::DeserializeOwned;
use store::reads::bookings::BookingParts;

use super::view::is_party;
use crate::app::App;
use crate::http::caller::{Caller, note_reading};
use crate::http::idempotency::Request as Identity;
use crate::http::{Body, Problem};

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
        note_reading(app, person, &format!("/api/bookings/bookings/{id}")).await?;
        return Ok(Found { parts, actor: Actor::Admin(person.id) });
    }
    Err(Problem::not_found())
}

/// Anything but a positive whole number names nothing.
fn parse_id(id: &str) -> Result<BookingId, Problem> {
    let raw = id.parse::<i64>().ok().filter(|raw| *raw > 0);
    raw.map(BookingId::from_raw).ok_or_else(Problem::not_found)
}

/// What somebody asks to be done with one booking.
pub(crate) struct Action<T> {
    pub(super) caller: Caller,
    /// As it stands in the path.
    pub(super) id: String,
    pub(super) value: T,
    digest: [u8; 32],
    headers: HeaderMap,
}

impl<T: DeserializeOwned> FromRequest<App> for Action<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Action<T>, Problem> {
        let (mut parts, body) = request.into_parts();
        let caller = Caller::from_request_parts(&mut parts, app).await?;
        let path = Path::<String>::from_request_parts(&mut parts, app).await;
        let Path(id) = path.map_err(|_| Problem::not_found())?;
        let headers = parts.headers.clone();
        let Body { value, digest } = Body::from_request(Request::from_parts(parts, body), app).await?;
        Ok(Action { caller, id, value, digest, headers })
    }
}

impl<T> Action<T> {
    /// The booking that is meant, through the caller's scope.
    pub(super) async fn find(&self, app: &App) -> Result<Found, Problem> {
        find(app, &self.caller.person, &self.id).await
    }

    /// The idempotency key, if the request has one.
    pub(super) fn key(&self, operation: &str) -> Result<Option<Key>, Problem> {
        let (path, digest) = ([self.id.as_str()], self.digest);
        Identity { person: self.caller.person.id, operation, path: &path, digest }.key(&self.headers)
    }
}
