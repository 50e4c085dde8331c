//! The administrator's decisions: one at a time or many, with the money sent before the answer.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use domain::id::{Id, RefundId};
use domain::idempotency::{Answer, Keep, Key, Look, Ran, Repeatable, Seen};
use domain::refunds::{Review, Reviewed, Verdict};
use domain::refusal::Refusal;
use serde::{Deserialize, Serialize};
use store::reads::refunds::RefundParts;
use utoipa::ToSchema;

use super::answers::{is_final, kept, outcome, render};
use super::drive::{Pace, settle, settle_all};
use super::request::load;
use super::requests::viewer;
use super::scope::{client_key, refund_id};
use super::view::{self, RefundRequestView};
use crate::app::App;
use crate::http::caller::Admin;
use crate::http::idempotency::{respond, success};
use crate::http::json::MoneyNumber;
use crate::http::openapi::IdempotencyKey;
use crate::http::{Body, Problem};

/// Requests decided in one call.
const IDS_MAX: usize = 200;

#[derive(Deserialize, ToSchema)]
pub(crate) struct EditRefundRequest {
    status: RefundDecision,
    /// At most 2000 characters.
    admin_notes: Option<String>,
}

#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum RefundDecision {
    Approved,
    Rejected,
}

/// Approve or reject a refund request.
#[utoipa::path(
    patch, path = "/api/payments/refund-requests/{id}/", tag = "refunds", security(("bearer" = [])),
    params(("id" = i64, Path)), request_body = EditRefundRequest,
    responses(
        (status = 200, body = RefundRequestView),
        crate::http::openapi::RefusedOrBroken,
    ),
)]
pub(crate) async fn edit_refund_request(
    state: State<App>,
    admin: Admin,
    id: Path<String>,
    body: Body<EditRefundRequest>,
) -> Result<Json<RefundRequestView>, Problem> {
    edit(state, admin, id, body).await
}

/// Approve or reject a refund request; the same as PATCH.
#[utoipa::path(
    put, path = "/api/payments/refund-requests/{id}/", tag = "refunds", security(("bearer" = [])),
    params(("id" = i64, Path)), request_body = EditRefundRequest,
    responses(
        (status = 200, body = RefundRequestView),
        crate::http::openapi::RefusedOrBroken,
    ),
)]
pub(crate) async fn replace_refund_request(
    state: State<App>,
    admin: Admin,
    id: Path<String>,
    body: Body<EditRefundRequest>,
) -> Result<Json<RefundRequestView>, Problem> {
    edit(state, admin, id, body).await
}

async fn edit(
    State(app): State<App>,
    Admin(caller): Admin,
    Path(id): Path<String>,
    body: Body<EditRefundRequest>,
) -> Result<Json<RefundRequestView>, Problem> {
    let verdict = match body.value.status {
        RefundDecision::Approved => Verdict::Approve,
        RefundDecision::Rejected => Verdict::Reject,
    };
    let (refund, notes) = (refund_id(&id)?, body.value.admin_notes);
    let reviewed = app.db.submit(Review { refund, by: caller.person.id, verdict, notes }).await?;
    follow(&app, &reviewed).await;
    let parts = load(&app, refund).await?;
    Ok(Json(view::request(&parts, viewer(&app, &caller))))
}

/// Sends the money that a decision has set free.
async fn follow(app: &App, reviewed: &Reviewed) {
    let pace = if reviewed.changed { Pace::AtOnce } else { Pace::WhenDue };
    if let Some(op) = reviewed.op {
        settle(app, op, pace).await;
    }
}

#[derive(Serialize, ToSchema)]
pub(crate) struct ProcessedRefund {
    success: bool,
    message: &'static str,
    refund_request_id: i64,
    /// The payment provider's.
    refund_id: Option<String>,
    #[schema(value_type = f64)]
    amount_refunded: MoneyNumber,
    currency: String,
    /// APPROVED while it is on its way, then PROCESSED; REJECTED after a rejection
    status: &'static str,
}

