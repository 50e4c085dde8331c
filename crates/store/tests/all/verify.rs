//! `verify` is silent about a lively marketplace, and names every kind of damage.

use domain::context::Context;
use domain::gateway::RefundReportState;
use domain::id::Id;
use domain::idempotency::Key;
use domain::payments::PayBooking;
use domain::policy::{Calendar, Reports};
use domain::records::Claim;
use domain::rollups::Fold;
use domain::time::Span;
use domain::world::{Needs, World};
use store::both;
use store::engine::{Access, Connection};
use store::settle_reports;
use store::testing::TestDb;
use store::verify::{verify_database, verify_lanes, verify_reports};

use crate::market::*;

/// Bookings and payments in every state that money can be in.
fn lively(db: &TestDb) {
    let market = Market::open(db);
    let [ada, bob] = TEACHERS;
    market.submit(create(ada, hour(10))).unwrap();
    market.booked(ada, 12);
    market.begin(market.booked(ada, 14).id);
    market.paid(ada, 16);
    market.held_and_released(&market.paid(ada, 18));
    let part = market.paid(ada, 20);
    let (_, op) = market.give(&part, 2_000);
    market.refunded(op, market.amount(op), RefundReportState::Succeeded);
    market.give(&part, 1_000);
    let gone = market.paid(bob, 22);
    let (_, op) = market.submit(cancel(gone.payment.booking.unwrap())).unwrap().refund.unwrap();
    market.refunded(op, market.amount(op), RefundReportState::Succeeded);
    let back = market.paid(bob, 24);
    market.held_and_released(&back);
    let (_, op) = market.give(&back, 3_000);
    market.refunded(op, market.amount(op), RefundReportState::Succeeded);
    market.refunded(op, market.amount(op), RefundReportState::Failed);
    let (_, op) = market.give(&back, 500);
    market.refunded(op, market.amount(op), RefundReportState::Failed);
    strays(&market);
    keyed(&market);
}

/// Late money that pays after all, that waits in suspense to go back, and that has gone back.
fn strays(market: &Market) {
    let [ada, bob] = TEACHERS;
    let late = market.begin(market.booked(ada, 26).id);
    market.hear(&late, declined());
    market.succeed(&late);
    for (hours, goes_back) in [(28, false), (30, true)] {
        let booking = market.booked(bob, hours).id;
        let late = market.begin(booking);
        market.hear(&late, declined());
        let next = market.begin(booking);
        let refund = market.succeed(&late).refund.unwrap();
        market.succeed(&next);
        if goes_back {
            market.refunded(refund, market.amount(refund), RefundReportState::Succeeded);
        }
    }
}

fn keyed(market: &Market) {
    let booking = market.booked(TEACHERS[0], 32).id;
    let key = Key {
        person: STUDENT,
        operation: "pay".into(),
        key: "k".into(),
        body_hash: "b".into(),
        window: None,
    };
    market.submit(PayBooking { key: Some(key), ..pay(booking) }).unwrap();
}

impl Market {
    fn amount(&self, op: domain::id::OpId) -> domain::money::Money {
        self.db.read_now(move |reads| reads.find::<domain::records::Op>(&op)).unwrap().unwrap().amount
    }
}

/// The schema's own net would catch most of this: it is taken away first.
fn unguard(connection: &mut Connection) {
    for index in ["op_one_charge", "payment_booking", "entry_once"] {
        connection.batch(&format!("DROP INDEX {index}")).unwrap();
    }
    if !connection.is_postgres() {
        connection.batch("PRAGMA ignore_check_constraints = ON").unwrap();
        return;
    }
    let checks = "SELECT CAST(conrelid AS regclass)::text, CAST(conname AS text) FROM pg_constraint \
                  WHERE contype = 'c' AND connamespace = 'public'::regnamespace";
    for mut row in connection.query(checks, &[]).unwrap() {
        let (table, name) = (row.text().unwrap(), row.text().unwrap());
        connection.batch(&format!("ALTER TABLE {table} DROP CONSTRAINT {name}")).unwrap();
    }
}

