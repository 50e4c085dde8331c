//! The existing web client: its calls as the contract lists them (`table.txt`), its price preview and its
//! tabs, over HTTP. What differs from the table is a mistake of the server.

mod table;
mod web;

use std::collections::BTreeMap;

use domain::time::{Span, Timestamp};
use serde_json::{Value, json};

use crate::common::browser::{self, Browser};
use crate::mainjob::house::{House, PASSWORD, run};
use crate::mainjob::many::together;
use crate::mainjob::refusals::expired;
use table::{Line, Names, Row, fits};
use web::Web;

const TABLE: &str = include_str!("table.txt");
const TABS: usize = 6;
const PRESET: (&str, &str) = ("BURSAR_PRESET", "linguaflex");

/// The people of a walk by their names in the table, each with a client of his own.
struct Walk<'a> {
    house: &'a House,
    webs: BTreeMap<String, Web<'a>>,
    names: Names,
}

impl<'a> Walk<'a> {
    fn new(house: &'a House) -> Walk<'a> {
        Walk { house, webs: BTreeMap::new(), names: Names::new(house.app.clock.now()) }
    }

    async fn step(&mut self, line: &Line) {
        match line {
            Line::Call(row) => self.call(row).await,
            Line::Mailed { address, purpose, name } => {
                self.house.rest().await;
                let secret = web::mailed(self.house, address, purpose).expect("a letter with such a link");
                self.names.set(name, &Value::String(secret));
            }
            Line::Google { address, ticket, proof } => {
                let visitor = [("sub", address.as_str()), ("email", address), ("verified", "true")];
                let mut browser = Browser::new(&self.house.app, &visitor);
                let landed = browser.follow(&self.names.fill("$oauth_url"), "https://app.").await;
                let found = browser::fragment(&landed);
                assert_eq!(found.get("error"), None, "{address}");
                self.names.set(ticket, &json!(found["access_token"]));
                self.names.set(proof, &json!(found["refresh_token"]));
            }
            Line::Clock(instant) => {
                let pause = self.names.instant(instant) - self.house.app.clock.now();
                assert!(pause > Span::ZERO, "{instant} is over");
                self.house.advance(pause).await;
            }
        }
    }

    async fn call(&mut self, row: &Row) {
        let house = self.house;
        let web = self.webs.entry(row.who.clone()).or_insert_with(|| Web::new(house));
        self.names.set("refresh", &Value::String(web.refresh_token()));
        let path = self.names.fill(&row.path);
        let body = row.body.as_ref().map(|body| self.names.fill(body));
        let answer = web.send(row.method.clone(), &path, body).await;
        let place = format!("line {}: {} {} {path}", row.number, row.who, row.method);
        assert_eq!(answer.status.as_u16(), row.status, "{place}: {}", answer.text);
        for (field, kind) in &row.reads {
            let found = table::find(&answer.body, field);
            assert!(!found.is_empty(), "{place}: no {field} in {}", answer.text);
            let kind = self.names.fill(kind);
            for value in found {
                assert!(fits(value, &kind), "{place}: {field} is {value}, the client reads {kind}");
            }
        }
        for (name, field) in &row.keeps {
            let found = table::find(&answer.body, field);
            self.names.set(name, found.first().expect("something to keep"));
        }
    }
}

/// A gig that can be booked, as the public list shows it to the client.
async fn offered(house: &House, teacher: &Web<'_>, price: &str) -> Value {
    let gig = json!({
        "category": "language", "service_type": "Conversation", "service_title": "Spanish conversation",
        "short_description": "Talk", "full_description": "Talk a lot", "price_per_session": price,
        "session_duration": 60, "tags": [], "what_you_provide_in_session": "Texts", "status": "active",
    });
    let made = teacher.post("/api/accounts/gigs/", &gig).await.expect(201);
    let shown = house.get(None, "/api/accounts/gigs/public/").await.expect(200);
    let of_id = |gig: &&Value| gig["id"] == made.body["id"];
    shown.body["results"].as_array().expect("gigs").iter().find(of_id).expect("the new one").clone()
}

/// A decimal number of the wire in units of ten to the minus `decimals`.
fn scaled(value: &Value, decimals: usize) -> i64 {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let (whole, rest) = text.split_once('.').unwrap_or((&text, ""));
    let rest = format!("{rest:0<decimals$}");
    assert_eq!(rest.len(), decimals, "{text} has more decimals");
    format!("{whole}{rest}").parse().expect("a decimal number")
}

fn half_up(numerator: i64, denominator: i64) -> i64 {
    (2 * numerator + denominator) / (2 * denominator)
}

/// What the client shows before it asks for a card: session, fee and their sum, in cents.
fn preview(gig: &Value, minutes: i64) -> [i64; 3] {
    let cost = half_up(scaled(&gig["price_per_session"], 2) * minutes, 60);
    let pricing = &gig["pricing_metadata"];
    let fee = half_up(cost * scaled(&pricing["platform_fee_percentage"], 4), 10_000);
    let fee = fee.max(scaled(&pricing["minimum_platform_fee_dollars"], 2));
    [cost, fee, cost + fee]
}

async fn previews_hold(house: &House, prices: &[&str], adds_the_fee: bool) {
    let (student, teacher) =
        (Web::join(house, "sam", "STUDENT").await, Web::join(house, "tina", "TEACHER").await);
    let midnight = table::midnight(house.app.clock.now());
    let mut day = 1;
    for price in prices {
        let gig = offered(house, &teacher, price).await;
        for minutes in [15, 20, 47, 50, 60, 90, 135] {
            day += 1;
            let starts_at = midnight + Span::days(day);
            let body = json!({
                "teacher": teacher.id(), "gig": gig["id"], "start_time": web::iso(starts_at),
                "end_time": web::iso(starts_at + Span::minutes(minutes)),
            });
            let booking = student.post("/api/bookings/bookings/", &body).await.expect(201).body["id"].clone();
            teacher.post(&format!("/api/bookings/bookings/{booking}/confirm/"), &json!({})).await.expect(200);
            let body = json!({
                "booking_id": booking, "payment_method_id": "pm_card_visa", "save_payment_method": false,
            });
            let paid = student.post("/api/payments/process-booking-payment/", &body).await.expect(200);
            let [cost, fee, total] = preview(&gig, minutes);
            assert_eq!(scaled(&paid["amount_paid"], 2), total, "{minutes} minutes at {price}: {}", paid.text);
            assert_eq!(scaled(&paid["session_cost"], 2), cost, "{minutes} minutes at {price}: {}", paid.text);
            if adds_the_fee {
                assert_eq!(
                    scaled(&paid["platform_fee"], 2),
                    fee,
                    "{minutes} minutes at {price}: {}",
                    paid.text
                );
            }
        }
        let path = format!("/api/accounts/gigs/{}/", gig["id"]);
        teacher.send(axum::http::Method::DELETE, &path, None).await.expect(204);
    }
}

/// Whose access token has run out, as every tab finds it when the machine wakes up.
fn asleep<'a>(house: &House, web: &Web<'a>) -> Web<'a> {
    let tab = web.another_tab();
    tab.replace_access(&expired(house, &tab.login()).token);
    tab
}

