//! What surrounds every route, through the router as a client sees it.

mod bodies;
mod listener;
mod surroundings;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use axum::response::Response;
use serde_json::Value;
use server::config::{Config, Sources, load};
use server::dice::SeededDice;
use server::http::{Surroundings, wrap};
use tower::ServiceExt;

/// A configuration with some settings changed, as the environment would.
pub fn config(settings: &[(&str, &str)]) -> Config {
    let sources = Sources {
        env: settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        ..Sources::default()
    };
    load(&sources).expect("a valid configuration")
}

pub fn wrapped(routes: Router, settings: &[(&str, &str)]) -> Router {
    let config = Arc::new(config(settings));
    wrap(routes, &Surroundings::new(config, Arc::new(SeededDice::new(1))))
}

pub async fn send(router: &Router, request: Request<Body>) -> Response {
    let answered = router.clone().oneshot(request).await;
    answered.expect("routers do not fail")
}

pub async fn get(router: &Router, path: &str) -> Response {
    let request = Request::get(path).body(Body::empty()).expect("valid");
    send(router, request).await
}

pub async fn text(response: Response) -> String {
    let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await;
    String::from_utf8(bytes.expect("a whole body").into()).expect("text")
}

pub async fn json(response: Response) -> Value {
    serde_json::from_str(&text(response).await).expect("JSON")
}

/// Checks status, form and code of a problem, and gives its members.
pub async fn problem(response: Response, status: StatusCode, code: &str) -> Value {
    assert_eq!(response.status(), status);
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    assert!(response.headers().contains_key("x-request-id"));
    let body = json(response).await;
    assert_eq!(body["code"], code);
    assert_eq!(body["type"], format!("urn:bursar:{code}"));
    assert_eq!(body["error"], body["detail"]);
    body
}
