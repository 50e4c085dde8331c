//! Counting the reports' sums anew when their time zone has changed.
//!
//! Days begin and end elsewhere then, so every sum of a day is another. All lanes are locked while it
//! lasts: nobody writes, and whoever is counted is counted once. Lanes are read page by page and leave
//! their sums as deltas, which are folded like those of any commit; it is all one database transaction,
//! so a stop half-way leaves the old sums. Deliberately not here: what adds what (`domain::rollups`).

use domain::id::{DeltaId, Id, LANES};
use domain::policy::Calendar;
use domain::records::{LaneRow, Rollup, RollupDelta};
use domain::rollups::{Sums, bodies};

use crate::db::StartError;
use crate::engine::{Access, Connection, Fault, Options, Url, Value};
use crate::reads::{REPORT_ZONE, Reads};

/// Keys in one delta.
const KEYS_MAX: usize = 500;

/// Makes the stored sums follow a calendar; whether they did not before. Blocks writers meanwhile.
pub fn settle_reports(url: &Url, options: &Options, calendar: &Calendar) -> Result<bool, StartError> {
    let mut connection = Connection::open(url, Access::Write, &options.patient())?;
    settle(&mut connection, calendar).map_err(|fault| StartError::Open(fault.into()))
}

fn settle(connection: &mut Connection, calendar: &Calendar) -> Result<bool, Fault> {
    connection.begin()?;
    let outcome = count_if_needed(connection, calendar);
    if matches!(outcome, Ok(true)) {
        connection.commit()?;
    } else {
        connection.rollback();
    }
    outcome
}

fn count_if_needed(connection: &mut Connection, calendar: &Calendar) -> Result<bool, Fault> {
    if Reads::new(connection).report_calendar()?.zone == calendar.zone {
        return Ok(false);
    }
    let all: Vec<i64> = (0..LANES).collect();
    let asked = connection.ask_lanes::<LaneRow>(&all)?;
    let lanes = connection.answer(asked)?;
    // Another node may have been at it while this one waited for the locks.
    if Reads::new(connection).report_calendar()?.zone == calendar.zone {
        return Ok(false);
    }
    connection.execute("DELETE FROM rollup WHERE lane = $1", &[Value::Int(Rollup::LANE.number())])?;
    for lane in lanes {
        count(connection, calendar, lane)?;
    }
    let set = "INSERT INTO setting (name, value) VALUES ($1, $2) \
               ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    connection.execute(set, &[Value::text(REPORT_ZONE), Value::text(calendar.zone.as_str())])?;
    Ok(true)
}

/// Puts what a lane's rows add in the place of its deltas.
fn count(connection: &mut Connection, calendar: &Calendar, lane: LaneRow) -> Result<(), Fault> {
    let number = lane.lane.number();
    connection.execute("DELETE FROM rollup_delta WHERE lane = $1", &[Value::Int(number)])?;
    let mut sums = Sums::new();
    let add = |key, amounts| sums.entry(key).or_default().add(amounts, 1);
    Reads::new(connection).recount(number, calendar, add)?;
    let mut counted = lane.clone();
    let delta = |body: String| {
        let id = DeltaId::from_raw(counted.next * LANES + number);
        counted.next += 1;
        RollupDelta { id, body }
    };
    let deltas: Vec<RollupDelta> = bodies(&sums, KEYS_MAX).into_iter().map(delta).collect();
    connection.insert_many(&deltas)?;
    connection.update_many([(&lane, &counted)])
}
