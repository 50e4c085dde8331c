//! Errors on the wire: RFC 9457 problems with the contract's members.
//!
//! `error` repeats `detail` for the web client. A fault of ours says nothing but the request id
//! and is logged here, once, with its chain.

use std::any::Any;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use crate::node::{FieldError, Malformed};

use super::request_id;

const CONTENT_TYPE: HeaderValue = HeaderValue::from_static("application/problem+json");

/// A refusal or a fault, ready to be sent.
#[derive(Clone, Debug)]
pub struct Problem(Box<Parts>);

#[derive(Clone, Debug)]
struct Parts {
    status: StatusCode,
    code: Cow<'static, str>,
    detail: String,
    details: Option<Value>,
    members: Map<String, Value>,
    retry_after_seconds: Option<u64>,
    fault: Option<Arc<dyn Error + Send + Sync>>,
}

impl Problem {
    /// Any problem; the constructors below are the usual ones.
    pub fn new(status: StatusCode, code: impl Into<Cow<'static, str>>, detail: impl Into<String>) -> Problem {
        Problem(Box::new(Parts {
            status,
            code: code.into(),
            detail: detail.into(),
            details: None,
            members: Map::new(),
            retry_after_seconds: None,
            fault: None,
        }))
    }

    /// 400: malformed, a rule says no, a decline.
    pub fn bad_request(code: impl Into<Cow<'static, str>>, detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::BAD_REQUEST, code, detail)
    }

    /// 400 with messages per field; `detail` says them in one sentence, for clients that show it.
    pub fn validation(details: &BTreeMap<String, Vec<String>>) -> Problem {
        let sentence = details
            .iter()
            .flat_map(|(field, messages)| messages.iter().map(move |text| format!("{field}: {text}")))
            .collect::<Vec<_>>()
            .join("; ");
        Problem::bad_request("validation_failed", sentence).details(json!(details))
    }

    /// 400 about one field.
    pub fn field(field: &str, message: impl Into<String>) -> Problem {
        Problem::validation(&BTreeMap::from([(field.to_owned(), vec![message.into()])]))
    }

    /// 401: no login, or one that is no longer good.
    pub fn unauthorized() -> Problem {
        let detail = "Log in to do this.";
        Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", detail)
    }

    /// 403: logged in, but not for this.
    pub fn forbidden(code: impl Into<Cow<'static, str>>) -> Problem {
        let detail = "Your account may not do this.";
        Problem::new(StatusCode::FORBIDDEN, code, detail)
    }

    /// 404: not there, or not yours.
    pub fn not_found() -> Problem {
        Problem::new(StatusCode::NOT_FOUND, "not_found", "There is no such thing.")
    }

