//! A small marketplace: the real router over the real writer on a database in memory, a gateway
//! behind a bad line, a few people and their offers.
//!
//! People register, log in and make their offers through the router too; only their passwords are
//! hashed more cheaply than in a real marketplace. Mails go nowhere.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use domain::context::Plants;
use domain::policy::{Policies, RefundFeePolicy, Release, Reschedule};
use domain::time::{Span, Timestamp};
use gateways::gateway::Gateway;
use gateways::registry::Gateways;
use gateways::sandbox::{Books, Core, SandboxGateway};
use serde_json::json;
use server::app::{App, Parts, Sandbox};
use server::auth::password::Cost;
use server::clock::{Clock, ManualClock, OffsetClock};
use server::config::{Config, Secrets, Sources};
use server::dice::{Dice, SeededDice, token_256, uuid_v4};
use server::http::{Surroundings, wrap};
use store::Db;
use store::engine::Options;

use crate::call::{Reply, Who};
use crate::chance::Chance;
use crate::people::{Login, SignIns};
use crate::swarm::Swarm;
use crate::wire::{FlakyGateway, TIMEOUT};

/// Every run begins then.
pub const BEGIN: Timestamp = Timestamp(1_900_000_000_000_000);
/// What webhooks are signed with.
pub const WEBHOOK_SECRET: &str = "whsec_simulated";

/// Opening fails only when the program itself is broken.
pub type Opened<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// What one run runs on.
pub struct Market {
    pub app: App,
    pub router: Router,
    pub gateway: Arc<FlakyGateway>,
    pub core: Arc<Core>,
    pub clock: Arc<ManualClock>,
    pub students: Vec<Student>,
    pub teachers: Vec<Teacher>,
    pub admin: Arc<Login>,
    /// Goes up whenever the writer has run.
    writes: Arc<AtomicU64>,
}

/// Somebody who books and pays.
pub struct Student {
    pub login: Arc<Login>,
}

/// Somebody who teaches, with the one thing he offers.
pub struct Teacher {
    pub login: Arc<Login>,
    /// The wire's id.
    pub offer: i64,
    /// Per hour, or per session for flat purchases.
    pub price_minor: i64,
}

