//! Busy times: pending and confirmed bookings hold their hours for both parties, nobody else does.
//! The rows of the two parties live in two lanes, so each side looks the other up by key.

use domain::id::{BookingId, Id};
use domain::records::{Booking, BookingState, Busy};
use domain::rows::Record;
use domain::schedule;

use super::Finding;
use crate::engine::{Fault, Value};
use crate::reads::Reads;

/// Rows looked at together.
const PAGE: usize = 500;

pub(super) fn check(reads: &mut Reads<'_>, lane: i64, findings: &mut Vec<Finding>) -> Result<(), Fault> {
    let mut after = -1;
    loop {
        let page = open_bookings(reads, lane, after)?;
        let Some(last) = page.last() else { break };
        after = last.id.raw();
        held(reads, &page, findings)?;
    }
    freed(reads, lane, findings)
}

fn open_bookings(reads: &mut Reads<'_>, lane: i64, after: i64) -> Result<Vec<Booking>, Fault> {
    let rest = format!(
        "WHERE lane = $1 AND id > $2 AND state IN ('pending', 'confirmed') AND starts_at IS NOT NULL
          ORDER BY id LIMIT {PAGE}"
    );
    reads.select(&rest, &[Value::Int(lane), Value::Int(after)])
}

/// Every open booking has exactly its rows.
fn held(reads: &mut Reads<'_>, bookings: &[Booking], findings: &mut Vec<Finding>) -> Result<(), Fault> {
    let wanted: Vec<Busy> = bookings.iter().flat_map(schedule::busy).collect();
    let keys: Vec<_> = wanted.iter().map(Record::key).collect();
    let found = reads.find_many::<Busy>(&keys)?;
    for row in wanted.iter().filter(|row| !found.contains(row)) {
        let detail = format!("booking {} does not hold day {} of person {}", row.booking, row.day, row.party);
        findings.push(Finding { invariant: "I20", detail });
    }
    Ok(())
}

/// Every row belongs to an open booking that means it.
fn freed(reads: &mut Reads<'_>, lane: i64, findings: &mut Vec<Finding>) -> Result<(), Fault> {
    let mut after = [-1; 3];
    loop {
        let rest = format!(
            "WHERE lane = $1 AND (party, day, booking) > ($2, $3, $4) ORDER BY party, day, booking LIMIT {PAGE}"
        );
        let params = [lane, after[0], after[1], after[2]].map(Value::Int);
        let page: Vec<Busy> = reads.select(&rest, &params)?;
        let Some(last) = page.last() else { return Ok(()) };
        after = [last.party.raw(), last.day, last.booking.raw()];
        let ids: Vec<BookingId> = page.iter().map(|row| row.booking).collect();
        let bookings = reads.find_many::<Booking>(&ids)?;
        for row in &page {
            let booking = bookings.iter().find(|booking| booking.id == row.booking);
            if !booking.is_some_and(|booking| means(booking, row)) {
                let detail =
                    format!("day {} of person {} is held by booking {}", row.day, row.party, row.booking);
                findings.push(Finding { invariant: "I20", detail });
            }
        }
    }
}

fn means(booking: &Booking, row: &Busy) -> bool {
    let open = matches!(booking.state, BookingState::Pending | BookingState::Confirmed);
    open && schedule::busy(booking).any(|meant| meant == *row)
}
