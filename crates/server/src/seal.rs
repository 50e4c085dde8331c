//! Secrets that must wait in the database, sealed with the key-encryption key.
//!
//! XChaCha20-Poly1305 with a random nonce; the place a secret belongs to is authenticated with it,
//! so that a sealed text moved elsewhere does not open. Retired keys still open.
//!
//! And the marketplace's own signature (Ed25519, from the same key): who has a copy of the public key
//! can tell later that nobody has written the audit anew.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use zeroize::Zeroizing;

use crate::auth::chain::mac;
use crate::config::{Secret, Secrets};
use crate::dice::{Dice, hex};

/// Says how a text was sealed, so that another way can come later.
const FORM: &str = "v1.";
const NONCE_BYTES: usize = 24;

/// Seals and opens.
pub struct Seal {
    dice: Arc<dyn Dice>,
    /// The first seals; all open.
    ciphers: Vec<XChaCha20Poly1305>,
    /// The first signs; the signatures of all are ours.
    signers: Vec<Ed25519KeyPair>,
}

impl Seal {
    pub fn new(secrets: &Secrets, dice: Arc<dyn Dice>) -> Seal {
        let keys = secrets.key_encryption_bytes();
        let cipher = |key: &Zeroizing<[u8; 32]>| {
            XChaCha20Poly1305::new_from_slice(key.as_ref()).expect("keys have 32 bytes")
        };
        let signers = keys.iter().map(|key| signer(key.as_ref())).collect();
        Seal { dice, ciphers: keys.iter().map(cipher).collect(), signers }
    }

    /// Our signature under a text, hex.
    pub fn sign(&self, text: &str) -> String {
        hex(self.signers.first().expect("there is a current key").sign(text.as_bytes()).as_ref())
    }

    /// Whether a text was signed by us, with this key or a retired one.
    pub fn has_signed(&self, text: &str, signature: &str) -> bool {
        let Some(signature) = from_hex(signature) else { return false };
        self.signers.iter().any(|signer| {
            let key = UnparsedPublicKey::new(&ED25519, signer.public_key());
            key.verify(text.as_bytes(), &signature).is_ok()
        })
    }

    /// What others verify our signatures with, hex.
    pub fn public_key(&self) -> String {
        hex(self.signers.first().expect("there is a current key").public_key().as_ref())
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

fn signer(key: &[u8]) -> Ed25519KeyPair {
    let seed = Zeroizing::new(mac(key, b"bursar signature"));
    Ed25519KeyPair::from_seed_unchecked(seed.as_ref()).expect("seeds have 32 bytes")
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes().chunks_exact(2);
    let whole = digits.remainder().is_empty();
    let bytes: Option<Vec<u8>> =
        digits.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect();
    bytes.filter(|_| whole)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dice::SeededDice;

    fn seal(keys: &[u8]) -> Seal {
        let ciphers = keys.iter().map(|key| XChaCha20Poly1305::new(&[*key; 32].into())).collect();
        let signers = keys.iter().map(|key| signer(&[*key; 32])).collect();
        Seal { dice: Arc::new(SeededDice::new(1)), ciphers, signers }
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

    #[test]
    fn signatures_are_ours_or_they_are_not() {
        let signature = seal(&[1]).sign("block 1");
        assert!(seal(&[1]).has_signed("block 1", &signature));
        assert!(seal(&[2, 1]).has_signed("block 1", &signature), "a retired key's");
        assert!(!seal(&[2]).has_signed("block 1", &signature));
        assert!(!seal(&[1]).has_signed("block 2", &signature));
        for junk in ["", "0", "zz", &signature[1..], &signature[2..]] {
            assert!(!seal(&[1]).has_signed("block 1", junk), "{junk}");
        }
    }
}
