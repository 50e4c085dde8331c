//! Cancelling and declining: the time is free and the money on its way back before the answer.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use domain::bookings::{Cancel, Cancelled};
use domain::id::Id;
use domain::idempotency::{Keep, Key, Ran, Repeatable};
use domain::records::RefundCause;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::refund::{RefundView, give_back, standing};
use super::scope::{Action, Found, find};
use super::view::{BookingView, Look, render};
use crate::app::App;
use crate::http::Problem;
use crate::http::caller::Caller;
use crate::http::idempotency::{self, respond};
use crate::http::json::FreeText;
use crate::http::openapi::IdempotencyKey;

#[derive(Deserialize, ToSchema)]
#[schema(example = json!({ "reason": "I am ill" }))]
pub(crate) struct CancelBooking {
    /// At most 1000 characters.
    #[schema(value_type = Option<String>)]
    reason: Option<FreeText>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct CancelledBooking {
    message: &'static str,
    booking: BookingView,
    /// Null where nothing had been paid.
    refund: Option<RefundView>,
}

/// Cancel a booking, as either party; what was paid goes back.
#[utoipa::path(
    post, path = "/api/bookings/bookings/{id}/cancel/", tag = "bookings", security(("bearer" = [])),
    params(("id" = i64, Path), IdempotencyKey),
    request_body = Option<CancelBooking>,
    responses(
        (status = 200, body = CancelledBooking),
        crate::http::openapi::Refused,
    ),
)]
pub(crate) async fn cancel_booking(
    State(app): State<App>,
    action: Action<CancelBooking>,
) -> Result<Response, Problem> {
    let key = action.key("cancel_booking")?;
    let found = action.find(&app).await?;
    end(
        &app,
        &found,
        Ending { cause: RefundCause::Cancelled, reason: action.value.reason.map(String::from), key },
    )
    .await
}

/// Decline a requested session, as its teacher; what was paid goes back.
#[utoipa::path(
    post, path = "/api/bookings/bookings/{id}/decline/", tag = "bookings", security(("bearer" = [])),
    params(("id" = i64, Path), IdempotencyKey),
    request_body = Option<CancelBooking>,
    responses(
        (status = 200, body = CancelledBooking),
        crate::http::openapi::Refused,
    ),
)]
pub(crate) async fn decline_booking(
    State(app): State<App>,
    action: Action<CancelBooking>,
) -> Result<Response, Problem> {
    let key = action.key("decline_booking")?;
    let found = action.find(&app).await?;
    end(
        &app,
        &found,
        Ending { cause: RefundCause::Declined, reason: action.value.reason.map(String::from), key },
    )
    .await
}

/// Cancel a booking; it stays, as every money row does.
#[utoipa::path(
    delete, path = "/api/bookings/bookings/{id}/", tag = "bookings", security(("bearer" = [])),
    params(("id" = i64, Path)),
    responses(
        (status = 204),
        crate::http::openapi::Refused,
    ),
)]
pub(crate) async fn delete_booking(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let found = find(&app, &caller.person, &id).await?;
    let ending = Ending { cause: RefundCause::Cancelled, reason: None, key: None };
    if let Ran::Now(cancelled) = app.db.submit(ending.of(&found)).await? {
        give_back(&app, &cancelled).await;
    }
    Ok(StatusCode::NO_CONTENT)
}

/// How a booking is to end.
struct Ending {
    cause: RefundCause,
    reason: Option<String>,
    key: Option<Key>,
}

impl Ending {
    fn of(&self, found: &Found) -> Repeatable<Cancel> {
        let command = Cancel {
            booking: found.parts.booking.id,
            payer: found.parts.booking.payer,
            actor: found.actor,
            cause: self.cause,
            reason: self.reason.clone().unwrap_or_default(),
        };
        Repeatable { command, key: self.key.clone() }
    }
}

async fn end(app: &App, found: &Found, ending: Ending) -> Result<Response, Problem> {
    let cancelled = match app.db.submit(ending.of(found)).await? {
        Ran::Now(cancelled) => cancelled,
        Ran::Replay(answer) => return Ok(respond(answer, true)),
    };
    give_back(app, &cancelled).await;
    let answer = idempotency::success(StatusCode::OK, &told(app, &cancelled).await?);
    if let Some(key) = ending.key {
        app.db.record(Keep { key, answer: answer.clone() }).await?;
    }
    Ok(respond(answer, false))
}

/// What stands now that the gateway has been asked.
async fn told(app: &App, cancelled: &Cancelled) -> Result<CancelledBooking, Problem> {
    let id = cancelled.booking.id;
    let refund = cancelled.refund.map(|(refund, _)| refund).or(cancelled.requested);
    // A dropped charge that had the money already is refunded without having been planned.
    let refunds = refund.is_some() || !cancelled.drop.is_empty();
    let (parts, refund) = app
        .db
        .read(move |reads| {
            let parts = reads.booking(id)?;
            let payment = parts.as_ref().and_then(|parts| parts.booking.payment);
            let refund = standing(reads, payment.filter(|_| refunds), refund)?;
            Ok((parts, refund))
        })
        .await?;
    let parts = parts.ok_or_else(|| Problem::internal(format!("booking {} has gone", id.raw())))?;
    Ok(CancelledBooking {
        message: if cancelled.changed {
            "The booking is cancelled."
        } else {
            "The booking was cancelled before."
        },
        booking: render(&parts, &Look::of(app, parts.booking.payer)),
        refund,
    })
}
