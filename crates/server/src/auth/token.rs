//! Access tokens: short-lived JWTs that we issue and read (HS256, `typ=at+jwt`).
//!
//! A token names the person, the session and the session's version; whether the session is still
//! good is asked of the database on every request.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::time::Span;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::clock::Clock;
use crate::config::{Config, Secret, Secrets};

use super::compact::Compact;

const TYPE: &str = "at+jwt";
const AUDIENCE: &str = "bursar-api";

/// Why a token is not believed: for logs and tests. On the wire all of them are the same 401.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    #[error("not a token")]
    Malformed,
    #[error("a header we do not accept")]
    Header,
    #[error("signed by an unknown key")]
    Key,
    #[error("a wrong signature")]
    Signature,
    #[error("issued by somebody else")]
    Issuer,
    #[error("meant for somebody else")]
    Audience,
    #[error("an answer to another question")]
    Nonce,
    #[error("expired")]
    Expired,
    #[error("not valid yet")]
    NotYetValid,
    #[error("a claim is missing or has the wrong form")]
    Claims,
}

/// What a token of ours says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    /// UUID of the person.
    pub person: String,
    /// Id of the session.
    pub session: i64,
    /// Version of the session when the token was issued; an older one is revoked.
    pub version: i64,
}

/// A fresh token and its lifetime.
#[derive(Clone, Debug)]
pub struct Access {
    pub token: Secret,
    pub expires_in_seconds: i64,
}

/// Issues and verifies the tokens of this marketplace.
pub struct Tokens {
    issuer: String,
    lifetime: Span,
    clock: Arc<dyn Clock>,
    /// The first signs; all verify.
    keys: Vec<Key>,
}

struct Key {
    id: String,
    signing: EncodingKey,
    verifying: DecodingKey,
}

impl Tokens {
    /// The clock must be the real one: advancing the sandbox's must neither end nor revive logins.
    pub fn new(config: &Config, secrets: &Secrets, clock: Arc<dyn Clock>) -> Tokens {
        let keys = std::iter::once(&secrets.jwt_key).chain(&secrets.jwt_keys_retired);
        Tokens {
            issuer: format!("urn:bursar:{}", secrets.instance),
            lifetime: Span::minutes(config.auth.access_ttl_minutes),
            clock,
            keys: keys.map(Key::new).collect(),
        }
    }

    pub fn issue(&self, claims: &Claims) -> Access {
        let key = self.keys.first().expect("there is a signing key");
        let now = self.clock.now();
        let header = json!({"alg": "HS256", "typ": TYPE, "kid": key.id});
        let body = json!({
            "iss": self.issuer,
            "aud": AUDIENCE,
            "sub": claims.person,
            "sid": claims.session,
            "ver": claims.version,
            "iat": now.seconds(),
            "nbf": now.seconds(),
            "exp": (now + self.lifetime).seconds(),
        });
        let encode = |part: serde_json::Value| URL_SAFE_NO_PAD.encode(part.to_string());
        let message = format!("{}.{}", encode(header), encode(body));
        let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key.signing, Algorithm::HS256)
            .expect("HMAC signs anything");
        Access {
            token: Secret::new(format!("{message}.{signature}")),
            expires_in_seconds: self.lifetime.whole_seconds(),
        }
    }

    /// Whose token it is, if it is one of ours and in force.
    pub fn verify(&self, token: &str) -> Result<Claims, TokenError> {
        let token = Compact::parse(token)?;
        let known = ["alg", "typ", "kid"];
        let has_others = !matches!(&token.header, crate::node::Node::Object(members)
            if members.keys().all(|name| known.contains(&name.as_str())));
        if has_others || token.header_text("alg") != Some("HS256") || token.header_text("typ") != Some(TYPE) {
            return Err(TokenError::Header);
        }
        let id = token.header_text("kid").ok_or(TokenError::Header)?;
        let key = self.keys.iter().find(|key| key.id == id).ok_or(TokenError::Key)?;
        verify_signature(&token, &key.verifying, Algorithm::HS256)?;
        if token.text("iss") != Some(&self.issuer) {
            return Err(TokenError::Issuer);
        }
        if token.text("aud") != Some(AUDIENCE) {
            return Err(TokenError::Audience);
        }
        token.check_lifetime(self.clock.now())?;
        Ok(Claims {
            person: token
                .text("sub")
                .filter(|person| !person.is_empty())
                .ok_or(TokenError::Claims)?
                .to_owned(),
            session: token.number("sid").ok_or(TokenError::Claims)?,
            version: token.number("ver").ok_or(TokenError::Claims)?,
        })
    }
}

impl Key {
    fn new(secret: &Secret) -> Key {
        let bytes = secret.expose().as_bytes();
        let digest = Sha256::new().chain_update(b"bursar key id").chain_update(bytes).finalize();
        Key {
            id: URL_SAFE_NO_PAD.encode(&digest[..9]),
            signing: EncodingKey::from_secret(bytes),
            verifying: DecodingKey::from_secret(bytes),
        }
    }
}

/// One algorithm, chosen by us.
pub(super) fn verify_signature(
    token: &Compact<'_>,
    key: &DecodingKey,
    algorithm: Algorithm,
) -> Result<(), TokenError> {
    let message = token.message.as_bytes();
    match jsonwebtoken::crypto::verify(token.signature, message, key, algorithm) {
        Ok(true) => Ok(()),
        Ok(false) | Err(_) => Err(TokenError::Signature),
    }
}

/// The token of an `Authorization` header: `Bearer t` and `Token t`, in any case.
pub fn from_header(value: &str) -> Option<&str> {
    let (scheme, token) = value.trim().split_once(' ')?;
    let known = ["bearer", "token"];
    let token = token.trim();
    (known.iter().any(|word| scheme.eq_ignore_ascii_case(word)) && !token.is_empty()).then_some(token)
}

#[cfg(test)]
mod tests;
