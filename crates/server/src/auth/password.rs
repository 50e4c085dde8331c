//! Passwords: argon2id, a bounded number of hashes at once, and a list of passwords everybody
//! tries first.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use zeroize::Zeroizing;

use crate::dice::Dice;

pub const LENGTH_MIN: usize = 8;
pub const LENGTH_MAX: usize = 1_024;
const SALT_BYTES: usize = 16;
/// Hashes that may wait for each one that runs; beyond it 429 at once.
const WAITING_PER_CORE: usize = 16;

static COMMON: LazyLock<HashSet<&'static str>> =
    LazyLock::new(|| include_str!("../../assets/common_passwords.txt").lines().collect());

/// Cheaper hashes are made where they are asked for: handing them to another thread would cost more,
/// and a simulation has only one.
const THREAD_FROM_KIB: u32 = 64;

/// How dear a guess is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    pub memory_kib: u32,
    pub passes: u32,
    pub lanes: u32,
}

impl Cost {
    /// `reliability.md` S4: about 35 ms of one core.
    pub const STRONG: Cost = Cost { memory_kib: 19_456, passes: 2, lanes: 1 };
    /// For tests and simulations only.
    pub const CHEAP: Cost = Cost { memory_kib: 8, passes: 1, lanes: 1 };
}

/// What a password check found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Right,
    /// Right, but hashed more cheaply than today: hash it again and store that.
    RightButOld,
    Wrong,
}

/// Why no verdict or hash was given.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// Too many wait already: 429.
    #[error("too many passwords are being hashed")]
    Busy,
    #[error("a stored password hash cannot be read")]
    Stored,
    #[error("hashing failed: {0}")]
    Hash(argon2::password_hash::Error),
}

/// Hashes passwords, on at most as many threads as there are cores.
pub struct Passwords {
    params: Params,
    dice: Arc<dyn Dice>,
    cores: Arc<Semaphore>,
    waiting: AtomicUsize,
    waiting_max: usize,
    /// Hash of a password nobody has: an unknown address costs the same as a known one.
    decoy: String,
}

impl Passwords {
    pub fn new(cost: Cost, dice: Arc<dyn Dice>) -> Result<Passwords, PasswordError> {
        let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, None)
            .map_err(|error| PasswordError::Hash(error.into()))?;
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let nobody = Zeroizing::new(crate::dice::token_256(dice.as_ref()));
        let decoy = hash_now(&params, nobody.as_bytes(), dice.as_ref())?;
        Ok(Passwords {
            params,
            dice,
            cores: Arc::new(Semaphore::new(cores)),
            waiting: AtomicUsize::new(0),
            waiting_max: cores * WAITING_PER_CORE,
            decoy,
        })
    }

    /// The PHC string to store.
    pub async fn hash(&self, password: Zeroizing<String>) -> Result<String, PasswordError> {
        let permit = self.turn().await?;
        let (params, dice) = (self.params.clone(), Arc::clone(&self.dice));
        let work = move || hash_now(&params, password.as_bytes(), dice.as_ref());
        if self.is_cheap() { work() } else { run(permit, work).await }
    }

    /// Compares a password with what is stored; `None` for an address nobody has, which takes as
    /// long and is always wrong.
    pub async fn check(
        &self,
        password: Zeroizing<String>,
        stored: Option<String>,
    ) -> Result<Verdict, PasswordError> {
        let permit = self.turn().await?;
        let is_known = stored.is_some();
        let stored = stored.unwrap_or_else(|| self.decoy.clone());
        let params = self.params.clone();
        let work = move || check_now(&params, password.as_bytes(), &stored);
        let verdict = if self.is_cheap() { work()? } else { run(permit, work).await? };
        Ok(if is_known { verdict } else { Verdict::Wrong })
    }

    fn is_cheap(&self) -> bool {
        self.params.m_cost() < THREAD_FROM_KIB
    }

    /// Waits for a core, unless too many wait already.
    async fn turn(&self) -> Result<OwnedSemaphorePermit, PasswordError> {
        let _waiting = Waiting::enter(&self.waiting, self.waiting_max)?;
        let permit = Arc::clone(&self.cores).acquire_owned().await;
        Ok(permit.expect("the semaphore is never closed"))
    }
}

/// One place in the queue, given back also when the caller goes away.
struct Waiting<'a>(&'a AtomicUsize);

impl Waiting<'_> {
    fn enter(count: &AtomicUsize, most: usize) -> Result<Waiting<'_>, PasswordError> {
        let before = count.fetch_add(1, Ordering::SeqCst);
        let place = Waiting(count);
        if before >= most {
            return Err(PasswordError::Busy);
        }
        Ok(place)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The permit travels with the work: a caller who leaves does not free a core that is still busy.
async fn run<T: Send + 'static>(
    permit: OwnedSemaphorePermit,
    work: impl FnOnce() -> Result<T, PasswordError> + Send + 'static,
) -> Result<T, PasswordError> {
    let task = tokio::task::spawn_blocking(move || {
        let outcome = work();
        drop(permit);
        outcome
    });
    task.await.expect("hashing does not panic")
}

fn hash_now(params: &Params, password: &[u8], dice: &dyn Dice) -> Result<String, PasswordError> {
    let mut salt = [0; SALT_BYTES];
    dice.fill(&mut salt);
    let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
    let hash = argon.hash_password_with_salt(password, &salt).map_err(PasswordError::Hash)?;
    Ok(hash.to_string())
}

