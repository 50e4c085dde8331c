//! One request of somebody to the router, and what he hears.

use std::fmt;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use serde_json::Value;
use tower::ServiceExt;

use crate::actors::Actor;
use crate::people::Login;

/// Answers are smaller.
const BYTES_MAX: usize = 1 << 20;

/// Somebody, by his place in the market's lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Who {
    Student(usize),
    Teacher(usize),
    /// There is one.
    Admin,
}

/// What a request is about, for the model.
#[derive(Clone, Debug, PartialEq)]
pub struct About {
    /// The wire's id, where there is a booking already.
    pub booking: Option<i64>,
    pub student: usize,
    pub teacher: usize,
    /// Of a new booking; 0 otherwise.
    pub minutes: i64,
}

/// A request that can be made again, exactly so.
#[derive(Clone)]
pub struct Call {
    pub actor: &'static dyn Actor,
    pub about: About,
    pub who: Who,
    pub path: String,
    pub body: String,
    pub key: Option<String>,
    /// Somebody stands there and waits for the answer before anything else happens.
    pub at_once: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    pub status: u16,
    pub body: Value,
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} by {:?}: {:?} {} {:?}", self.actor.name(), self.who, self.about, self.body, self.key)
    }
}

impl Reply {
    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    /// A definite no of the bank, as against a refusal of ours.
    pub fn is_decline(&self) -> bool {
        self.status == 400 && self.body["details"].get("decline_code").is_some()
    }
}

impl Call {
    pub fn new(actor: &'static dyn Actor, about: About, who: Who, path: String, body: &Value) -> Call {
        Call { actor, about, who, path, body: body.to_string(), key: None, at_once: false }
    }

    /// Sends it as its caller, who logs in again when he has to.
    pub async fn send(self, login: Arc<Login>, router: Router) -> Reply {
        login.post(&router, &self.path, self.key.as_deref(), &self.body).await
    }
}

/// One POST of JSON to the router.
pub async fn post(router: &Router, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
    let mut request = Request::post(path).header("content-type", "application/json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::from(body.to_owned())).expect("paths and keys are plain");
    let response = router.clone().oneshot(request).await.expect("routers do not fail");
    let status = response.status().as_u16();
    let bytes = to_bytes(response.into_body(), BYTES_MAX).await.unwrap_or_default();
    Reply { status, body: serde_json::from_slice(&bytes).unwrap_or(Value::Null) }
}
