//! Secrets that must wait in the database, sealed with the key-encryption key.
//!
//! XChaCha20-Poly1305 with a random nonce; the place a secret belongs to is authenticated with it,
//! so that a sealed text moved elsewhere does not open. Retired keys still open.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

use crate::config::{Secret, Secrets};
use crate::dice::Dice;

/// Says how a text was sealed, so that another way can come later.
const FORM: &str = "v1.";
const NONCE_BYTES: usize = 24;

/// Seals and opens.
pub struct Seal {
    dice: Arc<dyn Dice>,
    /// The first seals; all open.
    ciphers: Vec<XChaCha20Poly1305>,
}

impl Seal {
    pub fn new(secrets: &Secrets, dice: Arc<dyn Dice>) -> Seal {
        let keys = secrets.key_encryption_bytes();
        let cipher = |key: &Zeroizing<[u8; 32]>| {
            XChaCha20Poly1305::new_from_slice(key.as_ref()).expect("keys have 32 bytes")
        };
        Seal { dice, ciphers: keys.iter().map(cipher).collect() }
    }

    /// `place` names table, column and row or purpose; the same one opens.
    pub fn seal(&self, place: &str, secret: &Secret) -> String {
        let mut sealed = vec![0; NONCE_BYTES];
        self.dice.fill(&mut sealed);
        let nonce = XNonce::try_from(sealed.as_slice()).expect("just as long");
        let payload = Payload { msg: secret.expose().as_bytes(), aad: place.as_bytes() };
        let cipher = self.ciphers.first().expect("there is a current key");
        sealed.extend(cipher.encrypt(&nonce, payload).expect("secrets are short"));
        format!("{FORM}{}", URL_SAFE_NO_PAD.encode(sealed))
    }

    /// `None` for another place, another key, or a text that was tampered with.
    pub fn open(&self, place: &str, sealed: &str) -> Option<Secret> {
        let bytes = URL_SAFE_NO_PAD.decode(sealed.strip_prefix(FORM)?).ok()?;
        let (nonce, sealed) = bytes.split_at_checked(NONCE_BYTES)?;
        let nonce = XNonce::try_from(nonce).ok()?;
        let payload = || Payload { msg: sealed, aad: place.as_bytes() };
        let opened = self.ciphers.iter().find_map(|cipher| cipher.decrypt(&nonce, payload()).ok())?;
        String::from_utf8(opened).ok().map(Secret::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dice::SeededDice;

    fn seal(keys: &[u8]) -> Seal {
        let ciphers = keys.iter().map(|key| XChaCha20Poly1305::new(&[*key; 32].into())).collect();
        Seal { dice: Arc::new(SeededDice::new(1)), ciphers }
    }

    #[test]
    fn a_secret_opens_in_its_place_only() {
        let seal = seal(&[1]);
        let secret = Secret::new("token");
        let sealed = seal.seal("job|mail|verify_email", &secret);
        assert!(!sealed.contains("token"));
        assert_eq!(seal.open("job|mail|verify_email", &sealed), Some(secret));
        assert_eq!(seal.open("job|mail|password_reset", &sealed), None);
        assert_eq!(seal.open("job|mail|verify_email", &format!("{sealed}A")), None);
        for junk in ["", "v1.", "v1.AAAA", "v2.AAAA", "x"] {
            assert_eq!(seal.open("job|mail|verify_email", junk), None, "{junk}");
        }
    }

    #[test]
    fn retired_keys_still_open() {
        let old = seal(&[1]).seal("p", &Secret::new("token"));
        assert!(seal(&[2, 1]).open("p", &old).is_some());
        assert!(seal(&[2]).open("p", &old).is_none());
    }
}
