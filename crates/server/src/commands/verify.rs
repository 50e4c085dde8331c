//! `bursar verify`: recounts the books of a database, served or not.

use std::process::ExitCode;

use store::migrate::Status;
use store::verify::verify_database;

use super::StartError;
use super::start::{options, url};
use crate::config::Config;

/// Prints every finding; 1 when there is one. Blocks.
pub fn verify(config: &Config) -> Result<ExitCode, StartError> {
    let (url, options) = (url(config)?, options(config));
    if store::schema_status(&url, &options)? != Status::Current {
        return Err(StartError::Behind);
    }
    let findings = verify_database(&url, &options)?;
    for finding in &findings {
        println!("{finding}");
    }
    if findings.is_empty() {
        println!("The books are in order: every minor unit is explained.");
        return Ok(ExitCode::SUCCESS);
    }
    Ok(ExitCode::from(1))
}
