//! A small marketplace: the real router over the real writer on a database in memory, a gateway
//! behind a bad line, a few people and their offers.
//!
//! Passwords and mails are not part of it: people and sessions are made by the commands behind the
//! endpoints, because hashing runs on threads of its own and threads are not repeatable.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use domain::context::Plants;
use domain::id::{OfferId, PersonId};
use domain::offers::{CreateOffer, OfferPatch};
use domain::people::{Mailed, ProfilePatch, Register, Role, StartSession};
use domain::policy::Policies;
use domain::records::Category;
use domain::time::{Span, Timestamp};
use gateways::gateway::Gateway;
use gateways::registry::Gateways;
use gateways::sandbox::{Books, Core, SandboxGateway};
use server::app::{App, Sandbox};
use server::auth::chain::Chain;
use server::auth::password::{Cost, Passwords};
use server::auth::token::{Claims, Tokens};
use server::clock::{Clock, ManualClock, OffsetClock};
use server::config::{Config, Secrets, Sources};
use server::dice::{Dice, SeededDice, token_256, uuid_v4};
use server::http::limits::Limits;
use server::http::{Surroundings, wrap};
use server::mail::Mailer;
use server::protocol::Protocol;
use server::seal::Seal;
use store::Db;
use store::engine::Options;

use crate::chance::Chance;
use crate::swarm::Swarm;
use crate::wire::{FlakyGateway, TIMEOUT};

/// Every run begins then.
pub const BEGIN: Timestamp = Timestamp(1_900_000_000_000_000);
const WEBHOOK_SECRET: &str = "whsec_simulated";

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
    /// Goes up whenever the writer has run.
    writes: Arc<AtomicU64>,
}

/// Somebody who books and pays.
#[derive(Clone, Debug)]
pub struct Student {
    pub id: PersonId,
    pub token: String,
}

/// Somebody who teaches, with the one thing he offers.
#[derive(Clone, Debug)]
pub struct Teacher {
    pub id: PersonId,
    pub uuid: String,
    pub token: String,
    pub offer: OfferId,
    /// Per hour, or per session for flat purchases.
    pub price_minor: i64,
    pub session_minutes: i64,
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
        let parts = Parts {
            db,
            policies,
            gateway: Arc::clone(&gateway),
            core: Arc::clone(&core),
            clock: Arc::clone(&clock),
            dice,
            plants,
        };
        let app = app(parts)?;
        let around = Surroundings::new(Arc::clone(&app.config), Arc::clone(&app.dice));
        let router = wrap(server::api::routes(app.clone()), &around);
        let (students, teachers) = (Vec::new(), Vec::new());
        let mut market = Market { app, router, gateway, core, clock, students, teachers, writes };
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

    async fn people(&mut self, swarm: &Swarm, chance: &mut Chance) -> Opened<()> {
        for number in 0..swarm.students {
            let (id, _, token) = self.person(Role::Student, number).await?;
            self.students.push(Student { id, token });
        }
        for number in 0..swarm.teachers {
            let (id, uuid, token) = self.person(Role::Teacher, number).await?;
            let (price_minor, session_minutes) = (chance.between(5, 20) * 400, 60);
            let patch = OfferPatch {
                category: Some(Category::Language),
                title: Some("Conversation".to_owned()),
                price_minor: Some(price_minor),
                session_minutes: Some(session_minutes),
                ..OfferPatch::default()
            };
            let offer = self.app.db.submit(CreateOffer { payee: id, offer: patch }).await?.id;
            self.teachers.push(Teacher { id, uuid, token, offer, price_minor, session_minutes });
        }
        Ok(())
    }

    /// A person with a session: id, UUID and access token.
    async fn person(&self, role: Role, number: usize) -> Opened<(PersonId, String, String)> {
        let now = self.now();
        let uuid = uuid_v4(self.app.dice.as_ref());
        let email = format!("{role:?}{number}@example.org").to_lowercase();
        let token = Mailed { hash: format!("hash of {email}"), sealed: String::new(), redirect_to: None };
        let profile =
            ProfilePatch { full_name: Some(format!("{role:?} {number}")), ..ProfilePatch::default() };
        let password = String::from("$none$");
        let register = Register {
            uuid: uuid.clone(),
            email: email.clone(),
            password,
            role,
            profile,
            token,
            real_now: now,
        };
        let person = self.app.db.submit(register).await?.person;
        let start = StartSession {
            person: person.id,
            seen: person.password.clone(),
            rehashed: None,
            token: format!("refresh of {email}"),
            account: email,
            address: None,
            real_now: now,
        };
        let session = self.app.db.submit(start).await?.session;
        let claims = Claims { person: uuid.clone(), session: session.id.0, version: session.version };
        let access = self.app.tokens.issue(&claims);
        Ok((person.id, uuid, access.token.expose().to_owned()))
    }
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

/// What an app is assembled from.
struct Parts {
    db: Db,
    policies: Arc<Policies>,
    gateway: Arc<FlakyGateway>,
    core: Arc<Core>,
    clock: Arc<ManualClock>,
    dice: Arc<dyn Dice>,
    plants: Plants,
}

fn app(parts: Parts) -> Opened<App> {
    let Parts { db, policies, gateway, core, clock, dice, plants } = parts;
    let config = config(dice.as_ref())?;
    let secrets = Secrets::load(&config, dice.as_ref())?;
    let gateways = Gateways::new([gateway as Arc<dyn Gateway>], "sandbox");
    let gateways = gateways.ok_or("the default gateway is not registered")?;
    let near = SandboxGateway::in_process(core, TIMEOUT, vec![WEBHOOK_SECRET.to_owned()]);
    let ahead = OffsetClock::new(Arc::clone(&clock) as Arc<dyn Clock>);
    let sandbox = Sandbox { gateway: Arc::new(near), clock: Arc::new(ahead) };
    // Logins last as long as the run: their clock stands still.
    let real_clock: Arc<dyn Clock> = Arc::new(ManualClock::at(BEGIN));
    Ok(App {
        protocol: Protocol::new(db.clone(), gateways.clone()),
        external: None,
        chain: Arc::new(Chain::new(&secrets)),
        seal: Arc::new(Seal::new(&secrets, Arc::clone(&dice))),
        mailer: Arc::new(Mailer::new(&config)?),
        tokens: Arc::new(Tokens::new(&config, &secrets, Arc::clone(&real_clock))),
        passwords: Arc::new(Passwords::new(Cost::CHEAP, Arc::clone(&dice))?),
        limits: Arc::new(Limits::new(&config.limits)),
        config: Arc::new(config),
        db,
        policies,
        gateways,
        sandbox: Some(sandbox),
        clock,
        real_clock,
        dice,
        plants,
    })
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
