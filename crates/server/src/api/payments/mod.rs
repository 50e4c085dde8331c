//! `LinguaFlex` payments: paying a booking, client-confirmed intents, one-step purchases, lists, histories and
//! personal summaries.
//!
//! Every handler does the same: find what is paid through the caller's scope, begin in one commit,
//! drive the operation, answer from what stands then. Amounts from the client are never used.

mod answers;
mod history;
mod intent;
mod list;
mod pay;
mod planted;
mod purchase;
mod settle;
mod summary;

pub(crate) use list::wire_state;

use axum::Router;
use axum::middleware::from_fn;
use axum::routing::{get, post};
use utoipa::OpenApi;

use crate::app::App;
use crate::http::problem;

pub(super) use history::currency;
pub(super) use list::{PaymentRow, View, row, views_of, word};
pub(super) use summary::{SummaryQuery, half_up, paid_filter, summary_of};

/// The room's routes under one of its mounts.
pub fn routes(prefix: &str) -> Router<App> {
    let at = |path: &str| format!("{prefix}{path}");
    Router::new()
        .route(&at("/process-booking-payment"), post(pay::process_booking_payment))
        .route(&at("/create-payment-intent"), post(intent::create_payment_intent))
        .route(&at("/confirm-payment"), post(intent::confirm_payment))
        .route(&at("/process-payment"), post(purchase::process_payment))
        .route(&at("/process-direct-payment"), post(purchase::process_direct_payment))
        .route(&at("/payments"), get(list::list_payments))
        .route(&at("/payments/{id}"), get(list::get_payment))
        .route(&at("/history"), get(history::history))
        .route(&at("/summary"), get(summary::own_summary))
        .route(&at("/admin/summary/{user_id}"), get(summary::user_summary))
        .layer(from_fn(problem::unsuccessful))
}

/// Documentation of the room.
pub fn document() -> utoipa::openapi::OpenApi {
    #[derive(OpenApi)]
    #[openapi(paths(
        pay::process_booking_payment,
        intent::create_payment_intent,
        intent::confirm_payment,
        purchase::process_payment,
        purchase::process_direct_payment,
        list::list_payments,
        list::get_payment,
        history::history,
        summary::own_summary,
        summary::user_summary,
    ))]
    struct Document;
    Document::openapi()
}
