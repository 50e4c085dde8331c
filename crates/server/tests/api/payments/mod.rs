//! Paying through the router, on both engines: every field, every card, every refusal.

mod cards;
mod history;
mod input;
mod intents;
mod keys;
mod lists;
mod outcomes;
mod pay;
mod purchases;

use domain::id::OfferId;
use domain::time::Span;
use gateways::sandbox::{Call, CallFault, Fault, Faults, Totals};
use serde_json::{Value, json};

use super::market::{Answer, Login, Market};

const BOOKINGS: &str = "/api/bookings/bookings/";
const PAY: &str = "/api/payments/process-booking-payment/";
const INTENT: &str = "/api/payments/create-payment-intent/";
const CONFIRM: &str = "/api/payments/confirm-payment/";
const LIST: &str = "/api/payments/payments/";

/// A student, a teacher and the teacher's gig at 50.00 an hour.
struct Cast {
    student: Login,
    teacher: Login,
    gig: OfferId,
}

impl Cast {
    async fn of(market: &Market) -> Cast {
        let (student, teacher) = (market.student("sam").await, market.teacher("tina").await);
        let gig = market.gig(teacher.person.id).await;
        Cast { student, teacher, gig }
    }

    /// A session of ninety minutes that the teacher has not confirmed.
    async fn requested(&self, market: &Market, begins: i64) -> i64 {
        let request = json!({
            "teacher": self.teacher.person.uuid, "gig": self.gig.0,
            "start_time": Market::at(begins), "end_time": Market::at(begins + 90),
        });
        let answer = market.post(&self.student, BOOKINGS, request).await.expect(201);
        answer.body["id"].as_i64().expect("an id")
    }

    /// A confirmed session of ninety minutes: 75.00 and 3.75 on top.
    async fn booked(&self, market: &Market, begins: i64) -> i64 {
        let id = self.requested(market, begins).await;
        self.act(market, &self.teacher, id, "confirm").await;
        id
    }

    async fn act(&self, market: &Market, who: &Login, id: i64, action: &str) {
        market.post(who, &format!("{BOOKINGS}{id}/{action}/"), json!({})).await.expect(200);
    }

    async fn pay(&self, market: &Market, id: i64, card: &str) -> Answer {
        market.post(&self.student, PAY, paying(id, card)).await
    }

    async fn booking(&self, market: &Market, id: i64) -> Value {
        market.get(&self.student, &format!("{BOOKINGS}{id}/")).await.expect(200).body
    }

    /// `CONFIRMED UNPAID` and the like.
    async fn state(&self, market: &Market, id: i64) -> String {
        let booking = self.booking(market, id).await;
        let word = |name: &str| booking[name].as_str().expect("a word").to_owned();
        format!("{} {}", word("status"), word("payment_status"))
    }

    async fn set_gig(&self, market: &Market, status: &str) {
        let path = format!("/api/accounts/gigs/{}/status/", self.gig.0);
        market.patch(&self.teacher, &path, json!({ "status": status })).await.expect(200);
    }

    async fn payments(&self, market: &Market) -> Vec<Value> {
        market.get(&self.student, LIST).await.expect(200).body.as_array().expect("an array").clone()
    }
}

fn paying(id: i64, card: &str) -> Value {
    json!({ "booking_id": id, "payment_method_id": format!("pm_card_{card}") })
}

fn typed(number: &str) -> Value {
    json!({
        "card_number": number, "exp_month": 12, "exp_year": 2031, "cvc": "123", "cardholder_name": "Sam",
    })
}

/// How many charges succeeded at the gateway, and their sum.
async fn charged(market: &Market) -> (i64, i64) {
    let books = market.gateway.books().await.expect("books");
    books.totals.first().map_or((0, 0), |totals: &Totals| (totals.charges, totals.charged))
}

async fn fail(market: &Market, call: Call, fault: Fault) {
    let calls = vec![CallFault { call, fault, count: 1 }];
    market.gateway.set_faults(Faults { calls, ..Faults::default() }).await.expect("faults");
}

/// Background work for so long.
async fn recover_for(market: &Market, minutes: i64) {
    for _ in 0..minutes {
        let now = market.app.clock.now() + Span::MINUTE;
        market.clock.set(now);
        market.app.protocol.recover(now).await.expect("a database");
    }
}
