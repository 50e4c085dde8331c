//! Time, injected. The only file that asks the machine what time it is.
//!
//! Business rules follow the [`Clock`] they are given, which the sandbox can advance; token
//! lifetimes and rate limits take [`SystemClock`], so advancing the one never opens the other.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use domain::time::{Span, Timestamp};

/// Tells the time.
pub trait Clock: Send + Sync {
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
    fn now(&self) -> Timestamp {
        let since_epoch = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .expect("the machine's clock is after 1970");
        let micros = i64::try_from(since_epoch.as_micros()).expect("before the year 290000");
        Timestamp(micros)
    }
}

/// The machine's clock plus an offset that only grows: the sandbox's clock.
pub struct OffsetClock {
    base: Arc<dyn Clock>,
    offset_micros: AtomicI64,
}

impl OffsetClock {
    pub fn new(base: Arc<dyn Clock>) -> OffsetClock {
        OffsetClock { base, offset_micros: AtomicI64::new(0) }
    }

    /// Begins in the past: for histories that are made up.
    pub fn behind(base: Arc<dyn Clock>, by: Span) -> OffsetClock {
        OffsetClock { base, offset_micros: AtomicI64::new(-by.0) }
    }

    pub fn offset(&self) -> Span {
        Span(self.offset_micros.load(Ordering::SeqCst))
    }

    /// Moves forward; a negative span moves nothing, because time that ran cannot be taken back.
    pub fn advance(&self, by: Span) {
        self.offset_micros.fetch_add(by.0.max(0), Ordering::SeqCst);
    }

    /// Takes over an offset that is further ahead: another node's, or one from before a restart.
    pub fn catch_up(&self, offset: Span) {
        self.offset_micros.fetch_max(offset.0, Ordering::SeqCst);
    }
}

impl Clock for OffsetClock {
    fn now(&self) -> Timestamp {
        self.base.now() + self.offset()
    }
}

/// Stands still until it is moved: for tests and the simulator.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    pub fn at(now: Timestamp) -> ManualClock {
        ManualClock(AtomicI64::new(now.0))
    }

    pub fn advance(&self, by: Span) {
        self.0.fetch_add(by.0, Ordering::SeqCst);
    }

    pub fn set(&self, now: Timestamp) {
        self.0.store(now.0, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

/// Lets some time pass on a thread that may block: the store's.
#[expect(clippy::disallowed_methods, reason = "the one place that waits for a while")]
pub fn pause(span: Duration) {
    std::thread::sleep(span);
}

/// Measures how long something takes, unmoved by any clock above.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    #[expect(clippy::disallowed_methods, reason = "durations for metrics, never for a decision")]
    pub fn start() -> Stopwatch {
        Stopwatch(Instant::now())
    }

    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sandbox_clock_only_moves_forward() {
        let base = Arc::new(ManualClock::at(Timestamp::from_seconds(1_000)));
        let clock = OffsetClock::new(Arc::clone(&base) as Arc<dyn Clock>);
        clock.advance(Span::HOUR);
        clock.advance(Span(-5));
        assert_eq!(clock.now(), Timestamp::from_seconds(4_600));
        clock.catch_up(Span::MINUTE);
        assert_eq!(clock.offset(), Span::HOUR);
        clock.catch_up(Span::DAY);
        base.advance(Span::SECOND);
        assert_eq!(clock.now(), Timestamp::from_seconds(87_401));
    }
}
