//! Headers of every answer, HTTPS where it is required, and who may call from a browser.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::header::{self, HeaderName, HeaderValue};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::config::Config;

use super::peer::Peer;
use super::{Problem, request_id};

const POLICY: HeaderName = header::CONTENT_SECURITY_POLICY;
/// The API shows nothing, loads nothing and is framed by nobody. Pages bring a policy of their own.
const POLICY_API: HeaderValue =
    HeaderValue::from_static("default-src 'none'; base-uri 'none'; frame-ancestors 'none'");
const HSTS: HeaderValue = HeaderValue::from_static("max-age=63072000; includeSubDomains");
/// Probes reach the process directly, inside the machine.
const PROBES: &[&str] = &["/healthz", "/readyz", "/api/health", "/api/ready"];
const PREFLIGHT_MAX_AGE: Duration = Duration::from_mins(10);

/// Adds what is missing; a handler's own header stays.
pub(super) async fn add(
    State(config): State<Arc<Config>>,
    peer: Peer,
    request: Request,
    next: Next,
) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    add_missing(headers, header::CACHE_CONTROL, "no-store");
    add_missing(headers, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    add_missing(headers, header::REFERRER_POLICY, "no-referrer");
    add_missing(headers, header::X_FRAME_OPTIONS, "DENY");
    headers.entry(POLICY).or_insert(POLICY_API);
    if peer.https || config.has_tls() || config.server.require_https {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HSTS);
    }
    response
}

fn add_missing(headers: &mut HeaderMap, name: HeaderName, value: &'static str) {
    headers.entry(name).or_insert(HeaderValue::from_static(value));
}

/// Refuses plain HTTP instead of redirecting: a redirect would come after the secret was sent.
pub(super) async fn require_https(
    State(config): State<Arc<Config>>,
    peer: Peer,
    request: Request,
    next: Next,
) -> Response {
    let path = request.uri().path().trim_end_matches('/');
    if config.server.require_https && !peer.https && !PROBES.contains(&path) {
        let detail = "Use https.";
        return Problem::new(StatusCode::BAD_REQUEST, "https_required", detail).into_response();
    }
    next.run(request).await
}

/// Cross-origin rules for the allow-listed origins; `None` when there are none.
/// Tokens travel in a header, so credentials (cookies) are never allowed.
pub(super) fn cors(origins: &[String]) -> Option<CorsLayer> {
    if origins.is_empty() {
        return None;
    }
    let origins: Vec<HeaderValue> =
        origins.iter().filter_map(|origin| origin.trim_end_matches('/').parse().ok()).collect();
    let asks = [
        header::AUTHORIZATION,
        header::CONTENT_TYPE,
        header::ACCEPT,
        HeaderName::from_static("idempotency-key"),
        HeaderName::from_static("last-event-id"),
        request_id::HEADER,
    ];
    let shows = [
        request_id::HEADER,
        header::LINK,
        header::LOCATION,
        header::RETRY_AFTER,
        header::CONTENT_DISPOSITION,
        HeaderName::from_static("idempotent-replayed"),
    ];
    let methods = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
    Some(
        CorsLayer::new()
            .allow_origin(AllowOrigin::list(origins))
            .allow_methods(methods)
            .allow_headers(asks)
            .expose_headers(shows)
            .max_age(PREFLIGHT_MAX_AGE),
    )
}
