//! What every handler and job is given: the doors to the store, the gateways, time, chance and
//! settings. No business state lives here: a node never caches what another node can change.

use std::sync::Arc;

use domain::context::Plants;
use domain::policy::Policies;
use domain::time::Timestamp;
use gateways::gateway::Gateway;
use gateways::registry::Gateways;
use gateways::sandbox::SandboxGateway;
use store::Db;

use crate::auth::chain::Chain;
use crate::auth::external::{External, KeySetError};
use crate::auth::openid::OpenId;
use crate::auth::password::{Cost, PasswordError, Passwords};
use crate::auth::token::Tokens;
use crate::clock::{Clock, OffsetClock};
use crate::config::{Config, Secrets};
use crate::dice::Dice;
use crate::http::limits::Limits;
use crate::mail::{MailError, Mailer};
use crate::meetings::{self, Rooms};
use crate::notices::Notices;
use crate::protocol::Protocol;
use crate::seal::Seal;
use crate::vitals::Gauges;

/// Cheap to clone: everything is shared.
#[derive(Clone)]
pub struct App {
    pub db: Db,
    pub config: Arc<Config>,
    pub policies: Arc<Policies>,
    pub gateways: Gateways,
    /// The sandbox's controls, when the sandbox is in use.
    pub sandbox: Option<Sandbox>,
    pub protocol: Protocol,
    /// What the marketplace lives by; the sandbox can advance it.
    pub clock: Arc<dyn Clock>,
    /// What tokens and rate limits live by.
    pub real_clock: Arc<dyn Clock>,
    pub dice: Arc<dyn Dice>,
    pub limits: Arc<Limits>,
    pub passwords: Arc<Passwords>,
    pub tokens: Arc<Tokens>,
    /// The other issuer whose access tokens are believed, when there is one.
    pub external: Option<Arc<External>>,
    /// Where people log in who have no password here, when there is such a place.
    pub openid: Option<Arc<OpenId>>,
    /// What follows a refresh token.
    pub chain: Arc<Chain>,
    /// For secrets that wait in the database.
    pub seal: Arc<Seal>,
    pub mailer: Arc<Mailer>,
    /// Where sessions take place.
    pub rooms: Arc<Rooms>,
    /// For people who watch.
    pub notices: Arc<Notices>,
    /// Vital signs, for Prometheus.
    pub gauges: Gauges,
    pub plants: Plants,
}

/// What differs between the places where a marketplace lives; the rest of an app follows from it.
pub struct Parts {
    pub config: Arc<Config>,
    pub secrets: Secrets,
    pub policies: Arc<Policies>,
    pub db: Db,
    pub gateways: Gateways,
    pub sandbox: Option<Sandbox>,
    pub clock: Arc<dyn Clock>,
    pub real_clock: Arc<dyn Clock>,
    pub dice: Arc<dyn Dice>,
    /// What hashing a password costs.
    pub cost: Cost,
    pub plants: Plants,
}

/// Which part cannot be made from the settings.
#[derive(Debug, thiserror::Error)]
pub enum AssemblyError {
    #[error("a client of the outside world cannot be built")]
    Client(#[from] gateways::http::BuildError),
    #[error(transparent)]
    Mail(#[from] MailError),
    #[error(transparent)]
    Passwords(#[from] PasswordError),
    #[error(transparent)]
    External(#[from] KeySetError),
}

impl App {
    /// The one place where an app is put together.
    pub async fn assemble(parts: Parts) -> Result<App, AssemblyError> {
        let Parts { config, secrets, policies, db, gateways, sandbox, clock, real_clock, dice, cost, plants } =
            parts;
        let seal = Arc::new(Seal::new(&secrets, Arc::clone(&dice)));
        let provider = meetings::provider(&config, Arc::clone(&real_clock))?;
        let external = External::open(&config.auth.external, Arc::clone(&real_clock)).await?;
        let openid = OpenId::new(&config.auth.google, Arc::clone(&real_clock))?;
        Ok(App {
            protocol: Protocol::new(db.clone(), gateways.clone(), Arc::clone(&clock)),
            limits: Arc::new(Limits::new(&config.limits)),
            passwords: Arc::new(Passwords::new(cost, Arc::clone(&dice))?),
            tokens: Arc::new(Tokens::new(&config, &secrets, Arc::clone(&real_clock))),
            external: external.map(Arc::new),
            openid: openid.map(Arc::new),
            chain: Arc::new(Chain::new(&secrets)),
            rooms: Arc::new(Rooms::new(&config, &secrets, Arc::clone(&seal), provider)),
            seal,
            mailer: Arc::new(Mailer::new(&config)?),
            notices: Arc::new(Notices::new(db.clone())),
            gauges: Gauges::default(),
            policies,
            plants,
            db,
            config,
            gateways,
            sandbox,
            clock,
            real_clock,
            dice,
        })
    }

    /// What time it is at a gateway: the sandbox in this process lives by the marketplace's clock,
    /// every other gateway by the world's.
    pub fn now_at(&self, gateway: &str) -> Timestamp {
        let sandbox = self.sandbox.as_ref().filter(|sandbox| sandbox.gateway.core().is_some());
        if sandbox.is_some_and(|sandbox| sandbox.gateway.name() == gateway) {
            self.clock.now()
        } else {
            self.real_clock.now()
        }
    }
}

/// The sandbox and the clock it may advance.
#[derive(Clone)]
pub struct Sandbox {
    pub gateway: Arc<SandboxGateway>,
    pub clock: Arc<OffsetClock>,
}
