//! `bursar migrate`: brings the database to this version's schema.

use std::process::ExitCode;

use store::engine::ServerLock;

use super::StartError;
use super::start::{options, url};
use crate::clock::{Clock, SystemClock};
use crate::config::Config;

/// Applies what is missing and says what it was. Blocks.
pub fn migrate(config: &Config) -> Result<ExitCode, StartError> {
    let url = url(config)?;
    let _lock = ServerLock::hold(&url)?;
    let applied = store::migrate_database(&url, &options(config), SystemClock.now())?;
    match applied.as_slice() {
        [] => println!("The database is of this version's schema already."),
        numbers => println!("Applied migrations: {numbers:?}"),
    }
    Ok(ExitCode::SUCCESS)
}