fn check_now(params: &Params, password: &[u8], stored: &str) -> Result<Verdict, PasswordError> {
    let hash = PasswordHash::new(stored).map_err(|_| PasswordError::Stored)?;
    let used = Params::try_from(&hash).map_err(|_| PasswordError::Stored)?;
    match Argon2::default().verify_password(password, &hash) {
        Ok(()) => {}
        Err(argon2::password_hash::Error::PasswordInvalid) => return Ok(Verdict::Wrong),
        Err(error) => return Err(PasswordError::Hash(error)),
    }
    let same = hash.algorithm == argon2::ARGON2ID_IDENT
        && hash.version == Some(Version::V0x13.into())
        && used.m_cost() == params.m_cost()
        && used.t_cost() == params.t_cost()
        && used.p_cost() == params.p_cost();
    Ok(if same { Verdict::Right } else { Verdict::RightButOld })
}

/// What is wrong with a new password, in a sentence; `None` when it may be used.
/// Any characters; nothing about digits or capitals.
pub fn weakness(password: &str) -> Option<&'static str> {
    let common = "is one of the passwords that everybody tries first; choose another";
    wrong_length(password).or(is_common(password).then_some(common))
}

/// The same where no real money can move: there the leaked passwords of examples will do.
pub fn wrong_length(password: &str) -> Option<&'static str> {
    match password.chars().count() {
        ..LENGTH_MIN => Some("must have at least 8 characters"),
        LENGTH_MIN..=LENGTH_MAX => None,
        _ => Some("must have at most 1024 characters"),
    }
}

/// Whether it stands on the list of leaked passwords, in any case.
pub fn is_common(password: &str) -> bool {
    let lower = Zeroizing::new(password.to_lowercase());
    COMMON.contains(lower.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dice::OsDice;

    fn passwords(cost: Cost) -> Passwords {
        Passwords::new(cost, Arc::new(OsDice)).expect("valid cost")
    }

    fn text(password: &str) -> Zeroizing<String> {
        Zeroizing::new(password.to_owned())
    }

    #[tokio::test]
    async fn a_password_is_recognized_and_another_is_not() {
        let passwords = passwords(Cost::CHEAP);
        let long = "пароль 🔑 ".repeat(60);
        for password in ["correct horse", long.as_str(), "a\u{301}bcdefgh"] {
            let stored = passwords.hash(text(password)).await.expect("hashed");
            let verdict = passwords.check(text(password), Some(stored.clone())).await;
            assert_eq!(verdict.expect("checked"), Verdict::Right);
            let wrong = format!("{password} ");
            let verdict = passwords.check(text(&wrong), Some(stored)).await;
            assert_eq!(verdict.expect("checked"), Verdict::Wrong);
        }
        let verdict = passwords.check(text("anything"), None).await;
        assert_eq!(verdict.expect("checked"), Verdict::Wrong);
    }

    #[tokio::test]
    async fn hashes_are_salted_and_say_their_cost() {
        let strong = passwords(Cost::STRONG);
        let hash = strong.hash(text("correct horse")).await.expect("hashed");
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        let again = strong.hash(text("correct horse")).await.expect("hashed");
        assert_ne!(hash, again);
        let cheap = passwords(Cost::CHEAP).hash(text("correct horse")).await.expect("hashed");
        let verdict = strong.check(text("correct horse"), Some(cheap)).await;
        assert_eq!(verdict.expect("checked"), Verdict::RightButOld);
    }

    /// From the reference implementation's test suite.
    #[test]
    fn a_published_vector_is_right() {
        let stored = concat!(
            "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ",
            "$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
        );
        let params = Params::new(65_536, 2, 1, None).expect("valid");
        let verdict = check_now(&params, b"password", stored).expect("readable");
        assert_eq!(verdict, Verdict::Right);
    }

    #[tokio::test]
    async fn a_damaged_hash_is_a_fault_and_not_a_wrong_password() {
        let verdict = passwords(Cost::CHEAP).check(text("x"), Some("plain".into())).await;
        assert!(matches!(verdict, Err(PasswordError::Stored)));
    }

    #[tokio::test]
    async fn beyond_the_queue_there_is_no_waiting() {
        let passwords = passwords(Cost::CHEAP);
        let cores = u32::try_from(passwords.cores.available_permits()).expect("few");
        let held = Arc::clone(&passwords.cores).acquire_many_owned(cores).await;
        passwords.waiting.store(passwords.waiting_max, Ordering::SeqCst);
        let refused = passwords.hash(text("correct horse")).await;
        assert!(matches!(refused, Err(PasswordError::Busy)));
        assert_eq!(passwords.waiting.load(Ordering::SeqCst), passwords.waiting_max);
        passwords.waiting.store(0, Ordering::SeqCst);
        drop(held);
        passwords.hash(text("correct horse")).await.expect("a free core");
    }

    #[test]
    fn weak_passwords_are_named() {
        for weak in ["", "seven77", "Password123", "QWERTYUIOP", "12345678", &"x".repeat(1_025)] {
            assert!(weakness(weak).is_some(), "{weak}");
        }
        for fine in ["correct horse", "тайное слово", "12345679x", &"x".repeat(1_024)] {
            assert_eq!(weakness(fine), None, "{fine}");
        }
        assert!(COMMON.len() > 1_000);
    }
}
