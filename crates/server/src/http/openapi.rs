//! The API's document (3.1) and its viewer, both served from the binary.

use std::collections::BTreeMap;

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderName, header};
use axum::response::IntoResponse;
use axum::routing::get;
use serde::Serialize;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{ContentBuilder, OpenApi, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{IntoParams, IntoResponses, Modify, OpenApi as Describe, ToSchema};

use super::postman;

const VIEWER: &str = include_str!("../../assets/rapidoc-9.3.8.min.js");
const PAGE: &str = include_str!("../../assets/docs.html");

/// The viewer runs our script only and talks to us only. It styles itself with inline styles,
/// which cannot run anything.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; \
    img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'none'; \
    form-action 'none'; frame-ancestors 'none'";
/// The script carries its version in its name.
const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// Every error: RFC 9457 with the product's members.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemSchema {
    /// `urn:bursar:<code>`
    r#type: String,
    /// The status in words
    title: String,
    status: u16,
    /// One sentence for people
    detail: String,
    /// Stable, `snake_case`
    code: String,
    /// The same as `detail`
    error: String,
    /// Messages per field, a decline's code, `decline_code` and param, or a list of what is wrong in a batch
    details: Option<serde_json::Value>,
}

/// In the responses of an operation: what is refused is a problem.
pub struct Refused;

/// The same, where faults of the world behind us can be the answer too.
pub struct RefusedOrBroken;

impl IntoResponses for Refused {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        problems(&["4XX"])
    }
}

impl IntoResponses for RefusedOrBroken {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        problems(&["4XX", "5XX"])
    }
}

/// The same as [`Refused`], where a body is a list and each item that is wrong is told.
pub struct RefusedBatch;

impl IntoResponses for RefusedBatch {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let mut responses = problems(&["4XX"]);
        let told = "`details` has `index`, `data` and `errors` of each item that is wrong";
        responses.insert("400".to_owned(), problem(told).into());
        responses
    }
}

/// In the parameters of an operation that moves or commits money: the key under which it can be repeated.
pub struct IdempotencyKey;

impl IntoParams for IdempotencyKey {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let text = ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).max_length(Some(255));
        let header = ParameterBuilder::new().name("Idempotency-Key").parameter_in(ParameterIn::Header);
        vec![header.description(Some("1 to 255 ASCII characters")).schema(Some(text)).build()]
    }
}

fn problems(statuses: &[&str]) -> BTreeMap<String, RefOr<Response>> {
    statuses.iter().map(|status| ((*status).to_owned(), problem("").into())).collect()
}

fn problem(description: &str) -> Response {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    let response = ResponseBuilder::new().description(description);
    response.content("application/problem+json", content).build()
}

struct Security;

impl Modify for Security {
    fn modify(&self, document: &mut OpenApi) {
        let components = document.components.get_or_insert_default();
        let bearer = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        components.add_security_scheme("bearer", bearer);
    }
}

#[derive(Describe)]
#[openapi(
    info(
        title = "Bursar",
        description = "The money office of a learning marketplace: people, gigs, availability, bookings, \
                       meetings, cards, payments, refunds and reports.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")
    ),
    components(schemas(ProblemSchema)),
    modifiers(&Security)
)]
struct Base;

/// The frame that the resources' documents are merged into with `merge_from`.
pub fn base() -> OpenApi {
    Base::openapi()
}

/// `/openapi.json`, `/api/openapi.json`, `/api/postman.json` and `/docs`. Merge it into the routes before
/// [`super::wrap`].
pub fn router(document: &OpenApi) -> Router {
    let value = serde_json::to_value(document).expect("a document is plain JSON");
    let collection = Bytes::from(postman::collection(&value).to_string());
    let text = Bytes::from(document.to_json().expect("a document is plain JSON"));
    let json = |text: Bytes| move || async move { typed("application/json", text) };
    Router::new()
        .route("/openapi.json", get(json(text.clone())))
        .route("/api/openapi.json", get(json(text)))
        .route("/api/postman.json", get(json(collection)))
        .route("/docs", get(page))
        .route("/docs/viewer-9.3.8.js", get(viewer))
}

async fn page() -> axum::response::Response {
    let policy = [(header::CONTENT_SECURITY_POLICY, POLICY)];
    (policy, typed("text/html; charset=utf-8", PAGE)).into_response()
}

async fn viewer() -> axum::response::Response {
    let cache = [(header::CACHE_CONTROL, FOR_EVER)];
    (cache, typed("text/javascript; charset=utf-8", VIEWER)).into_response()
}

fn typed(kind: &'static str, body: impl Into<Bytes>) -> axum::response::Response {
    let kind: [(HeaderName, &str); 1] = [(header::CONTENT_TYPE, kind)];
    (kind, body.into()).into_response()
}
