//! A server as `bursar serve` builds it, on a socket; its background work is done when a test asks.

use std::net::SocketAddr;
use std::time::Duration;

use axum::http::Method;
use domain::id::{Id, Lane, PersonId};
use domain::ledger::{Account, Balance};
use domain::money::Currency;
use domain::records::{Booking, Payment};
use domain::time::{Span, Timestamp};
use gateways::gateway::Gateway;
use gateways::signature;
use serde_json::{Value, json};
use server::app::App;
use server::commands::{Role, Started, start::start};
use server::http::json::Instant;
use server::http::server::{Listener, Stop, StopSwitch};
use server::http::{Surroundings, wrap};
use server::jobs;
use store::testing::TestDb;

pub use crate::common::{Answer, WEBHOOK_SECRET};
use crate::common::{in_runtime, server_config};

pub const PASSWORD: &str = "correct horse battery staple";
/// Whoever waits for something longer than this waits for nothing.
const PATIENCE: Duration = Duration::from_secs(30);

pub struct House {
    pub app: App,
    pub base: String,
    client: reqwest::Client,
    switch: StopSwitch,
    serving: tokio::task::JoinHandle<()>,
    _started: Started,
    folder: tempfile::TempDir,
}

/// Somebody who registered and logged in over HTTP.
#[derive(Clone)]
pub struct Login {
    pub uuid: String,
    pub token: String,
}

/// A student, a teacher and the teacher's gig.
pub struct Cast {
    pub student: Login,
    pub teacher: Login,
    pub gig: i64,
}

/// Runs a test in a house with these settings.
pub fn run<F: AsyncFnOnce(&House)>(db: &TestDb, settings: &[(&str, &str)], test: F) {
    in_runtime(async {
        let house = House::open(db, settings).await;
        test(&house).await;
        house.close().await;
    });
}

impl House {
    pub async fn open(db: &TestDb, settings: &[(&str, &str)]) -> House {
        let folder = tempfile::tempdir().expect("a folder");
        let mut config = server_config(db, &folder, settings);
        let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
        let listener = Listener::plain(loopback).await.expect("a free port");
        config.server.listen = listener.address().expect("bound");
        let base = format!("http://{}", config.server.listen);
        let started = start(config, Role::Server).await.expect("a fresh database");
        let app = started.app.clone();
        let around = Surroundings::of(&app);
        let (switch, stop) = Stop::by_hand();
        let routes = wrap(server::api::routes(app.clone()), &around);
        let serving = tokio::spawn(listener.serve(routes, stop));
        // Another test of this process may have set it; either way it is there.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().expect("a client");
        House { app, base, client, switch, serving, _started: started, folder }
    }

    pub async fn close(self) {
        drop(self.client);
        self.switch.stop();
        self.serving.await.expect("the server does not panic");
    }

    pub async fn register(&self, name: &str, role: &str) -> Login {
        let email = format!("{name}@example.org");
        let person = json!({ "email": email, "password": PASSWORD, "full_name": name, "role": role });
        let made = self.post(None, "/api/register/", person).await.expect(201);
        let login = json!({ "email": email, "password": PASSWORD });
        let login = self.post(None, "/api/login/", login).await.expect(200);
        let token = login.body["access_token"].as_str().expect("a token").to_owned();
        Login { uuid: made.body["user_id"].as_str().expect("an id").to_owned(), token }
    }

    /// The first administrator, made as the command line makes him.
    pub async fn admin(&self) -> Login {
        let password = zeroize::Zeroizing::new(PASSWORD.to_owned());
        let command = domain::people::CreateAdmin {
            uuid: server::dice::uuid_v4(self.app.dice.as_ref()),
            email: "admin@example.org".into(),
            full_name: "Admin".into(),
            password: self.app.passwords.hash(password).await.expect("a hash"),
        };
        let person = self.app.db.submit(command).await.expect("the only one");
        let login = json!({ "email": "admin@example.org", "password": PASSWORD });
        let login = self.post(None, "/api/login/", login).await.expect(200);
        let token = login.body["access_token"].as_str().expect("a token").to_owned();
        Login { uuid: person.uuid, token }
    }

