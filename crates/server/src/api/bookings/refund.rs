//! The money of a cancelled booking: driven at its gateway at once, told as it stands.

use std::time::Duration;

use domain::bookings::Cancelled;
use domain::id::{OpId, PaymentId, RefundId};
use domain::records::{Op, Refund, Word};
use serde::Serialize;
use store::engine::Fault;
use store::reads::Reads;
use utoipa::ToSchema;

use crate::api::refunds::drive::{Pace, drive};
use crate::app::App;
use crate::http::json::{Instant, MoneyNumber};
use crate::protocol::{Driven, Protocol};

/// How long an answer waits for the gateway; what is not known by then is processing.
const ANSWER_WITHIN: Duration = Duration::from_secs(8);

/// Money on its way back.
#[derive(Serialize, ToSchema)]
pub(crate) struct RefundView {
    id: i64,
    payment_id: i64,
    #[schema(value_type = f64)]
    amount: MoneyNumber,
    amount_cents: i64,
    currency: String,
    /// processing, processed or failed; requested or approved where an administrator decides
    status: &'static str,
    stripe_refund_id: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Instant,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Instant,
}

/// Ends the open charges and drives the refund. A task of its own, because neither patience nor
/// the client's connection decides whether the money moves.
pub(super) async fn give_back(app: &App, cancelled: &Cancelled) {
    if cancelled.drop.is_empty() && cancelled.refund.is_none() {
        return;
    }
    let drop = cancelled.drop.clone();
    let refund = cancelled.refund.map(|(_, op)| op);
    // Asked for again: only looks whether it is time, so that nobody can hurry the gateway.
    let pace = if cancelled.changed { Pace::AtOnce } else { Pace::WhenDue };
    let protocol = app.protocol.clone();
    let task = tokio::spawn(async move {
        for op in drop {
            if let Some(refund) = end_charge(&protocol, op).await? {
                drive(&protocol, refund, Pace::AtOnce).await?;
            }
        }
        match refund {
            Some(op) => drive(&protocol, op, pace).await,
            None => Ok(()),
        }
    });
    match tokio::time::timeout(ANSWER_WITHIN, task).await {
        Ok(Ok(Err(error))) => tracing::warn!(%error, "a refund waits for recovery"),
        Ok(Err(error)) => tracing::error!(%error, "driving a refund failed"),
        Ok(Ok(Ok(()))) | Err(_) => {}
    }
}

/// Cancels a charge at its gateway. One that had the money already is paid back: that refund.
async fn end_charge(protocol: &Protocol, op: OpId) -> Result<Option<OpId>, store::Error> {
    let Some(op) = protocol.find(op).await? else { return Ok(None) };
    match protocol.take(&op, true, true).await? {
        Some(Driven::Charge(settled)) => Ok(settled.refund),
        Some(Driven::Refund(_)) | None => Ok(None),
    }
}

/// The refund that was started, or the payment's latest.
pub(super) fn standing(
    reads: &mut Reads<'_>,
    payment: Option<PaymentId>,
    started: Option<RefundId>,
) -> Result<Option<RefundView>, Fault> {
    let Some(payment) = payment else { return Ok(None) };
    let refunds = reads.of::<Refund>(&payment)?;
    let meant = |refund: &&Refund| started.is_none_or(|id| refund.id == id);
    let Some(refund) = refunds.iter().filter(meant).max_by_key(|refund| refund.id) else { return Ok(None) };
    let op = match refund.op {
        Some(op) => reads.find::<Op>(&op)?,
        None => None,
    };
    Ok(Some(RefundView {
        id: refund.id.0,
        payment_id: refund.payment.0,
        amount: MoneyNumber(refund.amount()),
        amount_cents: refund.amount_minor,
        currency: refund.currency.code().to_string(),
        status: refund.state.word(),
        stripe_refund_id: op.and_then(|op| op.reference),
        created_at: Instant(refund.created_at),
        updated_at: Instant(refund.updated_at),
    }))
}
