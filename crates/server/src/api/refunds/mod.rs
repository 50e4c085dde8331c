//! `LinguaFlex` refunds (contract 2.7): asking, the administrator's queue, eligibility, previews.
//!
//! Invariants: a payment is found through its parties' scope; what is sent is committed before its
//! call and driven before the answer; an answer never says done before the gateway has. Which
//! refund is sent and which waits is decided in `domain::refunds`. Deliberately not here: the money
//! of a cancelled booking's answer (`api/bookings/refund.rs`).

mod answers;
pub(super) mod drive;
mod manage;
mod request;
mod requests;
mod review;
mod scope;
mod status;
mod view;

use axum::Router;
use axum::middleware::from_fn;
use axum::routing::{get, post};
use utoipa::OpenApi;

use crate::app::App;
use crate::http::problem;

/// The room's routes under one of its mounts.
pub fn routes(prefix: &str) -> Router<App> {
    let at = |path: &str| format!("{prefix}{path}");
    let one = get(requests::get_refund_request)
        .patch(review::edit_refund_request)
        .put(review::replace_refund_request);
    let manage = get(manage::list_refunds_to_manage).post(manage::manage_refund);
    Router::new()
        .route(&at("/refund/request"), get(request::list_own_refunds).post(request::request_refund))
        .route(
            &at("/refund-requests"),
            get(requests::list_refund_requests).post(requests::create_refund_request),
        )
        .route(&at("/refund-requests/bulk"), post(review::decide_refund_requests))
        .route(&at("/refund-requests/{id}"), one)
        .route(&at("/refund-requests/{id}/process"), post(review::process_refund_request))
        .route(&at("/refund/status/{payment_id}"), get(status::get_refund_status))
        .route(&at("/refund/preview/{payment_id}"), get(status::preview_refund))
        .route(&at("/admin/refund/manage"), manage)
        .layer(from_fn(problem::unsuccessful))
}

/// Documentation of the room.
pub fn document() -> utoipa::openapi::OpenApi {
    #[derive(OpenApi)]
    #[openapi(paths(
        request::list_own_refunds,
        request::request_refund,
        requests::list_refund_requests,
        requests::create_refund_request,
        requests::get_refund_request,
        review::edit_refund_request,
        review::replace_refund_request,
        review::process_refund_request,
        review::decide_refund_requests,
        status::get_refund_status,
        status::preview_refund,
        manage::list_refunds_to_manage,
        manage::manage_refund,
    ))]
    struct Document;
    Document::openapi()
}
