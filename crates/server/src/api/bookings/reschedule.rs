//! Moving a session, at once or by asking the other party.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use domain::bookings::{Form, Reschedule, Rescheduled, Respond};
use domain::idempotency::{Answer, Key};
use domain::records::{Booking, ProposalOutcome};
use domain::schedule::Slot;
use domain::time::Span;
use serde::{Deserialize, Serialize};
use store::reads::bookings::BookingParts;
use utoipa::ToSchema;

use super::change::{ZoomInfo, now_with, once};
use super::scope::{Action, Found};
use super::view::{BookingView, Look, render, uuid_of};
use crate::app::App;
use crate::http::Problem;
use crate::http::idempotency;
use crate::http::json::{FreeText, Instant};
use crate::http::openapi::IdempotencyKey;

/// Minutes of a session whose end is not named.
const DURATION_DEFAULT: i64 = 60;
const DURATION_MAX: i64 = 24 * 60;

/// When the session is to be; `start_time` and `new_start_time` mean the same.
#[derive(Deserialize, ToSchema)]
pub(crate) struct RescheduleInput {
    #[schema(value_type = Option<String>, format = DateTime)]
    start_time: Option<Instant>,
    #[schema(value_type = Option<String>, format = DateTime)]
    new_start_time: Option<Instant>,
    #[schema(value_type = Option<String>, format = DateTime)]
    end_time: Option<Instant>,
    #[schema(value_type = Option<String>, format = DateTime)]
    new_end_time: Option<Instant>,
    /// Minutes, where no end is named; 60 unless given.
    duration: Option<i64>,
    /// At most 1000 characters.
    #[schema(value_type = Option<String>)]
    reason: Option<FreeText>,
}

impl RescheduleInput {
    fn slot(&self) -> Result<Slot, Problem> {
        let start = self.start_time.or(self.new_start_time);
        let Instant(starts_at) = start.ok_or_else(|| Problem::field("start_time", "is required"))?;
        if let Some(Instant(ends_at)) = self.end_time.or(self.new_end_time) {
            return Ok(Slot { starts_at, ends_at });
        }
        let minutes = self.duration.unwrap_or(DURATION_DEFAULT);
        if !(1..=DURATION_MAX).contains(&minutes) {
            return Err(Problem::field("duration", "must be 1 to 1440 minutes"));
        }
        let ends_at = starts_at + Span::minutes(minutes);
        if !Instant(ends_at).is_in_calendar() {
            return Err(Problem::field("start_time", "is out of range"));
        }
        Ok(Slot { starts_at, ends_at })
    }
}

/// What became of it: `changes` when the session was moved, `reschedule_request` when the other party
/// has to agree.
#[derive(Serialize, ToSchema)]
pub(crate) struct RescheduledBooking {
    message: &'static str,
    booking: BookingView,
    zoom_info: ZoomInfo,
    #[serde(skip_serializing_if = "Option::is_none")]
    changes: Option<Changes>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reschedule_request: Option<RescheduleRequest>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Changes {
    #[schema(value_type = String, format = DateTime)]
    old_start_time: Instant,
    #[schema(value_type = String, format = DateTime)]
    old_end_time: Instant,
    #[schema(value_type = String, format = DateTime)]
    new_start_time: Instant,
    #[schema(value_type = String, format = DateTime)]
    new_end_time: Instant,
    reason: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct RescheduleRequest {
    /// A user id.
    requested_by: String,
    /// PENDING
    status: &'static str,
    #[schema(value_type = String, format = DateTime)]
    requested_start_time: Instant,
    #[schema(value_type = String, format = DateTime)]
    requested_end_time: Instant,
    reason: Option<String>,
    /// A user id.
    awaiting_response_from: String,
}

/// Move a session; where the marketplace wants both parties to agree, ask for it.
#[utoipa::path(
    post, path = "/api/bookings/bookings/{id}/reschedule/", tag = "bookings", security(("bearer" = [])),
    params(("id" = i64, Path), IdempotencyKey),
    request_body = RescheduleInput,
    responses(
        (status = 200, body = RescheduledBooking),
        (status = 409, description = "the time is taken, the booking has changed, a request is open or a payment \
         is under way", body = crate::http::openapi::ProblemSchema, content_type = "application/problem+json"),
        crate::http::openapi::Refused,
    ),
)]
pub(crate) async fn reschedule_booking(
    State(app): State<App>,
    action: Action<RescheduleInput>,
) -> Result<Response, Problem> {
    let key = action.key("reschedule_booking")?;
    reschedule(&app, action, (Form::AtOnce, key)).await
}