/// What is done to the reports' sums.
#[rustfmt::skip]
const UNTRUE: &[&str] = &[
    "UPDATE rollup_total SET number = number + 1 WHERE measure = 'hour'",
    "UPDATE rollup_total SET label = label || '0' WHERE measure = 'payer'",
    "UPDATE rollup_total SET part = 'cancelled' WHERE measure = 'payee_standing' AND part = 'returned'",
    "UPDATE rollup_total SET last_day = last_day + 1 WHERE measure = 'method'",
    "DELETE FROM rollup_total WHERE measure = 'payer_partner'",
    "UPDATE rollup_opening SET share_minor = share_minor - 1 WHERE measure = 'payee'",
    "UPDATE rollup_opening SET day = day - 1 WHERE measure = 'latency'",
    "DELETE FROM rollup_opening WHERE measure = 'attempt'",
    "UPDATE rollup SET day = day + 1 WHERE measure = 'captured'",
    "UPDATE rollup SET kind = 'course' WHERE measure = 'refunded'",
    "DELETE FROM rollup WHERE measure = 'large'",
    "UPDATE payment SET paid_at = paid_at + 3600000000 WHERE paid_at IS NOT NULL",
    "UPDATE payment SET hourly_minor = hourly_minor + 1 WHERE paid_at IS NOT NULL",
    "UPDATE setting SET value = 'Pacific/Auckland' WHERE name = 'reports.time_zone'",
    "UPDATE setting SET value = '1000000' WHERE name = 'reports.high_value_cents'",
    "INSERT INTO rollup_delta (lane, id, body) VALUES (1, 257, 'hour\t1\tbooking\tUSD\t07\t1\t1\t1\t1\t1\t0\t0')",
];

