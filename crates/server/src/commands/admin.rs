//! `bursar admin create`: where the first administrator comes from. It works beside a running
//! server, through a connection of its own.

use std::io::Read;
use std::sync::Arc;

use domain::context::Plants;
use domain::people::{CreateAdmin, PromoteAdmin, check_email};
use domain::policy::Policies;
use store::engine::ServerLock;
use store::migrate::Status;
use store::{Db, Settings};
use zeroize::Zeroizing;

use super::{StartError, start};
use crate::auth::password::{Cost, Passwords, weakness, wrong_length};
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::dice::{Dice, OsDice, uuid_v4};

/// Longer input is not a password.
const INPUT_MAX: u64 = 8 * 1024;

/// Why no administrator was made.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    #[error("{0}")]
    Email(domain::refusal::Refusal),
    #[error("the password {0}")]
    Password(&'static str),
    #[error("the password could not be read from standard input: {0}")]
    Input(#[from] std::io::Error),
    #[error("the password could not be hashed: {0}")]
    Hash(#[from] crate::auth::password::PasswordError),
    #[error(transparent)]
    Start(#[from] StartError),
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// What `create` did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Made {
    Created,
    /// Somebody who was registered already: he has the rights and this password now.
    Promoted,
}

/// Makes an administrator with the password that `input` holds, up to its end or first line break.
pub fn create(config: &Config, email: &str, input: impl Read) -> Result<Made, AdminError> {
    check_email(email).map_err(AdminError::Email)?;
    let password = read_password(input)?;
    let check = if config.is_live() { weakness } else { wrong_length };
    if let Some(problem) = check(&password) {
        return Err(AdminError::Password(problem));
    }
    let dice: Arc<dyn Dice> = Arc::new(OsDice);
    // Outside the runtime: opening a database blocks.
    let db = open(config, dice.as_ref())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(make(&db, dice, email, password))
}

async fn make(
    db: &Db,
    dice: Arc<dyn Dice>,
    email: &str,
    password: Zeroizing<String>,
) -> Result<Made, AdminError> {
    let password = Passwords::new(Cost::STRONG, Arc::clone(&dice))?.hash(password).await?;
    let address = email.to_owned();
    let known = db.read(move |reads| reads.person_by_email(&address)).await.map_err(store::Error::from)?;
    if let Some(person) = known {
        db.submit(PromoteAdmin { person: person.id, password }).await?;
        return Ok(Made::Promoted);
    }
    let full_name = email.trim().split('@').next().unwrap_or("Administrator").to_owned();
    let create =
        CreateAdmin { uuid: uuid_v4(dice.as_ref()), email: email.trim().into(), full_name, password };
    db.submit(create).await?;
    Ok(Made::Created)
}

/// A database that no server has opened yet is brought up to date first.
fn open(config: &Config, dice: &dyn Dice) -> Result<Db, StartError> {
    let (url, options) = (start::url(config)?, start::options(config));
    let fresh = url.sqlite_path().is_some_and(|path| !path.exists());
    // An empty PostgreSQL has no record to ask, and migrating what is current changes nothing.
    let unknown = fresh || url.is_postgres();
    if unknown || matches!(store::schema_status(&url, &options)?, Status::Behind(_)) {
        let _lock = ServerLock::hold(&url)?;
        store::migrate_database(&url, &options, SystemClock.now())?;
    }
    let settings = Settings {
        options,
        readers: 1,
        queue_max: config.writer.queue_max,
        batch_max: config.writer.batch_max,
        node: format!("admin-{}", uuid_v4(dice)),
        policies: Arc::new(Policies::default()),
        plants: Plants::default(),
        now: Arc::new(|| SystemClock.now()),
        pause: Arc::new(crate::clock::pause),
    };
    Ok(Db::open(&url, settings)?)
}

fn read_password(input: impl Read) -> Result<Zeroizing<String>, AdminError> {
    let mut text = Zeroizing::new(String::new());
    input.take(INPUT_MAX).read_to_string(&mut text)?;
    let line = text.split(['\n', '\r']).next().unwrap_or_default();
    Ok(Zeroizing::new(line.to_owned()))
}
