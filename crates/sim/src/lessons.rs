//! When something is due: the ends of lessons, and what keeps a run from being over.

use domain::records::{Booking, BookingState, JobState};
use domain::time::Timestamp;
use store::Db;

use crate::audit::{Snapshot, Violation};

/// The ends of lessons that are to take place.
#[expect(clippy::redundant_closure_for_method_calls, reason = "the bare method is bound to one lifetime")]
pub fn ends(db: &Db) -> Result<Vec<Timestamp>, Violation> {
    let bookings = db.read_now(|reads| reads.everything::<Booking>());
    let bookings = bookings.map_err(|fault| Violation::new("unreadable", fault.to_string()))?;
    let confirmed = bookings.into_iter().filter(|booking| booking.state == BookingState::Confirmed);
    let mut ends: Vec<Timestamp> = confirmed.filter_map(|booking| booking.ends_at).collect();
    ends.sort_unstable();
    Ok(ends)
}

/// When the next operation or letter is due; `None` when all are over.
pub fn next(seen: &Snapshot) -> Option<Timestamp> {
    let ops = seen.ops.values().filter_map(|op| op.wake_at);
    let jobs = seen.jobs.iter().filter(|job| job.state == JobState::Queued).map(|job| job.run_at);
    ops.chain(jobs).min()
}
