//! The API as a client sees it: the whole router over a database of its own, on both engines, with
//! clocks that are moved by hand.

mod auth;
mod gigs;
mod profiles;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use domain::context::Plants;
use domain::policy::Policies;
use domain::records::{Job, Purpose, Word};
use domain::time::{Span, Timestamp};
use gateways::gateway::Gateway;
use gateways::registry::Gateways;
use gateways::sandbox::{Books, Core, SandboxGateway};
use serde_json::{Value, json};
use server::app::App;
use server::auth::chain::Chain;
use server::auth::external::External;
use server::auth::one_time::{in_link, place};
use server::auth::password::{Cost, Passwords};
use server::auth::token::Tokens;
use server::clock::{Clock, ManualClock};
use server::config::{Config, Secrets, Sources, load};
use server::dice::{Dice, OsDice};
use server::http::{Surroundings, wrap};
use server::mail::Mailer;
use server::protocol::Protocol;
use server::seal::Seal;
use store::testing::TestDb;
use store::{Db, Settings};
use tower::ServiceExt;

pub const START: Timestamp = Timestamp(1_800_000_000_000_000);
pub const PASSWORD: &str = "correct horse";

/// One node of a marketplace.
pub struct Node {
    pub app: App,
    pub real: Arc<ManualClock>,
    router: Router,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Value,
}

/// Runs a test against a node with the default settings and no limits.
pub fn on(db: &TestDb, test: impl AsyncFnOnce(&Node)) {
    with(db, &[], test);
}

/// The same with some settings changed, as the environment would.
pub fn with(db: &TestDb, settings: &[(&str, &str)], test: impl AsyncFnOnce(&Node)) {
    // The database opens and closes outside: its own threads block.
    let node = Node::new(db, settings);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime").block_on(test(&node));
}

fn config(settings: &[(&str, &str)]) -> Config {
    let mut env = BTreeMap::from([
        ("BURSAR_LIMITS__LOGIN_PER_MINUTE".to_owned(), "0".to_owned()),
        ("BURSAR_LIMITS__OTHER_PER_MINUTE".to_owned(), "0".to_owned()),
    ]);
    env.extend(settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    let env = env.into_iter().collect();
    let folder = tempfile::tempdir().expect("a folder").keep();
    let flags = vec![("database.url", format!("sqlite:{}/bursar.db", folder.display()))];
    load(&Sources { env, flags, ..Sources::default() }).expect("valid settings")
}

impl Node {
    pub fn new(db: &TestDb, settings: &[(&str, &str)]) -> Node {
        let config = Arc::new(config(settings));
        let dice: Arc<dyn Dice> = Arc::new(OsDice);
        let secrets = Secrets::load(&config, dice.as_ref()).expect("generated");
        let clock = Arc::new(ManualClock::at(START));
        let real = Arc::new(ManualClock::at(START));
        let db = open(db, &clock);
        let gateways = sandbox(&clock);
        let around = Surroundings::new(Arc::clone(&config), Arc::clone(&dice));
        let app = App {
            protocol: Protocol::new(db.clone(), gateways.clone()),
            db,
            policies: Arc::new(Policies::default()),
            gateways,
            sandbox: None,
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            real_clock: Arc::clone(&real) as Arc<dyn Clock>,
            limits: Arc::clone(&around.limits),
            passwords: Arc::new(Passwords::new(Cost::CHEAP, Arc::clone(&dice)).expect("valid cost")),
            tokens: Arc::new(Tokens::new(&config, &secrets, Arc::clone(&real) as Arc<dyn Clock>)),
            external: external(&config, &real),
            chain: Arc::new(Chain::new(&secrets)),
            seal: Arc::new(Seal::new(&secrets, Arc::clone(&dice))),
            mailer: Arc::new(Mailer::new(&config).expect("a folder for mails")),
            config,
            dice,
            plants: Plants::default(),
        };
        let router = wrap(server::api::routes(app.clone()), &around);
        Node { app, real, router }
    }

    pub async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.expect("routers do not fail");
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.expect("a whole body");
        let body = if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).expect("JSON") };
        Answer { status: parts.status, headers: parts.headers, body }
    }

    /// A request with a JSON body, by the holder of a token or by nobody.
    pub async fn call(&self, method: Method, path: &str, token: &str, body: Value) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if !token.is_empty() {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        self.send(request.header("content-type", "application/json").body(body).expect("valid")).await
    }

    pub async fn get(&self, path: &str, token: &str) -> Answer {
        self.call(Method::GET, path, token, Value::Null).await
    }

    pub async fn post(&self, path: &str, token: &str, body: Value) -> Answer {
        self.call(Method::POST, path, token, body).await
    }

    pub async fn patch(&self, path: &str, token: &str, body: Value) -> Answer {
        self.call(Method::PATCH, path, token, body).await
    }

    pub async fn register(&self, email: &str, role: &str) -> String {
        let body = json!({"email": email, "password": PASSWORD, "full_name": "Ada Lovelace", "role": role});
        let made = self.post("/api/register/", "", body).await.told(201);
        made["user_id"].as_str().expect("an id").to_owned()
    }

    pub async fn log_in(&self, email: &str) -> Value {
        self.post("/api/login/", "", json!({"email": email, "password": PASSWORD})).await.told(200)
    }

    /// Somebody new who is logged in: the access token.
    pub async fn somebody(&self, email: &str, role: &str) -> String {
        self.register(email, role).await;
        access(&self.log_in(email).await)
    }

    /// An administrator who is logged in.
    pub async fn admin(&self) -> String {
        let hash = self.app.passwords.hash(zeroize::Zeroizing::new(PASSWORD.into())).await.expect("hashed");
        let create = domain::people::CreateAdmin {
            uuid: server::dice::uuid_v4(&OsDice),
            email: "root@example.org".into(),
            full_name: "Root".into(),
            password: hash,
        };
        self.app.db.submit(create).await.expect("the first");
        access(&self.log_in("root@example.org").await)
    }

    /// The token in the newest mail of a purpose, as the mail job will put it into the link.
    pub async fn mailed(&self, purpose: Purpose) -> String {
        let jobs = self.app.db.read(|reads| {
            let ids = reads.due_jobs(START + Span::days(400), 1_000)?;
            reads.find_many::<Job>(&ids)
        });
        let mut jobs = jobs.await.expect("readable");
        jobs.sort_by_key(|job| job.id);
        let bodies = jobs.iter().map(|job| serde_json::from_str::<Value>(&job.body).expect("JSON"));
        let body = bodies.rev().find(|body| body["template"] == purpose.word()).expect("a mail");
        let sealed = body["sealed"].as_str().expect("sealed");
        let secret = self.app.seal.open(&place(purpose), sealed).expect("ours");
        let person = domain::id::PersonId(body["person"].as_i64().expect("an id"));
        in_link(person, purpose, &secret).expose().to_owned()
    }
}

