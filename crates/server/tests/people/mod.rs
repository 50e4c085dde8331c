//! People as their tests tell them: registering, logging in and mails, on both engines, with clocks that
//! are moved by hand.

mod auth;
mod gigs;
mod google;
mod privacy;
mod profiles;

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Method, Request};
use domain::records::{Job, Purpose, Word};
use domain::time::{Span, Timestamp};
use serde_json::{Value, json};
use server::app::App;
use server::auth::one_time::{in_link, place};
use server::clock::ManualClock;
use server::dice::OsDice;
use store::testing::TestDb;

use crate::common::{Answer, ByHand, Client, in_runtime};

pub const START: Timestamp = Timestamp(1_800_000_000_000_000);
pub const PASSWORD: &str = "correct horse";

/// One node of a marketplace.
pub struct Node {
    pub app: App,
    pub real: Arc<ManualClock>,
    pub client: Client,
}

/// Runs a test against a node with the default settings and no limits.
pub fn on(db: &TestDb, test: impl AsyncFnOnce(&Node)) {
    with(db, &[], test);
}

/// The same with some settings changed, as the environment would.
pub fn with(db: &TestDb, settings: &[(&str, &str)], test: impl AsyncFnOnce(&Node)) {
    // The database opens and closes outside: its own threads block.
    let node = Node::new(db, settings);
    in_runtime(test(&node));
}

impl Node {
    pub fn new(db: &TestDb, settings: &[(&str, &str)]) -> Node {
        let ByHand { app, real, client, .. } = ByHand::open(db, START, settings);
        Node { app, real, client }
    }

    pub async fn send(&self, request: Request<Body>) -> Answer {
        self.client.answer(request).await
    }

    /// A request with a JSON body, by the holder of a token or by nobody.
    pub async fn call(&self, method: Method, path: &str, token: &str, body: Value) -> Answer {
        let token = Some(token).filter(|token| !token.is_empty());
        let body = Some(&body).filter(|body| !body.is_null());
        self.client.send(method, token, path, &[], body).await
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
