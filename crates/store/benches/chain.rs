//! How fast the audit's chain is verified: `cargo bench -p store --bench chain [-- ROWS]`.
//!
//! A million rows (or ROWS) in 256 lanes, sealed in stretches of two lengths: as a busy marketplace seals
//! them and as a quiet one does. In a file; with `BURSAR_TEST_POSTGRES` set, on PostgreSQL too.

use std::time::Instant;

use domain::audit::{Stretch, Trace};
use domain::id::{AuditId, LANES, Lane, PersonId};
use domain::records::{AuditBlock, AuditCursor, AuditEntry};
use domain::time::Timestamp;
use store::engine::{Access, Options};
use store::testing::TestDb;
use store::verify::verify_chain;

const AT: Timestamp = Timestamp(1_800_000_000_000_000);
/// Rows of one lane in one block.
const STRETCHES: [i64; 2] = [1_000, 20];
/// What S18 asks for.
const WANTED: u128 = 200_000;

fn main() {
    let rows = std::env::args().skip(1).find_map(|word| word.parse().ok()).unwrap_or(1_000_000_i64);
    for length in STRETCHES {
        measure(&TestDb::sqlite(), rows, length);
        if std::env::vars_os().any(|(name, _)| name == "BURSAR_TEST_POSTGRES") {
            measure(&TestDb::postgres(), rows, length);
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a measurement is about the time that passes")]
fn measure(db: &TestDb, rows: i64, length: i64) {
    let rows = fill(db, rows, length);
    let mut connection = db.open(Access::Read);
    let begun = Instant::now();
    let found = verify_chain(&mut connection).expect("readable");
    let took = begun.elapsed();
    assert_eq!(found, [], "what was measured is the whole way");
    let engine = if db.url.is_postgres() { "PostgreSQL" } else { "SQLite" };
    let rate = u128::from(rows.unsigned_abs()) * 1_000_000 / took.as_micros().max(1);
    let word = if rate >= WANTED { "reached" } else { "NOT reached" };
    println!(
        "{engine}: {rows} rows in stretches of {length}: {took:?}, {rate} rows/s ({WANTED} wanted: {word})"
    );
}

/// Rows and a chain that seals them all; how many rows.
fn fill(db: &TestDb, rows: i64, length: i64) -> i64 {
    store::migrate_database(&db.url, &Options::default(), AT).expect("an empty database");
    let mut connection = db.open(Access::Write);
    let blocks = (rows / (LANES * length)).max(1);
    let mut previous = String::new();
    for number in 1..=blocks {
        connection.begin().expect("a database");
        let mut stretches = Vec::new();
        for lane in 0..LANES {
            let first = (number - 1) * length + 1;
            let entries: Vec<AuditEntry> =
                (first..first + length).map(|sequence| entry(sequence * LANES + lane)).collect();
            connection.insert_many(&entries).expect("new rows");
            let after = if number == 1 { 0 } else { (first - 1) * LANES + lane };
            let traces: Vec<Trace> = entries.into_iter().map(Trace::Audit).collect();
            stretches.extend(Stretch::of(Lane::of_id(lane), after, &traces));
        }
        let block = AuditBlock::next(number, previous, &stretches, AT);
        connection.insert_many([&block]).expect("a new row");
        previous = block.hash;
        if number == blocks {
            let cursor = |lane| AuditCursor { sealed_lane: lane, until: blocks * length * LANES + lane };
            let cursors: Vec<AuditCursor> = (0..LANES).map(cursor).collect();
            connection.insert_many(&cursors).expect("new rows");
        }
        connection.commit().expect("a database");
    }
    blocks * LANES * length
}

/// As a cancelled booking leaves one.
fn entry(id: i64) -> AuditEntry {
    AuditEntry {
        id: AuditId(id),
        actor: Some(PersonId(id)),
        action: "booking.cancelled".into(),
        object: "booking".into(),
        object_id: id,
        change: r#"{"state":["confirmed","cancelled"],"late":false}"#.into(),
        at: AT,
        origin_mark: Some("0f".repeat(32)),
    }
}
