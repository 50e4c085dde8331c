use domain::gateway::Answer as Heard;
use gateways::gateway::{ConfirmCharge, Gateway};
use serde_json::{Value, json};

use super::{CONFIRM, Cast, INTENT, charged, recover_for};
use crate::api::market::{Answer, Market, run};

async fn open(market: &Market, cast: &Cast, id: i64) -> Answer {
    market.post(&cast.student, INTENT, json!({ "session_booking_id": id })).await
}

async fn confirm(market: &Market, cast: &Cast, reference: &Value, card: &str) -> Answer {
    let body = json!({ "payment_intent_id": reference, "payment_method_id": format!("pm_card_{card}") });
    market.post(&cast.student, CONFIRM, body).await
}

store::both! {
    fn an_open_intent_is_the_same_intent_again(db) {
        run(db, &[], async |market| {
            let cast = Cast::of(&market).await;
            let id = cast.booked(&market, 600).await;
            let first = open(&market, &cast, id).await.expect(201);
            assert_eq!(first.body, json!({
                "success": true, "message": "Payment intent created",
                "client_secret": first.body["client_secret"], "payment_id": first.body["payment_id"],
                "payment_intent_id": first.body["payment_intent_id"], "amount_dollars": 78.75,
                "status": "requires_confirmation",
            }));
            assert!(first.body["client_secret"].is_string(), "{}", first.text);
            assert_eq!(cast.state(&market, id).await, "CONFIRMED PENDING");
            let again = open(&market, &cast, id).await.expect(200);
            assert_eq!(again.body, first.body);
            let other = market.student("zoe").await;
            market.post(&other, INTENT, json!({ "session_booking_id": id })).await.refused(404, "not_found");
            assert_eq!(charged(&market).await, (0, 0));
        });
    }

    fn a_confirmed_intent_pays_and_says_so_again(db) {
        run(db, &[], async |market| {
            let cast = Cast::of(&market).await;
            let id = cast.booked(&market, 600).await;
            let intent = open(&market, &cast, id).await.expect(201).body;
            let reference = &intent["payment_intent_id"];
            let done = confirm(&market, &cast, reference, "visa").await.expect(200);
            assert_eq!(done.body, json!({
                "success": true, "message": "Payment confirmed", "status": "succeeded",
                "requires_action": false, "client_secret": null,
                "payment_id": intent["payment_id"], "booking_id": id,
            }));
            assert_eq!(confirm(&market, &cast, reference, "visa").await.expect(200).body, done.body);
            let bare = json!({ "payment_intent_id": reference });
            assert_eq!(market.post(&cast.student, CONFIRM, bare).await.expect(200).body, done.body);
            open(&market, &cast, id).await.refused(400, "already_paid");
            assert_eq!(cast.state(&market, id).await, "CONFIRMED PAID");
            assert_eq!(charged(&market).await, (1, 7_875));
        });
    }

    fn a_declined_confirmation_leaves_the_intent_open(db) {
        run(db, &[], async |market| {
            let cast = Cast::of(&market).await;
            let id = cast.booked(&market, 600).await;
            let intent = open(&market, &cast, id).await.expect(201).body;
            let reference = &intent["payment_intent_id"];
            for card in ["declined", "insufficient_funds"] {
                confirm(&market, &cast, reference, card).await.refused(400, "card_declined");
                assert_eq!(cast.state(&market, id).await, "CONFIRMED PENDING");
            }
            let again = open(&market, &cast, id).await.expect(200);
            assert_eq!(&again.body["payment_intent_id"], reference);
            confirm(&market, &cast, reference, "visa").await.expect(200);
            assert_eq!(charged(&market).await, (1, 7_875));
        });
    }

    fn a_challenge_on_confirmation_is_finished_by_the_client(db) {
        run(db, &[], async |market| {
            let cast = Cast::of(&market).await;
            let id = cast.booked(&market, 600).await;
            let intent = open(&market, &cast, id).await.expect(201).body;
            let reference = &intent["payment_intent_id"];
            let asked = confirm(&market, &cast, reference, "three_ds").await.expect(200);
            assert_eq!(asked.body["status"], "requires_action");
            assert_eq!((&asked.body["success"], &asked.body["requires_action"]), (&json!(false), &json!(true)));
            assert_eq!(asked.body["client_secret"], intent["client_secret"]);
            market.gateway.authenticate(reference.as_str().expect("text"), true).await;
            let bare = json!({ "payment_intent_id": reference });
            let done = market.post(&cast.student, CONFIRM, bare).await.expect(200);
            assert_eq!(done.body["status"], "succeeded");
            assert_eq!(charged(&market).await, (1, 7_875));
        });
    }

    fn paying_in_one_request_ends_an_open_intent_first(db) {
        run(db, &[], async |market| {
            let cast = Cast::of(&market).await;
            let id = cast.booked(&market, 600).await;
            let intent = open(&market, &cast, id).await.expect(201).body;
            cast.pay(&market, id, "visa").await.expect(200);
            let books = market.gateway.books().await.expect("books");
            let states: Vec<&str> = books.charges.iter().map(|charge| charge.state.as_str()).collect();
            assert_eq!(states, ["cancelled", "succeeded"]);
            let late = confirm(&market, &cast, &intent["payment_intent_id"], "visa").await;
            late.refused(400, "intent_cancelled");
            assert_eq!(charged(&market).await, (1, 7_875));
        });
    }

    fn an_intent_paid_without_us_is_not_paid_again(db) {
        run(db, &[], async |market| {
            let cast = Cast::of(&market).await;
            let id = cast.booked(&market, 600).await;
            let intent = open(&market, &cast, id).await.expect(201).body;
            let reference = intent["payment_intent_id"].as_str().expect("text").to_owned();
            let request = ConfirmCharge {
                key: "the client's".into(), reference: reference.clone(), method: Some("pm_card_visa".into()),
            };
            assert!(matches!(market.gateway.confirm_charge(&request).await, Heard::Done(_)));
            let paid = cast.pay(&market, id, "mastercard").await.expect(200);
            assert_eq!(paid.body["payment_intent_id"], reference.as_str());
            assert_eq!(paid.body["card_brand"], "visa");
            assert_eq!(charged(&market).await, (1, 7_875));
        });
    }

    fn an_intent_nobody_confirms_runs_out_here_and_there(db) {
        run(db, &[], async |market| {
            let cast = Cast::of(&market).await;
            let id = cast.booked(&market, 600).await;
            let intent = open(&market, &cast, id).await.expect(201).body;
            recover_for(&market, 32).await;
            let books = market.gateway.books().await.expect("books");
            assert_eq!(books.charges[0].state, "cancelled");
            assert_eq!(cast.state(&market, id).await, "CONFIRMED UNPAID");
            confirm(&market, &cast, &intent["payment_intent_id"], "visa").await.refused(400, "intent_cancelled");
            let again = open(&market, &cast, id).await.expect(201);
            assert_ne!(again.body["payment_intent_id"], intent["payment_intent_id"]);
            assert_eq!(again.body["payment_id"], intent["payment_id"]);
        });
    }

    fn an_idempotency_key_leads_to_the_same_intent(db) {
        run(db, &[], async |market| {
            let cast = Cast::of(&market).await;
            let (id, other) = (cast.booked(&market, 600).await, cast.booked(&market, 700).await);
            let body = json!({ "session_booking_id": id });
            let first = market.post_keyed(&cast.student, INTENT, "k", body.clone()).await.expect(201);
            let again = market.post_keyed(&cast.student, INTENT, "k", body).await;
            assert!(again.status.is_success(), "{}", again.text);
            assert_eq!(again.body, first.body);
            let another = json!({ "session_booking_id": other });
            let reused = market.post_keyed(&cast.student, INTENT, "k", another).await;
            reused.refused(422, "idempotency_key_reused");
        });
    }
}
