//! Requests to a router, and what came back.

use std::ops::Index;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use serde_json::Value;
use tower::ServiceExt;

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    /// Null where the text is no JSON.
    pub body: Value,
    pub text: String,
    /// The body as it came: documents are no text.
    pub bytes: Vec<u8>,
}

impl Answer {
    pub fn new(status: StatusCode, headers: HeaderMap, bytes: Vec<u8>) -> Answer {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Answer { status, headers, body, text, bytes }
    }

    #[track_caller]
    pub fn expect(self, status: u16) -> Answer {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        self
    }

    /// The body, if the status is the expected one.
    #[track_caller]
    pub fn told(self, status: u16) -> Value {
        self.expect(status).body
    }

    /// A problem with this status and code.
    #[track_caller]
    pub fn refused(self, status: u16, code: &str) -> Answer {
        let answer = self.expect(status);
        assert_eq!(answer.headers["content-type"], "application/problem+json", "{}", answer.text);
        assert_eq!(answer.body["code"], code, "{}", answer.text);
        assert_eq!(answer.body["error"], answer.body["detail"], "{}", answer.text);
        answer
    }
}

/// A member of the body.
impl Index<&str> for Answer {
    type Output = Value;

    fn index(&self, name: &str) -> &Value {
        &self.body[name]
    }
}

/// Calls a router as HTTP would.
#[derive(Clone)]
pub struct Client(pub Router);

impl Client {
    /// By the holder of a token or by nobody; a body is JSON.
    pub async fn send(
        &self,
        method: Method,
        token: Option<&str>,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = match body {
            Some(body) => {
                request.header("content-type", "application/json").body(Body::from(body.to_string()))
            }
            None => request.body(Body::empty()),
        };
        self.answer(request.expect("valid")).await
    }

    /// Any request, as it is.
    pub async fn answer(&self, request: Request<Body>) -> Answer {
        let response = self.0.clone().oneshot(request).await.expect("routers answer");
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.expect("a whole body");
        Answer::new(parts.status, parts.headers, bytes.to_vec())
    }
}
