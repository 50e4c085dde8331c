//! All SQL: the engine port, migrations, how records become rows, the writer and the reads.
//!
//! Deliberately not here: rules (they are in `domain`), HTTP, gateways.

pub mod engine;
pub mod migrate;
pub mod tables;

pub mod reads;

pub mod writer;

pub mod verify;

pub mod backup;

mod db;
pub mod origin;
mod recount;
pub mod testing;

use std::sync::Arc;
use std::time::Duration;

use domain::time::Timestamp;

pub use db::{Db, Settings, StartError, migrate as migrate_database, schema_status};
pub use recount::settle_reports;
pub use writer::Error;

/// Where the writer learns what time it is.
pub type Now = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// How the writer's thread lets some time pass.
pub type Pause = Arc<dyn Fn(Duration) + Send + Sync>;

/// The schema, step by step.
pub fn migrations() -> &'static [migrate::Migration] {
    &[migrate::Migration { number: 1, name: "base", sql: include_str!("../migrations/0001_base.sql") }]
}
