//! `bursar backup` and `bursar restore`: the whole database into a file, served or not, and back.

use std::path::Path;
use std::process::ExitCode;

use store::backup::{self, CopyError, Place};
use store::engine::{Options, ServerLock, Url};
use store::migrate::Status;
use store::verify::{Finding, verify_database};

use super::StartError;
use super::start::{options, url};
use crate::clock::{Clock, SystemClock};
use crate::config::{Config, Secrets, SecretsError};
use crate::erasures::{self, ErasuresError};

/// Why there is no copy, or why it was not put back.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    #[error(transparent)]
    Copy(#[from] CopyError),
    #[error(transparent)]
    Start(#[from] StartError),
    #[error(transparent)]
    Store(#[from] store::StartError),
    #[error(transparent)]
    Secrets(#[from] SecretsError),
    #[error(transparent)]
    Erasures(#[from] ErasuresError),
    #[error(
        "{0} is missing: put it back first. Without it what is encrypted cannot be read, and gateways \
         would not know this marketplace again"
    )]
    NoSecrets(String),
}

/// Copies the database and recounts the copy; 1 when it does not add up. Blocks.
pub fn back_up(config: &Config, file: &Path) -> Result<ExitCode, BackupError> {
    let (url, options) = (url(config)?, options(config));
    let instance = instance(config)?.unwrap_or_default();
    if store::schema_status(&url, &options)? != Status::Current {
        return Err(StartError::Behind.into());
    }
    let from = Place { url: &url, options: &options, instance: &instance, now: SystemClock.now() };
    backup::back_up(&from, file)?;
    println!("Copied the database to {}.", file.display());
    let apart = config.data_dir().join(Secrets::FILE_NAME);
    println!("The secrets are not in it: keep them apart ({}, or your settings).", apart.display());
    let copy = Url::parse(&format!("sqlite:{}", file.display())).map_err(StartError::from)?;
    Ok(tell(&verify_database(&copy, &options)?))
}

/// Puts a copy back and recounts what is there then; 1 when it does not add up. Blocks.
pub fn restore(config: &Config, file: &Path) -> Result<ExitCode, BackupError> {
    let (url, options): (Url, Options) = (url(config)?, options(config));
    let instance = instance(config)?;
    if instance.is_none() {
        let missing =
            BackupError::NoSecrets(config.data_dir().join(Secrets::FILE_NAME).display().to_string());
        if config.is_live() {
            return Err(missing);
        }
        println!("Warning: {missing}. The next start would make new ones.");
    }
    let _lock = ServerLock::hold(&url).map_err(StartError::from)?;
    let instance = instance.unwrap_or_default();
    let forgotten = if instance.is_empty() { None } else { erasures::count(config, &instance)? };
    let to = Place { url: &url, options: &options, instance: &instance, now: SystemClock.now() };
    if let Some(aside) = backup::restore(file, &to)? {
        println!("What was there before is {} now.", aside.display());
    }
    println!("Restored {}.", file.display());
    match forgotten {
        Some(count) => println!("The list of erasures has {count} people: whoever is back is forgotten again."),
        None => println!("There is no list of erasures: people forgotten since the copy was taken are back."),
    }
    println!("Next: `bursar serve`, and `bursar reconcile` for what gateways have seen since.");
    Ok(tell(&verify_database(&url, &options)?))
}

/// By the secrets in use; none are made for it.
fn instance(config: &Config) -> Result<Option<String>, BackupError> {
    Ok(Secrets::existing(config)?.map(|secrets| secrets.instance))
}

fn tell(findings: &[Finding]) -> ExitCode {
    for finding in findings {
        println!("{finding}");
    }
    if findings.is_empty() {
        println!("Its books are in order: every minor unit is explained.");
        return ExitCode::SUCCESS;
    }
    ExitCode::from(1)
}
