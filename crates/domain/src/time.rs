//! Instants and spans: microseconds since 1970-01-01T00:00:00Z, nothing else.
//!
//! The domain never asks what time it is; `now` arrives in [`crate::context::Context`].
//! Zones are deliberately not here (`calendar` has them), nor text forms: they belong to the edge.

use std::ops::{Add, Sub};

/// An instant: microseconds since the Unix epoch, UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

/// A length of time in microseconds; may be negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub i64);

impl Timestamp {
    /// Beyond every instant the product deals with (the year 9999 and a bit), and safe to add spans to.
    pub const FAR_FUTURE: Timestamp = Timestamp(253_402_300_799_000_000);

    /// Whole seconds since the epoch, rounded towards the past.
    pub fn seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    pub fn from_seconds(seconds: i64) -> Timestamp {
        Timestamp(seconds * 1_000_000)
    }

    /// The number of the UTC day this instant lies in, 0 on 1970-01-01.
    pub fn day(self) -> i64 {
        self.0.div_euclid(Span::DAY.0)
    }
}

impl Span {
    pub const ZERO: Span = Span(0);
    pub const SECOND: Span = Span(1_000_000);
    pub const MINUTE: Span = Span(60 * Span::SECOND.0);
    pub const HOUR: Span = Span(60 * Span::MINUTE.0);
    pub const DAY: Span = Span(24 * Span::HOUR.0);

    pub const fn seconds(n: i64) -> Span {
        Span(n * Span::SECOND.0)
    }

    pub const fn minutes(n: i64) -> Span {
        Span(n * Span::MINUTE.0)
    }

    pub const fn hours(n: i64) -> Span {
        Span(n * Span::HOUR.0)
    }

    pub const fn days(n: i64) -> Span {
        Span(n * Span::DAY.0)
    }

    /// Whole seconds, rounded towards zero.
    pub const fn whole_seconds(self) -> i64 {
        self.0 / Span::SECOND.0
    }
}

impl Add<Span> for Timestamp {
    type Output = Timestamp;
    fn add(self, span: Span) -> Timestamp {
        Timestamp(self.0 + span.0)
    }
}

impl Sub<Span> for Timestamp {
    type Output = Timestamp;
    fn sub(self, span: Span) -> Timestamp {
        Timestamp(self.0 - span.0)
    }
}

impl Sub for Timestamp {
    type Output = Span;
    fn sub(self, earlier: Timestamp) -> Span {
        Span(self.0 - earlier.0)
    }
}
