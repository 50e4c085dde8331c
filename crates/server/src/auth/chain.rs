//! What follows a refresh token: the next one, derived with a key of ours.
//!
//! Tabs that present the same token are so given the same next one. Without the key nobody can
//! derive anything; the first of a family is random.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::config::{Secret, Secrets};
use crate::dice::hex;

/// Derives refresh tokens from each other.
pub struct Chain {
    key: Zeroizing<[u8; 32]>,
}

impl Chain {
    pub fn new(secrets: &Secrets) -> Chain {
        Chain { key: Zeroizing::new(mac(secrets.jwt_key.expose().as_bytes(), b"bursar refresh chain")) }
    }

    /// The token that follows this one.
    pub fn next(&self, token: &Secret) -> Secret {
        let next = mac(self.key.as_ref(), token.expose().as_bytes());
        Secret::new(URL_SAFE_NO_PAD.encode(Zeroizing::new(next).as_ref()))
    }
}

/// What the database keeps of a secret token: SHA-256, hex.
pub fn stored(token: &str) -> String {
    hex(&Sha256::digest(token.as_bytes()))
}

/// HMAC-SHA-256.
pub(crate) fn mac(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(message);
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::refresh;
    use crate::dice::SeededDice;

    #[test]
    fn a_chain_is_the_same_for_everybody_and_looks_like_tokens() {
        let chain = |key: &[u8; 32]| Chain { key: Zeroizing::new(*key) };
        let (first, _) = refresh::issue(&SeededDice::new(1));
        let next = chain(&[1; 32]).next(&first);
        assert_eq!(next, chain(&[1; 32]).next(&first));
        assert_ne!(next, chain(&[2; 32]).next(&first));
        assert_ne!(next, first);
        assert!(refresh::hash(next.expose()).is_some());
    }
}
