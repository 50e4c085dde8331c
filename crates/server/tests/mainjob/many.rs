use std::collections::BTreeSet;

use axum::http::Method;
use serde_json::json;

use super::house::{Answer, Cast, House, run};

const CLIENTS: usize = 64;
const PAY: &str = "/api/payments/process-booking-payment/";

/// One client's request, repeated while there are too many of them at once.
async fn pay(house: &House, cast: &Cast, booking: i64, key: Option<&str>) -> Answer {
    let body = json!({ "booking_id": booking, "payment_method_id": "pm_card_visa" }).to_string();
    let headers: Vec<(&str, &str)> = key.map(|key| ("idempotency-key", key)).into_iter().collect();
    loop {
        let body = Some(body.clone());
        let reply = house.send(Method::POST, Some(&cast.student), PAY, &headers, body).await;
        if reply.status != 429 {
            return reply;
        }
        assert!(reply.headers.contains_key("retry-after"));
    }
}

async fn all_at_once(house: &House, cast: &Cast, booking: i64, key: Option<&str>) -> Vec<Answer> {
    let house: &House = house;
    let requests = (0..CLIENTS).map(|_| pay(house, cast, booking, key));
    together(requests).await
}

/// Polls all of them in turn until all are done.
pub async fn together<T, F: Future<Output = T>>(all: impl Iterator<Item = F>) -> Vec<T> {
    let mut running: Vec<_> = all.map(|future| (Box::pin(future), None)).collect();
    std::future::poll_fn(|context| {
        let mut is_done = true;
        for (future, done) in &mut running {
            if done.is_none() {
                match future.as_mut().poll(context) {
                    std::task::Poll::Ready(value) => *done = Some(value),
                    std::task::Poll::Pending => is_done = false,
                }
            }
        }
        if is_done { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    running.into_iter().map(|(_, done)| done.expect("all are done")).collect()
}

fn intents(replies: &[Answer]) -> BTreeSet<String> {
    let paid = replies.iter().filter(|reply| reply.status == 200);
    paid.map(|reply| reply.body["payment_intent_id"].as_str().expect("an intent").to_owned()).collect()
}

store::both! {
    fn one_booking_paid_by_many_at_once_is_charged_once(db) {
        run(db, &[], async |house| {
            let cast = house.cast("50.00").await;
            let booking = house.booking(&cast, 0, 90).await;
            let replies = all_at_once(house, &cast, booking, None).await;
            let payment = house.payment(booking).await.id.0;
            for reply in &replies {
                match (reply.status.as_u16(), reply.body["code"].as_str()) {
                    (200, _) | (409, Some("payment_in_progress")) => {}
                    (400, Some("already_paid")) => assert_eq!(reply.body["payment_id"], payment),
                    _ => panic!("{} {}", reply.status, reply.text),
                }
            }
            assert_eq!(intents(&replies).len(), 1);
            house.agrees(&cast, booking, [7_875, 375, 7_500]).await;
            assert_eq!(house.charged().await, (1, 7_875));
        });
    }

    fn one_key_used_by_many_at_once_gives_one_answer(db) {
        run(db, &[], async |house| {
            let cast = house.cast("50.00").await;
            let booking = house.booking(&cast, 0, 90).await;
            let replies = all_at_once(house, &cast, booking, Some("one key")).await;
            for reply in &replies {
                match (reply.status.as_u16(), reply.body["code"].as_str()) {
                    (200, _) | (409, Some("payment_in_progress")) => {}
                    _ => panic!("{} {}", reply.status, reply.text),
                }
            }
            assert_eq!(intents(&replies).len(), 1);
            let first = replies.iter().filter(|reply| !reply.headers.contains_key("idempotent-replayed"));
            assert!(first.filter(|reply| reply.status == 200).count() <= 1);
            house.agrees(&cast, booking, [7_875, 375, 7_500]).await;
            assert_eq!(house.charged().await, (1, 7_875));
        });
    }
}
