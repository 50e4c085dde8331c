//! A marketplace in a folder of its own, built by the assembly that `serve` uses.

use std::path::PathBuf;

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use domain::id::{Id, PaymentId};
use domain::offers::{CreateOffer, OfferPatch};
use domain::people::Role as Kind;
use domain::records::{Alert, Category, Op, Payment};
use domain::time::{Span, Timestamp};
use gateways::sandbox::{Faults, Readout};
use serde_json::{Value, json};
use server::app::{App, Sandbox};
use server::commands::{Role, Started, start::start};
use server::http::json::Instant;
use server::jobs;
use store::testing::TestDb;

use crate::common::{self, Answer, Client};
pub use crate::common::{Login, WEBHOOK_SECRET, in_runtime};

/// A running marketplace whose background work is done only when a test asks for it.
pub struct Place {
    pub app: App,
    client: Client,
    folder: tempfile::TempDir,
    _started: Started,
}

/// A confirmed booking and everybody in it.
pub struct Lesson {
    pub student: Login,
    pub teacher: Login,
    pub booking: i64,
}

/// Runs a test in a place on this database.
pub fn run<F: AsyncFnOnce(Place)>(db: &TestDb, test: F) {
    run_with(db, &[], test);
}

/// The same with these settings.
pub fn run_with<F: AsyncFnOnce(Place)>(db: &TestDb, settings: &[(&str, &str)], test: F) {
    let folder = tempfile::tempdir().expect("a folder");
    in_runtime(async { test(Place::open_with(db, folder, settings).await).await });
}

impl Place {
    pub async fn open(db: &TestDb, folder: tempfile::TempDir) -> Place {
        Place::open_with(db, folder, &[]).await
    }

    async fn open_with(db: &TestDb, folder: tempfile::TempDir, settings: &[(&str, &str)]) -> Place {
        let own = [("BURSAR_GATEWAYS__TIMEOUT_SECONDS", "1")];
        let all: Vec<(&str, &str)> = own.iter().chain(settings).copied().collect();
        let started = start(common::server_config(db, &folder, &all), Role::Server).await;
        let started = started.expect("a fresh database");
        let app = started.app.clone();
        let client = Client(server::api::routes(app.clone()));
        Place { app, client, folder, _started: started }
    }

    /// Stops the node and keeps its folder.
    pub fn close(self) -> tempfile::TempDir {
        self.folder
    }

    pub fn sandbox(&self) -> &Sandbox {
        self.app.sandbox.as_ref().expect("the sandbox is in use")
    }

    pub async fn faults(&self, faults: Value) {
        let faults: Faults = serde_json::from_value(faults).expect("a script");
        self.sandbox().gateway.set_faults(faults).await.expect("books");
    }

    pub async fn books(&self) -> Readout {
        self.sandbox().gateway.books().await.expect("books")
    }

    pub async fn advance(&self, by: Span) {
        jobs::advance(&self.app, self.sandbox(), by).await.expect("a database");
    }

    /// Moves the clock and does nothing about it.
    pub fn elapse(&self, by: Span) {
        self.sandbox().clock.advance(by);
    }

    pub async fn rest(&self) {
        jobs::run_until_idle(&self.app).await;
    }

    pub fn letters(&self) -> PathBuf {
        self.folder.path().join("mail")
    }

    pub async fn admin(&self) -> Login {
        common::admin(&self.app).await
    }

    pub async fn register(&self, name: &str, role: Kind, sealed: String) -> Login {
        common::register(&self.app, name, role, sealed).await
    }

    /// A lesson of one hour, a day from now, at 50.00 and 2.50 on top.
    pub async fn lesson(&self) -> Lesson {
        let student = self.register("student", Kind::Student, String::new()).await;
        let teacher = self.register("teacher", Kind::Teacher, String::new()).await;
        let offer = OfferPatch {
            category: Some(Category::Language),
            service_type: Some("Conversation".into()),
            title: Some("Spanish conversation".into()),
            price_minor: Some(5_000),
            session_minutes: Some(60),
            ..OfferPatch::default()
        };
        let gig =
            self.app.db.submit(CreateOffer { payee: teacher.person.id, offer }).await.expect("a gig").id;
        self.book(student, teacher, gig.raw(), Span::DAY).await
    }

