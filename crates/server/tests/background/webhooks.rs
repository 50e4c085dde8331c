use axum::body::Body;
use axum::http::{Request, StatusCode};
use domain::records::{InboxEvent, InboxState, OpState, PaymentState};
use domain::time::{Span, Timestamp};
use gateways::gateway::CreateCharge;
use gateways::gateway::Gateway;
use gateways::sandbox::SIGNATURE_HEADER;
use gateways::signature;
use serde_json::{Value, json};
use store::both;

use super::place::{Place, WEBHOOK_SECRET, run, run_with};

async fn inbox(place: &Place) -> Vec<InboxEvent> {
    let ever = Timestamp::FAR_FUTURE;
    place.app.db.read(move |reads| reads.due_inbox(ever, 100)).await.expect("a database")
}

async fn deliver(place: &Place, body: &str, secret: &str, at: Timestamp) -> (StatusCode, Value) {
    let request = Request::post("/api/payments/webhooks/sandbox")
        .header(SIGNATURE_HEADER, signature::sign(secret, at, body.as_bytes()))
        .body(Body::from(body.to_owned()));
    place.answer(request.expect("valid")).await
}

/// What is said of the events that were given up.
async fn dead(place: &Place) -> Vec<String> {
    let dead = place.alerts().await.into_iter().filter(|alert| alert.kind == "webhook_dead");
    dead.map(|alert| alert.detail).collect()
}

fn event(id: &str, charge: &str, live: bool) -> String {
    let object = json!({ "id": charge, "object": "payment_intent", "status": "succeeded" });
    json!({
        "id": id, "type": "payment_intent.succeeded", "livemode": live, "data": { "object": object },
    })
    .to_string()
}

