//! The marketplace as the resources' tests tell it: students, teachers, gigs, and requests by them.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Method, Request};
use domain::id::{OfferId, PersonId};
use domain::offers::{CreateOffer, OfferPatch};
use domain::people::Role;
use domain::records::Category;
use domain::time::{Span, Timestamp};
use gateways::sandbox::SandboxGateway;
use serde_json::Value;
use server::app::App;
use server::clock::ManualClock;
use server::http::json::Instant;
use store::testing::TestDb;

use crate::common::{self, ByHand, Client, in_runtime};
pub use crate::common::{Answer, Login};

/// 2030-01-01T00:00:00Z: the hand-moved clock begins here.
pub const START: Timestamp = Timestamp(1_893_456_000_000_000);

pub struct Market {
    pub app: App,
    pub clock: Arc<ManualClock>,
    pub gateway: Arc<SandboxGateway>,
    client: Client,
}

/// Runs a test in a market with some settings changed.
pub fn run<F: AsyncFnOnce(Market)>(db: &TestDb, settings: &[(&str, &str)], test: F) {
    // The store is threads: it is opened before the runtime starts, and closed after it has ended.
    let ByHand { app, clock, gateway, client, .. } = ByHand::open(db, START, settings);
    let store = app.db.clone();
    in_runtime(test(Market { app, clock, gateway, client }));
    drop(store);
}

impl Market {
    pub async fn student(&self, name: &str) -> Login {
        common::register(&self.app, name, Role::Student, String::new()).await
    }

    pub async fn teacher(&self, name: &str) -> Login {
        common::register(&self.app, name, Role::Teacher, String::new()).await
    }

    pub async fn admin(&self) -> Login {
        common::admin(&self.app).await
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
        let token = who.map(|login| login.token.as_str());
        self.client.send(method, token, path, headers, body.as_ref()).await
    }

    /// Any request, as it is.
    pub async fn answer(&self, request: Request<Body>) -> Answer {
        self.client.answer(request).await
    }
}
