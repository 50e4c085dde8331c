//! Refunds through the router, on both engines: who asks, who decides, what goes back.

mod asking;
mod deciding;
mod reading;
mod sending;

use domain::id::OfferId;
use domain::time::Span;
use gateways::sandbox::{Call, CallFault, Fault, Faults};
use serde_json::{Value, json};

use super::market::{Answer, Login, Market};

const BOOKINGS: &str = "/api/bookings/bookings/";
const PAY: &str = "/api/payments/process-booking-payment/";
const ASK: &str = "/api/payments/refund/request/";
const REQUESTS: &str = "/api/payments/refund-requests/";
const MANAGE: &str = "/api/payments/admin/refund/manage/";
const BY_HAND: (&str, &str) = ("BURSAR_REFUNDS__POLICY", "manual_only");

/// A student, a teacher and the teacher's gig at 50.00 an hour.
struct Cast {
    student: Login,
    teacher: Login,
    gig: OfferId,
}

/// A confirmed session of ninety minutes that is paid: 75.00 and 3.75 on top.
struct Paid {
    booking: i64,
    payment: i64,
}

impl Cast {
    async fn of(market: &Market) -> Cast {
        let (student, teacher) = (market.student("sam").await, market.teacher("tina").await);
        let gig = market.gig(teacher.person.id).await;
        Cast { student, teacher, gig }
    }

    async fn booked(&self, market: &Market, begins: i64, minutes: i64) -> i64 {
        let request = json!({
            "teacher": self.teacher.person.uuid, "gig": self.gig.0,
            "start_time": Market::at(begins), "end_time": Market::at(begins + minutes),
        });
        let made = market.post(&self.student, BOOKINGS, request).await.expect(201);
        let id = made.body["id"].as_i64().expect("an id");
        market.post(&self.teacher, &format!("{BOOKINGS}{id}/confirm/"), json!({})).await.expect(200);
        id
    }

    async fn paid(&self, market: &Market, begins: i64) -> Paid {
        self.paid_with(market, begins, "visa").await
    }

    async fn paid_with(&self, market: &Market, begins: i64, card: &str) -> Paid {
        let booking = self.booked(market, begins, 90).await;
        let body = json!({ "booking_id": booking, "payment_method_id": format!("pm_card_{card}") });
        let paid = market.post(&self.student, PAY, body).await.expect(200);
        Paid { booking, payment: paid.body["payment_id"].as_i64().expect("an id") }
    }

    async fn cancel(&self, market: &Market, who: &Login, paid: &Paid) -> Answer {
        let path = format!("{BOOKINGS}{}/cancel/", paid.booking);
        market.post(who, &path, json!({ "reason": "ill" })).await.expect(200)
    }

    /// `CONFIRMED PAID` and the like.
    async fn state(&self, market: &Market, paid: &Paid) -> String {
        let seen = market.get(&self.student, &format!("{BOOKINGS}{}/", paid.booking)).await.expect(200);
        let word = |name: &str| seen.body[name].as_str().expect("a word").to_owned();
        format!("{} {}", word("status"), word("payment_status"))
    }

    async fn payment(&self, market: &Market, paid: &Paid) -> Value {
        let path = format!("/api/payments/payments/{}/", paid.payment);
        market.get(&self.student, &path).await.expect(200).body
    }

    /// A request that waits for an administrator.
    async fn requested(&self, market: &Market, paid: &Paid, amount: &str) -> i64 {
        let body = json!({
            "payment_id": paid.payment, "reason": "ill", "requested_amount_dollars": amount,
        });
        let made = market.post(&self.student, REQUESTS, body).await.expect(201);
        made.body["id"].as_i64().expect("an id")
    }
}

fn asking(paid: &Paid, amount: &Value) -> Value {
    json!({ "payment_id": paid.payment, "reason": "ill", "requested_amount_dollars": amount })
}

/// Without an amount: all that is left.
fn all_of(paid: &Paid) -> Value {
    json!({ "payment_id": paid.payment })
}

/// Two members of an answer.
fn shown(body: &Value, members: [&str; 2]) -> Value {
    json!(members.map(|member| body[member].clone()))
}

async fn ask(market: &Market, who: &Login, paid: &Paid, amount: &str) -> Answer {
    market.post(who, ASK, asking(paid, &json!(amount))).await
}

/// How many refunds the gateway made, and what it gave back.
async fn given(market: &Market) -> (usize, i64) {
    let books = market.gateway.books().await.expect("books");
    (books.refunds.len(), books.charges.iter().map(|charge| charge.refunded).sum())
}

async fn fail(market: &Market, fault: Fault) {
    let calls = vec![CallFault { call: Call::Refund, fault, count: 1 }];
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

/// The books agree with themselves to the cent.
async fn verified(market: &Market) {
    let findings = market.app.db.read(store::verify::verify).await.expect("a database");
    assert!(findings.is_empty(), "{findings:?}");
}
