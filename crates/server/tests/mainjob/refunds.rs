use axum::http::Method;
use domain::gateway::{self, RefundReportState};
use domain::time::Timestamp;
use serde_json::json;

use super::house::{Answer, Cast, House, Login, run};
use super::many::together;

const CLIENTS: usize = 64;
const ASK: &str = "/api/payments/refund/request/";
const PART: i64 = 203;

/// One client's request for a part, repeated while there are too many of them at once.
async fn part(house: &House, cast: &Cast, payment: i64, key: Option<String>) -> Answer {
    let body =
        json!({ "payment_id": payment, "reason": "ill", "requested_amount_dollars": "2.03" }).to_string();
    let headers: Vec<(&str, &str)> = key.iter().map(|key| ("idempotency-key", key.as_str())).collect();
    loop {
        let reply = house.send(Method::POST, Some(&cast.student), ASK, &headers, Some(body.clone())).await;
        if reply.status != 429 {
            return reply;
        }
    }
}

/// A request, repeated while there are too many of them at once.
async fn insist(house: &House, who: &Login, path: &str, body: &str) -> Answer {
    loop {
        let reply = house.send(Method::POST, Some(who), path, &[], Some(body.to_owned())).await;
        if reply.status != 429 {
            return reply;
        }
    }
}

/// How many refunds the gateway made, and their sum: its own books.
async fn given(house: &House) -> (i64, i64) {
    let answer = house.gateway().list_since(Timestamp(0), None).await;
    let gateway::Answer::Done(statement) = answer else { panic!("{answer:?}") };
    let made = statement.refunds.iter().filter(|refund| refund.state == RefundReportState::Succeeded);
    made.fold((0, 0), |(count, sum), refund| (count + 1, sum + refund.amount.minor))
}

async fn paid(house: &House) -> (Cast, i64, domain::records::Payment) {
    let cast = house.cast("50.00").await;
    let booking = house.booking(&cast, 0, 90).await;
    house.pay(&cast, booking, "pm_card_visa").await.expect(200);
    let payment = house.payment(booking).await;
    (cast, booking, payment)
}

/// What fits goes back, to the cent by the policy, and nothing else; then the rest, and nothing is left
/// but what the policy keeps.
async fn never_exceeds(house: &House, fits: i64, left: [i64; 3], end: [i64; 3]) {
    let (cast, booking, payment) = paid(house).await;
    let id = payment.id.0;
    let requests = (0..CLIENTS).map(|n| part(house, &cast, id, Some(format!("part {n}"))));
    let replies = together(requests).await;
    for reply in &replies {
        match (reply.status.as_u16(), reply.body["code"].as_str()) {
            (200, _) => assert_eq!(reply.body["refund_amount"], 2.03, "{}", reply.text),
            (400, Some("refund_exceeds_remaining")) => {}
            _ => panic!("{} {}", reply.status, reply.text),
        }
    }
    let done = replies.iter().filter(|reply| reply.status == 200).count();
    assert_eq!(i64::try_from(done).expect("few"), fits);
    assert_eq!(given(house).await, (fits, fits * PART));
    assert_eq!(house.payment(booking).await.refunded_minor, fits * PART);
    assert_eq!(house.ledger(payment.payee).await, left, "clearing, fees, share");
    let rest = house.post(Some(&cast.student), ASK, json!({ "payment_id": id })).await.expect(200);
    assert_eq!(rest.body["booking_status"], "CANCELLED");
    assert_eq!(house.ledger(payment.payee).await, end, "nothing but what the policy keeps");
    let findings = house.app.db.read(store::verify::verify).await.expect("a database");
    assert!(findings.is_empty(), "{findings:?}");
}

store::both! {
    fn h_6_many_parts_at_once_never_exceed_the_capture(db) {
        run(db, &[], async |house| {
            never_exceeds(house, 38, [161, -8, -153], [0, 0, 0]).await;
        });
    }

    fn h_6_many_parts_at_once_with_a_kept_fee(db) {
        run(db, &[("BURSAR_REFUNDS__PLATFORM_FEE", "keep")], async |house| {
            never_exceeds(house, 36, [567, -375, -192], [375, -375, 0]).await;
        });
    }

    fn h_6_many_parts_at_once_with_a_deducted_fee(db) {
        let settings = [
            ("BURSAR_FEES__BOOKING__MODE", "deducted"), ("BURSAR_FEES__BOOKING__RATE_BPS", "2000"),
            ("BURSAR_FEES__BOOKING__MIN_CENTS", "0"),
        ];
        run(db, &settings, async |house| {
            never_exceeds(house, 36, [192, -38, -154], [0, 0, 0]).await;
        });
    }

    /// Sixty-four impatient clicks without a key are one request.
    fn the_same_part_asked_for_by_many_at_once_is_one(db) {
        run(db, &[], async |house| {
            let (cast, booking, payment) = paid(house).await;
            let replies = together((0..CLIENTS).map(|_| part(house, &cast, payment.id.0, None))).await;
            for reply in &replies {
                match (reply.status.as_u16(), reply.body["code"].as_str()) {
                    (200, _) | (409, Some("refund_in_progress")) => {}
                    _ => panic!("{} {}", reply.status, reply.text),
                }
            }
            assert_eq!(given(house).await, (1, PART));
            assert_eq!(house.payment(booking).await.refunded_minor, PART);
        });
    }

    /// Everybody cancels and asks at once: one refund, and every call is told so.
    fn br_43_many_cancels_and_refunds_at_once_are_one(db) {
        run(db, &[], async |house| {
            let (cast, booking, payment) = paid(house).await;
            let cancel = format!("/api/bookings/bookings/{booking}/cancel/");
            let whole = json!({ "payment_id": payment.id.0, "requested_amount_dollars": 78.75 }).to_string();
            let one = |n: usize| {
                let who = if n % 4 < 2 { &cast.student } else { &cast.teacher };
                let (path, body) = if n.is_multiple_of(2) { (cancel.as_str(), "{}") } else { (ASK, whole.as_str()) };
                insist(house, who, path, body)
            };
            for reply in together((0..CLIENTS).map(one)).await {
                assert_eq!(reply.status, 200, "{}", reply.text);
            }
            assert_eq!(given(house).await, (1, 7_875));
            assert_eq!(house.state(&cast, booking).await, "CANCELLED REFUNDED");
            assert_eq!(house.ledger(payment.payee).await, [0, 0, 0]);
        });
    }
}
