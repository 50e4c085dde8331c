//! The `t=…,v1=…` webhook signature: HMAC-SHA256 over `t.body`, as several gateways use it.
//!
//! Invariants: every candidate signature is compared with every active secret, each in constant
//! time and without stopping at the first hit; the instant is judged only after the signature held,
//! so a forger learns nothing from the answer. Header names and secrets' storage are not here.

use std::fmt::Write as _;

use domain::time::{Span, Timestamp};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::{Choice, ConstantTimeEq};

use crate::gateway::InboundError;

/// How far the signer's clock may be from ours, either way, unless configured.
pub const TOLERANCE: Span = Span::seconds(300);

/// More candidates than any key rotation needs are noise.
const CANDIDATES_MAX: usize = 16;

/// The header value for `body`, signed at `at` (whole seconds).
pub fn sign(secret: &str, at: Timestamp, body: &[u8]) -> String {
    let stamp = at.seconds().to_string();
    let mut hex = String::with_capacity(64);
    for byte in digest(secret, &stamp, body) {
        write!(hex, "{byte:02x}").expect("writing to a String cannot fail");
    }
    format!("t={stamp},v1={hex}")
}

/// Whether one of `secrets` signed `body` within `tolerance` of `now`.
pub fn verify(
    header: &str,
    body: &[u8],
    secrets: &[String],
    now: Timestamp,
    tolerance: Span,
) -> Result<(), InboundError> {
    if secrets.iter().all(String::is_empty) {
        return Err(InboundError::NoSecret);
    }
    let (stamp, candidates) = read(header).ok_or(InboundError::BadSignature)?;
    let mut authentic = Choice::from(0);
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        let expected = digest(secret, stamp, body);
        for candidate in &candidates {
            authentic |= candidate.ct_eq(&expected);
        }
    }
    if !bool::from(authentic) {
        return Err(InboundError::BadSignature);
    }
    let seconds: i64 = stamp.parse().map_err(|_| InboundError::BadSignature)?;
    let distance = now.seconds().abs_diff(seconds);
    if distance > tolerance.whole_seconds().unsigned_abs() {
        return Err(InboundError::Stale);
    }
    Ok(())
}

fn digest(secret: &str, stamp: &str, body: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(stamp.as_bytes());
    mac.update(b".");
    mac.update(body);
    mac.finalize().into_bytes().into()
}

/// The one `t` and the `v1` candidates that could be digests; other schemes are passed over.
fn read(header: &str) -> Option<(&str, Vec<[u8; 32]>)> {
    let mut stamp = None;
    let mut candidates = Vec::new();
    for part in header.split(',') {
        match part.trim().split_once('=')? {
            ("t", _) if stamp.is_some() => return None,
            ("t", value) => stamp = Some(value),
            ("v1", value) if candidates.len() < CANDIDATES_MAX => candidates.extend(unhex(value)),
            _ => {}
        }
    }
    Some((stamp?, candidates))
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 2 * bytes.len() || !text.is_ascii() {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let digit = |c: u8| char::from(c).to_digit(16);
        *byte = u8::try_from(digit(pair[0])? * 16 + digit(pair[1])?).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_700_000_000_000_000);

    fn check(header: &str, secrets: &[&str], now: Timestamp) -> Result<(), InboundError> {
        let secrets: Vec<String> = secrets.iter().map(ToString::to_string).collect();
        verify(header, b"{}", &secrets, now, TOLERANCE)
    }

    #[test]
    fn what_is_signed_verifies() {
        let header = sign("whsec_a", NOW, b"{}");
        assert_eq!(check(&header, &["whsec_a"], NOW), Ok(()));
        assert_eq!(check(&header, &["whsec_b", "whsec_a"], NOW), Ok(()));
    }

    /// Made with `openssl dgst -sha256 -hmac whsec_test` over `1700000000.{}`.
    #[test]
    fn the_scheme_is_the_published_one() {
        assert_eq!(
            sign("whsec_test", NOW, b"{}"),
            "t=1700000000,v1=35495024f4ef3f94e5a93e22221544c4b75e9a42300cd965ab81cb85cd994e91"
        );
    }

    #[test]
    fn any_of_several_signatures_is_enough() {
        let good = sign("whsec_a", NOW, b"{}");
        let (stamp, signature) = good.split_once(',').unwrap();
        let header = format!("{stamp},v1={},{signature},v0=old", "0".repeat(64));
        assert_eq!(check(&header, &["whsec_a"], NOW), Ok(()));
    }

    #[test]
    fn forgeries_are_refused() {
        let header = sign("whsec_a", NOW, b"{}");
        let other_body = sign("whsec_a", NOW, b"{ }");
        let redated = header.replace("t=1700000000", "t=1700000001");
        let two_stamps = format!("t=1700000000,{header}");
        for header in
            ["", "t=", "v1=", "t=1700000000", "t=1700000000,v1=zz", &other_body, &redated, &two_stamps]
        {
            assert_eq!(check(header, &["whsec_a"], NOW), Err(InboundError::BadSignature), "{header}");
        }
        assert_eq!(check(&header, &["whsec_b"], NOW), Err(InboundError::BadSignature));
    }

    #[test]
    fn a_missing_secret_believes_nothing() {
        let header = sign("", NOW, b"{}");
        assert_eq!(check(&header, &[], NOW), Err(InboundError::NoSecret));
        assert_eq!(check(&header, &[""], NOW), Err(InboundError::NoSecret));
        assert_eq!(check(&header, &["", "whsec_a"], NOW), Err(InboundError::BadSignature));
    }

    #[test]
    fn tolerance_is_the_same_either_side() {
        let header = sign("whsec_a", NOW, b"{}");
        for (offset, expected) in [
            (Span::seconds(300), Ok(())),
            (Span::seconds(-300), Ok(())),
            (Span::seconds(301), Err(InboundError::Stale)),
            (Span::seconds(-301), Err(InboundError::Stale)),
        ] {
            assert_eq!(check(&header, &["whsec_a"], NOW + offset), expected);
        }
    }
}