/// Ask the other party to move a session.
#[utoipa::path(
    post, path = "/api/bookings/bookings/{id}/request_reschedule/", tag = "bookings",
    security(("bearer" = [])),
    params(("id" = i64, Path), IdempotencyKey),
    request_body = RescheduleInput,
    responses(
        (status = 200, body = RescheduledBooking),
        (status = 409, description = "the time is taken, the booking has changed or a request is open",
         body = crate::http::openapi::ProblemSchema, content_type = "application/problem+json"),
        crate::http::openapi::Refused,
    ),
)]
pub(crate) async fn request_reschedule(
    State(app): State<App>,
    action: Action<RescheduleInput>,
) -> Result<Response, Problem> {
    let key = action.key("request_reschedule")?;
    reschedule(&app, action, (Form::Ask, key)).await
}

async fn reschedule(
    app: &App,
    action: Action<RescheduleInput>,
    (form, key): (Form, Option<Key>),
) -> Result<Response, Problem> {
    let slot = action.value.slot()?;
    let Found { parts, actor } = action.find(app).await?;
    let reason = action.value.reason.map(String::from);
    let command = Reschedule {
        booking: parts.booking.id,
        payer: parts.booking.payer,
        actor,
        seen: parts.booking.version,
        slot,
        reason: reason.clone(),
        form,
    };
    let look = Look::of(app, action.caller.person.id);
    let answer = move |done: &Rescheduled| rescheduled(&parts, done, (&look, reason.as_deref()));
    Ok(once(app, command, key, Arc::new(answer)).await?)
}

fn rescheduled(parts: &BookingParts, done: &Rescheduled, (look, reason): (&Look, Option<&str>)) -> Answer {
    let (message, booking, changes) = match done {
        Rescheduled::Moved { booking, from } => {
            ("The session has been moved.", booking, Some(changes(booking, *from, reason)))
        }
        Rescheduled::Asked(booking) => ("The other party has been asked to move the session.", booking, None),
    };
    let parts = now_with(parts, booking);
    let body = RescheduledBooking {
        message,
        booking: render(&parts, look),
        zoom_info: look.meeting(&parts).into(),
        reschedule_request: if changes.is_none() { request(&parts) } else { None },
        changes,
    };
    idempotency::success(StatusCode::OK, &body)
}

fn changes(booking: &Booking, from: Slot, reason: Option<&str>) -> Changes {
    let to = booking.slot().unwrap_or(from);
    Changes {
        old_start_time: Instant(from.starts_at),
        old_end_time: Instant(from.ends_at),
        new_start_time: Instant(to.starts_at),
        new_end_time: Instant(to.ends_at),
        reason: reason.map(str::to_owned),
    }
}

fn request(parts: &BookingParts) -> Option<RescheduleRequest> {
    let proposal = parts.booking.proposal()?;
    Some(RescheduleRequest {
        requested_by: uuid_of(parts, proposal.by),
        status: "PENDING",
        requested_start_time: Instant(proposal.slot.starts_at),
        requested_end_time: Instant(proposal.slot.ends_at),
        awaiting_response_from: uuid_of(parts, parts.booking.awaited(&proposal)),
        reason: proposal.reason,
    })
}

#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum ResponseAction {
    Confirmed,
    Declined,
}

#[derive(Deserialize, ToSchema)]
pub(crate) struct RescheduleResponse {
    action: ResponseAction,
    /// At most 1000 characters; kept in the audit trail.
    #[schema(value_type = Option<String>)]
    response_message: Option<FreeText>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct AnsweredReschedule {
    message: &'static str,
    booking: BookingView,
}

/// Answer the other party's request to move a session.
#[utoipa::path(
    post, path = "/api/bookings/bookings/{id}/respond_reschedule/", tag = "bookings",
    security(("bearer" = [])),
    params(("id" = i64, Path), IdempotencyKey),
    request_body = RescheduleResponse,
    responses(
        (status = 200, body = AnsweredReschedule),
        (status = 409, description = "the time is taken or the booking has changed",
         body = crate::http::openapi::ProblemSchema, content_type = "application/problem+json"),
        crate::http::openapi::Refused,
    ),
)]
pub(crate) async fn respond_reschedule(
    State(app): State<App>,
    action: Action<RescheduleResponse>,
) -> Result<Response, Problem> {
    let key = action.key("respond_reschedule")?;
    let Found { parts, actor } = action.find(&app).await?;
    let input = action.value;
    let (outcome, message) = match input.action {
        ResponseAction::Confirmed => (ProposalOutcome::Confirmed, "The session has been moved."),
        ResponseAction::Declined => (ProposalOutcome::Declined, "The session stays where it is."),
    };
    let command = Respond {
        booking: parts.booking.id,
        payer: parts.booking.payer,
        actor,
        seen: parts.booking.version,
        outcome,
        message: input.response_message.map(String::from),
    };
    let look = Look::of(&app, action.caller.person.id);
    let answer = move |booking: &Booking| {
        let booking = render(&now_with(&parts, booking), &look);
        idempotency::success(StatusCode::OK, &AnsweredReschedule { message, booking })
    };
    Ok(once(&app, command, key, Arc::new(answer)).await?)
}