/// What became of one decision.
pub(super) fn processed(parts: &RefundParts) -> Result<ProcessedRefund, Problem> {
    outcome(parts)?;
    let refund = &parts.refund;
    let status = view::status(refund.state);
    Ok(ProcessedRefund {
        success: true,
        message: match status {
            "PROCESSED" => "The money has gone back.",
            "REJECTED" => "The refund was rejected.",
            _ if refund.state.open() => "The refund was approved.",
            _ => "The money is on its way.",
        },
        refund_request_id: refund.id.0,
        refund_id: parts.op.as_ref().and_then(|op| op.reference.clone()),
        amount_refunded: MoneyNumber(view::refunded(refund)),
        currency: refund.currency.code().to_string(),
        status,
    })
}

/// Decides about one request and sends what is to be sent; the same request again is told the same.
pub(super) async fn decide(app: &App, review: Review, key: Option<Key>) -> Result<Response, Problem> {
    let refund = review.refund;
    let command = Repeatable { command: review, key: key.clone() };
    let reviewed = match app.db.submit(command).await? {
        Ran::Now(reviewed) => reviewed,
        Ran::Replay(answer) => return Ok(respond(answer, true)),
    };
    follow(app, &reviewed).await;
    let parts = load(app, refund).await?;
    let told = render(processed(&parts));
    let decided = is_final(&parts) || reviewed.op.is_none();
    if let Some(key) = key.filter(|_| decided) {
        app.db.record(Keep { key, answer: kept(&told) }).await?;
    }
    told.map(|answer| respond(answer, false))
}

/// Send an approved refund, or one that had failed.
#[utoipa::path(
    post, path = "/api/payments/refund-requests/{id}/process/", tag = "refunds", security(("bearer" = [])),
    params(("id" = i64, Path), IdempotencyKey),
    responses(
        (status = 200, body = ProcessedRefund),
        crate::http::openapi::RefusedOrBroken,
    ),
)]
pub(crate) async fn process_refund_request(
    State(app): State<App>,
    Admin(caller): Admin,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body<Nothing>,
) -> Result<Response, Problem> {
    let person = &caller.person;
    let refund = refund_id(&id)?;
    let key = client_key(person, "process_refund_request", (&[&id], body.digest), &headers)?;
    decide(&app, Review { refund, by: person.id, verdict: Verdict::Send, notes: None }, key).await
}

/// A body whose members nobody reads.
#[derive(Deserialize, ToSchema)]
pub(crate) struct Nothing {}

#[derive(Deserialize, ToSchema)]
pub(crate) struct DecideRefundRequests {
    /// At most 200.
    ids: Vec<i64>,
    action: RefundAction,
    /// At most 2000 characters.
    admin_notes: Option<String>,
}

