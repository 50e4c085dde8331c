//! A whole marketplace in one process: a database, the sandbox gateway, a clock moved by hand, and
//! the router as a client sees it.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use domain::context::Plants;
use domain::id::{OfferId, PersonId};
use domain::offers::{CreateOffer, OfferPatch};
use domain::people::{CreateAdmin, Mailed, ProfilePatch, Register, Role, StartSession};
use domain::policy::Policies;
use domain::records::{Category, Person};
use domain::time::{Span, Timestamp};
use gateways::gateway::Gateway;
use gateways::registry::Gateways;
use gateways::sandbox::{Books, Core, SandboxGateway};
use serde_json::Value;
use server::app::App;
use server::auth::chain::Chain;
use server::auth::password::{Cost, Passwords};
use server::auth::token::{Claims, Tokens};
use server::clock::{Clock, ManualClock, SystemClock};
use server::commands::policies;
use server::config::{Config, Secrets};
use server::dice::{Dice, OsDice, uuid_v4};
use server::http::json::Instant;
use server::http::{Surroundings, wrap};
use server::mail::Mailer;
use server::protocol::Protocol;
use server::seal::Seal;
use store::engine::Options;
use store::testing::TestDb;
use store::{Db, Settings, migrate_database};
use tower::ServiceExt;

/// 2030-01-01T00:00:00Z: the hand-moved clock begins here.
pub const START: Timestamp = Timestamp(1_893_456_000_000_000);

