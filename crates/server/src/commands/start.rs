//! The assembly: from settings to an [`App`] that handlers and jobs can use.

use std::path::PathBuf;
use std::sync::Arc;

use domain::context::Plants;
use domain::policy::Policies;
use domain::records::Setting;
use domain::time::Span;
use domain::upkeep::CLOCK_OFFSET;
use store::Db;
use store::engine::{OpenError, Options, ServerLock, Url};
use store::migrate::Status;

use super::{outside, policies};
use crate::app::{App, AssemblyError, Parts};
use crate::auth::password::Cost;
use crate::clock::{Clock, OffsetClock, SystemClock};
use crate::config::{Config, HaMode, Secrets, SecretsError};
use crate::dice::{Dice, OsDice, uuid_v4};
use crate::erasures::ErasuresError;
use crate::jobs;

/// Connections that read.
const READERS: usize = 4;

/// Why nothing could be started. Names settings, never their values.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Secrets(#[from] SecretsError),
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Store(#[from] store::StartError),
    #[error("the database cannot be read")]
    Read(#[from] store::engine::Fault),
    #[error("the database is not of this version's schema: run `bursar migrate`")]
    Behind,
    #[error("the sandbox's books cannot be opened")]
    Books(#[from] gateways::sandbox::BooksError),
    #[error("gateways.sandbox.api_base cannot be used")]
    Sandbox(#[from] gateways::sandbox::ControlError),
    #[error("the sandbox cannot send its webhooks")]
    Deliver(#[from] gateways::sandbox::DeliverError),
    #[error(transparent)]
    Stripe(#[from] gateways::stripe::ConfigError),
    #[error("gateways.default is {0}, which is not configured")]
    DefaultGateway(&'static str),
    #[error(transparent)]
    Assembly(#[from] AssemblyError),
    #[error("cannot create {folder}")]
    Folder { folder: PathBuf, source: std::io::Error },
    #[error(transparent)]
    Listen(#[from] crate::http::server::ListenError),
    #[error("the system refused")]
    System(#[from] std::io::Error),
    #[error("cannot read the checkpoints in {file}")]
    Checkpoints { file: PathBuf, source: std::io::Error },
    #[error("the books could not be written or read")]
    Work(#[from] store::Error),
    #[error(transparent)]
    Erasures(#[from] ErasuresError),
}

/// What a command is to the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It serves, or works in the background: alone with an SQLite file, and it migrates.
    Server,
    /// It works beside a running server.
    Beside,
}

/// An app, and what must live as long as it is used.
pub struct Started {
    pub app: App,
    _lock: Option<ServerLock>,
}

/// Builds everything that the settings ask for.
pub async fn start(config: Config, role: Role) -> Result<Started, StartError> {
    start_at(config, role, Arc::new(OffsetClock::new(Arc::new(SystemClock)))).await
}

/// The same on a clock that somebody else has set.
pub(super) async fn start_at(
    config: Config,
    role: Role,
    clock: Arc<OffsetClock>,
) -> Result<Started, StartError> {
    let config = Arc::new(config);
    if role == Role::Beside {
        // Before anything is written: where there is no marketplace, none is begun by asking for one.
        let config = Arc::clone(&config);
        let checked = tokio::task::spawn_blocking(move || current(&config)).await;
        checked.map_err(std::io::Error::other)??;
    }
    let dice: Arc<dyn Dice> = Arc::new(OsDice);
    let secrets = Secrets::load(&config, dice.as_ref())?;
    let real_clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let rules = Arc::new(policies(&config, &secrets.instance));
    let (gateways, sandbox) = outside::gateways(&config, &secrets, &clock, dice.as_ref())?;
    let opening = {
        let (config, rules, clock) = (Arc::clone(&config), Arc::clone(&rules), Arc::clone(&clock));
        let node = uuid_v4(dice.as_ref());
        move || open(&config, rules, &clock, node, role)
    };
    let opened = tokio::task::spawn_blocking(opening).await;
    let (db, lock) = opened.map_err(std::io::Error::other)??;
    if sandbox.is_some() {
        let stored = db.read(|reads| reads.find::<Setting>(&CLOCK_OFFSET.to_owned())).await?;
        if let Some(offset) = stored.and_then(|stored| stored.value.parse().ok()) {
            clock.catch_up(Span(offset));
        }
    }
    let parts = Parts {
        cost: Cost::STRONG,
        plants: Plants::default(),
        policies: rules,
        config,
        secrets,
        db,
        gateways,
        sandbox,
        clock,
        real_clock,
        dice,
    };
    let app = App::assemble(parts).await?;
    if role == Role::Server {
        jobs::settle_erasures(&app).await?;
    }
    Ok(Started { app, _lock: lock })
}

/// The address of the database.
pub(super) fn url(config: &Config) -> Result<Url, StartError> {
    Ok(Url::parse(config.database.url.expose())?)
}

/// How connections are opened.
pub(super) fn options(config: &Config) -> Options {
    Options { ha_required: config.ha.mode == HaMode::Required, ..Options::default() }
}

/// The database, which must be there and of this version's schema. Blocks.
pub(super) fn current(config: &Config) -> Result<(Url, Options), StartError> {
    let (url, options) = (url(config)?, options(config));
    match store::schema_status(&url, &options)? {
        Status::Current => Ok((url, options)),
        Status::Behind(_) => Err(StartError::Behind),
    }
}

/// How many are registered; exact as long as they are few.
#[expect(clippy::redundant_closure_for_method_calls, reason = "the bare method is bound to one lifetime")]
pub(super) async fn count_people(app: &App) -> Result<usize, StartError> {
    Ok(app.db.read(|reads| reads.count_people()).await?)
}

/// Blocks; not for an async thread. Beside a server the database must be [`current`].
pub(super) fn open(
    config: &Config,
    policies: Arc<Policies>,
    clock: &Arc<OffsetClock>,
    node: String,
    role: Role,
) -> Result<(Db, Option<ServerLock>), StartError> {
    let (url, options) = (url(config)?, options(config));
    let lock = match role {
        Role::Server => {
            let lock = ServerLock::hold(&url)?;
            let applied = store::migrate_database(&url, &options, clock.now())?;
            if !applied.is_empty() {
                tracing::info!(?applied, "the database was migrated");
            }
            if store::settle_reports(&url, &options, &policies.reports)? {
                let zone = &policies.reports.calendar.zone;
                tracing::info!(zone, "the reports' sums were counted anew");
            }
            Some(lock)
        }
        Role::Beside => None,
    };
    let clock = Arc::clone(clock);
    let settings = store::Settings {
        options,
        readers: READERS,
        queue_max: config.writer.queue_max,
        batch_max: config.writer.batch_max,
        node,
        policies,
        plants: Plants::default(),
        now: Arc::new(move || clock.now()),
        pause: Arc::new(crate::clock::pause),
    };
    Ok((Db::open(&url, settings)?, lock))
}
