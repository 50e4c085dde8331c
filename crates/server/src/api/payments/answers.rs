//! What payment endpoints say: one function from what stands to the answer.

use axum::http::StatusCode;
use domain::gateway::Decline;
use domain::idempotency::Answer;
use domain::money::Money;
use domain::payments::{Settled, Shown};
use domain::records::{Booking, Op, OpState, Payment};
use serde::Serialize;
use serde_json::json;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::http::Problem;
use crate::http::idempotency;
use crate::http::json::{Instant, MoneyNumber, ratio};
use crate::meetings::Rooms;

/// An operation and its payment as they stand.
#[derive(Clone, Debug)]
pub(super) struct Standing {
    pub(super) op: Op,
    pub(super) payment: Payment,
    /// Heard just now, where the operation goes on.
    pub(super) decline: Option<Decline>,
    pub(super) client_secret: Option<String>,
}

impl Standing {
    pub(super) fn of(settled: &Settled) -> Standing {
        Standing {
            op: settled.op.clone(),
            payment: settled.payment.clone(),
            decline: settled.decline.clone(),
            client_secret: settled.client_secret.clone(),
        }
    }

    pub(super) fn is_running(&self) -> bool {
        matches!(self.op.state, OpState::Intent | OpState::InFlight)
    }

    /// Everything but success and waiting, which endpoints tell in their own form.
    pub(super) fn refused(&self) -> Option<Problem> {
        match self.op.state {
            OpState::Failed => Some(declined(&self.last_decline())),
            OpState::Cancelled if self.op.was_never_sent() => Some(not_charged()),
            OpState::Cancelled => Some(ended()),
            OpState::Intent | OpState::InFlight | OpState::Unknown => Some(outcome_unknown(&self.payment)),
            OpState::Late | OpState::Returned if !self.payment.state.captured() => {
                Some(outcome_unknown(&self.payment))
            }
            OpState::Waiting if self.decline.is_some() => Some(declined(&self.last_decline())),
            OpState::Waiting | OpState::Succeeded | OpState::Late | OpState::Returned => None,
        }
    }

    pub(super) fn is_waiting(&self) -> bool {
        self.op.state == OpState::Waiting
    }

    fn last_decline(&self) -> Decline {
        self.decline.clone().unwrap_or_else(|| Decline {
            code: self.op.error.clone().unwrap_or_else(|| "card_declined".into()),
            decline_code: self.op.decline_code.clone(),
            message: self.op.error_message.clone().unwrap_or_else(|| "The card was declined.".into()),
        })
    }
}

/// A definite no of the bank.
fn declined(decline: &Decline) -> Problem {
    let details = json!({ "code": decline.code, "decline_code": decline.decline_code, "param": null });
    Problem::bad_request(decline.code.clone(), decline.message.clone()).details(details).unsuccessful()
}

/// It was never sent.
fn not_charged() -> Problem {
    let detail = "The payment provider could not be reached; nothing was charged.";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "gateway_unavailable", detail).retry_after(5).unsuccessful()
}

/// Somebody ended it, or its time ran out: what it was for can be paid by a new attempt.
fn ended() -> Problem {
    let detail = "This attempt to pay was ended before anything was charged; begin a new one.";
    Problem::bad_request("intent_cancelled", detail).unsuccessful()
}

/// 504: safe to repeat; the outcome will be where the poll points.
pub(super) fn outcome_unknown(payment: &Payment) -> Problem {
    let detail = "The outcome of the payment is not known yet; it will be. Repeating this request is safe.";
    Problem::new(StatusCode::GATEWAY_TIMEOUT, "outcome_unknown", detail)
        .with("payment_id", payment.id.0)
        .with("payment_status", "PROCESSING")
        .with("poll_url", format!("/api/payments/payments/{}/", payment.id))
        .retry_after(5)
        .unsuccessful()
}

