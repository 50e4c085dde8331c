//! Probes: alive, and ready for traffic.

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use domain::upkeep::Probe;
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

use crate::app::App;
use crate::http::Problem;

/// What a load balancer is asked to wait before it asks again, in seconds.
const RETRY_AFTER_SECONDS: u64 = 1;

/// `/healthz`, `/readyz` and their aliases.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/healthz", get(is_alive))
        .route("/api/health", get(is_alive))
        .route("/readyz", get(is_ready))
        .route("/api/ready", get(is_ready))
}

/// Documentation of the room.
pub fn document() -> utoipa::openapi::OpenApi {
    #[derive(OpenApi)]
    #[openapi(paths(is_alive, is_ready))]
    struct Document;
    Document::openapi()
}

/// One word for whoever probes.
#[derive(Serialize, ToSchema)]
struct Health {
    /// `ok` or `ready`
    status: &'static str,
}

/// The process answers; nothing else is asked.
#[utoipa::path(get, path = "/api/health/", tag = "health", responses((status = 200, body = Health)))]
async fn is_alive() -> Json<Health> {
    Json(Health { status: "ok" })
}

/// The database takes commits and has this version's schema (checked at the start; a schema that is
/// newer refuses our writes).
#[utoipa::path(
    get, path = "/api/ready/", tag = "health",
    responses(
        (status = 200, body = Health),
        (status = 503, body = crate::http::openapi::ProblemSchema, content_type = "application/problem+json"),
    ),
)]
async fn is_ready(State(app): State<App>) -> Result<Json<Health>, Problem> {
    match app.db.record(Probe).await {
        Ok(()) => Ok(Json(Health { status: "ready" })),
        Err(error) => {
            tracing::warn!(%error, "not ready");
            Err(Problem::unavailable(RETRY_AFTER_SECONDS))
        }
    }
}