#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum RefundAction {
    Approve,
    Reject,
    #[serde(rename = "process")]
    Send,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct DecidedRefundRequests {
    success: bool,
    message: String,
    results: Vec<DecidedRefundRequest>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct DecidedRefundRequest {
    id: i64,
    success: bool,
    /// Null where there is no such request.
    status: Option<&'static str>,
    #[schema(value_type = Option<f64>)]
    amount_refunded: Option<MoneyNumber>,
    code: Option<String>,
    error: Option<String>,
}

/// Decide about many refund requests; each has its own result.
#[utoipa::path(
    post, path = "/api/payments/refund-requests/bulk/", tag = "refunds", security(("bearer" = [])),
    params(IdempotencyKey),
    request_body = DecideRefundRequests,
    responses(
        (status = 200, body = DecidedRefundRequests),
        crate::http::openapi::RefusedOrBroken,
    ),
)]
pub(crate) async fn decide_refund_requests(
    State(app): State<App>,
    Admin(caller): Admin,
    headers: HeaderMap,
    body: Body<DecideRefundRequests>,
) -> Result<Response, Problem> {
    let person = &caller.person;
    let ids = ids(&body.value.ids)?;
    let key = client_key(person, "decide_refund_requests", (&[], body.digest), &headers)?;
    let verdict = match body.value.action {
        RefundAction::Approve => Verdict::Approve,
        RefundAction::Reject => Verdict::Reject,
        RefundAction::Send => Verdict::Send,
    };
    if let Some(answer) = seen(&app, key.as_ref()).await? {
        return Ok(respond(answer, true));
    }
    let mut decided = Vec::new();
    for refund in ids {
        let notes = body.value.admin_notes.clone();
        let review = Review { refund, by: person.id, verdict, notes };
        decided.push((refund, one(&app, review).await?));
    }
    let ops = decided.iter().filter_map(|(_, told)| told.as_ref().ok()?.op).collect();
    settle_all(&app, ops).await;
    let results = results(&app, decided).await?;
    let done = results.iter().filter(|result| result.success).count();
    let message = format!("{done} of {} requests done", results.len());
    let answer = success(StatusCode::OK, &DecidedRefundRequests { success: true, message, results });
    if let Some(key) = key {
        app.db.record(Keep { key, answer: answer.clone() }).await?;
    }
    Ok(respond(answer, false))
}

/// Each once, in the order given. A batch that is wrong as a whole changes nothing (H-14).
fn ids(raw: &[i64]) -> Result<Vec<RefundId>, Problem> {
    if raw.is_empty() || raw.len() > IDS_MAX {
        return Err(Problem::field("ids", format!("must be 1 to {IDS_MAX} ids")));
    }
    if raw.iter().any(|id| *id < 1) {
        return Err(Problem::field("ids", "must be positive"));
    }
    let mut ids = Vec::new();
    for id in raw.iter().copied().map(RefundId::from_raw) {
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    Ok(ids)
}

/// The answer given before under this key.
async fn seen(app: &App, key: Option<&Key>) -> Result<Option<Answer>, Problem> {
    let Some(key) = key.cloned() else { return Ok(None) };
    match app.db.submit(Look { key }).await? {
        Seen::Answered(answer) => Ok(Some(answer)),
        Seen::Never | Seen::Running(_) => Ok(None),
    }
}

/// A refusal is the result of its request; anything else ends the batch where it is.
async fn one(app: &App, review: Review) -> Result<Result<Reviewed, Refusal>, Problem> {
    match app.db.submit(review).await {
        Ok(reviewed) => Ok(Ok(reviewed)),
        Err(store::Error::Refused(refusal @ Refusal::Invalid(_))) => Err(refusal.into()),
        Err(store::Error::Refused(refusal)) => Ok(Err(refusal)),
        Err(error) => Err(error.into()),
    }
}

async fn results(
    app: &App,
    decided: Vec<(RefundId, Result<Reviewed, Refusal>)>,
) -> Result<Vec<DecidedRefundRequest>, Problem> {
    let mut results = Vec::new();
    for (id, told) in decided {
        let found = app.db.read(move |reads| reads.refund(id)).await?;
        let problem = match (&told, &found) {
            (Err(refusal), _) => Some(Problem::from(refusal.clone())),
            (Ok(_), Some(parts)) => outcome(parts).err(),
            (Ok(_), None) => Some(Problem::not_found()),
        };
        let refund = found.map(|parts| parts.refund);
        results.push(DecidedRefundRequest {
            id: id.raw(),
            success: problem.is_none(),
            status: refund.as_ref().map(|refund| view::status(refund.state)),
            amount_refunded: refund.as_ref().map(|refund| MoneyNumber(view::refunded(refund))),
            code: problem.as_ref().map(|problem| problem.code().to_owned()),
            error: problem.map(|problem| problem.detail().to_owned()),
        });
    }
    Ok(results)
}
