//! Asking for a refund, as the web client does after cancelling: sent at once where it may be.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use domain::id::{OpId, RefundId};
use domain::idempotency::{Keep, Key};
use domain::records::Op;
use domain::refunds::{Request, Requested, Way};
use serde::{Deserialize, Serialize};
use store::reads::refunds::{RefundFilter, RefundParts};
use utoipa::ToSchema;

use super::answers::{self, Asked, RefundAnswer, is_final, kept, render};
use super::drive::{Pace, settle};
use super::scope;
use super::view::{OwnRefund, own};
use crate::app::App;
use crate::http::caller::Caller;
use crate::http::idempotency::{self, respond};
use crate::http::json::MoneyText;
use crate::http::openapi::IdempotencyKey;
use crate::http::page::{Cursor, ListQuery, link_next};
use crate::http::{Body, Problem, Query};

#[derive(Deserialize, ToSchema)]
pub(crate) struct RefundRequest {
    payment_id: i64,
    /// At most 1000 characters.
    reason: Option<String>,
    /// All that is left unless given.
    #[schema(value_type = Option<f64>)]
    requested_amount_dollars: Option<MoneyText>,
}

/// Ask for a refund, as payer, as payee of a booking, or as administrator.
#[utoipa::path(
    post, path = "/api/payments/refund/request/", tag = "refunds", security(("bearer" = [])),
    params(IdempotencyKey),
    request_body = RefundRequest,
    responses(
        (status = 200, body = RefundAnswer),
        crate::http::openapi::RefusedOrBroken,
    ),
)]
pub(crate) async fn request_refund(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    body: Body<RefundRequest>,
) -> Result<Response, Problem> {
    let person = &caller.person;
    let payment = scope::payment(&app, person, body.value.payment_id).await?;
    let digest = body.digest;
    let request = idempotency::Request { person: person.id, operation: "request_refund", path: &[], digest };
    let key = request.key_or_derived(&headers, app.policies.derived_window)?;
    let amount = body.value.requested_amount_dollars.as_ref();
    let amount =
        amount.map(|text| text.money("requested_amount_dollars", payment.quote.currency)).transpose()?;
    let command = Request {
        payment: payment.id,
        by: scope::asking(person),
        amount,
        reason: body.value.reason.unwrap_or_default(),
        way: Way::ByPolicy,
        key: Some(key.clone()),
    };
    answer(&app, app.db.submit(command).await?, key).await
}

/// Drives what was started and tells what stands.
async fn answer(app: &App, requested: Requested, key: Key) -> Result<Response, Problem> {
    let explicit = key.window.is_none();
    let (refund, op, asked, keep) = match requested {
        Requested::Replay(answer) => return Ok(respond(answer, true)),
        Requested::Join(op) => {
            settle(app, op, Pace::WhenDue).await;
            let parts = load(app, refund_of(app, op).await?).await?;
            let told = render(answers::told(&parts, Asked::Now));
            keep_final(app, Some(key), &parts, &told).await?;
            return told.map(|answer| respond(answer, true));
        }
        Requested::Started { refund, op, keep } => (refund, Some((op, Pace::AtOnce)), Asked::Now, keep),
        Requested::Noted(refund) => (refund, None, Asked::Now, explicit),
        Requested::Standing(refund) => {
            let op = refund.op.map(|op| (op, Pace::WhenDue));
            (refund, op, Asked::Before, explicit)
        }
    };
    if let Some((op, pace)) = op {
        settle(app, op, pace).await;
    }
    let parts = load(app, refund.id).await?;
    let told = render(answers::told(&parts, asked));
    keep_final(app, Some(key).filter(|_| keep), &parts, &told).await?;
    told.map(|answer| respond(answer, false))
}

/// Keeps an answer that will not change; a request that waits is final as an answer.
async fn keep_final(
    app: &App,
    key: Option<Key>,
    parts: &RefundParts,
    told: &Result<domain::idempotency::Answer, Problem>,
) -> Result<(), Problem> {
    let Some(key) = key.filter(|_| is_final(parts) || parts.refund.state.open()) else { return Ok(()) };
    app.db.record(Keep { key, answer: kept(told) }).await?;
    Ok(())
}

pub(super) async fn load(app: &App, id: RefundId) -> Result<RefundParts, Problem> {
    let found = app.db.read(move |reads| reads.refund(id)).await?;
    found.ok_or_else(|| Problem::internal(format!("refund {id} has gone")))
}

async fn refund_of(app: &App, op: OpId) -> Result<RefundId, Problem> {
    let found = app.db.read(move |reads| reads.find::<Op>(&op)).await?;
    let refund = found.and_then(|op| op.refund);
    refund.ok_or_else(|| Problem::internal(format!("operation {op} is of no refund")))
}

#[derive(Serialize, ToSchema)]
pub(crate) struct OwnRefunds {
    success: bool,
    refund_requests: Vec<OwnRefund>,
}

/// List one's own refunds, newest first.
#[utoipa::path(
    get, path = "/api/payments/refund/request/", tag = "refunds", security(("bearer" = [])),
    params(ListQuery),
    responses(
        (status = 200, body = OwnRefunds),
        crate::http::openapi::Refused,
    ),
)]
pub(crate) async fn list_own_refunds(
    State(app): State<App>,
    caller: Caller,
    uri: Uri,
    Query(list): Query<ListQuery>,
) -> Result<(HeaderMap, Json<OwnRefunds>), Problem> {
    let filter = filter(&list, Some(caller.person.id))?;
    let (headers, found) = page(&app, &uri, filter).await?;
    let refund_requests = found.iter().map(own).collect();
    Ok((headers, Json(OwnRefunds { success: true, refund_requests })))
}

pub(super) fn filter(
    list: &ListQuery,
    person: Option<domain::id::PersonId>,
) -> Result<RefundFilter, Problem> {
    let window = list.window()?;
    let limit = usize::try_from(window.limit).expect("at most 500");
    let before = window.after.map(|cursor| (cursor.created_at, cursor.id));
    Ok(RefundFilter { person, states: Vec::new(), before, limit })
}

/// One page of refunds, and where the next one begins.
pub(super) async fn page(
    app: &App,
    uri: &Uri,
    filter: RefundFilter,
) -> Result<(HeaderMap, Vec<RefundParts>), Problem> {
    let limit = filter.limit;
    let found = app
        .db
        .read(move |reads| {
            let refunds = reads.refunds(&filter)?;
            reads.refund_parts(refunds)
        })
        .await?;
    let last = found.last().filter(|_| found.len() == limit).map(|parts| &parts.refund);
    let cursor = last.map(|refund| Cursor { created_at: refund.created_at, id: refund.id.0 });
    let headers = cursor.map(|cursor| link_next(uri, cursor)).unwrap_or_default();
    Ok((headers, found))
}
