//! `bursar backup` and `bursar restore`: the whole database into a file, served or not, and back. And
//! `bursar forget`: who was forgotten since is forgotten in such a file, too.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use store::backup::{self, CopyError, Place};
use store::engine::{Options, ServerLock, Url};
use store::verify::{Finding, verify_database};

use super::start::{current, open, options, url};
use super::{Role, StartError, policies};
use crate::clock::{Clock, OffsetClock, SystemClock};
use crate::config::{Config, DatabaseUrl, Secrets, SecretsError};
use crate::dice::{OsDice, uuid_v4};
use crate::erasures::{self, ErasuresError, List};
use crate::jobs;

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
    #[error("there is no list of erasures (privacy.erasures): nobody to forget can be known")]
    NoList,
    #[error("the copy's log is in use: try again when nobody reads the copy")]
    Busy,
}

/// Copies the database and recounts the copy; 1 when it does not add up. Blocks.
pub fn back_up(config: &Config, file: &Path) -> Result<ExitCode, BackupError> {
    let (url, options) = current(config)?;
    let instance = instance(config)?.unwrap_or_default();
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
        Some(count) => {
            println!("The list of erasures has {count} people: whoever is back is forgotten again.");
        }
        None => println!("There is no list of erasures: people forgotten since the copy was taken are back."),
    }
    println!("Next: `bursar serve`, and `bursar reconcile` for what gateways have seen since.");
    Ok(tell(&verify_database(&url, &options)?))
}

/// Forgets in a copy whoever is on the list of erasures, so that he is in no copy any more; 1 when the copy
/// does not add up then. Blocks.
pub fn forget(mut config: Config, file: &Path) -> Result<ExitCode, BackupError> {
    let options = options(&config);
    let folder = config.data_dir();
    let instance = instance(&config)?;
    let instance = instance
        .ok_or_else(|| BackupError::NoSecrets(folder.join(Secrets::FILE_NAME).display().to_string()))?;
    let lines = List::of(&config, &instance).map(|list| list.read()).transpose()?.flatten();
    let lines = lines.ok_or(BackupError::NoList)?;
    config.database.url = DatabaseUrl::new(format!("sqlite:{}", file.display()));
    let copy = url(&config)?;
    let of = Place { url: &copy, options: &options, instance: &instance, now: SystemClock.now() };
    backup::check(file, &of)?;
    current(&config)?;
    let rules = Arc::new(policies(&config, &instance));
    let clock = Arc::new(OffsetClock::new(Arc::new(SystemClock)));
    let (db, _) = open(&config, rules, &clock, uuid_v4(&OsDice), Role::Beside)?;
    let count = tokio::runtime::Handle::current().block_on(jobs::forget_again(&db, &lines))?;
    if !db.empty_log().map_err(StartError::from)? {
        return Err(BackupError::Busy);
    }
    println!("{count} people are forgotten in {} now.", file.display());
    Ok(tell(&verify_database(&copy, &options)?))
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