    /// 405, without a list: the document has one.
    pub fn method_not_allowed() -> Problem {
        let detail = "This address does not know that method.";
        Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail)
    }

    /// 409: held by something else.
    pub fn conflict(code: impl Into<Cow<'static, str>>, detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::CONFLICT, code, detail)
    }

    /// 413.
    pub fn too_large() -> Problem {
        let detail = "The body is larger than allowed.";
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", detail)
    }

    /// 429 with the seconds to wait.
    pub fn too_many(retry_after_seconds: u64) -> Problem {
        let detail = "Too many requests; try again a little later.";
        Problem::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", detail).retry_after(retry_after_seconds)
    }

    /// 503: nothing was done; the same request may be sent again.
    pub fn unavailable(retry_after_seconds: u64) -> Problem {
        let detail = "The service is busy; nothing was done. Try again a little later.";
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail).retry_after(retry_after_seconds)
    }

    /// 500: we broke. The fault is for the log alone.
    pub fn internal(fault: impl Into<Box<dyn Error + Send + Sync>>) -> Problem {
        let mut problem = Problem::broken();
        problem.0.fault = Some(Arc::from(fault.into()));
        problem
    }

    fn broken() -> Problem {
        let detail = "Something went wrong on our side. Quote the request id when you report it.";
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail)
    }

    /// `details`: messages per field, or the members of a decline.
    pub fn details(mut self, details: Value) -> Problem {
        self.0.details = Some(details);
        self
    }

    /// A further member (`payment_id`, `action`, `requires_role_selection`, …).
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Problem {
        self.0.members.insert(name.to_owned(), value.into());
        self
    }

    /// `success: false`, which login and payment answers carry.
    pub fn unsuccessful(self) -> Problem {
        self.with("success", false)
    }

    pub fn retry_after(mut self, seconds: u64) -> Problem {
        self.0.retry_after_seconds = Some(seconds.max(1));
        self
    }

    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    pub fn code(&self) -> &str {
        &self.0.code
    }

    /// One sentence for people.
    pub fn detail(&self) -> &str {
        &self.0.detail
    }

    /// The document itself; also what idempotency stores.
    pub fn to_json(&self) -> Value {
        let parts = &self.0;
        let mut body = json!({
            "type": format!("urn:bursar:{}", parts.code),
            "title": parts.status.canonical_reason().unwrap_or("Error"),
            "status": parts.status.as_u16(),
            "detail": parts.detail,
            "code": parts.code,
            "error": parts.detail,
        });
        let members = body.as_object_mut().expect("built as an object");
        if let Some(details) = &parts.details {
            members.insert("details".into(), details.clone());
        }
        if parts.status.is_server_error()
            && let Some(id) = request_id::current()
        {
            members.insert("request_id".into(), Value::String(id));
        }
        members.extend(parts.members.clone());
        body
    }

    fn log(&self) {
        if let Some(fault) = &self.0.fault {
            let mut chain = fault.to_string();
            let mut source = fault.source();
            while let Some(cause) = source {
                chain.push_str(": ");
                chain.push_str(&cause.to_string());
                source = cause.source();
            }
            tracing::error!(code = self.code(), "fault: {chain}");
        }
    }

    fn render(&self) -> Response {
        let body = self.to_json().to_string();
        let mut response = (self.0.status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, CONTENT_TYPE);
        if self.0.status == StatusCode::PAYLOAD_TOO_LARGE {
            // Some of the body may not have been read: the connection is of no further use.
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        if let Some(seconds) = self.0.retry_after_seconds {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.0.status == StatusCode::UNAUTHORIZED {
            let challenge = HeaderValue::from_static("Bearer realm=\"bursar\"");
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

/// For those who are no clients: the sentence, and what broke as its source.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.detail())
    }
}

impl Error for Problem {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.fault.as_deref().map(|fault| fault as &(dyn Error + 'static))
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        self.log();
        let mut response = self.render();
        response.extensions_mut().insert(self);
        response
    }
}

/// Adds `success: false` to every problem of the routes it is laid around.
pub async fn unsuccessful(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    match response.extensions_mut().remove::<Problem>() {
        Some(problem) => {
            let problem = problem.unsuccessful();
            let mut marked = problem.render();
            marked.extensions_mut().insert(problem);
            marked
        }
        None => response,
    }
}

/// A panic becomes a 500. The panic hook has logged it already.
pub(super) fn from_panic(_: Box<dyn Any + Send + 'static>) -> Response {
    Problem::broken().into_response()
}

impl From<FieldError> for Problem {
    fn from(error: FieldError) -> Problem {
        if error.path.is_empty() {
            Problem::bad_request("malformed", format!("The body {}.", error.message))
        } else {
            Problem::field(&error.path, error.message)
        }
    }
}

impl From<Malformed> for Problem {
    fn from(error: Malformed) -> Problem {
        Problem::bad_request("malformed", error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_has_the_contracts_members() {
        let problem = Problem::conflict("slot_taken", "This time is taken.").unsuccessful();
        assert_eq!(
            problem.to_json(),
            json!({
                "type": "urn:bursar:slot_taken",
                "title": "Conflict",
                "status": 409,
                "detail": "This time is taken.",
                "code": "slot_taken",
                "error": "This time is taken.",
                "success": false,
            })
        );
    }

    #[test]
    fn validation_names_fields() {
        let body = Problem::field("amount", "must be greater than 0").to_json();
        assert_eq!(body["details"], json!({"amount": ["must be greater than 0"]}));
        assert_eq!(body["error"], "amount: must be greater than 0");
    }

    #[test]
    fn headers_follow_the_status() {
        let response = Problem::unauthorized().into_response();
        assert!(response.headers().contains_key(header::WWW_AUTHENTICATE));
        let response = Problem::too_many(0).into_response();
        assert_eq!(response.headers()[header::RETRY_AFTER], "1");
        let response = Problem::too_large().into_response();
        assert_eq!(response.headers()[header::CONNECTION], "close");
    }

    #[test]
    fn a_fault_is_not_told() {
        let problem = Problem::internal("disk /secret is full");
        assert!(!problem.to_json().to_string().contains("disk"));
    }
}