both! {
    fn nothing_of_a_forged_or_stale_event_is_stored(db) {
        run(db, async |place| {
            let (now, body) = (place.app.clock.now(), event("evt_1", "pi_1", false));
            for (secret, at, body, code) in [
                ("whsec_of_somebody_else", now, body.as_str(), "webhook_signature"),
                (WEBHOOK_SECRET, now - Span::HOUR, &body, "webhook_stale"),
                (WEBHOOK_SECRET, now + Span::HOUR, &body, "webhook_stale"),
                (WEBHOOK_SECRET, now, "{}", "malformed"),
                (WEBHOOK_SECRET, now, r#"{"id":"e\u0000","type":"t","data":{"object":{"id":"o"}}}"#, "malformed"),
            ] {
                let (status, answer) = deliver(&place, body, secret, at).await;
                assert_eq!((status, answer["code"].as_str()), (StatusCode::BAD_REQUEST, Some(code)));
            }
            assert!(inbox(&place).await.is_empty());
        });
    }

    fn a_signed_event_about_nothing_changes_nothing_and_is_given_up(db) {
        run(db, async |place| {
            let body = event("evt_1", "pi_of_nobody", false);
            for _ in 0..2 {
                let (status, answer) = deliver(&place, &body, WEBHOOK_SECRET, place.app.clock.now()).await;
                assert_eq!((status, answer), (StatusCode::OK, json!({ "status": "success" })));
            }
            place.rest().await;
            let parked = inbox(&place).await;
            assert_eq!(parked.len(), 1, "the duplicate is the same event");
            assert_eq!(parked[0].state, InboxState::Parked);
            place.advance(Span::hours(73)).await;
            assert!(inbox(&place).await.is_empty());
            assert_eq!(place.alerts().await[0].kind, "webhook_dead");
        });
    }

    fn what_nobody_knows_is_parked_as_long_as_the_settings_say(db) {
        let settings = [("BURSAR_WEBHOOKS__PARK_HOURS", "5"), ("BURSAR_WEBHOOKS__MAX_ATTEMPTS", "2")];
        run_with(db, &settings, async |place| {
            let now = place.app.clock.now();
            deliver(&place, &event("evt_1", "pi_of_nobody", false), WEBHOOK_SECRET, now).await;
            for _ in 0..4 {
                place.advance(Span::HOUR).await;
            }
            let parked = inbox(&place).await.pop().expect("it is kept");
            assert_eq!((parked.state, parked.failures), (InboxState::Parked, 0));
            assert!(parked.attempts > 2, "waiting is no failure, however often: {}", parked.attempts);
            assert!(dead(&place).await.is_empty());
            place.advance(Span::hours(2)).await;
            assert!(inbox(&place).await.is_empty());
            assert_eq!(dead(&place).await, ["its object never appeared"]);
        });
    }

    fn what_fails_is_tried_as_often_as_the_settings_say(db) {
        run_with(db, &[("BURSAR_WEBHOOKS__MAX_ATTEMPTS", "3")], async |place| {
            let silent = json!({ "calls": [{ "call": "any", "fault": "error_500", "count": 1_000 }] });
            place.faults(silent).await;
            let now = place.app.clock.now();
            deliver(&place, &event("evt_1", "pi_of_somebody", false), WEBHOOK_SECRET, now).await;
            for failures in 1..=2 {
                place.rest().await;
                let failed = inbox(&place).await.pop().expect("it is kept");
                assert_eq!((failed.state, failed.failures), (InboxState::Failed, failures));
                assert!(failed.error.is_some());
                assert!(dead(&place).await.is_empty());
                place.elapse(Span::seconds(6));
            }
            place.rest().await;
            assert!(inbox(&place).await.is_empty());
            assert_eq!(dead(&place).await.len(), 1);
        });
    }

    fn an_event_of_the_other_mode_is_ignored_with_an_alert(db) {
        run(db, async |place| {
            let body = event("evt_1", "pi_1", true);
            let (status, _) = deliver(&place, &body, WEBHOOK_SECRET, place.app.clock.now()).await;
            assert_eq!(status, StatusCode::OK);
            assert!(inbox(&place).await.is_empty());
            assert_eq!(place.alerts().await[0].kind, "webhook_wrong_mode");
        });
    }

    fn a_finished_challenge_is_heard_by_webhook_however_it_comes(db) {
        run(db, async |place| {
            place.faults(json!({ "webhooks": { "duplicate": true, "reorder": true } })).await;
            let lesson = place.lesson().await;
            place.confirm(&lesson).await;
            let body = json!({
                "booking_id": lesson.booking, "payment_method_id": "pm_card_three_ds", "allow_action": true,
            });
            let path = "/api/payments/process-booking-payment";
            let (_, paid) = place.post(Some(&lesson.student), path, &body).await;
            let reference = paid["payment_intent_id"].as_str().expect("an id");
            let path = format!("/api/sandbox/intents/{reference}/authenticate");
            let (status, _) = place.post(Some(&lesson.teacher), &path, &json!({})).await;
            assert_eq!(status, StatusCode::NOT_FOUND, "it is not his payment");
            let (status, answer) = place.post(Some(&lesson.student), &path, &json!({})).await;
            assert_eq!((status, answer["status"].as_str()), (StatusCode::OK, Some("succeeded")));
            place.advance(Span::seconds(10)).await;
            assert_eq!(place.booking_state(&lesson).await, ("CONFIRMED".into(), "PAID".into()));
            assert_eq!(place.books().await.totals[0].charges, 1);
        });
    }

    fn a_refund_that_comes_back_later_is_noticed(db) {
        run(db, async |place| {
            let lesson = place.lesson().await;
            place.confirm(&lesson).await;
            let (_, paid) = place.pay(&lesson, "pm_card_refund_fails").await;
            let path = format!("/api/bookings/bookings/{}/cancel", lesson.booking);
            let (status, answer) = place.post(Some(&lesson.student), &path, &json!({ "reason": "ill" })).await;
            assert_eq!(status, StatusCode::OK, "{answer}");
            place.rest().await;
            assert_eq!(place.payment(&paid).await.state, PaymentState::Refunded);
            place.advance(Span::minutes(2)).await;
            let payment = place.payment(&paid).await;
            assert_eq!((payment.state, payment.refunded_minor), (PaymentState::Completed, 0));
            assert!(place.alerts().await.iter().any(|alert| alert.kind == "refund_returned"));
        });
    }

    fn a_lost_webhook_is_made_up_for_by_recovery(db) {
        run(db, async |place| {
            place.faults(json!({
                "webhooks": { "drop": true }, "calls": [{ "call": "charge", "fault": "error_500" }],
            }))
            .await;
            let lesson = place.lesson().await;
            place.confirm(&lesson).await;
            let (status, body) = place.pay(&lesson, "pm_card_visa").await;
            assert_eq!(status, StatusCode::GATEWAY_TIMEOUT, "{body}");
            place.advance(Span::MINUTE).await;
            let payment = place.payment(&body).await;
            assert_eq!(place.op(&payment).await.state, OpState::Succeeded);
        });
    }

    fn money_that_is_not_ours_is_told_once(db) {
        run(db, async |place| {
            let request = CreateCharge {
                key: "somebody's".into(),
                tag: domain::gateway::OpTag { instance: place.app.policies.instance.clone(), op: 999 * 256 },
                amount: domain::money::Currency::USD.minor(1_000),
                customer: None,
                method: Some("pm_card_visa".into()),
                confirm: true,
                description: String::new(),
            };
            place.sandbox().gateway.create_charge(&request).await;
            place.rest().await;
            place.advance(Span::minutes(11)).await;
            place.advance(Span::minutes(11)).await;
            let told = place.alerts().await.into_iter().filter(|alert| alert.kind == "reconciliation").count();
            assert_eq!(told, 1);
        });
    }
}
