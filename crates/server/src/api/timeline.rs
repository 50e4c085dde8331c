//! The life of one payment, as administrators see it: attempts with their retries, refunds, what was
//! booked, and what people did. Made from the rows that exist anyway.

use axum::extract::{Path, State};
use axum::routing::get;
use axum::{Json, Router};
use domain::id::{Id, PaymentId};
use domain::records::{Op, Refund, Word};
use domain::time::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};
use store::reads::timeline::Timeline;
use utoipa::{OpenApi, ToSchema};

use crate::app::App;
use crate::http::Problem;
use crate::http::caller::Admin;
use crate::http::json::Instant;

/// The route of this file under one of its mounts.
pub fn routes(prefix: &str) -> Router<App> {
    Router::new().route(&format!("{prefix}/admin/payments/{{id}}/timeline"), get(show_timeline))
}

/// Documentation of this file.
pub fn document() -> utoipa::openapi::OpenApi {
    #[derive(OpenApi)]
    #[openapi(paths(show_timeline))]
    struct Document;
    Document::openapi()
}

#[derive(Serialize, ToSchema)]
struct TimelineView {
    payment_id: i64,
    status: &'static str,
    /// Oldest first
    events: Vec<Moment>,
}

#[derive(Serialize, ToSchema)]
struct Moment {
    #[schema(value_type = String, format = DateTime)]
    at: Instant,
    /// Such as `payment.created`, `attempt.retried`, `entry.charge` or an action of the audit
    what: String,
    #[schema(value_type = Object)]
    details: Value,
}

fn moment(at: Timestamp, what: impl Into<String>, details: Value) -> Moment {
    Moment { at: Instant(at), what: what.into(), details }
}

/// All that has happened to a payment, with the retries of temporary failures.
#[utoipa::path(
    get, path = "/api/payments/admin/payments/{id}/timeline/", tag = "admin", security(("bearer" = [])),
    params(("id" = i64, Path)),
    responses(
        (status = 200, body = TimelineView),
        crate::http::openapi::Refused,
    ),
)]
async fn show_timeline(
    State(app): State<App>,
    _: Admin,
    Path(id): Path<String>,
) -> Result<Json<TimelineView>, Problem> {
    let id: i64 = id.parse().ok().filter(|id| *id > 0).ok_or_else(Problem::not_found)?;
    let id = PaymentId::from_raw(id);
    let found = app.db.read(move |reads| reads.timeline(id)).await?.ok_or_else(Problem::not_found)?;
    let status = found.payment.state.word();
    Ok(Json(TimelineView { payment_id: id.raw(), status, events: events(found) }))
}

fn events(found: Timeline) -> Vec<Moment> {
    let Timeline { payment, ops, refunds, entries, audit } = found;
    let total = payment.quote.total();
    let created = json!({ "total_cents": total.minor, "currency": payment.quote.currency.code() });
    let mut events = vec![moment(payment.created_at, "payment.created", created)];
    events.extend(payment.paid_at.map(|at| moment(at, "payment.paid", json!({}))));
    events.extend(payment.released_at.map(|at| moment(at, "payment.released", json!({}))));
    events.extend(ops.iter().flat_map(of_op));
    events.extend(refunds.iter().flat_map(of_refund));
    events.extend(entries.into_iter().map(|entry| {
        let about = json!({ "subject": entry.subject, "subject_id": entry.subject_id });
        moment(entry.at, format!("entry.{}", entry.recipe), about)
    }));
    events.extend(audit.into_iter().map(|entry| {
        let change = serde_json::from_str(&entry.change).unwrap_or_default();
        moment(entry.at, entry.action, change)
    }));
    events.sort_by_key(|event| event.at.0);
    events
}

fn of_op(op: &Op) -> Vec<Moment> {
    let about = || json!({ "attempt": op.id.raw(), "kind": op.kind.word(), "gateway": op.gateway });
    let mut events = vec![moment(op.created_at, "attempt.begun", about())];
    events.extend(op.first_sent_at.map(|at| moment(at, "attempt.sent", about())));
    let mut last = about();
    last["tries"] = json!(op.tries);
    last["error"] = json!(op.error);
    last["decline_code"] = json!(op.decline_code);
    last["next_try_at"] = json!(op.wake_at.map(|at| Instant(at).text()));
    let retried = op.state.live() && op.tries > 1;
    let what = if retried { "attempt.retried".to_owned() } else { format!("attempt.{}", op.state.word()) };
    events.push(moment(op.updated_at, what, last));
    events
}

fn of_refund(refund: &Refund) -> Vec<Moment> {
    let about = || json!({ "refund": refund.id.raw(), "amount_cents": refund.amount_minor });
    let mut events = vec![moment(refund.created_at, "refund.requested", about())];
    events.extend(refund.reviewed_at.map(|at| moment(at, "refund.reviewed", about())));
    events.extend(refund.processed_at.map(|at| moment(at, "refund.processed", about())));
    events
}
