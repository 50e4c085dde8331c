//! Access tokens of the server under test, signed with the key it was configured with: logging in a
//! thousand people would measure the hashing of passwords.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::market;

/// Longer than any run.
const LIFETIME_SECONDS: i64 = 6 * 3_600;

/// The signing key and the marketplace it belongs to.
pub struct Key {
    pub secret: &'static str,
    pub instance: &'static str,
}

/// Whose token: person and session by id.
pub struct Session {
    pub person: i64,
    pub id: i64,
    pub version: i64,
}

impl Key {
    /// A token in force for some hours.
    pub fn sign(&self, session: &Session, now_seconds: i64) -> String {
        let header = json!({"alg": "HS256", "typ": "at+jwt", "kid": self.id()});
        let claims = json!({
            "iss": format!("urn:bursar:{}", self.instance),
            "aud": "bursar-api",
            "sub": market::uuid(session.person),
            "sid": session.id,
            "ver": session.version,
            "iat": now_seconds,
            "nbf": now_seconds,
            "exp": now_seconds + LIFETIME_SECONDS,
        });
        let encode = |part: serde_json::Value| URL_SAFE_NO_PAD.encode(part.to_string());
        let message = format!("{}.{}", encode(header), encode(claims));
        let mut mac =
            Hmac::<Sha256>::new_from_slice(self.secret.as_bytes()).expect("HMAC takes keys of any length");
        mac.update(message.as_bytes());
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
    }

    fn id(&self) -> String {
        let digest = Sha256::new().chain_update(b"bursar key id").chain_update(self.secret).finalize();
        URL_SAFE_NO_PAD.encode(&digest[..9])
    }
}
