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
use server::app::{App, Parts};
use server::auth::password::Cost;
use server::clock::{Clock, ManualClock};
use server::commands::policies;
use server::config::Secrets;
use server::dice::{Dice, OsDice, uuid_v4};
use server::http::{Surroundings, wrap};
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
        let parts = Parts {
            db: database(db, &clock, &policies),
            cost: Cost::CHEAP,
            sandbox: None,
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            real_clock: Arc::clone(&real) as Arc<dyn Clock>,
            plants: Plants::default(),
            config,
            secrets,
            policies,
            gateways,
            dice,
        };
        let app = assembled(parts);
        let around = Surroundings::of(&app);
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

fn assembled(parts: Parts) -> App {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(App::assemble(parts)).expect("settings that fit")
}
