//! The compact form of a token, taken apart strictly: what all verification starts with.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::time::Timestamp;

use crate::node::Node;

use super::token::TokenError;

/// Longer tokens are not looked at.
const LENGTH_MAX: usize = 8_192;
/// Headers that move the choice of key or rules to the token. Whoever sends one is refused.
const DANGEROUS: &[&str] = &["crit", "jku", "jwk", "x5u", "x5c", "b64", "zip", "enc"];
/// How far another machine's clock may run ahead of ours.
const SKEW_SECONDS: i64 = 60;

/// A token in its parts; nothing is verified yet.
pub(super) struct Compact<'a> {
    pub header: Node,
    pub claims: Node,
    /// What was signed.
    pub message: &'a str,
    pub signature: &'a str,
}

impl<'a> Compact<'a> {
    pub fn parse(token: &'a str) -> Result<Compact<'a>, TokenError> {
        if token.len() > LENGTH_MAX || !token.is_ascii() {
            return Err(TokenError::Malformed);
        }
        let (message, signature) = token.rsplit_once('.').ok_or(TokenError::Malformed)?;
        let (header, claims) = message.split_once('.').ok_or(TokenError::Malformed)?;
        if claims.contains('.') || signature.is_empty() {
            return Err(TokenError::Malformed);
        }
        let parsed = Compact { header: part(header)?, claims: part(claims)?, message, signature };
        if URL_SAFE_NO_PAD.decode(signature).is_err() {
            return Err(TokenError::Malformed);
        }
        let dangerous = DANGEROUS.iter().any(|name| parsed.header.get(name).is_some());
        if dangerous { Err(TokenError::Header) } else { Ok(parsed) }
    }

    pub fn header_text(&self, name: &str) -> Option<&str> {
        text(&self.header, name)
    }

    pub fn text(&self, name: &str) -> Option<&str> {
        text(&self.claims, name)
    }

    /// A claim that is a whole number, written as one.
    pub fn number(&self, name: &str) -> Option<i64> {
        match self.claims.get(name)? {
            Node::Number(digits) => digits.parse().ok(),
            _ => None,
        }
    }

    /// `exp` must be there and ahead; `nbf` and `iat`, if there, behind, give or take.
    pub fn check_lifetime(&self, now: Timestamp) -> Result<(), TokenError> {
        let now = now.seconds();
        let expires = self.number("exp").ok_or(TokenError::Claims)?;
        if expires <= now {
            return Err(TokenError::Expired);
        }
        for name in ["nbf", "iat"] {
            if self.claims.get(name).is_none() {
                continue;
            }
            let from = self.number(name).ok_or(TokenError::Claims)?;
            if from > now + SKEW_SECONDS {
                return Err(TokenError::NotYetValid);
            }
        }
        Ok(())
    }
}

fn part(encoded: &str) -> Result<Node, TokenError> {
    let bytes = URL_SAFE_NO_PAD.decode(encoded).map_err(|_| TokenError::Malformed)?;
    match Node::from_json(&bytes) {
        Ok(node @ Node::Object(_)) => Ok(node),
        _ => Err(TokenError::Malformed),
    }
}

fn text<'n>(node: &'n Node, name: &str) -> Option<&'n str> {
    match node.get(name)? {
        Node::Text(text) => Some(text),
        _ => None,
    }
}
