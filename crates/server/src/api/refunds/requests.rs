//! Refund requests as a resource: the payer asks and reads, an administrator decides elsewhere.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use domain::idempotency::Keep;
use domain::refunds::{Request, Requested, Way};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::request::{filter, load, page};
use super::scope;
use super::view::{self, RefundRequestView, Viewer};
use crate::app::App;
use crate::http::caller::{Caller, note_reading};
use crate::http::idempotency::{self, respond};
use crate::http::json::MoneyText;
use crate::http::openapi::IdempotencyKey;
use crate::http::page::ListQuery;
use crate::http::{Body, Problem, Query};

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct RefundQuery {
    /// PENDING, APPROVED, REJECTED, PROCESSED or FAILED.
    pub(super) status: Option<String>,
}

pub(super) fn viewer(app: &App, caller: &Caller) -> Viewer {
    Viewer { admin: caller.person.admin, now: app.clock.now() }
}

/// List refund requests: one's own, or all for an administrator; newest first.
#[utoipa::path(
    get, path = "/api/payments/refund-requests/", tag = "refunds", security(("bearer" = [])),
    params(RefundQuery, ListQuery),
    responses(
        (status = 200, body = Vec<RefundRequestView>),
        crate::http::openapi::Refused,
    ),
)]
pub(crate) async fn list_refund_requests(
    State(app): State<App>,
    caller: Caller,
    uri: Uri,
    Query(query): Query<RefundQuery>,
    Query(list): Query<ListQuery>,
) -> Result<(HeaderMap, Json<Vec<RefundRequestView>>), Problem> {
    let mut filter = filter(&list, (!caller.person.admin).then_some(caller.person.id))?;
    filter.states = view::states(query.status.as_deref())?;
    note_reading(&app, &caller.person, "/api/payments/refund-requests").await?;
    let (headers, found) = page(&app, &uri, filter).await?;
    let viewer = viewer(&app, &caller);
    Ok((headers, Json(found.iter().map(|parts| view::request(parts, viewer)).collect())))
}

/// One refund request of one's own, or any for an administrator.
#[utoipa::path(
    get, path = "/api/payments/refund-requests/{id}/", tag = "refunds", security(("bearer" = [])),
    params(("id" = i64, Path)),
    responses(
        (status = 200, body = RefundRequestView),
        crate::http::openapi::Refused,
    ),
)]
pub(crate) async fn get_refund_request(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<RefundRequestView>, Problem> {
    let parts = scope::refund(&app, &caller.person, &id).await?;
    Ok(Json(view::request(&parts, viewer(&app, &caller))))
}

#[derive(Deserialize, ToSchema)]
pub(crate) struct NewRefundRequest {
    payment_id: i64,
    /// At most 1000 characters.
    reason: String,
    #[schema(value_type = f64)]
    requested_amount_dollars: MoneyText,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct CreatedRefundRequest {
    success: bool,
    message: &'static str,
    #[serde(flatten)]
    request: RefundRequestView,
}

/// Ask an administrator for a refund of one's own payment; never sent at once.
#[utoipa::path(
    post, path = "/api/payments/refund-requests/", tag = "refunds", security(("bearer" = [])),
    params(IdempotencyKey),
    request_body = NewRefundRequest,
    responses(
        (status = 201, body = CreatedRefundRequest),
        (status = 200, body = CreatedRefundRequest, description = "The same was asked before."),
        crate::http::openapi::Refused,
    ),
)]
pub(crate) async fn create_refund_request(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    body: Body<NewRefundRequest>,
) -> Result<Response, Problem> {
    let person = &caller.person;
    let payment = scope::payment(&app, person, body.value.payment_id).await?;
    let key = scope::client_key(person, "create_refund_request", (&[], body.digest), &headers)?;
    let wanted = &body.value.requested_amount_dollars;
    let amount = wanted.money("requested_amount_dollars", payment.quote.currency)?;
    let command = Request {
        payment: payment.id,
        by: scope::asking(person),
        amount: Some(amount),
        reason: body.value.reason.clone(),
        way: Way::ByHand,
        key: key.clone(),
    };
    let (refund, status, message) = match app.db.submit(command).await? {
        Requested::Replay(answer) => return Ok(respond(answer, true)),
        Requested::Noted(refund) => (refund, StatusCode::CREATED, "Your refund has been requested."),
        Requested::Standing(refund) | Requested::Started { refund, .. } => {
            (refund, StatusCode::OK, "This refund had been requested before.")
        }
        Requested::Join(op) => return Err(Problem::internal(format!("a request became operation {op}"))),
    };
    let parts = load(&app, refund.id).await?;
    let request = view::request(&parts, viewer(&app, &caller));
    let answer = idempotency::success(status, &CreatedRefundRequest { success: true, message, request });
    if let Some(key) = key {
        app.db.record(Keep { key, answer: answer.clone() }).await?;
    }
    Ok(respond(answer, false))
}