pub fn access(pair: &Value) -> String {
    pair["access_token"].as_str().expect("a token").to_owned()
}

pub fn refresh(pair: &Value) -> String {
    pair["refresh_token"].as_str().expect("a token").to_owned()
}

impl Answer {
    /// The body, if the status is the expected one.
    #[track_caller]
    pub fn told(self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        self.body
    }

    /// A problem with this code.
    #[track_caller]
    pub fn refused(self, status: u16, code: &str) -> Value {
        assert_eq!(self.headers["content-type"], "application/problem+json", "{}", self.body);
        let body = self.told(status);
        assert_eq!(body["code"], code, "{body}");
        assert_eq!(body["error"], body["detail"]);
        body
    }
}

fn open(db: &TestDb, clock: &Arc<ManualClock>) -> Db {
    let options = store::engine::Options::default();
    store::migrate_database(&db.url, &options, START).expect("migrated");
    let clock = Arc::clone(clock);
    let settings = Settings {
        options,
        readers: 2,
        queue_max: 1_000,
        batch_max: 256,
        node: server::dice::uuid_v4(&OsDice),
        policies: Arc::new(Policies::default()),
        plants: Plants::default(),
        now: Arc::new(move || clock.now()),
        pause: Arc::new(server::clock::pause),
    };
    Db::open(&db.url, settings).expect("opens")
}

/// The outside issuer of the settings, if there is one.
fn external(config: &Config, real: &Arc<ManualClock>) -> Option<Arc<External>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let clock = Arc::clone(real) as Arc<dyn Clock>;
    let opened = runtime.block_on(External::open(&config.auth.external, clock));
    opened.expect("a shared secret").map(Arc::new)
}

fn sandbox(clock: &Arc<ManualClock>) -> Gateways {
    let clock = Arc::clone(clock);
    let books = Books::memory(1).expect("memory");
    let core = Arc::new(Core::new(books, Arc::new(move || clock.now()), "secret"));
    let gateway = SandboxGateway::in_process(core, Duration::from_secs(1), vec!["secret".into()]);
    let gateway: Arc<dyn Gateway> = Arc::new(gateway);
    Gateways::new([gateway], "sandbox").expect("its own default")
}
