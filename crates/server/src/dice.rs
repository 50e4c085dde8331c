//! Chance, injected. The only file that asks the machine for randomness.

use std::sync::Mutex;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

/// A source of bytes nobody can guess (or, in tests, that repeats).
pub trait Dice: Send + Sync {
    fn fill(&self, bytes: &mut [u8]);
}

/// The operating system's generator.
#[derive(Clone, Copy, Debug, Default)]
pub struct OsDice;

impl Dice for OsDice {
    fn fill(&self, bytes: &mut [u8]) {
        getrandom::fill(bytes).expect("the operating system gives randomness");
    }
}

/// The same bytes for the same seed: for tests and the simulator, never for secrets.
#[derive(Debug)]
pub struct SeededDice(Mutex<(u64, u64)>);

impl SeededDice {
    pub fn new(seed: u64) -> SeededDice {
        SeededDice(Mutex::new((seed, 0)))
    }
}

impl Dice for SeededDice {
    fn fill(&self, bytes: &mut [u8]) {
        let mut state = self.0.lock().expect("nothing panics while rolling");
        for chunk in bytes.chunks_mut(32) {
            let mut block = Sha256::new();
            block.update(state.0.to_be_bytes());
            block.update(state.1.to_be_bytes());
            state.1 += 1;
            chunk.copy_from_slice(&block.finalize()[..chunk.len()]);
        }
    }
}

/// A random (version 4) UUID in its usual form.
pub fn uuid_v4(dice: &dyn Dice) -> String {
    let mut bytes = [0; 16];
    dice.fill(&mut bytes);
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let hex = hex(&bytes);
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

/// 256 random bits as 43 characters that fit everywhere: secrets and refresh tokens.
pub fn token_256(dice: &dyn Dice) -> String {
    let mut bytes = zeroize::Zeroizing::new([0; 32]);
    dice.fill(bytes.as_mut());
    URL_SAFE_NO_PAD.encode(bytes.as_ref())
}

/// 128 random bits as 22 characters: tokens in links.
pub fn token_128(dice: &dyn Dice) -> String {
    let mut bytes = [0; 16];
    dice.fill(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a string");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_repeat_and_differ() {
        let roll = |seed| uuid_v4(&SeededDice::new(seed));
        assert_eq!(roll(1), roll(1));
        assert_ne!(roll(1), roll(2));
        let dice = SeededDice::new(1);
        assert_ne!(token_256(&dice), token_256(&dice));
    }

    #[test]
    fn uuids_are_version_4() {
        let uuid = uuid_v4(&OsDice);
        assert_eq!(uuid.len(), 36);
        assert_eq!(&uuid[14..15], "4");
        assert!(matches!(&uuid[19..20], "8" | "9" | "a" | "b"));
        assert_eq!(token_256(&OsDice).len(), 43);
    }
}
