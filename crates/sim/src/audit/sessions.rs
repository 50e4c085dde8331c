//! Lessons: their states (I12), when they may be completed (BR-8), and the calendar that keeps them
//! apart (I20), which must say what they say.

use std::collections::{BTreeMap, BTreeSet};

use domain::id::{BookingId, PersonId};
use domain::records::{Booking, BookingState};
use domain::time::{Span, Timestamp};

use super::states::is_captured;
use super::{Snapshot, Violation, must};

/// A party, a UTC day and a booking's time on it.
type Taken = (PersonId, i64, BookingId, Timestamp, Timestamp);

pub fn check(seen: &Snapshot) -> Result<(), Violation> {
    for booking in seen.bookings.values().filter(|booking| booking.state == BookingState::Completed) {
        held(seen, booking)?;
    }
    calendar(seen)
}

/// BR-8: only what was paid, and was over, has been held.
fn held(seen: &Snapshot, booking: &Booking) -> Result<(), Violation> {
    let payment = booking.payment.and_then(|id| seen.payments.get(&id));
    let is_paid = payment.is_some_and(|payment| is_captured(payment.state));
    must(is_paid, "BR-8", || format!("{booking:?} was completed without money: {payment:?}"))?;
    let was_over = booking.completed_at.is_some() && booking.completed_at >= booking.ends_at;
    must(was_over, "BR-8", || format!("{booking:?} was completed before its end"))
}

/// I20: an open lesson takes its time of both parties, and nothing else takes any.
fn calendar(seen: &Snapshot) -> Result<(), Violation> {
    let found: BTreeSet<Taken> = seen
        .busy
        .iter()
        .map(|busy| (busy.party, busy.day, busy.booking, busy.starts_at, busy.ends_at))
        .collect();
    let mut expected = BTreeSet::new();
    let open = |booking: &&Booking| matches!(booking.state, BookingState::Pending | BookingState::Confirmed);
    for booking in seen.bookings.values().filter(open) {
        let (Some(starts_at), Some(ends_at)) = (booking.starts_at, booking.ends_at) else { continue };
        for day in day(starts_at)..=day(ends_at - Span(1)) {
            for party in [booking.payer, booking.payee] {
                expected.insert((party, day, booking.id, starts_at, ends_at));
            }
        }
    }
    let missing: Vec<&Taken> = expected.difference(&found).collect();
    must(missing.is_empty(), "I20", || format!("not in the calendar: {missing:?}"))?;
    let invented: Vec<&Taken> = found.difference(&expected).collect();
    must(invented.is_empty(), "I20", || format!("in the calendar for nothing: {invented:?}"))
}

fn day(at: Timestamp) -> i64 {
    at.0.div_euclid(Span::DAY.0)
}

/// The states seen last.
#[derive(Default)]
pub struct Lives(BTreeMap<BookingId, BookingState>);

impl Lives {
    /// I12: what has ended has ended, and nobody is asked twice.
    pub fn check(&mut self, seen: &Snapshot) -> Result<(), Violation> {
        use BookingState as S;
        for (id, before) in &self.0 {
            let after = seen.bookings.get(id).map(|booking| booking.state);
            let fits = match before {
                S::Pending => after.is_some(),
                S::Confirmed => after.is_some_and(|after| after != S::Pending),
                S::Completed | S::Cancelled => after == Some(*before),
            };
            must(fits, "I12", || format!("{id:?} went from {before:?} to {after:?}"))?;
        }
        self.0 = seen.bookings.values().map(|booking| (booking.id, booking.state)).collect();
        Ok(())
    }
}
