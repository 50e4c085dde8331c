//! The administrators' page of refunds: a queue, and one decision that also sends.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use domain::records::RefundState;
use domain::refunds::{Review, Verdict};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::request::{filter, page};
use super::requests::RefundQuery;
use super::review::{ProcessedRefund, decide};
use super::scope::{client_key, refund_id};
use super::view::{self, ManagedRefund};
use crate::app::App;
use crate::http::caller::Admin;
use crate::http::openapi::IdempotencyKey;
use crate::http::page::ListQuery;
use crate::http::{Body, Problem, Query};

#[derive(Serialize, ToSchema)]
pub(crate) struct ManagedRefunds {
    success: bool,
    refund_requests: Vec<ManagedRefund>,
    /// All in these states; 10001 stands for more than 10000.
    total: i64,
}

/// List refunds to be decided, newest first; in another state with `status`, `ALL` for every one.
#[utoipa::path(
    get, path = "/api/payments/admin/refund/manage/", tag = "refunds", security(("bearer" = [])),
    params(RefundQuery, ListQuery),
    responses(
        (status = 200, body = ManagedRefunds),
        crate::http::openapi::Refused,
    ),
)]
pub(crate) async fn list_refunds_to_manage(
    State(app): State<App>,
    Admin(_): Admin,
    uri: Uri,
    Query(query): Query<RefundQuery>,
    Query(list): Query<ListQuery>,
) -> Result<(HeaderMap, Json<ManagedRefunds>), Problem> {
    let mut filter = filter(&list, None)?;
    filter.states = view::states(Some(query.status.as_deref().unwrap_or("pending")))?;
    let total = count(&app, filter.states.clone()).await?;
    let (headers, found) = page(&app, &uri, filter).await?;
    let now = app.clock.now();
    let refund_requests = found.iter().map(|parts| view::managed(parts, now)).collect();
    Ok((headers, Json(ManagedRefunds { success: true, refund_requests, total })))
}

async fn count(app: &App, states: Vec<RefundState>) -> Result<i64, Problem> {
    let states = if states.is_empty() { ALL.to_vec() } else { states };
    let counted = app.db.read(move |reads| {
        let mut total = 0;
        for state in states {
            total += reads.count_refunds(state)?;
        }
        Ok(total)
    });
    Ok(counted.await?)
}

const ALL: &[RefundState] = <RefundState as domain::records::Word>::ALL;

#[derive(Deserialize, ToSchema)]
pub(crate) struct ManageRefund {
    refund_request_id: i64,
    action: ManageAction,
    /// At most 2000 characters.
    admin_notes: Option<String>,
}

#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ManageAction {
    Approve,
    Reject,
}

/// Approve a refund and send it, or reject it.
#[utoipa::path(
    post, path = "/api/payments/admin/refund/manage/", tag = "refunds", security(("bearer" = [])),
    params(IdempotencyKey),
    request_body = ManageRefund,
    responses(
        (status = 200, body = ProcessedRefund),
        crate::http::openapi::RefusedOrBroken,
    ),
)]
pub(crate) async fn manage_refund(
    State(app): State<App>,
    Admin(caller): Admin,
    headers: HeaderMap,
    body: Body<ManageRefund>,
) -> Result<Response, Problem> {
    let person = &caller.person;
    let refund = refund_id(&body.value.refund_request_id.to_string())?;
    let key = client_key(person, "manage_refund", (&[], body.digest), &headers)?;
    let verdict = match body.value.action {
        ManageAction::Approve => Verdict::ApproveAndSend,
        ManageAction::Reject => Verdict::Reject,
    };
    decide(&app, Review { refund, by: person.id, verdict, notes: body.value.admin_notes }, key).await
}
