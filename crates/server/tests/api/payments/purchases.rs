use domain::time::Span;
use serde_json::{Value, json};

use super::{BOOKINGS, Cast, charged};
use crate::api::market::{Answer, Market, run};

const FLAT: &str = "/api/payments/process-payment/";
const DIRECT: &str = "/api/payments/process-direct-payment/";

fn flat(cast: &Cast, card: &str) -> Value {
    json!({ "gig_id": cast.gig.0, "payment_method_id": format!("pm_card_{card}") })
}

fn direct(cast: &Cast, begins: i64, card: &str) -> Value {
    json!({
        "gig_id": cast.gig.0, "payment_method_id": format!("pm_card_{card}"),
        "start_time": Market::at(begins), "end_time": Market::at(begins + 90),
    })
}

async fn bought(market: &Market, cast: &Cast, answer: &Answer) -> Value {
    cast.booking(market, answer.body["booking_id"].as_i64().expect("a booking")).await
}

store::both! {
    fn a_flat_purchase_is_a_paid_request_without_a_time(db) {
        run(db, &[], async |market| {
            let cast = Cast::of(&market).await;
            let answer = market.post(&cast.student, FLAT, flat(&cast, "visa")).await.expect(200);
            assert_eq!(answer.body, json!({
                "success": true, "message": "Payment processed successfully",
                "payment_id": answer.body["payment_id"],
                "payment_intent_id": answer.body["payment_intent_id"],
                "amount": 50.0, "currency": "usd", "status": "succeeded",
                "booking_id": answer.body["booking_id"],
                "payment_method_saved": false, "used_saved_card": false,
            }));
            assert!(answer.text.contains(r#""amount":50.00,"#), "{}", answer.text);
            let booking = bought(&market, &cast, &answer).await;
            assert_eq!((&booking["status"], &booking["payment_status"]), (&json!("PENDING"), &json!("PAID")));
            assert_eq!((&booking["start_time"], &booking["end_time"]), (&Value::Null, &Value::Null));
            assert_eq!(booking["needs_scheduling"], true);
            let payment = &cast.payments(&market).await[0];
            assert_eq!(payment["kind"], "gig_purchase");
            assert_eq!(
                (&payment["amount_cents"], &payment["platform_fee_cents"], &payment["teacher_earnings_cents"]),
                (&json!(5_000), &json!(500), &json!(4_500)),
                "E4",
            );
            assert_eq!(charged(&market).await, (1, 5_000));
        });
    }

    fn a_flat_purchase_may_name_its_start(db) {
        run(db, &[], async |market| {
            let cast = Cast::of(&market).await;
            let mut body = flat(&cast, "visa");
            body["start_time"] = json!(Market::at(600));
            let answer = market.post(&cast.student, FLAT, body).await.expect(200);
            let booking = bought(&market, &cast, &answer).await;
            assert_eq!(booking["start_time"], Market::at(600).as_str());
            assert_eq!(booking["end_time"], Market::at(660).as_str(), "as long as the gig's sessions");
            assert_eq!(booking["needs_scheduling"], false);
        });
    }

    fn a_direct_purchase_is_charged_by_the_hour(db) {
        run(db, &[], async |market| {
            let cast = Cast::of(&market).await;
            let mut body = direct(&cast, 600, "visa");
            body["save_card"] = json!(true);
            let answer = market.post(&cast.student, DIRECT, body).await.expect(200);
            assert_eq!((&answer.body["amount"], &answer.body["payment_method_saved"]), (&json!(75.0), &json!(true)));
            let saved = market.get(&cast.student, "/api/payments/payment-methods/").await.expect(200);
            let mut body = direct(&cast, 700, "visa");
            body.as_object_mut().expect("an object").remove("payment_method_id");
            body["saved_payment_method_id"] = saved.body[0]["id"].clone();
            let again = market.post(&cast.student, DIRECT, body).await.expect(200);
            assert_eq!(again.body["used_saved_card"], true);
            assert_eq!(charged(&market).await, (2, 15_000));
        });
    }

    fn the_same_request_within_the_window_is_a_repeat(db) {
        run(db, &[], async |market| {
            let cast = Cast::of(&market).await;
            let first = market.post(&cast.student, FLAT, flat(&cast, "visa")).await.expect(200);
            let again = market.post(&cast.student, FLAT, flat(&cast, "visa")).await.expect(200);
            assert_eq!(again.text, first.text);
            assert_eq!(again.headers["idempotent-replayed"], "true");
            assert_eq!(charged(&market).await, (1, 5_000));
            // Another person's same body is his own.
            let other = market.student("zoe").await;
            let theirs = market.post(&other, FLAT, flat(&cast, "visa")).await.expect(200);
            assert_ne!(theirs.body["payment_id"], first.body["payment_id"]);
            market.clock.set(market.app.clock.now() + Span::seconds(11));
            let later = market.post(&cast.student, FLAT, flat(&cast, "visa")).await.expect(200);
            assert_ne!(later.body["payment_id"], first.body["payment_id"]);
            assert_eq!(charged(&market).await, (3, 15_000));
        });
    }

    fn an_explicit_key_switches_the_window_off(db) {
        run(db, &[], async |market| {
            let cast = Cast::of(&market).await;
            let buy = async |key: &str| {
                market.post_keyed(&cast.student, FLAT, key, flat(&cast, "visa")).await.expect(200)
            };
            let (first, second) = (buy("a").await, buy("b").await);
            assert_ne!(first.body["payment_id"], second.body["payment_id"]);
            market.clock.set(market.app.clock.now() + Span::hours(2));
            let again = buy("a").await;
            assert_eq!(again.text, first.text);
            assert_eq!(again.headers["idempotent-replayed"], "true");
            let reused = market.post_keyed(&cast.student, FLAT, "a", flat(&cast, "mastercard")).await;
            reused.refused(422, "idempotency_key_reused");
            assert_eq!(charged(&market).await, (2, 10_000));
        });
    }

    fn a_decline_leaves_no_booking_in_the_way(db) {
        run(db, &[], async |market| {
            let cast = Cast::of(&market).await;
            let body = direct(&cast, 600, "declined");
            let told = market.post(&cast.student, DIRECT, body.clone()).await.refused(400, "card_declined");
            let again = market.post(&cast.student, DIRECT, body).await.refused(400, "card_declined");
            assert_eq!(again.headers["idempotent-replayed"], "true");
            assert_eq!(told.text, again.text);
            let mine = market.get(&cast.student, &format!("{BOOKINGS}my/")).await.expect(200);
            let alive = mine.body["results"].as_array().expect("rows").iter().filter(|b| b["status"] != "CANCELLED");
            assert_eq!(alive.count(), 0, "{}", mine.text);
            let paid = market.post(&cast.student, DIRECT, direct(&cast, 600, "visa")).await.expect(200);
            assert_eq!(bought(&market, &cast, &paid).await["payment_status"], "PAID");
            let challenged = market.post(&cast.student, FLAT, flat(&cast, "three_ds")).await;
            challenged.refused(400, "authentication_required");
            assert_eq!(charged(&market).await, (1, 7_500));
        });
    }

    fn what_cannot_be_bought_is_refused(db) {
        run(db, &[], async |market| {
            let cast = Cast::of(&market).await;
            market.post(&cast.teacher, FLAT, flat(&cast, "visa")).await.refused(400, "own_gig");
            let mut nowhere = flat(&cast, "visa");
            for id in [json!(4_711), json!(-1), json!(0)] {
                nowhere["gig_id"] = id;
                market.post(&cast.student, FLAT, nowhere.clone()).await.refused(404, "not_found");
            }
            let none = json!({ "gig_id": cast.gig.0 });
            market.post(&cast.student, FLAT, none).await.refused(400, "payment_method_count");
            market.post(&cast.student, DIRECT, flat(&cast, "visa")).await.refused(400, "validation_failed");
            let past = direct(&cast, -600, "visa");
            market.post(&cast.student, DIRECT, past).await.expect(400);
            let mut reversed = direct(&cast, 600, "visa");
            reversed["end_time"] = json!(Market::at(500));
            market.post(&cast.student, DIRECT, reversed).await.expect(400);
            cast.booked(&market, 600).await;
            market.post(&cast.student, DIRECT, direct(&cast, 630, "visa")).await.refused(409, "slot_taken");
            cast.set_gig(&market, "inactive").await;
            market.post(&cast.student, FLAT, flat(&cast, "visa")).await.refused(400, "gig_inactive");
            cast.set_gig(&market, "draft").await;
            market.post(&cast.student, FLAT, flat(&cast, "visa")).await.refused(404, "not_found");
            assert_eq!(charged(&market).await, (0, 0));
        });
    }

    fn a_marketplace_may_want_confirmation_first(db) {
        run(db, &[("BURSAR_BOOKING__FLOW", "confirm_then_pay")], async |market| {
            let cast = Cast::of(&market).await;
            market.post(&cast.student, FLAT, flat(&cast, "visa")).await.refused(400, "flow_not_offered");
        });
    }
}
