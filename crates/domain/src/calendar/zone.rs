//! The wall clock of a zone. Its rules come with the program: every node has the same ones.

use jiff::tz::{Offset, TimeZone};

use super::SECONDS_A_DAY;
use crate::time::{Span, Timestamp};

/// The last local day that can be asked about, 9999-12-25: a session of it ends within the calendar.
pub const DAY_MAX: i64 = 2_932_890;
/// No wall clock is further than this from UTC.
const OFFSET_MAX: Span = Span::hours(26);

/// A time zone; UTC unless said otherwise.
#[derive(Clone, Debug)]
pub struct Zone(TimeZone);

impl Default for Zone {
    fn default() -> Zone {
        Zone(TimeZone::UTC)
    }
}

impl Zone {
    /// By its IANA name, `Europe/Paris`.
    pub fn named(name: &str) -> Option<Zone> {
        TimeZone::get(name.trim()).ok().map(Zone)
    }

    /// The local day number at an instant.
    pub fn day(&self, at: Timestamp) -> i64 {
        self.wall_clock(at).div_euclid(Span::DAY.0)
    }

    /// The second of the local day that the wall clock shows at an instant.
    pub fn second(&self, at: Timestamp) -> i64 {
        self.wall_clock(at).rem_euclid(Span::DAY.0) / Span::SECOND.0
    }

    /// The instants of a local day, from the first to the one after the last.
    pub fn bounds(&self, day: i64) -> (Timestamp, Timestamp) {
        let open = self.instants(day, 0, SECONDS_A_DAY);
        let first = open.first().map_or(Timestamp(day * Span::DAY.0), |(from, _)| *from);
        (first, open.last().map_or(first, |(_, until)| *until))
    }

    /// When the wall clock shows this local day and a second in `from..until`: half-open intervals in
    /// order, usually one, none where clocks skip all of it, two where they repeat a part of it.
    pub(super) fn instants(&self, day: i64, from: i64, until: i64) -> Vec<(Timestamp, Timestamp)> {
        let wall = |second: i64| Timestamp(day * Span::DAY.0 + second * Span::SECOND.0);
        let (first, last) = (wall(from) - OFFSET_MAX, wall(until) + OFFSET_MAX);
        let changes = self.0.following(instant(first));
        let changes = changes.map(|change| Timestamp(change.timestamp().as_microsecond()));
        let mut found: Vec<(Timestamp, Timestamp)> = Vec::new();
        let mut begins = first;
        // Between two changes the wall clock runs evenly.
        for ends in changes.take_while(|change| *change < last).chain([last]) {
            let offset = self.offset(begins);
            let (open, close) = ((wall(from) - offset).max(begins), (wall(until) - offset).min(ends));
            match found.last_mut() {
                Some(before) if open < close && before.1 == open => before.1 = close,
                _ if open < close => found.push((open, close)),
                _ => {}
            }
            begins = ends;
        }
        found
    }

    fn wall_clock(&self, at: Timestamp) -> i64 {
        (at + self.offset(at)).0
    }

    fn offset(&self, at: Timestamp) -> Span {
        let offset: Offset = self.0.to_offset(instant(at));
        Span::seconds(i64::from(offset.seconds()))
    }
}

/// Beyond the calendar's ends the rules of its ends hold.
fn instant(at: Timestamp) -> jiff::Timestamp {
    let (min, max) = (jiff::Timestamp::MIN.as_microsecond(), jiff::Timestamp::MAX.as_microsecond());
    jiff::Timestamp::from_microsecond(at.0.clamp(min, max)).expect("clamped to the calendar")
}
