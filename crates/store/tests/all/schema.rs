//! The schema's rules, asked of PostgreSQL's catalogue: they make sharding by lane a choice of
//! deployment.

use store::engine::{Access, Options};
use store::testing::TestDb;

use crate::market::NOW;

/// Small tables that every node of a cluster may hold whole.
const REFERENCE: &[&str] = &["setting", "schema_migration"];

/// The answers of a question about the tables that are sharded.
fn ask(sql: &str) -> Vec<String> {
    let db = TestDb::postgres();
    store::migrate_database(&db.url, &Options::default(), NOW).unwrap();
    let mut connection = db.open(Access::Read);
    let rows = connection.query(sql, &[]).unwrap();
    let told = rows.into_iter().map(|mut row| row.text().unwrap());
    told.filter(|told| !REFERENCE.iter().any(|table| told.split(' ').next() == Some(*table))).collect()
}

#[test]
fn every_sharded_table_has_a_lane() {
    let without = ask("SELECT CAST(c.relname AS text) FROM pg_class AS c
          WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace
            AND NOT EXISTS (SELECT 1 FROM pg_attribute AS a
                             WHERE a.attrelid = c.oid AND a.attname = 'lane' AND a.attnotnull)");
    assert_eq!(without, [""; 0]);
}

#[test]
fn every_key_and_unique_index_begins_with_the_lane() {
    let others = ask("SELECT c.relname || ' ' || i.relname FROM pg_index AS x
           JOIN pg_class AS c ON c.oid = x.indrelid
           JOIN pg_class AS i ON i.oid = x.indexrelid
           JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = x.indkey[0]
          WHERE c.relnamespace = 'public'::regnamespace AND x.indisunique AND a.attname <> 'lane'");
    assert_eq!(others, [""; 0]);
}

#[test]
fn every_table_has_a_primary_key() {
    let without = ask("SELECT CAST(c.relname AS text) FROM pg_class AS c
          WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace
            AND NOT EXISTS (SELECT 1 FROM pg_index AS x WHERE x.indrelid = c.oid AND x.indisprimary)");
    assert_eq!(without, [""; 0]);
}

#[test]
fn foreign_keys_stay_inside_a_lane() {
    let others = ask("SELECT c.relname || ' ' || k.conname FROM pg_constraint AS k
           JOIN pg_class AS c ON c.oid = k.conrelid
           JOIN pg_attribute AS here ON here.attrelid = k.conrelid AND here.attnum = k.conkey[1]
           JOIN pg_attribute AS there ON there.attrelid = k.confrelid AND there.attnum = k.confkey[1]
          WHERE k.contype = 'f' AND k.connamespace = 'public'::regnamespace
            AND (here.attname <> 'lane' OR there.attname <> 'lane')");
    assert_eq!(others, [""; 0]);
}

#[test]
fn columns_are_integers_and_text_only() {
    let others = ask("SELECT c.relname || ' ' || a.attname FROM pg_attribute AS a
           JOIN pg_class AS c ON c.oid = a.attrelid
          WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace AND a.attnum > 0
            AND NOT a.attisdropped AND a.atttypid NOT IN ('bigint'::regtype, 'text'::regtype)");
    assert_eq!(others, [""; 0]);
}

/// An amount is meaningless without its currency beside it.
#[test]
fn every_table_with_money_has_a_currency() {
    let others = ask(
        "SELECT DISTINCT CAST(c.relname AS text) FROM pg_attribute AS a
           JOIN pg_class AS c ON c.oid = a.attrelid
          WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace
            AND a.attname LIKE '%\\_minor' AND a.attname <> 'hourly_rate_minor'
            AND NOT EXISTS (SELECT 1 FROM pg_attribute AS b WHERE b.attrelid = c.oid AND b.attname = 'currency')",
    );
    assert_eq!(others, [""; 0]);
}

#[test]
fn there_are_no_triggers_functions_or_sequences() {
    let others = ask("SELECT CAST(tgname AS text) FROM pg_trigger WHERE NOT tgisinternal
          UNION ALL SELECT CAST(proname AS text) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
          UNION ALL SELECT CAST(relname AS text) FROM pg_class
                     WHERE relkind IN ('S', 'v', 'm') AND relnamespace = 'public'::regnamespace");
    assert_eq!(others, [""; 0]);
}

#[test]
fn there_are_256_lanes_and_no_more() {
    let lanes = ask("SELECT count(*) || ' ' || min(lane) || ' ' || max(lane) FROM lane");
    assert_eq!(lanes, ["256 0 255"]);
}
