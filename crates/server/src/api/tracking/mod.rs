//! Tracking and analytics for administrators: what was created, captured, refunded, by whom and when.
//!
//! Every figure is read from the sums of days (`store::reads::rollups`), never from payments, so a
//! report costs the same whatever their number. Days are those of `reports.time_zone`, both ends
//! inclusive. Captured counts when it was paid, refunds when they were processed, everything else
//! when it was made; later refunds never rewrite revenue. Deliberately not here: what a person sees
//! of himself (`payments::history`, `payments::summary`).

mod analytics;
mod dashboard;
mod figures;
mod overview;
mod report;

use axum::Router;
use axum::routing::get;
use utoipa::OpenApi;

use crate::app::App;

pub(super) use figures::{RangeQuery, Scope, date};
pub(crate) use report::{Report, ReportQuery, report_of};

/// The room's routes under one of its mounts.
pub fn routes(prefix: &str) -> Router<App> {
    let at = |path: &str| format!("{prefix}{path}");
    Router::new()
        .route(&at("/admin/tracking"), get(overview::tracking))
        .route(&at("/admin/analytics"), get(analytics::analytics))
        .route(&at("/admin/report"), get(report::report))
        .route(&at("/admin/daily"), get(dashboard::daily))
        .route(&at("/dashboard"), get(dashboard::dashboard))
}

/// Documentation of the room.
pub fn document() -> utoipa::openapi::OpenApi {
    #[derive(OpenApi)]
    #[openapi(paths(
        overview::tracking,
        analytics::analytics,
        report::report,
        dashboard::daily,
        dashboard::dashboard,
    ))]
    struct Document;
    Document::openapi()
}
