//! Everything of the store that needs a database, on both engines where both can do it.
//! PostgreSQL comes from `BURSAR_TEST_POSTGRES`; `cargo xtask test` starts one.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "all/backup.rs"]
mod backup;
#[path = "all/chain.rs"]
mod chain;
#[path = "all/failures.rs"]
mod failures;
#[path = "all/fruit.rs"]
mod fruit;
#[path = "all/market.rs"]
mod market;
#[path = "all/migrations.rs"]
mod migrations;
#[path = "all/opening.rs"]
mod opening;
#[path = "all/plans.rs"]
mod plans;
#[path = "all/readers.rs"]
mod readers;
#[path = "all/round_trip.rs"]
mod round_trip;
#[path = "all/schema.rs"]
mod schema;
#[path = "all/values.rs"]
mod values;
#[path = "all/verify.rs"]
mod verify;
#[path = "all/writer.rs"]
mod writer;
