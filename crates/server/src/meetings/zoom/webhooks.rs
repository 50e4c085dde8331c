//! Zoom's webhooks: `x-zm-signature: v0=HMAC-SHA256("v0:<timestamp>:<body>")`, in hexadecimal.
//!
//! The question that proves an address (`endpoint.url_validation`) is answered to signed requests
//! only: its answer is a HMAC with the same secret, and whoever could choose the text could have us
//! sign any webhook.

use domain::meetings::Happening;
use domain::time::{Span, Timestamp};
use gateways::gateway::{Inbound, InboundError};
use serde::Deserialize;
use serde_json::{Value, json};
use subtle::{Choice, ConstantTimeEq};

use crate::auth::chain::mac;
use crate::config::Secret;
use crate::dice::hex;
use crate::meetings::provider::Word;

const MICROS_A_MILLISECOND: i64 = 1_000;

#[derive(Deserialize)]
struct Event {
    event: String,
    /// Milliseconds.
    event_ts: Option<i64>,
    #[serde(default)]
    payload: Payload,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Payload {
    plain_token: Option<String>,
    object: Option<Object>,
}

#[derive(Deserialize)]
struct Object {
    /// A number in some events, text in others.
    id: Option<Value>,
}

/// What an authentic request says.
pub(super) fn receive(
    inbound: Inbound<'_>,
    secrets: &[Secret],
    tolerance: Span,
) -> Result<Word, InboundError> {
    let secret = verified(&inbound, secrets)?;
    let stamp = (inbound.header)("x-zm-request-timestamp").and_then(|stamp| stamp.trim().parse::<i64>().ok());
    let stamp = stamp.ok_or(InboundError::BadSignature)?;
    if inbound.now.seconds().abs_diff(stamp) > tolerance.whole_seconds().unsigned_abs() {
        return Err(InboundError::Stale);
    }
    let event: Event = serde_json::from_slice(inbound.body).map_err(|_| InboundError::Unparsable)?;
    let happening = match event.event.as_str() {
        "endpoint.url_validation" => return proof(secret, event.payload),
        "meeting.started" => Happening::Started,
        "meeting.ended" => Happening::Ended,
        "meeting.deleted" => Happening::Deleted,
        _ => return Ok(Word::Other),
    };
    let reference = match event.payload.object.and_then(|object| object.id) {
        Some(Value::String(id)) => id,
        Some(Value::Number(id)) => id.to_string(),
        _ => return Err(InboundError::Unparsable),
    };
    if reference.contains('\0') {
        return Err(InboundError::Unparsable);
    }
    let at = event.event_ts.and_then(|at| at.checked_mul(MICROS_A_MILLISECOND)).map(Timestamp);
    Ok(Word::Happened { reference, happening, at: at.unwrap_or(inbound.now) })
}

/// The secret that the request was signed with.
fn verified<'s>(inbound: &Inbound<'_>, secrets: &'s [Secret]) -> Result<&'s Secret, InboundError> {
    if secrets.is_empty() {
        return Err(InboundError::NoSecret);
    }
    let header = |name: &str| (inbound.header)(name).ok_or(InboundError::BadSignature);
    let (given, stamp) = (header("x-zm-signature")?, header("x-zm-request-timestamp")?);
    let message = [b"v0:", stamp.as_bytes(), b":", inbound.body].concat();
    let signs = |secret: &&Secret| {
        let ours = format!("v0={}", hex(&mac(secret.expose().as_bytes(), &message)));
        let same: Choice = ours.as_bytes().ct_eq(given.trim().as_bytes());
        bool::from(same)
    };
    secrets.iter().find(signs).ok_or(InboundError::BadSignature)
}

fn proof(secret: &Secret, payload: Payload) -> Result<Word, InboundError> {
    let plain = payload.plain_token.ok_or(InboundError::Unparsable)?;
    let encrypted = hex(&mac(secret.expose().as_bytes(), plain.as_bytes()));
    Ok(Word::Proof(json!({ "plainToken": plain, "encryptedToken": encrypted })))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_700_000_000_000_000);
    const SECRET: &str = "zoom-secret";

    fn heard(body: &str, secret: &str, age: i64, known: &[&str]) -> Result<Word, InboundError> {
        let stamp = (NOW.seconds() - age).to_string();
        let message = format!("v0:{stamp}:{body}");
        let signature = format!("v0={}", hex(&mac(secret.as_bytes(), message.as_bytes())));
        let header = |name: &str| match name {
            "x-zm-signature" => Some(signature.clone()),
            "x-zm-request-timestamp" => Some(stamp.clone()),
            _ => None,
        };
        let known: Vec<Secret> = known.iter().map(|secret| Secret::new(*secret)).collect();
        let inbound = Inbound { header: &header, body: body.as_bytes(), now: NOW };
        receive(inbound, &known, Span::minutes(5))
    }

    /// Made with `printf 'v0:1700000000:{}' | openssl dgst -sha256 -hmac zoom-secret`.
    #[test]
    fn the_scheme_is_the_published_one() {
        let ours = hex(&mac(SECRET.as_bytes(), b"v0:1700000000:{}"));
        assert_eq!(ours, "4fc50520fe58713efaf12c259edac8100361a72205945326f2aec30ee98d613b");
    }

    #[test]
    fn what_is_signed_now_is_believed_and_nothing_else() {
        let body =
            r#"{"event":"meeting.started","event_ts":1699999999123,"payload":{"object":{"id":"123"}}}"#;
        let started = Word::Happened {
            reference: "123".into(),
            happening: Happening::Started,
            at: Timestamp(1_699_999_999_123_000),
        };
        assert_eq!(heard(body, SECRET, 0, &[SECRET]), Ok(started.clone()));
        assert_eq!(heard(body, SECRET, 300, &["other", SECRET]), Ok(started));
        assert_eq!(heard(body, SECRET, 301, &[SECRET]), Err(InboundError::Stale));
        assert_eq!(heard(body, SECRET, -301, &[SECRET]), Err(InboundError::Stale));
        assert_eq!(heard(body, "forged", 0, &[SECRET]), Err(InboundError::BadSignature));
        assert_eq!(heard(body, "", 0, &[]), Err(InboundError::NoSecret));
        assert_eq!(heard("not json", SECRET, 0, &[SECRET]), Err(InboundError::Unparsable));
        let numbered = body.replace("\"123\"", "123").replace("started", "ended");
        assert!(matches!(heard(&numbered, SECRET, 0, &[SECRET]), Ok(Word::Happened { .. })));
        let other = r#"{"event":"user.created","payload":{}}"#;
        assert_eq!(heard(other, SECRET, 0, &[SECRET]), Ok(Word::Other));
    }

    #[test]
    fn an_address_is_proved_to_who_knows_the_secret_only() {
        let body = r#"{"event":"endpoint.url_validation","payload":{"plainToken":"qgg8vlvZRS6UYooatFL8Aw"}}"#;
        let proof = json!({
            "plainToken": "qgg8vlvZRS6UYooatFL8Aw",
            "encryptedToken": hex(&mac(SECRET.as_bytes(), b"qgg8vlvZRS6UYooatFL8Aw")),
        });
        assert_eq!(heard(body, SECRET, 0, &[SECRET]), Ok(Word::Proof(proof)));
        assert_eq!(heard(body, "forged", 0, &[SECRET]), Err(InboundError::BadSignature));
    }
}
