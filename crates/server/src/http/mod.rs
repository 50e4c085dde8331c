//! Everything in HTTP that is not a business resource: problems, bodies, pages of lists, limits,
//! headers, the document, metrics and the listener.
//!
//! Invariants: every error leaves as an RFC 9457 problem; every answer carries a request id; input
//! is read exactly, without floats; nothing quotes what it was sent. Routes and resources are
//! deliberately not here: [`wrap`] puts this room around whatever router it is given.

pub mod body;
pub mod caller;
pub mod dates;
pub mod headers;
pub mod idempotency;
pub mod json;
pub mod limits;
pub mod metrics;
pub mod openapi;
pub mod page;
pub mod peer;
pub mod postman;
pub mod problem;
pub mod query;
pub mod refusals;
pub mod request_id;
pub mod server;
pub mod time_limit;
pub mod tls;

use std::sync::Arc;

use axum::Router;
use axum::http::Request;
use axum::http::uri::Uri;
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;

use crate::app::App;
use crate::config::Config;
use crate::dice::Dice;

pub use body::Body;
pub use problem::Problem;
pub use query::Query;

/// What the layers around all routes need.
#[derive(Clone)]
pub struct Surroundings {
    pub config: Arc<Config>,
    pub dice: Arc<dyn Dice>,
    pub limits: Arc<limits::Limits>,
    pub metrics: Arc<metrics::Metrics>,
}

impl Surroundings {
    /// Those of an app: both count with the same limits.
    pub fn of(app: &App) -> Surroundings {
        let own = Surroundings::new(Arc::clone(&app.config), Arc::clone(&app.dice));
        Surroundings { limits: Arc::clone(&app.limits), ..own }
    }

    pub fn new(config: Arc<Config>, dice: Arc<dyn Dice>) -> Surroundings {
        Surroundings {
            limits: Arc::new(limits::Limits::new(&config.limits)),
            metrics: Arc::new(metrics::Metrics::new()),
            config,
            dice,
        }
    }
}

/// The routes inside everything that every answer needs. From the outside in: request id, panics,
/// who is calling, headers, HTTPS, CORS, body size, rate per address, time limit, metrics.
///
/// Register routes without a trailing slash: one is removed before routing, without a redirect.
pub fn wrap(routes: Router, around: &Surroundings) -> Router {
    use axum::middleware::{from_fn, from_fn_with_state};

    let routes = routes
        .fallback(|| async { Problem::not_found() })
        .method_not_allowed_fallback(|| async { Problem::method_not_allowed() })
        .layer(from_fn_with_state(Arc::clone(&around.metrics), metrics::record))
        .layer(from_fn(time_limit::enforce));
    let trimmed = ServiceBuilder::new().map_request(without_trailing_slash).service(routes);
    let layers = ServiceBuilder::new()
        .layer(from_fn_with_state(Arc::clone(&around.dice), request_id::assign))
        .layer(CatchPanicLayer::custom(problem::from_panic))
        .layer(from_fn_with_state(Arc::clone(&around.config), peer::resolve))
        .layer(from_fn_with_state(Arc::clone(&around.config), headers::add))
        .layer(from_fn_with_state(Arc::clone(&around.config), headers::require_https))
        .option_layer(headers::cors(&around.config.server.cors_origins))
        .layer(from_fn(body::refuse_large))
        .layer(from_fn_with_state(Arc::clone(&around.limits), limits::per_address));
    Router::new().fallback_service(trimmed).layer(layers)
}

/// `/api/login/` and `/api/login` are one route (contract X-1).
fn without_trailing_slash<B>(mut request: Request<B>) -> Request<B> {
    let path = request.uri().path();
    if path.len() < 2 || !path.ends_with('/') {
        return request;
    }
    let path = &path[..path.len() - 1];
    let path = if path.is_empty() { "/" } else { path };
    let trimmed = match request.uri().query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    if let Ok(uri) = trimmed.parse::<Uri>() {
        *request.uri_mut() = uri;
    }
    request
}
