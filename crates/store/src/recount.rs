//! Counting the reports' sums anew when their time zone, or the amount from which payments are listed
//! one by one, has changed.
//!
//! Days begin and end elsewhere then, so every sum of a day is another. All lanes are locked while it
//! lasts: nobody writes, and whoever is counted is counted once. Lanes are read page by page, and what
//! each comes to is added as any commit's delta would be; it is all one database transaction, so a stop
//! half-way leaves the old sums. Deliberately not here: what adds what (`domain::rollups`).

use std::collections::BTreeMap;

use domain::id::{LANES, Lane};
use domain::policy::Reports;
use domain::records::{LaneRow, Rollup};
use domain::rollups::{Add, Kept};

use crate::db::StartError;
use crate::engine::{Access, Connection, Fault, Options, Url, Value};
use crate::reads::{REPORT_HIGH_VALUE, REPORT_ZONE, Reads};
use crate::writer;

/// Sums of days that are added together, and totals, which have openings on many days.
const DAYS_MAX: usize = 500;
const TOTALS_MAX: usize = 50;

/// Makes the stored sums follow what they depend on; whether they did not before. Blocks writers
/// meanwhile.
pub fn settle_reports(url: &Url, options: &Options, reports: &Reports) -> Result<bool, StartError> {
    let mut connection = Connection::open(url, Access::Write, &options.patient())?;
    settle(&mut connection, reports).map_err(|fault| StartError::Open(fault.into()))
}

fn settle(connection: &mut Connection, reports: &Reports) -> Result<bool, Fault> {
    connection.begin()?;
    let outcome = count_if_needed(connection, reports);
    if matches!(outcome, Ok(true)) {
        connection.commit()?;
    } else {
        connection.rollback();
    }
    outcome
}

fn count_if_needed(connection: &mut Connection, reports: &Reports) -> Result<bool, Fault> {
    if follow(connection, reports)? {
        return Ok(false);
    }
    let all: Vec<i64> = (0..LANES).collect();
    let asked = connection.ask_lanes::<LaneRow>(&all)?;
    let lanes = connection.answer(asked)?;
    // Another node may have been at it while this one waited for the locks.
    if follow(connection, reports)? {
        return Ok(false);
    }
    for table in ["rollup", "rollup_total", "rollup_opening"] {
        let gone = format!("DELETE FROM {table} WHERE lane = $1");
        connection.execute(&gone, &[Value::Int(Rollup::LANE.number())])?;
    }
    for lane in lanes {
        count(connection, reports, lane.lane)?;
    }
    let set = "INSERT INTO setting (name, value) VALUES ($1, $2) \
               ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    let least = reports.high_value_minor.to_string();
    for (name, value) in [(REPORT_ZONE, reports.calendar.zone.as_str()), (REPORT_HIGH_VALUE, &least)] {
        connection.execute(set, &[Value::text(name), Value::text(value)])?;
    }
    Ok(true)
}

/// Whether the stored sums follow it.
fn follow(connection: &mut Connection, reports: &Reports) -> Result<bool, Fault> {
    let stored = Reads::new(connection).report_settings()?;
    Ok(stored.calendar.zone == reports.calendar.zone && stored.high_value_minor == reports.high_value_minor)
}

/// Adds what a lane's rows come to, in the place of its deltas.
fn count(connection: &mut Connection, reports: &Reports, lane: Lane) -> Result<(), Fault> {
    connection.execute("DELETE FROM rollup_delta WHERE lane = $1", &[Value::Int(lane.number())])?;
    let mut kept = Kept::default();
    Reads::new(connection).recount(lane.number(), reports, |key, amounts| kept.add(&key, amounts))?;
    for part in parts(kept) {
        let needs = |world: &_, needs: &mut _| Add(&part).needs(world, needs);
        writer::change(connection, needs, |world| Add(&part).to(world))?;
    }
    Ok(())
}

/// At most so many sums in each, with all their days.
fn parts(kept: Kept) -> Vec<Kept> {
    let days: Vec<_> = kept.days.into_iter().collect();
    let totals: Vec<_> = kept.totals.into_iter().collect();
    let days = days
        .chunks(DAYS_MAX)
        .map(|part| Kept { days: part.iter().cloned().collect(), totals: BTreeMap::new() });
    let totals = totals
        .chunks(TOTALS_MAX)
        .map(|part| Kept { days: BTreeMap::new(), totals: part.iter().cloned().collect() });
    days.chain(totals).collect()
}
