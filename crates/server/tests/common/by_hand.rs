//! A whole marketplace in one process whose clocks stand still: a database, the sandbox gateway, and the
//! router with all that surrounds it.

use std::sync::Arc;
use std::time::Duration;

use domain::context::Plants;
use domain::policy::Policies;
use domain::time::Timestamp;
use gateways::gateway::Gateway;
use gateways::registry::Gateways;
use gateways::sandbox::{Books, Core, SandboxGateway};
use server::app::App;
use server::auth::chain::Chain;
use server::auth::external::External;
use server::auth::password::{Cost, Passwords};
use server::auth::token::Tokens;
use server::clock::{Clock, ManualClock};
use server::commands::policies;
use server::config::{Config, Secrets};
use server::dice::{Dice, OsDice, uuid_v4};
use server::http::{Surroundings, wrap};
use server::mail::Mailer;
use server::meetings::Rooms;
use server::notices::Notices;
use server::protocol::Protocol;
use server::seal::Seal;
use server::vitals::Gauges;
use store::engine::Options;
use store::testing::TestDb;
use store::{Db, Settings, migrate_database, settle_reports};

use super::Client;

pub struct ByHand {
    pub app: App,
    /// What rules follow.
    pub clock: Arc<ManualClock>,
    /// What tokens and limits follow.
    pub real: Arc<ManualClock>,
    pub gateway: Arc<SandboxGateway>,
    pub client: Client,
}

impl ByHand {
    /// Both clocks begin at `start`. Blocks: not for an async thread.
    pub fn open(db: &TestDb, start: Timestamp, settings: &[(&str, &str)]) -> ByHand {
        let own = [("BURSAR_MAIL__TRANSPORT", "log"), ("BURSAR_PRIVACY__ERASURES", "none")];
        let all: Vec<(&str, &str)> = own.iter().chain(settings).copied().collect();
        let config = Arc::new(super::config(&all));
        let [clock, real] = [start, start].map(|start| Arc::new(ManualClock::at(start)));
        let dice: Arc<dyn Dice> = Arc::new(OsDice);
        let secrets = Secrets::load(&config, dice.as_ref()).expect("all are set");
        let policies = Arc::new(policies(&config, &secrets.instance));
        let gateway = Arc::new(sandbox(&clock));
        let gateways =
            Gateways::new([Arc::clone(&gateway) as Arc<dyn Gateway>], "sandbox").expect("it is there");
        let around = Surroundings::new(Arc::clone(&config), Arc::clone(&dice));
        let db = database(db, &clock, &policies);
        let real_clock = Arc::clone(&real) as Arc<dyn Clock>;
        let seal = Arc::new(Seal::new(&secrets, Arc::clone(&dice)));
        let app = App {
            protocol: Protocol::new(db.clone(), gateways.clone()),
            sandbox: None,
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            limits: Arc::clone(&around.limits),
            passwords: Arc::new(Passwords::new(Cost::CHEAP, Arc::clone(&dice)).expect("cheap ones work")),
            tokens: Arc::new(Tokens::new(&config, &secrets, Arc::clone(&real_clock))),
            external: external(&config, &real_clock),
            chain: Arc::new(Chain::new(&secrets)),
            rooms: Arc::new(Rooms::new(&config, &secrets, Arc::clone(&seal), None)),
            seal,
            mailer: Arc::new(Mailer::new(&config).expect("the log")),
            notices: Arc::new(Notices::new(db.clone())),
            gauges: Gauges::default(),
            plants: Plants::default(),
            db,
            config,
            policies,
            gateways,
            real_clock,
            dice,
        };
        let client = Client(wrap(server::api::routes(app.clone()), &around));
        ByHand { app, clock, real, gateway, client }
    }
}

fn sandbox(clock: &Arc<ManualClock>) -> SandboxGateway {
    let clock = Arc::clone(clock);
    let books = Books::memory(7).expect("memory");
    let core = Arc::new(Core::new(books, Arc::new(move || clock.now()), super::WEBHOOK_SECRET));
    SandboxGateway::in_process(core, Duration::from_millis(50), vec![super::WEBHOOK_SECRET.into()])
}

fn database(db: &TestDb, clock: &Arc<ManualClock>, policies: &Arc<Policies>) -> Db {
    let options = Options::default();
    migrate_database(&db.url, &options, clock.now()).expect("an empty database");
    settle_reports(&db.url, &options, &policies.reports).expect("a migrated database");
    let clock = Arc::clone(clock);
    let settings = Settings {
        options,
        readers: 2,
        queue_max: 1_024,
        batch_max: 256,
        node: uuid_v4(&OsDice),
        policies: Arc::clone(policies),
        plants: Plants::default(),
        now: Arc::new(move || clock.now()),
        pause: Arc::new(server::clock::pause),
    };
    Db::open(&db.url, settings).expect("a migrated database")
}

/// The outside issuer of the settings, if there is one.
fn external(config: &Config, real: &Arc<dyn Clock>) -> Option<Arc<External>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let opened = runtime.block_on(External::open(&config.auth.external, Arc::clone(real)));
    opened.expect("a shared secret").map(Arc::new)
}
