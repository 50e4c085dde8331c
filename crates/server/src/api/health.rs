//! Probes: alive, and ready for traffic.

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use domain::upkeep::Probe;
use serde_json::{Value, json};

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

/// The process answers; nothing else is asked.
async fn is_alive() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}

/// The database takes commits and has this version's schema (checked at the start; a schema that is
/// newer refuses our writes).
async fn is_ready(State(app): State<App>) -> Result<Json<Value>, Problem> {
    match app.db.record(Probe).await {
        Ok(()) => Ok(Json(json!({ "status": "ready" }))),
        Err(error) => {
            tracing::warn!(%error, "not ready");
            Err(Problem::unavailable(RETRY_AFTER_SECONDS))
        }
    }
}
