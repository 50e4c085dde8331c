//! `Idempotency-Key`: from a request to the record's key, and from a kept answer to a response.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::id::PersonId;
use domain::idempotency::{Answer, Key};
use domain::time::Span;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::Problem;
use crate::dice::hex;

const HEADER: &str = "idempotency-key";
const REPLAYED: &str = "idempotent-replayed";
/// Characters.
const KEY_MAX: usize = 255;

/// What identifies a request besides its key.
pub struct Request<'a> {
    pub person: PersonId,
    /// The operation's name, the same for every mount.
    pub operation: &'a str,
    /// Path parameters, in order.
    pub path: &'a [&'a str],
    /// Of the body's content.
    pub digest: [u8; 32],
}

impl Request<'_> {
    fn body_hash(&self) -> String {
        let mut hash = Sha256::new();
        for part in self.path {
            hash.update(part.as_bytes());
            hash.update([0]);
        }
        hash.update(self.digest);
        hex(&hash.finalize())
    }

    /// The client's key, if it sent one.
    pub fn key(&self, headers: &HeaderMap) -> Result<Option<Key>, Problem> {
        let Some(value) = headers.get(HEADER) else { return Ok(None) };
        let text = value.to_str().unwrap_or_default();
        if text.is_empty() || text.len() > KEY_MAX || !text.is_ascii() {
            let detail = "The Idempotency-Key header must be 1 to 255 ASCII characters.";
            return Err(Problem::bad_request("malformed", detail));
        }
        Ok(Some(self.named(&hex(&Sha256::digest(text)), None)))
    }

    /// The client's key, or one made of person and body that counts within a window: for requests
    /// that have no natural key.
    pub fn key_or_derived(&self, headers: &HeaderMap, window: Span) -> Result<Key, Problem> {
        let derived = || self.named(&format!("derived:{}", self.body_hash()), Some(window));
        Ok(self.key(headers)?.unwrap_or_else(derived))
    }

    fn named(&self, key: &str, window: Option<Span>) -> Key {
        Key {
            person: self.person,
            operation: self.operation.to_string(),
            key: key.to_string(),
            body_hash: self.body_hash(),
            window,
        }
    }
}

/// A success in the form that can be kept.
pub fn success(status: StatusCode, body: &impl Serialize) -> Answer {
    let body = serde_json::to_string(body).expect("our answers serialize");
    Answer { status: status.as_u16(), body }
}

/// A problem in the form that can be kept.
pub fn failure(problem: &Problem) -> Answer {
    Answer { status: problem.status().as_u16(), body: problem.to_json().to_string() }
}

/// An answer as a response; `replayed` says that it was given before.
pub fn respond(answer: Answer, replayed: bool) -> Response {
    let status = StatusCode::from_u16(answer.status).expect("kept from a status");
    let media = if status.is_success() { "application/json" } else { "application/problem+json" };
    let mut response = (status, answer.body).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
    if replayed {
        response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    }
    response
}