    /// Registers both parties; the gig costs so much an hour.
    pub async fn cast(&self, price: &str) -> Cast {
        let student = self.register("sam", "STUDENT").await;
        let teacher = self.register("tina", "TEACHER").await;
        let gig = json!({
            "category": "language", "service_type": "Conversation", "service_title": "Spanish conversation",
            "short_description": "Talk", "full_description": "Talk a lot", "price_per_session": price,
            "session_duration": 60, "tags": [], "what_you_provide_in_session": "Texts", "status": "active",
        });
        let gig = self.post(Some(&teacher), "/api/accounts/gigs/", gig).await.expect(201);
        Cast { student, teacher, gig: gig.body["id"].as_i64().expect("an id") }
    }

    /// A confirmed booking a day from now and so many minutes, for so many minutes.
    pub async fn booking(&self, cast: &Cast, begins: i64, minutes: i64) -> i64 {
        let day = Timestamp::from_seconds((self.app.clock.now() + Span::DAY).seconds());
        let starts_at = day + Span::minutes(begins);
        let body = json!({
            "teacher": cast.teacher.uuid, "gig": cast.gig, "start_time": Instant(starts_at).text(),
            "end_time": Instant(starts_at + Span::minutes(minutes)).text(),
        });
        let made = self.post(Some(&cast.student), "/api/bookings/bookings/", body).await.expect(201);
        let id = made.body["id"].as_i64().expect("an id");
        let path = format!("/api/bookings/bookings/{id}/confirm/");
        self.post(Some(&cast.teacher), &path, json!({})).await.expect(200);
        id
    }

    pub async fn pay(&self, cast: &Cast, booking: i64, card: &str) -> Answer {
        let body = json!({ "booking_id": booking, "payment_method_id": card });
        self.post(Some(&cast.student), "/api/payments/process-booking-payment/", body).await
    }

    /// `CONFIRMED PAID` and the like, as the student sees it.
    pub async fn state(&self, cast: &Cast, booking: i64) -> String {
        let path = format!("/api/bookings/bookings/{booking}/");
        let seen = self.get(Some(&cast.student), &path).await.expect(200).body;
        let word = |name: &str| seen[name].as_str().expect("a word").to_owned();
        format!("{} {}", word("status"), word("payment_status"))
    }

    pub async fn get(&self, who: Option<&Login>, path: &str) -> Answer {
        self.send(Method::GET, who, path, &[], None).await
    }

    pub async fn post(&self, who: Option<&Login>, path: &str, body: Value) -> Answer {
        self.send(Method::POST, who, path, &[], Some(body.to_string())).await
    }

