use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use axum::routing::{get as on_get, post as on_post};
use server::http::{Problem, problem as problems};

use super::{get, problem, send, text, wrapped};

fn router(settings: &[(&str, &str)]) -> Router {
    let routes = Router::new()
        .route("/api/thing", on_get(|| async { "thing" }).post(|| async { "made" }))
        .route("/api/things/{id}", on_get(|| async { "one" }))
        .route("/healthz", on_get(|| async { "alive" }))
        .route("/api/panic", on_get(panicking))
        .route("/api/fault", on_get(|| async { Problem::internal("the disk is full") }))
        .route("/api/slow", on_get(never).post(never))
        .route(
            "/api/login",
            on_post(|| async { Problem::unauthorized() })
                .layer(axum::middleware::from_fn(problems::unsuccessful)),
        );
    wrapped(routes, settings)
}

async fn panicking() -> &'static str {
    panic!("a bug with 4242424242424242 in it");
}

async fn never() {
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn the_trailing_slash_is_optional_without_a_redirect() {
    let router = router(&[]);
    for path in ["/api/thing", "/api/thing/", "/api/thing/?a=1", "/api/things/7/"] {
        assert_eq!(get(&router, path).await.status(), StatusCode::OK, "{path}");
    }
    let response = get(&router, "/api/thing//").await;
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn every_answer_carries_the_headers() {
    let response = get(&router(&[]), "/api/thing").await;
    let headers = response.headers();
    assert_eq!(headers["cache-control"], "no-store");
    assert_eq!(headers["x-content-type-options"], "nosniff");
    assert!(headers["content-security-policy"].to_str().expect("text").starts_with("default-src 'none'"));
    assert_eq!(headers["x-request-id"].len(), 22);
    assert!(!headers.contains_key("strict-transport-security"));
    assert!(!headers.contains_key("access-control-allow-origin"));
}

#[tokio::test]
async fn a_harmless_request_id_is_kept_and_another_is_not() {
    let router = router(&[]);
    for (given, kept) in [("edge-0123456789", true), ("a b", false), ("x", false)] {
        let request = Request::get("/api/thing").header("x-request-id", given);
        let response = send(&router, request.body(Body::empty()).expect("valid")).await;
        assert_eq!(response.headers()["x-request-id"] == given, kept, "{given}");
    }
}

#[tokio::test]
async fn nothing_there_and_no_such_method_are_problems() {
    let router = router(&[]);
    problem(get(&router, "/nowhere").await, StatusCode::NOT_FOUND, "not_found").await;
    let request = Request::delete("/api/thing").body(Body::empty()).expect("valid");
    let response = send(&router, request).await;
    problem(response, StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed").await;
}

#[tokio::test]
async fn a_panic_is_a_problem_that_tells_nothing_but_the_request() {
    let response = get(&router(&[]), "/api/panic").await;
    let id = response.headers()["x-request-id"].to_str().expect("text").to_owned();
    let body = problem(response, StatusCode::INTERNAL_SERVER_ERROR, "internal").await;
    assert!(!body.to_string().contains("4242"));
    assert_eq!(body["status"], 500);
    assert_eq!(body["request_id"], id);
}

#[tokio::test]
async fn a_fault_names_the_request() {
    let response = get(&router(&[]), "/api/fault").await;
    let id = response.headers()["x-request-id"].to_str().expect("text").to_owned();
    let body = problem(response, StatusCode::INTERNAL_SERVER_ERROR, "internal").await;
    assert_eq!(body["request_id"], id);
    assert!(!body.to_string().contains("disk"));
}

/// Collects what is logged on this thread.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("not poisoned").write(bytes)
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_fault_is_logged_once_with_the_request() {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    let logging = tracing::subscriber::set_default(subscriber);
    let response = get(&router(&[]), "/api/fault").await;
    drop(logging);
    let id = response.headers()["x-request-id"].to_str().expect("text");
    let logged = lines.0.lock().expect("not poisoned").clone();
    let logged = String::from_utf8(logged).expect("text");
    assert_eq!(logged.matches("the disk is full").count(), 1, "{logged}");
    assert!(logged.contains(id), "{logged}");
}

#[tokio::test]
async fn login_problems_say_success_false() {
    let request = Request::post("/api/login/").body(Body::empty()).expect("valid");
    let response = send(&router(&[]), request).await;
    assert!(response.headers().contains_key("www-authenticate"));
    let body = problem(response, StatusCode::UNAUTHORIZED, "unauthorized").await;
    assert_eq!(body["success"], false);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_takes_too_long_is_cut_off() {
    let router = router(&[]);
    let response = get(&router, "/api/slow").await;
    problem(response, StatusCode::SERVICE_UNAVAILABLE, "unavailable").await;
    let before = tokio::time::Instant::now();
    let request = Request::post("/api/slow").body(Body::empty()).expect("valid");
    let response = send(&router, request).await;
    assert_eq!(before.elapsed().as_secs(), Duration::from_secs(20).as_secs());
    problem(response, StatusCode::GATEWAY_TIMEOUT, "outcome_unknown").await;
}

#[tokio::test]
async fn an_announced_body_that_is_too_large_is_refused_first() {
    let router = router(&[("BURSAR_LIMITS__OTHER_PER_MINUTE", "1")]);
    for _ in 0..3 {
        let request = Request::post("/api/thing").header("content-length", "1048577");
        let response = send(&router, request.body(Body::empty()).expect("valid")).await;
        problem(response, StatusCode::PAYLOAD_TOO_LARGE, "body_too_large").await;
    }
}

#[tokio::test]
async fn an_address_has_a_rate_and_probes_are_free() {
    let router = router(&[("BURSAR_LIMITS__OTHER_PER_MINUTE", "2")]);
    for _ in 0..2 {
        assert_eq!(get(&router, "/api/thing").await.status(), StatusCode::OK);
    }
    let response = get(&router, "/api/thing").await;
    assert!(response.headers().contains_key("retry-after"));
    problem(response, StatusCode::TOO_MANY_REQUESTS, "rate_limited").await;
    assert_eq!(get(&router, "/healthz").await.status(), StatusCode::OK);
}

#[tokio::test]
async fn required_https_refuses_plain_requests_and_believes_trusted_proxies() {
    let router =
        router(&[("BURSAR_SERVER__REQUIRE_HTTPS", "true"), ("BURSAR_SERVER__TRUSTED_PROXIES", "127.0.0.1")]);
    let refused = get(&router, "/api/thing").await;
    problem(refused, StatusCode::BAD_REQUEST, "https_required").await;
    assert_eq!(get(&router, "/healthz").await.status(), StatusCode::OK);
    let request = Request::get("/api/thing").header("x-forwarded-proto", "https");
    let response = send(&router, request.body(Body::empty()).expect("valid")).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert!(response.headers().contains_key("strict-transport-security"));
}

#[tokio::test]
async fn browsers_may_call_from_listed_origins_only() {
    let router = router(&[("BURSAR_SERVER__CORS_ORIGINS", "https://app.example")]);
    for (origin, allowed) in [("https://app.example", true), ("https://evil.example", false)] {
        let request = Request::options("/api/thing")
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "authorization,idempotency-key");
        let response = send(&router, request.body(Body::empty()).expect("valid")).await;
        let header = response.headers().get("access-control-allow-origin");
        assert_eq!(header.is_some_and(|value| value == origin), allowed, "{origin}");
        assert!(!response.headers().contains_key("access-control-allow-credentials"));
    }
}

#[tokio::test]
async fn the_document_and_its_viewer_are_served() {
    let document = server::api::document();
    let router = wrapped(server::http::openapi::router(&document), &[]);
    for path in ["/openapi.json", "/api/openapi.json/"] {
        let body = super::json(get(&router, path).await).await;
        assert_eq!(body["openapi"], "3.1.0");
        assert_eq!(body["components"]["securitySchemes"]["bearer"]["scheme"], "bearer");
        assert!(body["components"]["schemas"]["Problem"].is_object());
    }
    let page = get(&router, "/docs/").await;
    let policy = page.headers()["content-security-policy"].to_str().expect("text").to_owned();
    assert!(policy.contains("script-src 'self'") && !policy.contains("unsafe-eval"));
    let page = text(page).await;
    assert!(!page.contains("://"), "nothing comes from elsewhere");
    let script = get(&router, "/docs/viewer-9.3.8.js").await;
    assert!(script.headers()["cache-control"].to_str().expect("text").contains("immutable"));
}

#[tokio::test]
async fn metrics_count_routes_and_never_paths() {
    let around = server::http::Surroundings::new(
        super::config(&[]).into(),
        Arc::new(server::dice::SeededDice::new(1)),
    );
    let routes = Router::new().route("/api/things/{id}", on_get(|| async { "one" }));
    let router = server::http::wrap(routes, &around);
    get(&router, "/api/things/12345").await;
    get(&router, "/secret-token").await;
    let metrics = server::http::metrics::router(around.metrics);
    let shown = text(get(&metrics, "/metrics").await).await;
    let line = "bursar_http_requests_total{method=\"GET\",route=\"/api/things/{id}\",status=\"200\"} 1";
    assert!(shown.contains(line), "{shown}");
    assert!(shown.contains("route=\"none\",status=\"404\"} 1"), "{shown}");
    assert!(shown.contains("bursar_http_request_seconds_bucket"));
    assert!(!shown.contains("12345") && !shown.contains("secret"));
}