    /// Another one of the same people, a week later.
    pub async fn lesson_after(&self, lesson: &Lesson) -> Lesson {
        let path = format!("/api/bookings/bookings/{}", lesson.booking);
        let gig = self.get(Some(&lesson.student), &path).await.1["gig"].as_i64().expect("an id");
        self.book(lesson.student.clone(), lesson.teacher.clone(), gig, Span::days(8)).await
    }

    async fn book(&self, student: Login, teacher: Login, gig: i64, away: Span) -> Lesson {
        let starts_at = Timestamp::from_seconds((self.app.clock.now() + away).seconds());
        let body = json!({
            "teacher": teacher.person.uuid,
            "gig": gig,
            "start_time": Instant(starts_at).text(),
            "end_time": Instant(starts_at + Span::HOUR).text(),
        });
        let made = self.post(Some(&student), "/api/bookings/bookings", &body).await;
        assert_eq!(made.0, StatusCode::CREATED, "{}", made.1);
        let booking = made.1["id"].as_i64().expect("an id");
        Lesson { student, teacher, booking }
    }

    pub async fn confirm(&self, lesson: &Lesson) {
        let path = format!("/api/bookings/bookings/{}/confirm", lesson.booking);
        let answer = self.post(Some(&lesson.teacher), &path, &json!({})).await;
        assert_eq!(answer.0, StatusCode::OK, "{}", answer.1);
    }

    /// Pays by card; status and body of the answer.
    pub async fn pay(&self, lesson: &Lesson, card: &str) -> (StatusCode, Value) {
        let body = json!({ "booking_id": lesson.booking, "payment_method_id": card });
        self.post(Some(&lesson.student), "/api/payments/process-booking-payment", &body).await
    }

    pub async fn payment(&self, answer: &Value) -> Payment {
        let id = PaymentId::from_raw(answer["payment_id"].as_i64().expect("a payment"));
        self.app.db.read(move |reads| reads.find(&id)).await.expect("a database").expect("a payment")
    }

    pub async fn op(&self, payment: &Payment) -> Op {
        let id = payment.op.expect("an operation");
        self.app.db.read(move |reads| reads.find(&id)).await.expect("a database").expect("an operation")
    }

    pub async fn booking_state(&self, lesson: &Lesson) -> (String, String) {
        let path = format!("/api/bookings/bookings/{}", lesson.booking);
        let (_, body) = self.send(Method::GET, Some(&lesson.student), &path, None).await;
        let word = |name: &str| body[name].as_str().expect("a word").to_owned();
        (word("status"), word("payment_status"))
    }

    pub async fn alerts(&self) -> Vec<Alert> {
        self.app.db.read(|reads| reads.alerts(100)).await.expect("a database")
    }

    pub async fn get(&self, who: Option<&Login>, path: &str) -> (StatusCode, Value) {
        self.send(Method::GET, who, path, None).await
    }

    pub async fn post(&self, who: Option<&Login>, path: &str, body: &Value) -> (StatusCode, Value) {
        self.send(Method::POST, who, path, Some(body)).await
    }

    pub async fn delete(&self, who: Option<&Login>, path: &str) -> (StatusCode, Value) {
        self.send(Method::DELETE, who, path, None).await
    }

    async fn send(
        &self,
        method: Method,
        who: Option<&Login>,
        path: &str,
        body: Option<&Value>,
    ) -> (StatusCode, Value) {
        let token = who.map(|login| login.token.as_str());
        let answer = self.client.send(method, token, path, &[], body).await;
        (answer.status, answer.body)
    }

    pub async fn whole_answer(&self, request: Request<Body>) -> Answer {
        self.client.answer(request).await
    }

    pub async fn answer(&self, request: Request<Body>) -> (StatusCode, Value) {
        let answer = self.client.answer(request).await;
        (answer.status, answer.body)
    }
}