    pub async fn send(
        &self,
        method: Method,
        who: Option<&Login>,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<String>,
    ) -> Answer {
        let mut request = self.client.request(method, format!("{}{path}", self.base));
        if let Some(login) = who {
            request = request.bearer_auth(&login.token);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body);
        }
        let response = request.send().await.expect("the server answers");
        let (status, headers) = (response.status(), response.headers().clone());
        Answer::new(status, headers, response.bytes().await.expect("a whole body").to_vec())
    }

    /// What is left here is gone with the house.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// The gateway that payments use.
    pub fn gateway(&self) -> &dyn Gateway {
        self.app.gateways.default().as_ref()
    }

    /// Tells the server about a charge, signed as its gateway would.
    pub async fn tell(&self, event: &str, reference: &str) -> Answer {
        self.tell_as(event, reference, WEBHOOK_SECRET, self.app.now_at(self.gateway().name())).await
    }

    pub async fn tell_as(&self, event: &str, reference: &str, secret: &str, at: Timestamp) -> Answer {
        let object = json!({ "id": reference, "object": "payment_intent", "status": "succeeded" });
        let body = json!({
            "id": event, "object": "event", "type": "payment_intent.succeeded", "livemode": false,
            "data": { "object": object },
        })
        .to_string();
        let signature = signature::sign(secret, at, body.as_bytes());
        let name = self.gateway().name();
        let header = if name == "sandbox" { "sandbox-signature" } else { "stripe-signature" };
        let path = format!("/api/payments/webhooks/{name}/");
        self.send(Method::POST, None, &path, &[(header, &signature)], Some(body)).await
    }

    /// Does all background work that is due.
    pub async fn rest(&self) {
        jobs::run_until_idle(&self.app).await;
    }

    pub async fn advance(&self, by: Span) {
        let sandbox = self.app.sandbox.as_ref().expect("no real money moves here");
        jobs::advance(&self.app, sandbox, by).await.expect("a database");
    }

    /// Works until the booking is in this state.
    pub async fn until(&self, cast: &Cast, booking: i64, state: &str) {
        let waiting = async {
            while self.state(cast, booking).await != state {
                self.rest().await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.expect("it happens in time");
    }

    pub async fn payment(&self, booking: i64) -> Payment {
        let id = domain::id::BookingId::from_raw(booking);
        let found = self.app.db.read(move |reads| {
            let booking: Booking = reads.find(&id)?.expect("a booking");
            reads.find::<Payment>(&booking.payment.expect("a payment"))
        });
        found.await.expect("a database").expect("a payment")
    }

    /// Booking, payment, both histories, the ledger and the gateway say that this was paid once.
    pub async fn agrees(&self, cast: &Cast, booking: i64, [total, fee, share]: [i64; 3]) {
        assert_eq!(self.state(cast, booking).await, "CONFIRMED PAID");
        let payment = self.payment(booking).await;
        let quote = (payment.quote.total_minor, payment.quote.fee_minor, payment.quote.share_minor);
        assert_eq!(quote, (total, fee, share));
        assert_eq!(payment.captured_minor, total);
        for who in [&cast.student, &cast.teacher] {
            let listed = self.get(Some(who), "/api/payments/payments/").await.expect(200).body;
            let rows: Vec<&Value> =
                listed.as_array().expect("rows").iter().filter(|row| row["booking_id"] == booking).collect();
            assert_eq!(rows.len(), 1, "{listed}");
            assert_eq!((&rows[0]["status"], &rows[0]["amount_cents"]), (&json!("COMPLETED"), &json!(total)));
            let parts = (&rows[0]["platform_fee_cents"], &rows[0]["teacher_earnings_cents"]);
            assert_eq!(parts, (&json!(fee), &json!(share)));
        }
        self.charged_once(&payment).await;
        let findings = self.app.db.read(store::verify::verify).await.expect("a database");
        assert!(findings.is_empty(), "{findings:?}");
    }

    async fn charged_once(&self, payment: &Payment) {
        let reference = payment.reference.as_deref().expect("a reference");
        let mut succeeded = Vec::new();
        let mut page: Option<String> = None;
        loop {
            let answer = self.gateway().list_since(Timestamp(0), page.as_deref()).await;
            let domain::gateway::Answer::Done(statement) = answer else { panic!("{answer:?}") };
            let ours = |op: i64| Lane::of_id(op) == payment.id.lane();
            succeeded.extend(statement.charges.into_iter().filter(|charge| {
                charge.state == domain::gateway::ChargeState::Succeeded
                    && charge.tag.as_ref().is_some_and(|tag| ours(tag.op))
                    && charge.reference == reference
            }));
            page = statement.next;
            if page.is_none() {
                break;
            }
        }
        assert_eq!(succeeded.len(), 1);
        assert_eq!(succeeded[0].amount, payment.quote.total());
    }

    /// How many charges succeeded at the gateway, whose ever, and their sum.
    pub async fn charged(&self) -> (usize, i64) {
        let answer = self.gateway().list_since(Timestamp(0), None).await;
        let domain::gateway::Answer::Done(statement) = answer else { panic!("{answer:?}") };
        let taken: Vec<i64> = statement
            .charges
            .iter()
            .filter(|charge| charge.state == domain::gateway::ChargeState::Succeeded)
            .map(|charge| charge.amount.minor)
            .collect();
        (taken.len(), taken.iter().sum())
    }

    /// Clearing, fees and the payee's share in the ledger, debits positive.
    pub async fn ledger(&self, payee: PersonId) -> [i64; 3] {
        let clearing = Account::Clearing(self.gateway().name().to_owned());
        let mut sums = [0; 3];
        let accounts = [clearing, Account::Fees, Account::PayeePending(payee)];
        for (sum, account) in sums.iter_mut().zip(accounts) {
            let key = account.key(payee.lane(), Currency::USD);
            let found = self.app.db.read(move |reads| reads.find::<Balance>(&key)).await.expect("a database");
            *sum = found.map_or(0, |balance| balance.posted_minor + balance.pending_minor);
        }
        sums
    }
}