const SECRETS: &[(&str, &str)] = &[
    ("BURSAR_SECRETS__JWT_KEY", "a-key-for-tests-that-is-long-enough-to-sign-with-0123456789abcdef"),
    ("BURSAR_SECRETS__KEY_ENCRYPTION_KEY", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"),
    ("BURSAR_SECRETS__SANDBOX_WEBHOOK_SECRET", "whsec_0123456789abcdef0123456789abcdef"),
    ("BURSAR_SECRETS__INSTANCE", "6f0e7c1a-3b52-4d0e-9a55-0c8a52f1d001"),
    ("BURSAR_MAIL__TRANSPORT", "log"),
    ("BURSAR_LIMITS__PAYMENT_PER_MINUTE", "0"),
    ("BURSAR_LIMITS__OTHER_PER_MINUTE", "0"),
];

pub struct Market {
    pub app: App,
    pub clock: Arc<ManualClock>,
    pub gateway: Arc<SandboxGateway>,
    router: Router,
}

/// Somebody who is logged in.
#[derive(Clone)]
pub struct Login {
    pub person: Person,
    pub token: String,
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Value,
    pub text: String,
}

/// Runs a test in a market with some settings changed.
pub fn run<F: AsyncFnOnce(Market)>(db: &TestDb, settings: &[(&str, &str)], test: F) {
    // The store is threads: it is opened before the runtime starts, and closed after it has ended.
    let market = Market::open(db, settings);
    let store = market.app.db.clone();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("threads").block_on(test(market));
    drop(store);
}

impl Market {
    fn open(db: &TestDb, settings: &[(&str, &str)]) -> Market {
        let settings: Vec<(&str, &str)> = SECRETS.iter().chain(settings).copied().collect();
        let config = Arc::new(crate::http::config(&settings));
        let clock = Arc::new(ManualClock::at(START));
        let secrets = Secrets::load(&config, &OsDice).expect("all are set");
        let policies = Arc::new(policies(&config, &secrets.instance));
        let gateway = Arc::new(sandbox(&clock));
        let gateways =
            Gateways::new([Arc::clone(&gateway) as Arc<dyn Gateway>], "sandbox").expect("it is there");
        let around = Surroundings::new(Arc::clone(&config), Arc::new(OsDice));
        let db = database(db, &clock, &policies);
        let app = app(db, (config, secrets, policies), gateways, &clock, &around);
        let router = wrap(server::api::routes(app.clone()), &around);
        Market { app, clock, gateway, router }
    }

    pub async fn student(&self, name: &str) -> Login {
        self.register(name, Role::Student).await
    }

    pub async fn teacher(&self, name: &str) -> Login {
        self.register(name, Role::Teacher).await
    }

    async fn register(&self, name: &str, role: Role) -> Login {
        sign_up(&self.app, name, role).await
    }

    pub async fn admin(&self) -> Login {
        let command = CreateAdmin {
            uuid: uuid_v4(self.app.dice.as_ref()),
            email: "admin@example.org".into(),
            full_name: "Admin Example".into(),
            password: "phc".into(),
        };
        let person = self.app.db.submit(command).await.expect("the only one");
        log_in(&self.app, person).await
    }

    /// An active gig at 50.00 an hour.
    pub async fn gig(&self, teacher: PersonId) -> OfferId {
        self.gig_at(teacher, Category::Language, 5_000).await
    }

    pub async fn gig_at(&self, teacher: PersonId, category: Category, price_minor: i64) -> OfferId {
        let offer = OfferPatch {
            category: Some(category),
            service_type: Some("Conversation".into()),
            title: Some("Spanish conversation".into()),
            short_description: Some("Talk".into()),
            full_description: Some("Talk a lot".into()),
            price_minor: Some(price_minor),
            session_minutes: Some(60),
            tags: Some(Vec::new()),
            session_contents: Some(String::new()),
            state: None,
        };
        self.app.db.submit(CreateOffer { payee: teacher, offer }).await.expect("a gig").id
    }

    /// An instant so many minutes after the beginning, as text.
    pub fn at(minutes: i64) -> String {
        Instant(START + Span::minutes(minutes)).text()
    }

    pub fn advance_to(&self, minutes: i64) {
        self.clock.set(START + Span::minutes(minutes));
    }

    pub async fn get(&self, who: &Login, path: &str) -> Answer {
        self.send(Method::GET, Some(who), path, &[], None).await
    }

    pub async fn post(&self, who: &Login, path: &str, body: Value) -> Answer {
        self.send(Method::POST, Some(who), path, &[], Some(body)).await
    }

    /// With an idempotency key.
    pub async fn post_keyed(&self, who: &Login, path: &str, key: &str, body: Value) -> Answer {
        self.send(Method::POST, Some(who), path, &[("idempotency-key", key)], Some(body)).await
    }

    pub async fn patch(&self, who: &Login, path: &str, body: Value) -> Answer {
        self.send(Method::PATCH, Some(who), path, &[], Some(body)).await
    }

    pub async fn delete(&self, who: &Login, path: &str) -> Answer {
        self.send(Method::DELETE, Some(who), path, &[], None).await
    }

    pub async fn send(
        &self,
        method: Method,
        who: Option<&Login>,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<Value>,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(login) = who {
            request = request.header("authorization", format!("Bearer {}", login.token));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = match body {
            Some(body) => {
                request.header("content-type", "application/json").body(Body::from(body.to_string()))
            }
            None => request.body(Body::empty()),
        };
        self.answer(request.expect("valid")).await
    }

    /// Any request, as it is.
    pub async fn answer(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.expect("routers answer");
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.expect("a whole body");
        let text = String::from_utf8(bytes.into()).expect("text");
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Answer { status: parts.status, headers: parts.headers, body, text }
    }
}

/// Somebody new, without the work of hashing a password.
pub async fn sign_up(app: &App, name: &str, role: Role) -> Login {
    let token = Mailed { hash: format!("hash of {name}"), sealed: String::new(), redirect_to: None };
    let command = Register {
        uuid: uuid_v4(app.dice.as_ref()),
        email: format!("{name}@example.org"),
        password: "phc".into(),
        role,
        profile: ProfilePatch { full_name: Some(format!("{name} Example")), ..ProfilePatch::default() },
        token,
        real_now: START,
    };
    let profiles = app.db.submit(command).await.expect("a free name");
    log_in(app, profiles.person).await
}

async fn log_in(app: &App, person: Person) -> Login {
    let command = StartSession {
        person: person.id,
        seen: Some("phc".into()),
        rehashed: None,
        token: format!("refresh of {}", person.uuid),
        account: person.email.clone(),
        address: None,
        real_now: START,
    };
    let started = app.db.submit(command).await.expect("the right password");
    let claims = Claims {
        person: person.uuid.clone(),
        session: started.session.id.0,
        version: started.session.version,
    };
    let token = app.tokens.issue(&claims).token.expose().to_string();
    Login { person, token }
}

impl Answer {
    #[track_caller]
    pub fn expect(self, status: u16) -> Answer {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        self
    }

    /// A problem with this status and code.
    #[track_caller]
    pub fn refused(self, status: u16, code: &str) -> Answer {
        let answer = self.expect(status);
        assert_eq!(answer.body["code"], code, "{}", answer.text);
        answer
    }
}

fn sandbox(clock: &Arc<ManualClock>) -> SandboxGateway {
    let clock = Arc::clone(clock);
    let books = Books::memory(7).expect("memory");
    let core = Arc::new(Core::new(books, Arc::new(move || clock.now()), "whsec_test"));
    SandboxGateway::in_process(core, Duration::from_millis(50), vec!["whsec_test".into()])
}

fn database(db: &TestDb, clock: &Arc<ManualClock>, policies: &Arc<Policies>) -> Db {
    let options = Options::default();
    migrate_database(&db.url, &options, START).expect("an empty database");
    let clock = Arc::clone(clock);
    let settings = Settings {
        options,
        readers: 2,
        queue_max: 1_024,
        batch_max: 256,
        node: "test".into(),
        policies: Arc::clone(policies),
        plants: Plants::default(),
        now: Arc::new(move || clock.now()),
    };
    Db::open(&db.url, settings).expect("a migrated database")
}

fn app(
    db: Db,
    (config, secrets, policies): (Arc<Config>, Secrets, Arc<Policies>),
    gateways: Gateways,
    clock: &Arc<ManualClock>,
    around: &Surroundings,
) -> App {
    let dice: Arc<dyn Dice> = Arc::new(OsDice);
    let real_clock: Arc<dyn Clock> = Arc::new(SystemClock);
    App {
        protocol: Protocol::new(db.clone(), gateways.clone()),
        sandbox: None,
        clock: Arc::clone(clock) as Arc<dyn Clock>,
        limits: Arc::clone(&around.limits),
        passwords: Arc::new(Passwords::new(Cost::CHEAP, Arc::clone(&dice)).expect("cheap ones work")),
        tokens: Arc::new(Tokens::new(&config, &secrets, Arc::clone(&real_clock))),
        external: None,
        chain: Arc::new(Chain::new(&secrets)),
        seal: Arc::new(Seal::new(&secrets, Arc::clone(&dice))),
        mailer: Arc::new(Mailer::new(&config).expect("the log")),
        plants: Plants::default(),
        db,
        config,
        policies,
        gateways,
        real_clock,
        dice,
    }
}