/// What is done to the records, and the invariant that must be named for it.
#[rustfmt::skip]
const DAMAGE: &[(&str, &str)] = &[
    ("I1", "UPDATE posting SET posted_minor = posted_minor + 1 WHERE account = 'fees' AND number = 3"),
    ("I1", "UPDATE posting SET pending_minor = pending_minor - 1 WHERE number = 1"),
    ("I1", "UPDATE posting SET currency = 'EUR' WHERE account = 'fees'"),
    ("I2", "UPDATE balance SET posted_minor = posted_minor + 1 WHERE account = 'fees'"),
    ("I3", "UPDATE balance SET posted_minor = posted_minor + 1 WHERE account = 'fees'"),
    ("I3", "UPDATE balance SET pending_minor = pending_minor + 1 WHERE account = 'fees'"),
    ("I3", "UPDATE balance SET postings = postings + 1 WHERE account = 'suspense'"),
    ("I3", "DELETE FROM balance WHERE account = 'payee:available'"),
    ("I3", "INSERT INTO balance (lane, account, owner, currency, posted_minor, pending_minor, postings) VALUES (2, 'gift', 0, 'USD', 5, 0, 1)"),
    ("I4", "DELETE FROM posting WHERE number = 1 AND account = 'payee:pending'"),
    ("I4", "INSERT INTO entry (lane, id, recipe, subject, subject_id, currency, at) VALUES (2, 512002, 'gift', 'op', 1, 'USD', 0)"),
    ("I5", "UPDATE payment SET fee_minor = fee_minor + 1"),
    ("I5", "UPDATE payment SET discount_minor = 1"),
    ("I5", "UPDATE refund SET share_minor = share_minor + 1"),
    ("I6", "UPDATE balance SET posted_minor = 1 WHERE account = 'payee:available'"),
    ("I6", "UPDATE balance SET posted_minor = -1, pending_minor = 0, account = 'payee:receivable' WHERE account = 'suspense'"),
    ("I7", "UPDATE payment SET captured_minor = 0 WHERE state = 'completed'"),
    ("I7", "UPDATE balance SET account = 'clearing:other' WHERE account = 'clearing:sandbox'"),
    ("I8", "UPDATE op SET state = 'succeeded' WHERE kind = 'charge'"),
    ("I9", "UPDATE op SET state = 'failed' WHERE kind = 'charge' AND state = 'succeeded'"),
    ("I9", "UPDATE payment SET state = 'failed' WHERE state = 'completed'"),
    ("I9", "UPDATE booking SET payment = 1 WHERE payment IS NOT NULL"),
    ("I9", "UPDATE payment SET booking = 1"),
    ("I11", "UPDATE op SET amount_minor = amount_minor - 1 WHERE state = 'succeeded'"),
    ("I12", "UPDATE payment SET state = 'refunded' WHERE state = 'completed'"),
    ("I12", "UPDATE payment SET state = 'completed' WHERE state = 'partially_refunded'"),
    ("I12", "UPDATE op SET state = 'failed' WHERE state = 'in_flight'"),
    ("I12", "UPDATE refund SET state = 'failed' WHERE state = 'processed'"),
    ("I12", "UPDATE op SET state = 'failed' WHERE kind = 'refund' AND state = 'succeeded'"),
    ("I13", "UPDATE op SET wake_at = NULL WHERE state = 'in_flight'"),
    ("I13", "UPDATE booking SET wake_at = NULL WHERE state = 'confirmed'"),
    ("I14", "UPDATE payment SET refunded_minor = refunded_minor + 1 WHERE refunded_minor > 0"),
    ("I14", "UPDATE payment SET refund_reserved_minor = 0"),
    ("I14", "UPDATE payment SET refunded_minor = captured_minor + 1 WHERE captured_minor > 0"),
    ("I15", "UPDATE op SET refund = (SELECT min(id) FROM refund WHERE refund.lane = op.lane), state = 'succeeded' WHERE kind = 'refund'"),
    ("I17", "UPDATE entry SET recipe = 'gift' WHERE recipe = 'charge'"),
    ("I17", "UPDATE entry SET subject_id = subject_id + 256 WHERE recipe = 'refund'"),
    ("I17", "UPDATE entry SET recipe = 'gift' WHERE recipe = 'refund_pending'"),
    ("I17", "UPDATE payment SET released_at = 1 WHERE released_at IS NULL"),
    ("I17", "UPDATE payment SET payee = 259 WHERE payee = 258"),
    ("I20", "DELETE FROM busy WHERE party = 257"),
    ("I20", "UPDATE busy SET ends_at = ends_at + 1"),
    ("I20", "UPDATE booking SET state = 'cancelled' WHERE state = 'confirmed'"),
    ("I20", "UPDATE booking SET state = 'confirmed', wake_at = 1 WHERE state = 'cancelled'"),
    ("I20", "INSERT INTO busy (lane, party, day, booking, starts_at, ends_at) SELECT lane, party, day, booking + 256000, starts_at, ends_at FROM busy"),
    ("I28", "UPDATE idempotency SET op = NULL"),
    ("I28", "UPDATE idempotency SET status = 200, answer = '{'"),
    ("I28", "UPDATE idempotency SET op = 1"),
    ("ids", "UPDATE lane SET next = 1"),
    ("ids", "UPDATE event SET id = id + 1"),
    ("ids", "UPDATE alert SET id = 7 WHERE id = (SELECT max(id) FROM alert)"),
];

