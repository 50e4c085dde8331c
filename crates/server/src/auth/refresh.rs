//! Refresh tokens: 256 random bits, of which the database keeps a hash only.
//!
//! Rotation, reuse and families are rules of the session, not of the token.

use sha2::{Digest, Sha256};

use crate::config::Secret;
use crate::dice::{Dice, token_256};

/// The length of every token we give out.
const LENGTH: usize = 43;

/// What is stored: enough to recognize a token, not to make one. A plain hash is enough, because
/// nobody can try 2^256 tokens.
pub type RefreshHash = [u8; 32];

/// A new token and its hash.
pub fn issue(dice: &dyn Dice) -> (Secret, RefreshHash) {
    let token = token_256(dice);
    let hash = Sha256::digest(token.as_bytes()).into();
    (Secret::new(token), hash)
}

/// The hash to look a received token up by; `None` when it cannot be one of ours.
pub fn hash(token: &str) -> Option<RefreshHash> {
    let possible = token.len() == LENGTH
        && token.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    possible.then(|| Sha256::digest(token.as_bytes()).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dice::OsDice;

    #[test]
    fn a_token_is_found_by_its_hash() {
        let (token, stored) = issue(&OsDice);
        assert_eq!(hash(token.expose()), Some(stored));
        let (other, _) = issue(&OsDice);
        assert_ne!(hash(other.expose()), Some(stored));
    }

    #[test]
    fn what_cannot_be_a_token_is_not_looked_up() {
        for junk in ["", "x", &"é".repeat(43), &"a".repeat(42), &"a".repeat(44), &" ".repeat(43)] {
            assert_eq!(hash(junk), None, "{junk}");
        }
    }
}
