//! Confirming, completing, editing.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use domain::bookings::{Complete, Confirm, EditNotes};
use domain::command::Command;
use domain::idempotency::{Done, Key, Once, Render, Repeatable};
use domain::records::Booking;
use domain::refusal::Refusal;
use domain::schedule::Slot;
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::Error;
use store::reads::bookings::BookingParts;
use utoipa::ToSchema;

use super::scope::{Action, Found, find};
use super::view::{BookingView, Look, completed_by, render};
use crate::app::App;
use crate::http::caller::Caller;
use crate::http::idempotency::{self, respond};
use crate::http::json::{FreeText, Instant};
use crate::http::openapi::IdempotencyKey;
use crate::http::{Body, Problem};
use crate::meetings::Meeting;

#[derive(Deserialize, ToSchema)]
#[schema(example = json!({ "notes": "My book is chapter 3" }))]
pub(crate) struct EditBooking {
    /// At most 2000 characters; everything else of a booking has actions of its own.
    #[schema(value_type = Option<String>)]
    notes: Option<FreeText>,
}

/// Change a booking's notes.
#[utoipa::path(
    patch, path = "/api/bookings/bookings/{id}/", tag = "bookings", security(("bearer" = [])),
    params(("id" = i64, Path)),
    request_body = Option<EditBooking>,
    responses(
        (status = 200, body = BookingView),
        crate::http::openapi::Refused,
    ),
)]
pub(crate) async fn edit_booking(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    body: Body<EditBooking>,
) -> Result<Json<BookingView>, Problem> {
    let Found { mut parts, .. } = find(&app, &caller.person, &id).await?;
    if let Some(notes) = body.value.notes {
        let (booking, payer) = (parts.booking.id, parts.booking.payer);
        parts.booking = app.db.submit(EditNotes { booking, payer, notes: notes.into() }).await?;
    }
    Ok(Json(render(&parts, &Look::of(&app, caller.person.id))))
}

#[derive(Deserialize, ToSchema)]
pub(crate) struct ConfirmBooking {
    /// Where the booking still needs its time.
    #[schema(value_type = Option<String>, format = DateTime)]
    start_time: Option<Instant>,
    #[schema(value_type = Option<String>, format = DateTime)]
    end_time: Option<Instant>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct ConfirmedBooking {
    message: &'static str,
    booking: BookingView,
    zoom_info: ZoomInfo,
}

/// Null until there is a meeting.
#[derive(Serialize, ToSchema)]
pub(crate) struct ZoomInfo {
    join_url: Option<String>,
    meeting_id: Option<String>,
    password: Option<String>,
}

impl From<Meeting> for ZoomInfo {
    fn from(meeting: Meeting) -> ZoomInfo {
        ZoomInfo { join_url: meeting.join_url, meeting_id: meeting.id, password: meeting.password }
    }
}

/// Confirm a requested session, as its teacher.
#[utoipa::path(
    post, path = "/api/bookings/bookings/{id}/confirm/", tag = "bookings", security(("bearer" = [])),
    params(("id" = i64, Path), IdempotencyKey),
    request_body = Option<ConfirmBooking>,
    responses(
        (status = 200, body = ConfirmedBooking),
        crate::http::openapi::Refused,
    ),
)]
pub(crate) async fn confirm_booking(
    State(app): State<App>,
    action: Action<ConfirmBooking>,
) -> Result<Response, Problem> {
    let key = action.key("confirm_booking")?;
    let slot = slot(&action.value)?;
    let Found { parts, actor } = action.find(&app).await?;
    let command = Confirm { booking: parts.booking.id, payer: parts.booking.payer, actor, slot };
    let look = Look::of(&app, action.caller.person.id);
    let answer = move |booking: &Booking| {
        let parts = now_with(&parts, booking);
        let confirmed = ConfirmedBooking {
            message: "The booking is confirmed.",
            booking: render(&parts, &look),
            zoom_info: look.meeting(&parts).into(),
        };
        idempotency::success(StatusCode::OK, &confirmed)
    };
    once(&app, command, key, Arc::new(answer)).await.map_err(Problem::from)
}

