//! The audit's chain: whatever is done to a sealed row, or to the chain itself, `verify` names it.

use domain::audit::{AddBlock, Stretch};
use domain::id::LANES;
use domain::records::AuditBlock;
use store::both;
use store::engine::Access;
use store::testing::TestDb;
use store::verify::{verify_database, visit_chain};

use crate::market::*;

/// Seals what is not sealed yet, as the server's job does. How many rows.
fn seal(market: &Market, rows_max: usize) -> i64 {
    let read = market.db.read_now(move |reads| {
        let cursors = reads.audit_cursors()?;
        let mut stretches = Vec::new();
        for row in reads.lanes()? {
            let cursor = cursors.iter().find(|cursor| cursor.sealed_lane == row.lane.number());
            let after = cursor.map_or(0, |cursor| cursor.until);
            let last = (row.next - 1) * LANES + row.lane.number();
            let rows = reads.traces(row.lane, (after, last), rows_max)?;
            stretches.extend(Stretch::of(row.lane, after, &rows));
        }
        Ok((reads.audit_head()?, stretches))
    });
    let (head, stretches) = read.unwrap();
    let rows = stretches.iter().map(|stretch| stretch.rows).sum();
    if rows > 0 {
        let (number, previous) = head.map_or((1, String::new()), |head| (head.number + 1, head.hash));
        let block = AuditBlock::next(number, previous, &stretches, NOW);
        assert!(wait(market.db.record(AddBlock { block, stretches })).unwrap());
    }
    rows
}

/// A marketplace with a chain of several blocks, in several lanes.
fn sealed(db: &TestDb) -> i64 {
    let market = Market::open(db);
    let [ada, bob] = TEACHERS;
    let mut rows = 0;
    for (teacher, hours) in [(ada, 10), (bob, 12), (ada, 14)] {
        let paid = market.paid(teacher, hours);
        market.submit(cancel(paid.payment.booking.unwrap())).unwrap();
        rows += seal(&market, 1_000);
    }
    rows
}

fn findings(db: &TestDb) -> Vec<String> {
    let found = verify_database(&db.url, &store::engine::Options::default()).unwrap();
    found.into_iter().filter(|finding| finding.invariant == "I31").map(|finding| finding.detail).collect()
}

/// What somebody with all rights might do.
#[rustfmt::skip]
const DAMAGE: &[&str] = &[
    "UPDATE audit SET change = '{}' WHERE action = 'booking.cancelled'",
    "UPDATE audit SET actor = 1 WHERE action = 'booking.cancelled'",
    "UPDATE audit SET at = at + 1 WHERE id = (SELECT min(id) FROM audit)",
    "UPDATE audit SET origin_mark = 'x' WHERE id = (SELECT max(id) FROM audit)",
    "UPDATE audit SET object_id = object_id + 256 WHERE id = (SELECT max(id) FROM audit)",
    "UPDATE event SET body = '{}' WHERE kind = 'payment.completed'",
    "UPDATE event SET kind = 'payment.failed' WHERE kind = 'payment.completed'",
    "DELETE FROM audit WHERE id = (SELECT min(id) FROM audit)",
    "DELETE FROM event WHERE id = (SELECT max(id) FROM event)",
    "DELETE FROM audit",
    "INSERT INTO audit (lane, id, actor, action, object, object_id, change, at) \
     SELECT lane, id - 256, actor, action, object, object_id, change, at FROM audit WHERE id = (SELECT max(id) FROM audit)",
    "DELETE FROM audit_block WHERE number = 1",
    "DELETE FROM audit_block WHERE number = 2",
    "DELETE FROM audit_block WHERE number = 3",
    "DELETE FROM audit_block",
    "UPDATE audit_block SET at = at + 1 WHERE number = 2",
    "UPDATE audit_block SET hash = previous WHERE number = 2",
    "UPDATE audit_block SET previous = hash WHERE number = 3",
    "UPDATE audit_block SET stretches = 'junk' WHERE number = 1",
    "UPDATE audit_block SET number = number + 1 WHERE number = 3",
    "UPDATE audit_cursor SET until = until + 256",
    "DELETE FROM audit_cursor",
];

both! {
    fn a_sealed_row_cannot_be_touched_unnoticed(db) {
        let rows = sealed(db);
        assert!(rows >= 12, "{rows}");
        assert_eq!(findings(db), [""; 0]);
        let mut connection = db.open(Access::Write);
        for damage in DAMAGE {
            connection.begin().unwrap();
            connection.batch(damage).unwrap_or_else(|fault| panic!("{damage}: {fault:?}"));
            let found = store::verify::verify_chain(&mut connection).unwrap();
            connection.rollback();
            assert!(found.iter().any(|finding| finding.invariant == "I31"), "{damage}: {found:?}");
        }
        assert_eq!(findings(db), [""; 0], "all damage was taken back");
    }

    fn what_is_not_sealed_yet_is_sealed_next_however_little_at_once(db) {
        let market = Market::open(db);
        let paid = market.paid(TEACHERS[0], 10);
        let mut blocks = 0;
        while seal(&market, 1) > 0 {
            blocks += 1;
        }
        assert!(blocks > 1, "a row of a lane at a time");
        assert_eq!(seal(&market, 1_000), 0);
        market.submit(cancel(paid.payment.booking.unwrap())).unwrap();
        assert!(seal(&market, 1_000) > 0);
        drop(market);
        assert_eq!(findings(db), [""; 0]);
        let mut numbers = Vec::new();
        visit_chain(&db.url, &store::engine::Options::default(), |block| numbers.push(block.number)).unwrap();
        assert_eq!(numbers, (1..=blocks + 1).collect::<Vec<i64>>());
    }
}

/// A person's own rows are in one of the two lists: a new table has to say what it holds.
#[test]
fn every_table_is_handed_out_or_says_why_not() {
    let sql = store::migrations()[0].sql;
    let tables = sql.lines().filter_map(|line| line.strip_prefix("CREATE TABLE ")?.strip_suffix(" ("));
    let hidden: Vec<&str> = store::reads::personal::NOT_SHOWN.iter().map(|(table, _)| *table).collect();
    let shown: Vec<&str> = store::reads::personal::shown_tables().collect();
    let mut known: Vec<&str> = shown.iter().chain(&hidden).copied().collect();
    let mut all: Vec<&str> = tables.collect();
    known.sort_unstable();
    all.sort_unstable();
    assert_eq!(known, all);
}
