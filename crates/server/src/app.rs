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
use crate::auth::external::External;
use crate::auth::password::Passwords;
use crate::auth::token::Tokens;
use crate::clock::{Clock, OffsetClock};
use crate::config::Config;
use crate::dice::Dice;
use crate::http::limits::Limits;
use crate::mail::Mailer;
use crate::meetings::Rooms;
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

impl App {
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