store::both! {
    fn the_table_of_the_contract_holds_call_by_call(db) {
        let lines = table::parse(TABLE);
        assert_eq!(lines.len(), 85, "the table is read as a whole");
        let peer = browser::provider();
        let settings = browser::settings(&peer.base);
        let settings = settings.iter().map(|(name, value)| (*name, value.as_str()));
        let settings: Vec<_> = [PRESET].into_iter().chain(settings).collect();
        run(db, &settings, async |house| {
            let mut walk = Walk::new(house);
            for line in &lines {
                walk.step(line).await;
            }
            let findings = house.app.db.read(store::verify::verify).await.expect("a database");
            assert!(findings.is_empty(), "{findings:?}");
        });
    }

    fn its_price_preview_is_the_charge(db) {
        run(db, &[PRESET], async |house| {
            previews_hold(house, &["19.99", "33.33", "50.00", "0.50", "123.45"], true).await;
        });
    }

    fn its_price_preview_adds_nothing_where_the_fee_is_deducted(db) {
        run(db, &[("BURSAR_FEES__BOOKING__MODE", "deducted")], async |house| {
            previews_hold(house, &["19.99", "33.33"], false).await;
        });
    }

    /// Tokens ran out; every tab is told 401 at once, refreshes once with the one refresh token they
    /// share, repeats once, and all go on. Then all of them again, each with what it was given.
    fn br_73_several_tabs_refresh_at_once_and_all_go_on(db) {
        run(db, &[PRESET], async |house| {
            let student = Web::join(house, "sam", "STUDENT").await;
            let tabs: Vec<Web<'_>> = (0..TABS).map(|_| asleep(house, &student)).collect();
            for round in 1..=2 {
                let my = "/api/bookings/bookings/my/";
                let answers = together(tabs.iter().map(|tab| tab.get(my))).await;
                for answer in answers {
                    assert_eq!(answer.expect(200).body["count"], 0);
                }
                for tab in &tabs {
                    assert_eq!(tab.refreshes(), round, "each tab refreshes once a time");
                    tab.replace_access(&expired(house, &tab.login()).token);
                }
            }
            // The tabs' logins are one: leaving in one of them ends it in all.
            let last = tabs.last().expect("tabs");
            last.get("/api/accounts/profiles/me/roles/").await.expect(200);
            last.post("/api/logout/", &json!({ "refresh_token": last.refresh_token() })).await.expect(200);
            for tab in &tabs {
                tab.get("/api/bookings/bookings/my/").await.refused(401, "unauthorized");
            }
        });
    }

    /// The client refreshes and repeats on 403: it must be told 403 for what the caller is not, and
    /// never for what the rules say, or it would pay and cancel twice.
    fn what_the_rules_refuse_is_never_a_403(db) {
        run(db, &[PRESET], async |house| {
            let (student, teacher) = (Web::join(house, "sam", "STUDENT").await, Web::join(house, "tina", "TEACHER").await);
            let gig = offered(house, &teacher, "50.00").await;
            let starts_at = table::midnight(house.app.clock.now()) + Span::days(2);
            let body = json!({
                "teacher": teacher.id(), "gig": gig["id"], "start_time": web::iso(starts_at),
                "end_time": web::iso(starts_at + Span::HOUR),
            });
            let booking = student.post("/api/bookings/bookings/", &body).await.expect(201).body["id"].clone();
            let at = |verb: &str| format!("/api/bookings/bookings/{booking}/{verb}/");
            let pay = json!({ "booking_id": booking, "payment_method_id": "pm_card_visa" });
            let paying = "/api/payments/process-booking-payment/";
            for (web, path, body, status) in [
                (&student, paying, &pay, 400),
                (&student, "/api/bookings/bookings/", &body, 409),
                (&student, &at("complete"), &json!({}), 400),
                (&student, &at("reschedule"), &json!({ "start_time": web::iso(Timestamp(0)) }), 400),
                (&student, "/api/payments/refund/request/", &json!({ "payment_id": 1 }), 404),
                (&teacher, "/api/bookings/bookings/", &body, 400),
            ] {
                let before = web.refreshes();
                let answer = web.post(path, body).await.expect(status);
                assert!(answer["error"].is_string(), "{path}: {}", answer.text);
                assert_eq!(web.refreshes(), before, "{path}: nothing is repeated");
            }
            assert_eq!(house.charged().await, (0, 0));
        });
    }
}

/// People of these tests have one password.
fn credentials(name: &str) -> Value {
    json!({ "email": format!("{name}@example.org"), "password": PASSWORD })
}
