//! What an answer of Stripe's means: the classification table, in one place.
//!
//! Invariant: "no" is said only where Stripe itself said it in its own words; a status code without
//! a readable error object behind it (a proxy's page, a cut body) is unknown. Texts for operators
//! carry codes and Stripe's request id, never a body.

use domain::gateway::{Answer, Unknown};
use serde::Deserialize;

use super::wire::Failure;
use crate::http::{Lost, Reply};

#[derive(Deserialize)]
struct Envelope {
    error: Failure,
}

/// Reads a reply of any of Stripe's interfaces; `read` turns the body of a success into what was asked for.
pub fn classify<T>(exchange: Result<Reply, Lost>, read: impl FnOnce(&[u8]) -> Option<T>) -> Answer<T> {
    let reply = match exchange {
        Ok(reply) => reply,
        Err(Lost::NotSent(reason)) => return Answer::NotSent(reason),
        Err(Lost::Unknown(reason)) => return unknown(reason),
    };
    if (200..300).contains(&reply.status) {
        return read(&reply.body).map_or_else(|| unsure(&reply, "unreadable answer"), Answer::Done);
    }
    let Ok(Envelope { error }) = serde_json::from_slice::<Envelope>(&reply.body) else {
        return unsure(&reply, "no error object");
    };
    let summary = summary(&error);
    match (reply.status, error.kind.as_deref()) {
        // Our own parameters differ from those first sent with this key: a human must look, and a
        // new key would be a second charge.
        (_, Some("idempotency_error")) => unsure(&reply, &summary),
        (402, _) | (400, Some("card_error")) => Answer::Declined(error.decline()),
        (400 | 404, Some("invalid_request_error")) => Answer::Rejected(described(&reply, &summary)),
        // 401 and 403 are configuration, 409 the same key in progress, 429 comes before the key
        // layer, and of 5xx nobody knows.
        _ => unsure(&reply, &summary),
    }
}

/// An outcome that nobody knows, with no advice on waiting.
pub(super) fn unknown<T>(reason: impl Into<String>) -> Answer<T> {
    Answer::Unknown(Unknown { reason: reason.into(), retry_after: None })
}

fn unsure<T>(reply: &Reply, why: &str) -> Answer<T> {
    Answer::Unknown(Unknown { reason: described(reply, why), retry_after: reply.retry_after() })
}

fn described(reply: &Reply, why: &str) -> String {
    let request = reply.header("request-id").unwrap_or("none");
    format!("HTTP {}: {why} (request {request})", reply.status)
}

/// Codes only: Stripe's sentences repeat what was sent.
fn summary(error: &Failure) -> String {
    let parts = [&error.kind, &error.code, &error.param];
    let words: Vec<&str> = parts.iter().filter_map(|part| part.as_deref()).collect();
    words.join(" ")
}