both! {
    fn a_lively_marketplace_is_in_order(db) {
        lively(db);
        assert_eq!(verify_database(&db.url, &store::engine::Options::default()).unwrap(), []);
    }

    fn every_kind_of_damage_is_named(db) {
        lively(db);
        let mut connection = db.open(Access::Write);
        for (invariant, damage) in DAMAGE {
            connection.begin().unwrap();
            unguard(&mut connection);
            assert!(connection.execute(damage, &[]).unwrap() > 0, "{damage}");
            let findings = verify_lanes(&mut connection, 1..4).unwrap();
            connection.rollback();
            let named: Vec<_> = findings.iter().map(|finding| finding.invariant).collect();
            assert!(named.contains(invariant), "{damage}: {findings:?}");
        }
    }

    fn a_refund_that_changes_alone_is_counted_all_the_same(db) {
        let market = Market::open(db);
        let (id, op) = market.give(&market.paid(TEACHERS[0], 16), 2_000);
        market.refunded(op, market.amount(op), RefundReportState::Succeeded);
        let needs = move |_: &World, needs: &mut Needs| needs.refunds.key(id);
        let decide = move |_: &Context<'_>, world: &mut World| {
            world.refunds.update(&id, |refund| {
                refund.processed_at = refund.processed_at.map(|at| at + Span::days(1));
            });
            Ok(())
        };
        market.submit(Act { lanes: vec![id.lane()], needs, decide }).unwrap();
        let mut connection = db.open(Access::Read);
        connection.begin().unwrap();
        assert_eq!(verify_reports(&mut connection).unwrap(), []);
    }

    fn sums_of_reports_that_are_not_true_are_named(db) {
        lively(db);
        let options = store::engine::Options::default();
        let market = Market::again(db);
        let waiting = market.db.read_now(|reads| reads.waiting_deltas(None, 1_000)).unwrap();
        let fold = || Fold::of(&waiting).unwrap();
        assert_eq!(verify_database(&db.url, &options).unwrap(), [], "waiting to be folded");
        assert_eq!(wait(market.db.record(fold())).unwrap(), waiting.len());
        assert_eq!(wait(market.db.record(fold())).unwrap(), 0, "nothing is folded twice");
        assert_eq!(market.db.read_now(|reads| reads.waiting_deltas(None, 1)).unwrap(), []);
        assert_eq!(verify_database(&db.url, &options).unwrap(), []);
        let calendar = Calendar::of_zone("America/New_York").unwrap();
        let reports = Reports { calendar, high_value_minor: 1_000 };
        assert!(settle_reports(&db.url, &options, &reports).unwrap(), "until now they were in UTC");
        assert!(!settle_reports(&db.url, &options, &reports).unwrap());
        assert_eq!(verify_database(&db.url, &options).unwrap(), [], "counted anew");
        let mut connection = db.open(Access::Write);
        for damage in UNTRUE {
            connection.begin().unwrap();
            assert!(connection.execute(damage, &[]).unwrap() > 0, "{damage}");
            let findings = verify_reports(&mut connection).unwrap();
            connection.rollback();
            assert_eq!(findings.first().map(|finding| finding.invariant), Some("reports"), "{damage}");
        }
    }

    fn claims_that_lead_nowhere_are_named(db) {
        lively(db);
        let name = "sandbox:pi_lost";
        let lane = Claim::lane_of(name).number();
        let mut connection = db.open(Access::Write);
        let claim = |space: &str, lane: i64| {
            format!("INSERT INTO claim (lane, space, name, target, created_at) VALUES ({lane}, '{space}', '{name}', 25600, 0)")
        };
        for (space, lane) in [("gateway_object", lane), ("email", lane), ("webhook_event", (lane + 1) % 256)] {
            connection.begin().unwrap();
            connection.execute(&claim(space, lane), &[]).unwrap();
            let findings = verify_lanes(&mut connection, lane..lane + 1).unwrap();
            connection.rollback();
            assert_eq!(findings.iter().map(|f| f.invariant).collect::<Vec<_>>(), ["claims"], "{space} {findings:?}");
        }
    }
}

#[test]
fn a_finding_says_where_what_and_how_much() {
    let db = TestDb::sqlite();
    lively(&db);
    let mut connection = db.open(Access::Write);
    connection.begin().unwrap();
    connection
        .execute(
            "UPDATE balance SET posted_minor = posted_minor - 1 WHERE lane = 2 AND account = 'fees'",
            &[],
        )
        .unwrap();
    let findings = verify_lanes(&mut connection, 2..3).unwrap();
    connection.rollback();
    let told: Vec<String> = findings.iter().map(ToString::to_string).collect();
    assert_eq!(told[0], "I2: lane 2: sum of all balances in USD of lane 2: expected 0, found -1");
    assert!(told[1].starts_with("I3: lane 2: posted_minor of fees USD of person 0: expected -"), "{told:?}");
    assert_eq!(TEACHERS[0].lane().number(), 2);
}
