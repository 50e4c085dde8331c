//! From stretches of the wall clock to instants.

use std::ops::RangeInclusive;

use super::Zone;
use crate::records::Hours;
use crate::schedule::Slot;
use crate::time::{Span, Timestamp};

/// Sessions are offered at this distance.
const GRID: Span = Span::minutes(30);

/// 1970-01-01 was a Thursday.
pub(super) fn weekday(day: i64) -> i64 {
    (day + 3).rem_euclid(7)
}

/// When a payee is open on local days, each stretch by itself, in order.
pub fn openings(hours: &[Hours], zone: &Zone, days: RangeInclusive<i64>) -> Vec<Slot> {
    let mut found = Vec::new();
    for day in days {
        let is_exception = hours.iter().any(|hours| hours.date == Some(day));
        let counts = |hours: &&Hours| match hours.date {
            Some(date) => date == day,
            None => !is_exception && hours.weekday == weekday(day),
        };
        for hours in hours.iter().filter(counts) {
            let instants = zone.instants(day, hours.from_second, hours.until_second);
            found.extend(instants.into_iter().map(|(starts_at, ends_at)| Slot { starts_at, ends_at }));
        }
    }
    found.sort_by_key(|opening| opening.starts_at);
    found
}

/// The same without joints: what ends where the next begins is one.
fn joined(openings: Vec<Slot>) -> Vec<Slot> {
    let mut found: Vec<Slot> = Vec::new();
    for opening in openings {
        match found.last_mut() {
            Some(before) if opening.starts_at <= before.ends_at => {
                before.ends_at = before.ends_at.max(opening.ends_at);
            }
            _ => found.push(opening),
        }
    }
    found
}

fn holds(open: &[Slot], slot: Slot) -> bool {
    open.iter().any(|open| open.starts_at <= slot.starts_at && slot.ends_at <= open.ends_at)
}

/// Whether a payee is open from the start of a slot to its end.
pub(super) fn cover(hours: &[Hours], zone: &Zone, slot: Slot) -> bool {
    let (first, last) = (zone.day(slot.starts_at), zone.day(slot.ends_at));
    // A clock set back over midnight repeats a day.
    let days = first.min(last) - 1..=first.max(last) + 1;
    holds(&joined(openings(hours, zone, days)), slot)
}

/// Sessions of a length that begin on a local day, every half hour from where a stretch begins, inside
/// the stretches and clear of what is taken. A session may run on into the next stretch or day.
pub fn free_starts(hours: &[Hours], zone: &Zone, day: i64, length: Span, taken: &[Slot]) -> Vec<Slot> {
    let open = joined(openings(hours, zone, day - 1..=day + 2));
    let mut found: Vec<Slot> = Vec::new();
    for opening in openings(hours, zone, day..=day) {
        let mut starts_at: Timestamp = opening.starts_at;
        while starts_at < opening.ends_at {
            let slot = Slot { starts_at, ends_at: starts_at + length };
            if holds(&open, slot) && !taken.iter().any(|taken| taken.meets(slot)) {
                found.push(slot);
            }
            starts_at = starts_at + GRID;
        }
    }
    found
}
