//! `bursar verify`: the books, recomputed and checked.

use std::process::ExitCode;

use store::verify::verify_database;

use super::StartError;
use super::start::{options, url};
use crate::config::Config;

/// Prints every finding; 1 when there is one. Blocks; not for an async thread.
pub fn verify(config: &Config) -> Result<ExitCode, StartError> {
    let findings = verify_database(&url(config)?, &options(config))?;
    for finding in &findings {
        println!("{finding}");
    }
    if findings.is_empty() {
        println!("Every cent is explained.");
        return Ok(ExitCode::SUCCESS);
    }
    println!("{} findings", findings.len());
    Ok(ExitCode::from(1))
}
