//! A session's meeting, for its parties.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use domain::records::BookingState;
use domain::refusal::Refusal;
use domain::time::Span;
use serde::Serialize;
use store::reads::bookings::BookingParts;
use utoipa::ToSchema;

use super::change::Nothing;
use super::scope::{Action, find};
use super::view::{BookingView, Look, MeetingLinks, render, status_of};
use crate::app::App;
use crate::http::Problem;
use crate::http::caller::Caller;
use crate::http::json::Instant;
use crate::jobs::{self, Standing};
use crate::meetings::Meeting;

/// Where the provider does not say when to come back.
const RETRY_AFTER: Span = Span::seconds(30);

#[derive(Serialize, ToSchema)]
pub(crate) struct CreatedMeeting {
    message: &'static str,
    booking: BookingView,
    #[serde(flatten)]
    meeting: MeetingLinks,
}

/// Make sure that a paid session has its meeting; asking again gives the same one.
#[utoipa::path(
    post, path = "/api/bookings/bookings/{id}/create_meeting/", tag = "bookings", security(("bearer" = [])),
    params(("id" = i64, Path)),
    responses(
        (status = 200, body = CreatedMeeting),
        crate::http::openapi::RefusedOrBroken,
    ),
)]
pub(crate) async fn create_meeting(
    State(app): State<App>,
    action: Action<Nothing>,
) -> Result<Json<CreatedMeeting>, Problem> {
    let found = action.find(&app).await?;
    match found.parts.booking.state {
        BookingState::Cancelled => return Err(Refusal::BookingCancelled.into()),
        BookingState::Pending => return Err(Refusal::BookingNotConfirmed.into()),
        BookingState::Confirmed | BookingState::Completed if !found.parts.is_paid() => {
            return Err(Refusal::NotPaid.into());
        }
        BookingState::Confirmed | BookingState::Completed => {}
    }
    let look = Look::of(&app, action.caller.person.id);
    let parts = made(&app, found.parts, &look).await?;
    Ok(Json(CreatedMeeting {
        message: "The session has its meeting.",
        meeting: look.meeting(&parts).into(),
        booking: render(&parts, &look),
    }))
}

/// The booking with its meeting, made now if it has none; without one where sessions have none.
async fn made(app: &App, parts: BookingParts, look: &Look) -> Result<BookingParts, Problem> {
    if look.meeting(&parts).join_url.is_some() || app.policies.meeting.is_none() {
        return Ok(parts);
    }
    let id = parts.booking.id;
    match jobs::settle(app, id).await? {
        Standing::Settled => {}
        Standing::Held(pause) | Standing::Later { pause: Some(pause), .. } => return Err(unmade(pause)),
        Standing::Later { pause: None, .. } | Standing::Hopeless(_) => return Err(unmade(RETRY_AFTER)),
    }
    let found = app.db.read(move |reads| reads.booking(id)).await?;
    found.ok_or_else(|| Problem::internal(format!("booking {id} has gone")))
}

fn unmade(pause: Span) -> Problem {
    let detail =
        "The meeting cannot be made at the moment; nothing else is affected. Try again a little later.";
    let seconds = u64::try_from(pause.whole_seconds()).unwrap_or(1);
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "meeting_unavailable", detail).retry_after(seconds)
}

#[derive(Serialize, ToSchema)]
pub(crate) struct MeetingInfo {
    meeting_details: MeetingDetails,
    booking_details: MeetingBooking,
}

/// Null until there is a meeting.
#[derive(Serialize, ToSchema)]
struct MeetingDetails {
    meeting_id: Option<String>,
    join_url: Option<String>,
    /// The teacher's alone.
    start_url: Option<String>,
    password: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct MeetingBooking {
    booking_id: i64,
    #[schema(value_type = Option<String>, format = DateTime)]
    start_time: Option<Instant>,
    #[schema(value_type = Option<String>, format = DateTime)]
    end_time: Option<Instant>,
    /// PENDING, CONFIRMED, COMPLETED or CANCELLED
    status: String,
}

/// Where and when a session takes place.
#[utoipa::path(
    get, path = "/api/bookings/bookings/{id}/meeting_info/", tag = "bookings", security(("bearer" = [])),
    params(("id" = i64, Path)),
    responses(
        (status = 200, body = MeetingInfo),
        crate::http::openapi::Refused,
    ),
)]
pub(crate) async fn meeting_info(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<MeetingInfo>, Problem> {
    let parts = find(&app, &caller.person, &id).await?.parts;
    let Meeting { id, join_url, start_url, password } = Look::of(&app, caller.person.id).meeting(&parts);
    let booking = &parts.booking;
    Ok(Json(MeetingInfo {
        meeting_details: MeetingDetails { meeting_id: id, join_url, start_url, password },
        booking_details: MeetingBooking {
            booking_id: booking.id.0,
            start_time: booking.starts_at.map(Instant),
            end_time: booking.ends_at.map(Instant),
            status: status_of(booking),
        },
    }))
}
