//! Logging in with Google: answered honestly as long as there is nothing behind it.

use axum::http::StatusCode;

use crate::http::Problem;

/// Log in with Google.
#[utoipa::path(
    post, path = "/api/auth/google/initiate/", tag = "auth",
    responses((status = 501, body = crate::http::openapi::ProblemSchema, content_type = "application/problem+json")),
)]
pub(super) async fn not_configured() -> Problem {
    let detail = "Logging in with Google is not configured here.";
    Problem::new(StatusCode::NOT_IMPLEMENTED, "not_configured", detail).unsuccessful()
}
