//! Prometheus metrics: counts and latencies by route, on a listener of its own.
//!
//! Labels are routes, never paths: ids and tokens are not metrics.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::header;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::clock::Stopwatch;

use super::Problem;

const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// Seconds.
const LATENCY_BUCKETS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 20.0];

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Requested {
    method: String,
    route: String,
    status: u16,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Routed {
    method: String,
    route: String,
}

/// The process's registry and the HTTP figures in it.
pub struct Metrics {
    registry: Mutex<Registry>,
    requests: Family<Requested, Counter>,
    latency: Family<Routed, Histogram, fn() -> Histogram>,
    running: Gauge,
}

impl Default for Metrics {
    fn default() -> Metrics {
        Metrics::new()
    }
}

impl Metrics {
    pub fn new() -> Metrics {
        let metrics = Metrics {
            registry: Mutex::new(Registry::with_prefix("bursar")),
            requests: Family::default(),
            latency: Family::new_with_constructor(|| Histogram::new(LATENCY_BUCKETS)),
            running: Gauge::default(),
        };
        metrics.register(|registry| {
            let (requests, latency) = (metrics.requests.clone(), metrics.latency.clone());
            registry.register("http_requests", "Answered HTTP requests", requests);
            registry.register("http_request_seconds", "Time to answer", latency);
            registry.register("http_requests_running", "Requests being answered", metrics.running.clone());
        });
        metrics
    }

    /// Lets another room add its metrics.
    pub fn register(&self, add: impl FnOnce(&mut Registry)) {
        add(&mut self.registry.lock().expect("nothing panics while registering"));
    }

    /// The exposition text.
    pub fn text(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        let registry = self.registry.lock().expect("nothing panics while encoding");
        prometheus_client::encoding::text::encode(&mut text, &registry)?;
        Ok(text)
    }
}

/// `/metrics`, for the listener at `server.metrics_listen`.
pub fn router(metrics: Arc<Metrics>) -> Router {
    let show = |State(metrics): State<Arc<Metrics>>| async move {
        match metrics.text() {
            Ok(text) => ([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response(),
            Err(error) => Problem::internal(error).into_response(),
        }
    };
    Router::new().route("/metrics", get(show)).with_state(metrics)
}

pub(super) async fn record(State(metrics): State<Arc<Metrics>>, request: Request, next: Next) -> Response {
    let watch = Stopwatch::start();
    let method = method_label(request.method()).to_owned();
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let running = Running::enter(&metrics.running);
    let response = next.run(request).await;
    drop(running);
    let status = response.status().as_u16();
    let elapsed = watch.elapsed();
    tracing::debug!(route, status, duration_us = elapsed.as_micros(), "answered");
    let routed = Routed { method, route };
    metrics.latency.get_or_create(&routed).observe(elapsed.as_secs_f64());
    let Routed { method, route } = routed;
    metrics.requests.get_or_create(&Requested { method, route, status }).inc();
    response
}

/// Methods are free text on the wire: the unknown ones share a label.
fn method_label(method: &axum::http::Method) -> &str {
    match method.as_str() {
        known @ ("GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS") => known,
        _ => "other",
    }
}

/// Counts down also when the request is dropped half way.
struct Running(Gauge);

impl Running {
    fn enter(gauge: &Gauge) -> Running {
        gauge.inc();
        Running(gauge.clone())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.dec();
    }
}
