//! No request takes longer than 20 seconds (contract X-7).

use std::time::Duration;

use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::Problem;

pub const REQUEST_MAX: Duration = Duration::from_secs(20);

/// What was submitted is finished by the writer and by recovery, whether anybody waits or not:
/// a change that is cut off here is unknown, never undone.
pub(super) async fn enforce(request: Request, next: Next) -> Response {
    let is_safe = request.method().is_safe();
    match tokio::time::timeout(REQUEST_MAX, next.run(request)).await {
        Ok(response) => response,
        Err(_) if is_safe => Problem::unavailable(1).into_response(),
        Err(_) => outcome_unknown().into_response(),
    }
}

/// 504: nobody knows yet; safe to repeat.
pub fn outcome_unknown() -> Problem {
    Problem::new(
        StatusCode::GATEWAY_TIMEOUT,
        "outcome_unknown",
        "The outcome is not known yet. Repeating the same request is safe.",
    )
}