fn slot(input: &ConfirmBooking) -> Result<Option<Slot>, Problem> {
    match (input.start_time, input.end_time) {
        (None, None) => Ok(None),
        (Some(start), Some(end)) => Ok(Some(Slot { starts_at: start.0, ends_at: end.0 })),
        (None, Some(_)) => Err(Problem::field("start_time", "is required with end_time")),
        (Some(_), None) => Err(Problem::field("end_time", "is required with start_time")),
    }
}

#[derive(Serialize, ToSchema)]
pub(crate) struct CompletedBooking {
    success: bool,
    message: &'static str,
    booking: BookingView,
    /// student, teacher or auto
    completed_by: Option<&'static str>,
    #[schema(value_type = Option<String>, format = DateTime)]
    completed_at: Option<Instant>,
}

/// Say that the session has been held.
#[utoipa::path(
    post, path = "/api/bookings/bookings/{id}/complete/", tag = "bookings", security(("bearer" = [])),
    params(("id" = i64, Path), IdempotencyKey),
    responses(
        (status = 200, body = CompletedBooking),
        crate::http::openapi::Refused,
    ),
)]
pub(crate) async fn complete_booking(
    State(app): State<App>,
    action: Action<Nothing>,
) -> Result<Response, Problem> {
    let key = action.key("complete_booking")?;
    complete(&app, &action, key).await
}

/// The same, under the name that the web client's button uses.
#[utoipa::path(
    post, path = "/api/bookings/bookings/{id}/complete_manually/", tag = "bookings", security(("bearer" = [])),
    params(("id" = i64, Path), IdempotencyKey),
    responses(
        (status = 200, body = CompletedBooking),
        crate::http::openapi::Refused,
    ),
)]
pub(crate) async fn complete_booking_manually(
    State(app): State<App>,
    action: Action<Nothing>,
) -> Result<Response, Problem> {
    let key = action.key("complete_booking_manually")?;
    complete(&app, &action, key).await
}

/// A body that says nothing; whatever is in it is ignored.
#[derive(Deserialize)]
pub(crate) struct Nothing {}

async fn complete(app: &App, action: &Action<Nothing>, key: Option<Key>) -> Result<Response, Problem> {
    let Found { parts, actor } = action.find(app).await?;
    let command = Complete { booking: parts.booking.id, payer: parts.booking.payer, actor };
    let look = Look::of(app, action.caller.person.id);
    let answer = move |booking: &Booking| {
        let completed = CompletedBooking {
            success: true,
            message: "The session is completed.",
            booking: render(&now_with(&parts, booking), &look),
            completed_by: completed_by(booking.completion),
            completed_at: booking.completed_at.map(Instant),
        };
        idempotency::success(StatusCode::OK, &completed)
    };
    let done = once(app, command, key, Arc::new(answer)).await;
    done.map_err(|error| match error {
        Error::Refused(Refusal::NotEnded { ends_at }) => not_ended(ends_at, app.clock.now()),
        error => error.into(),
    })
}

fn not_ended(ends_at: Timestamp, now: Timestamp) -> Problem {
    let left = (ends_at - now).whole_seconds().max(0);
    let (hours, minutes, seconds) = (left / 3_600, left / 60 % 60, left % 60);
    Problem::from(Refusal::NotEnded { ends_at }).details(json!({
        "session_end_time": Instant(ends_at).text(),
        "current_time": Instant(now).text(),
        "time_remaining": format!("{hours}:{minutes:02}:{seconds:02}"),
    }))
}

/// What is shown, with what has become of the booking.
pub(super) fn now_with(parts: &BookingParts, booking: &Booking) -> BookingParts {
    BookingParts { booking: booking.clone(), ..parts.clone() }
}

pub(super) async fn once<C: Command>(
    app: &App,
    command: C,
    key: Option<Key>,
    render: Arc<Render<C::Receipt>>,
) -> Result<Response, Error> {
    match app.db.submit(Once { request: Repeatable { command, key }, render }).await? {
        Done::Fresh { answer, .. } => Ok(respond(answer, false)),
        Done::Replay(answer) => Ok(respond(answer, true)),
    }
}
