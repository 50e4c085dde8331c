//! What became of a refund that was asked for: one function from what stands to the answer.

use axum::http::StatusCode;
use domain::idempotency::Answer;
use domain::records::{OpState, RefundState};
use serde::Serialize;
use store::reads::refunds::RefundParts;
use utoipa::ToSchema;

use super::view;
use crate::http::Problem;
use crate::http::idempotency;
use crate::http::json::MoneyNumber;

const NOTE: &str = "An administrator will look at your request; you will be told by e-mail.";

/// Whether somebody had asked for the same before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Now,
    Before,
}

/// The answer to asking for a refund; which members are there follows from `refund_type`.
#[derive(Serialize, ToSchema)]
pub(crate) struct RefundAnswer {
    success: bool,
    message: &'static str,
    refund_request_id: i64,
    payment_id: i64,
    /// automatic or `manual_review`
    refund_type: &'static str,
    currency: String,
    /// Automatic.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<f64>)]
    refund_amount: Option<MoneyNumber>,
    /// Automatic.
    #[serde(skip_serializing_if = "Option::is_none")]
    stripe_refund_id: Option<String>,
    /// Automatic.
    #[serde(skip_serializing_if = "Option::is_none")]
    booking_status: Option<String>,
    /// Automatic: APPROVED while it is on its way, PROCESSED once it has gone back
    #[serde(skip_serializing_if = "Option::is_none")]
    refund_status: Option<&'static str>,
    /// Manual.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<f64>)]
    requested_amount: Option<MoneyNumber>,
    /// Manual: PENDING or APPROVED
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'static str>,
    /// Manual.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'static str>,
    /// Everything had gone back before.
    #[serde(skip_serializing_if = "Option::is_none")]
    already_refunded: Option<bool>,
    /// The same is waiting, or on its way.
    #[serde(skip_serializing_if = "Option::is_none")]
    already_requested: Option<bool>,
}

/// What stands, told to who asked.
pub(super) fn told(parts: &RefundParts, asked: Asked) -> Result<RefundAnswer, Problem> {
    let refund = &parts.refund;
    if refund.state.open() {
        return Ok(manual(parts, asked));
    }
    if asked == Asked::Now {
        outcome(parts)?;
    }
    let done = refund.state == RefundState::Processed;
    let before = asked == Asked::Before;
    Ok(RefundAnswer {
        refund_amount: Some(MoneyNumber(refund.amount())),
        stripe_refund_id: parts.op.as_ref().and_then(|op| op.reference.clone()),
        booking_status: view::booking_status(parts),
        refund_status: Some(view::status(refund.state)),
        already_refunded: (before && done).then_some(true),
        already_requested: (before && !done).then_some(true),
        ..bare(parts, "automatic", if done { "The money has gone back." } else { "The money is on its way." })
    })
}

fn manual(parts: &RefundParts, asked: Asked) -> RefundAnswer {
    RefundAnswer {
        requested_amount: Some(MoneyNumber(parts.refund.amount())),
        status: Some(view::status(parts.refund.state)),
        note: Some(NOTE),
        already_requested: (asked == Asked::Before).then_some(true),
        ..bare(parts, "manual_review", "Your refund has been requested.")
    }
}

fn bare(parts: &RefundParts, refund_type: &'static str, message: &'static str) -> RefundAnswer {
    RefundAnswer {
        success: true,
        message,
        refund_request_id: parts.refund.id.0,
        payment_id: parts.payment.id.0,
        refund_type,
        currency: parts.refund.currency.code().to_string(),
        refund_amount: None,
        stripe_refund_id: None,
        booking_status: None,
        refund_status: None,
        requested_amount: None,
        status: None,
        note: None,
        already_refunded: None,
        already_requested: None,
    }
}

/// A refund that was sent: done or accepted by the gateway; otherwise the problem to tell.
pub(super) fn outcome(parts: &RefundParts) -> Result<(), Problem> {
    match (parts.refund.state, parts.op.as_ref().map(|op| op.state)) {
        (RefundState::Failed, _) => Err(failed(parts)),
        (RefundState::Processing, Some(OpState::Intent | OpState::InFlight)) => Err(running(parts)),
        (RefundState::Processing, Some(OpState::Unknown)) => Err(outcome_unknown(parts)),
        _ => Ok(()),
    }
}

/// Whether nothing about it will change without somebody's doing: such answers can be kept.
pub(super) fn is_final(parts: &RefundParts) -> bool {
    matches!(parts.refund.state, RefundState::Processed | RefundState::Failed)
}

/// The gateway said no; what was reserved is free again.
fn failed(parts: &RefundParts) -> Problem {
    let detail = "The payment provider refused the refund; the payment is unchanged. We will look into it.";
    Problem::bad_request("refund_failed", detail).with("refund_request_id", parts.refund.id.0).unsuccessful()
}

/// Whoever holds it has not been answered yet.
fn running(parts: &RefundParts) -> Problem {
    Problem::conflict("refund_in_progress", "This refund is being processed.")
        .with("refund_request_id", parts.refund.id.0)
        .retry_after(2)
        .unsuccessful()
}

/// 504: safe to repeat; the outcome will be where the poll points.
fn outcome_unknown(parts: &RefundParts) -> Problem {
    let detail = "The outcome of the refund is not known yet; it will be. Repeating this request is safe.";
    Problem::new(StatusCode::GATEWAY_TIMEOUT, "outcome_unknown", detail)
        .with("payment_id", parts.payment.id.0)
        .with("refund_request_id", parts.refund.id.0)
        .with("refund_status", view::status(parts.refund.state))
        .with("poll_url", format!("/api/payments/refund/status/{}/", parts.payment.id))
        .retry_after(5)
        .unsuccessful()
}

/// The form that is sent, and kept when it is final.
pub(super) fn render<T: Serialize>(told: Result<T, Problem>) -> Result<Answer, Problem> {
    told.map(|body| idempotency::success(StatusCode::OK, &body))
}

/// The kept form of either.
pub(super) fn kept(answer: &Result<Answer, Problem>) -> Answer {
    match answer {
        Ok(answer) => answer.clone(),
        Err(problem) => idempotency::failure(problem),
    }
}