/// An answer that can be kept: final ones only.
pub(super) fn keep(told: &Result<Answer, Problem>) -> Option<Answer> {
    match told {
        Ok(answer) if answer.status != StatusCode::ACCEPTED.as_u16() => Some(answer.clone()),
        Err(problem) if problem.status() == StatusCode::BAD_REQUEST => Some(idempotency::failure(problem)),
        Ok(_) | Err(_) => None,
    }
}

#[derive(Serialize, ToSchema)]
pub(super) struct PaidBooking {
    success: bool,
    message: &'static str,
    payment_intent_id: Option<String>,
    booking_id: i64,
    payment_id: i64,
    #[schema(value_type = f64)]
    amount_paid: MoneyNumber,
    #[schema(value_type = f64)]
    session_cost: MoneyNumber,
    #[schema(value_type = f64)]
    platform_fee: MoneyNumber,
    #[schema(value_type = f64)]
    duration_hours: Box<RawValue>,
    #[schema(value_type = f64)]
    hourly_rate: MoneyNumber,
    /// `succeeded`
    status: &'static str,
    card_last4: Option<String>,
    card_brand: Option<String>,
    zoom_join_url: Option<String>,
    booking_details: BookingDetails,
}

#[derive(Serialize, ToSchema)]
struct BookingDetails {
    #[schema(value_type = Option<String>, format = DateTime)]
    start_time: Option<Instant>,
    #[schema(value_type = Option<String>, format = DateTime)]
    end_time: Option<Instant>,
    teacher_name: String,
    gig_title: String,
}

/// The answer to paying a booking.
pub(super) fn paid_booking(rooms: &Rooms, shown: &Shown, standing: &Standing) -> Result<Answer, Problem> {
    if let Some(problem) = standing.refused() {
        return Err(problem);
    }
    if standing.is_waiting() {
        return Ok(requires_action(standing));
    }
    let Standing { payment, .. } = standing;
    let Shown { booking, payee_name } = shown;
    let quote = &payment.quote;
    let paid = PaidBooking {
        success: true,
        message: "Payment processed successfully",
        payment_intent_id: payment.reference.clone(),
        booking_id: booking.id.0,
        payment_id: payment.id.0,
        amount_paid: MoneyNumber(quote.total()),
        session_cost: MoneyNumber(quote.base()),
        platform_fee: MoneyNumber(quote.fee()),
        duration_hours: duration_hours(booking),
        hourly_rate: MoneyNumber(rate(booking)),
        status: "succeeded",
        card_last4: payment.card_last_four.clone(),
        card_brand: payment.card_brand.clone(),
        zoom_join_url: rooms.meeting(booking, payment.is_paid(), payment.payer).join_url,
        booking_details: BookingDetails {
            start_time: booking.starts_at.map(Instant),
            end_time: booking.ends_at.map(Instant),
            teacher_name: payee_name.clone(),
            gig_title: booking.title.clone(),
        },
    };
    Ok(idempotency::success(StatusCode::OK, &paid))
}

#[derive(Serialize, ToSchema)]
pub(super) struct RequiresAction {
    success: bool,
    message: &'static str,
    /// `requires_action`
    status: &'static str,
    requires_action: bool,
    client_secret: Option<String>,
    payment_intent_id: Option<String>,
    payment_id: i64,
}

/// 202: the payer's client finishes the challenge.
fn requires_action(standing: &Standing) -> Answer {
    let action = RequiresAction {
        success: false,
        message: "The card needs your authentication.",
        status: "requires_action",
        requires_action: true,
        client_secret: standing.client_secret.clone(),
        payment_intent_id: standing.op.reference.clone(),
        payment_id: standing.payment.id.0,
    };
    idempotency::success(StatusCode::ACCEPTED, &action)
}

/// Hours for display, half up to two decimals; money is computed from exact seconds.
pub(crate) fn duration_hours(booking: &Booking) -> Box<RawValue> {
    let seconds = booking.slot().map_or(0, |slot| slot.length().whole_seconds());
    ratio(seconds, 3_600, 2)
}

fn rate(booking: &Booking) -> Money {
    booking.currency.minor(booking.rate_minor)
}
