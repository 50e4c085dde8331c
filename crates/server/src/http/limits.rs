//! Rates per minute and concurrency per person, in real time (a sandbox clock does not open them).
//!
//! Counted in this process: what must hold across nodes (guesses at one account) is counted in
//! the database, not here.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use crate::config;

use super::Problem;
use super::peer::Peer;

/// Requests of one person at the same time (`reliability.md` S13).
pub const CONCURRENT_MAX: u32 = 8;
/// Forgotten keys are swept after so many checks, so that addresses do not pile up.
const SWEEP_EVERY: u32 = 4_096;

/// What is being limited; each has its own bucket per key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bucket {
    /// Logins, registrations, password resets, token refreshes.
    Login,
    /// Payments, refunds, payouts, cards, coupon tries.
    Payment,
    Other,
}

/// The buckets of this process.
pub struct Limits {
    login: Option<Limiter>,
    payment: Option<Limiter>,
    other: Option<Limiter>,
    running: Mutex<BTreeMap<String, u32>>,
}

struct Limiter {
    keys: DefaultKeyedRateLimiter<String>,
    clock: DefaultClock,
    checks: AtomicU32,
}

impl Limits {
    pub fn new(settings: &config::Limits) -> Limits {
        Limits {
            login: Limiter::new(settings.login_per_minute),
            payment: Limiter::new(settings.payment_per_minute),
            other: Limiter::new(settings.other_per_minute),
            running: Mutex::default(),
        }
    }

    /// Takes one from the bucket of this key (an address, a person); 429 when it is empty.
    pub fn check(&self, bucket: Bucket, key: &str) -> Result<(), Problem> {
        let limiter = match bucket {
            Bucket::Login => &self.login,
            Bucket::Payment => &self.payment,
            Bucket::Other => &self.other,
        };
        limiter.as_ref().map_or(Ok(()), |limiter| limiter.check(key))
    }

    /// Takes one for the caller's address and, when somebody is logged in, one for the person.
    pub fn check_both(&self, bucket: Bucket, peer: Peer, person: Option<&str>) -> Result<(), Problem> {
        self.check(bucket, &peer.address.to_string())?;
        person.map_or(Ok(()), |person| self.check(bucket, person))
    }

    /// Counts a running request of a person until the ticket is dropped; 429 beyond the maximum.
    pub fn enter(self: &Arc<Self>, person: &str) -> Result<Ticket, Problem> {
        let mut running = self.running.lock().expect("nothing panics while counting");
        let count = running.entry(person.to_owned()).or_default();
        if *count >= CONCURRENT_MAX {
            return Err(Problem::too_many(1));
        }
        *count += 1;
        Ok(Ticket { limits: Arc::clone(self), person: person.to_owned() })
    }
}

/// One running request of a person.
pub struct Ticket {
    limits: Arc<Limits>,
    person: String,
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let running = self.limits.running.lock();
        let mut running = running.expect("nothing panics while counting");
        if let Some(count) = running.get_mut(&self.person) {
            *count -= 1;
            if *count == 0 {
                running.remove(&self.person);
            }
        }
    }
}

impl Limiter {
    fn new(per_minute: u32) -> Option<Limiter> {
        let per_minute = NonZeroU32::new(per_minute)?;
        Some(Limiter {
            keys: RateLimiter::keyed(Quota::per_minute(per_minute)),
            clock: DefaultClock::default(),
            checks: AtomicU32::new(0),
        })
    }

    fn check(&self, key: &str) -> Result<(), Problem> {
        if self.checks.fetch_add(1, Ordering::Relaxed) % SWEEP_EVERY == SWEEP_EVERY - 1 {
            self.keys.retain_recent();
        }
        self.keys.check_key(&key.to_owned()).map_err(|until| {
            let wait = until.wait_time_from(self.clock.now());
            Problem::too_many(wait.as_secs() + 1)
        })
    }
}

/// Every request counts against its address. Probes do not: they must not be refused.
pub(super) async fn per_address(
    State(limits): State<Arc<Limits>>,
    peer: Peer,
    request: Request,
    next: Next,
) -> Response {
    let is_probe = matches!(request.uri().path(), "/healthz" | "/readyz");
    if !is_probe && let Err(problem) = limits.check(Bucket::Other, &peer.address.to_string()) {
        return problem.into_response();
    }
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(login_per_minute: u32) -> Arc<Limits> {
        Arc::new(Limits::new(&config::Limits {
            login_per_minute,
            payment_per_minute: 1,
            other_per_minute: 0,
        }))
    }

    #[test]
    fn a_bucket_empties_per_key() {
        let limits = limits(3);
        for _ in 0..3 {
            limits.check(Bucket::Login, "a").expect("within the rate");
        }
        let problem = limits.check(Bucket::Login, "a").expect_err("empty");
        assert_eq!(problem.code(), "rate_limited");
        let header = problem.into_response().headers()["retry-after"].clone();
        let seconds: u64 = header.to_str().expect("text").parse().expect("a number");
        assert!((1..=20).contains(&seconds), "{seconds}");
        limits.check(Bucket::Login, "b").expect("another key");
        limits.check(Bucket::Payment, "a").expect("another bucket");
    }

    #[test]
    fn zero_is_off() {
        let limits = limits(0);
        for _ in 0..1_000 {
            limits.check(Bucket::Login, "a").expect("off");
            limits.check(Bucket::Other, "a").expect("off");
        }
    }

    #[test]
    fn a_person_runs_a_few_requests_at_once() {
        let limits = limits(0);
        let mut tickets: Vec<Ticket> =
            (0..CONCURRENT_MAX).map(|_| limits.enter("a").expect("room")).collect();
        assert!(limits.enter("a").is_err());
        assert!(limits.enter("b").is_ok());
        tickets.pop();
        assert!(limits.enter("a").is_ok());
        tickets.clear();
        assert!(limits.running.lock().expect("not poisoned").is_empty());
    }
}