impl Market {
    pub async fn open(seed: u64, swarm: &Swarm, chance: &mut Chance, plants: Plants) -> Opened<Market> {
        let clock = Arc::new(ManualClock::at(BEGIN));
        let dice: Arc<dyn Dice> = Arc::new(SeededDice::new(chance.roll()));
        let core = core(seed, &clock)?;
        let gateway =
            Arc::new(FlakyGateway::new(Arc::clone(&core), WEBHOOK_SECRET, swarm.clone(), chance.fork()));
        let writes = Arc::new(AtomicU64::new(0));
        let policies = Arc::new(policies(chance));
        let db = database(&clock, &writes, &policies, plants)?;
        let own = Own {
            db,
            policies,
            gateway: Arc::clone(&gateway),
            core: Arc::clone(&core),
            clock: Arc::clone(&clock),
            dice,
            plants,
        };
        let app = app(own).await?;
        let router = wrap(server::api::routes(app.clone()), &Surroundings::of(&app));
        let (students, teachers) = (Vec::new(), Vec::new());
        let admin = Arc::new(Login::admin(&app, &router, &clock).await?);
        let mut market = Market { app, router, gateway, core, clock, students, teachers, admin, writes };
        market.people(swarm, chance).await?;
        Ok(market)
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// How often the writer has run so far.
    pub fn writes(&self) -> u64 {
        self.writes.load(Ordering::Relaxed)
    }

    pub fn login(&self, who: Who) -> Arc<Login> {
        Arc::clone(match who {
            Who::Student(index) => &self.students[index].login,
            Who::Teacher(index) => &self.teachers[index].login,
            Who::Admin => &self.admin,
        })
    }

    /// How often anybody had to prove who he is.
    pub fn sign_ins(&self) -> SignIns {
        let logins = self.students.iter().map(|student| &student.login);
        let logins = logins.chain(self.teachers.iter().map(|teacher| &teacher.login));
        logins.map(|login| login.sign_ins()).fold(SignIns::default(), |sum, one| SignIns {
            logins: sum.logins + one.logins,
            refreshes: sum.refreshes + one.refreshes,
        })
    }

    async fn people(&mut self, swarm: &Swarm, chance: &mut Chance) -> Opened<()> {
        for number in 0..swarm.students {
            let login = Arc::new(Login::register(&self.router, &self.clock, "STUDENT", number).await?);
            self.students.push(Student { login });
        }
        for number in 0..swarm.teachers {
            let login = Arc::new(Login::register(&self.router, &self.clock, "TEACHER", number).await?);
            let price_minor = chance.between(5, 20) * 400;
            let gig = json!({
                "category": "language",
                "service_title": "Conversation",
                "price_per_session": format!("{}.00", price_minor / 100),
                "session_duration": 60,
            });
            let made = login.post(&self.router, "/api/accounts/gigs/", None, &gig.to_string()).await;
            let offer = id_of(&made).ok_or_else(|| format!("the offer was answered {made:?}"))?;
            self.teachers.push(Teacher { login, offer, price_minor });
        }
        Ok(())
    }
}

fn id_of(made: &Reply) -> Option<i64> {
    made.body["id"].as_i64().filter(|_| made.status == 201)
}

fn core(seed: u64, clock: &Arc<ManualClock>) -> Opened<Arc<Core>> {
    let books = Books::memory(u32::try_from(seed % u64::from(u32::MAX)).expect("below the modulus"))?;
    let clock = Arc::clone(clock);
    Ok(Arc::new(Core::new(books, Arc::new(move || clock.now()), WEBHOOK_SECRET)))
}

/// The defaults, with what differs between installations rolled.
fn policies(chance: &mut Chance) -> Policies {
    let mut policies = Policies { instance: "simulated".to_owned(), ..Policies::default() };
    if chance.permille(300) {
        policies.hold = Span::DAY;
    }
    if chance.permille(250) {
        policies.release_booking = Release::OnPayment;
    }
    policies.refunds.automatic = chance.permille(700);
    policies.refunds.approve_processes = chance.permille(300);
    if chance.permille(300) {
        policies.refunds.fee = RefundFeePolicy::Keep;
    }
    if chance.permille(300) {
        policies.booking.reschedule = Reschedule::ByRequest;
    }
    policies
}

fn database(
    clock: &Arc<ManualClock>,
    writes: &Arc<AtomicU64>,
    policies: &Arc<Policies>,
    plants: Plants,
) -> Opened<Db> {
    let (clock, writes) = (Arc::clone(clock), Arc::clone(writes));
    let now = move || {
        writes.fetch_add(1, Ordering::Relaxed);
        clock.now()
    };
    let settings = store::Settings {
        options: Options::default(),
        readers: 1,
        queue_max: 64,
        batch_max: 64,
        node: "simulated".to_owned(),
        policies: Arc::clone(policies),
        plants,
        now: Arc::new(now),
        // In memory no answer is lost, so nothing is waited for.
        pause: Arc::new(|_| {}),
    };
    Ok(Db::in_memory(settings)?)
}

/// What a simulated app is assembled from.
struct Own {
    db: Db,
    policies: Arc<Policies>,
    gateway: Arc<FlakyGateway>,
    core: Arc<Core>,
    clock: Arc<ManualClock>,
    dice: Arc<dyn Dice>,
    plants: Plants,
}

async fn app(own: Own) -> Opened<App> {
    let Own { db, policies, gateway, core, clock, dice, plants } = own;
    let config = config(dice.as_ref())?;
    let secrets = Secrets::load(&config, dice.as_ref())?;
    let gateways = Gateways::new([gateway as Arc<dyn Gateway>], "sandbox");
    let gateways = gateways.ok_or("the default gateway is not registered")?;
    let near = SandboxGateway::in_process(core, TIMEOUT, vec![WEBHOOK_SECRET.to_owned()]);
    let ahead = OffsetClock::new(Arc::clone(&clock) as Arc<dyn Clock>);
    let sandbox = Sandbox { gateway: Arc::new(near), clock: Arc::new(ahead) };
    let parts = Parts {
        cost: Cost::CHEAP,
        sandbox: Some(sandbox),
        real_clock: Arc::clone(&clock) as Arc<dyn Clock>,
        config: Arc::new(config),
        secrets,
        policies,
        db,
        gateways,
        clock,
        dice,
        plants,
    };
    Ok(App::assemble(parts).await?)
}

/// No limits on rates, and secrets that never touch a disk.
fn config(dice: &dyn Dice) -> Opened<Config> {
    let mut flags = vec![("secrets.instance", uuid_v4(dice)), ("mail.transport", "log".to_owned())];
    for bucket in ["limits.login_per_minute", "limits.payment_per_minute", "limits.other_per_minute"] {
        flags.push((bucket, "0".to_owned()));
    }
    for secret in ["secrets.jwt_key", "secrets.key_encryption_key", "secrets.sandbox_webhook_secret"] {
        flags.push((secret, token_256(dice)));
    }
    Ok(server::config::load(&Sources { flags, ..Sources::default() })?)
}
