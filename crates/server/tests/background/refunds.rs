use domain::money::Currency;
use domain::records::{OpState, PaymentState, Refund, RefundCause, RefundState};
use domain::time::Span;
use gateways::gateway::Gateway;
use serde_json::json;
use store::both;

use super::place::{Lesson, Place, run};

/// A lesson that is paid: 50.00 and 2.50 on top.
async fn paid(place: &Place, card: &str) -> (Lesson, serde_json::Value) {
    let lesson = place.lesson().await;
    place.confirm(&lesson).await;
    let (_, paid) = place.pay(&lesson, card).await;
    place.rest().await;
    (lesson, paid)
}

/// Somebody refunds at the gateway's own pages.
async fn by_hand(place: &Place, paid: &serde_json::Value, minor: i64) {
    let charge = paid["payment_intent_id"].as_str().expect("a charge");
    let made = place.sandbox().gateway.refund_by_hand(charge, Currency::USD.minor(minor)).await;
    assert!(matches!(made, domain::gateway::Answer::Done(_)), "{made:?}");
}

async fn refunds(place: &Place, paid: &serde_json::Value) -> Vec<Refund> {
    let id = place.payment(paid).await.id;
    place.app.db.read(move |reads| reads.of::<Refund>(&id)).await.expect("a database")
}

async fn alerted(place: &Place, kind: &str) -> usize {
    place.alerts().await.iter().filter(|alert| alert.kind == kind).count()
}

async fn verified(place: &Place) {
    let findings = place.app.db.read(store::verify::verify).await.expect("a database");
    assert!(findings.is_empty(), "{findings:?}");
}

/// The subjects of every letter sent.
fn subjects(place: &Place) -> Vec<String> {
    let files = std::fs::read_dir(place.letters()).expect("a folder");
    let texts = files.map(|file| std::fs::read_to_string(file.expect("a file").path()).expect("text"));
    let subject =
        |text: String| text.lines().find(|line| line.starts_with("Subject:")).unwrap_or("").to_owned();
    texts.map(subject).collect()
}

both! {
    fn br_48_a_refund_made_at_the_gateway_is_heard_by_webhook_however_often(db) {
        run(db, async |place| {
            place.faults(json!({ "webhooks": { "duplicate": true, "reorder": true } })).await;
            let (lesson, paid) = paid(&place, "pm_card_visa").await;
            by_hand(&place, &paid, 2_000).await;
            place.advance(Span::seconds(30)).await;
            let payment = place.payment(&paid).await;
            assert_eq!((payment.state, payment.refunded_minor), (PaymentState::PartiallyRefunded, 2_000));
            let made = refunds(&place, &paid).await;
            assert_eq!(made.len(), 1);
            assert_eq!(made[0].cause, RefundCause::Gateway);
            assert_eq!((made[0].fee_minor, made[0].share_minor), (95, 1_905));
            assert_eq!(place.booking_state(&lesson).await, ("CONFIRMED".into(), "PAID".into()));
            by_hand(&place, &paid, 3_250).await;
            place.advance(Span::minutes(30)).await;
            assert_eq!(place.booking_state(&lesson).await, ("CANCELLED".into(), "REFUNDED".into()));
            assert_eq!(refunds(&place, &paid).await.len(), 2);
            assert_eq!(alerted(&place, "gateway_refund").await, 2);
            verified(&place).await;
        });
    }

    fn br_48_without_webhooks_reconciliation_finds_it(db) {
        run(db, async |place| {
            place.faults(json!({ "webhooks": { "drop": true } })).await;
            let (_, paid) = paid(&place, "pm_card_visa").await;
            by_hand(&place, &paid, 5_250).await;
            place.advance(Span::minutes(25)).await;
            assert_eq!(place.payment(&paid).await.state, PaymentState::Refunded);
            assert_eq!((refunds(&place, &paid).await.len(), alerted(&place, "reconciliation").await), (1, 0));
            verified(&place).await;
        });
    }

    /// Our refund of everything has not left yet when somebody takes a part at the gateway.
    fn br_48_a_refund_that_fits_no_payment_is_held_in_suspense(db) {
        run(db, async |place| {
            let (lesson, paid) = paid(&place, "pm_card_visa").await;
            place.faults(json!({ "calls": [{ "call": "refund", "fault": "timeout_not_executed" }] })).await;
            let path = format!("/api/bookings/bookings/{}/cancel", lesson.booking);
            let (_, cancelled) = place.post(Some(&lesson.student), &path, &json!({})).await;
            assert_eq!(cancelled["refund"]["status"], "processing", "{cancelled}");
            by_hand(&place, &paid, 2_000).await;
            let gateway = &place.sandbox().gateway;
            let statement = gateway.list_since(domain::time::Timestamp(0), None).await;
            let domain::gateway::Answer::Done(statement) = statement else { panic!("{statement:?}") };
            let stranger = statement.refunds.iter().find(|report| report.tag.is_none());
            let stranger = stranger.expect("made by hand");
            place.app.protocol.adopt(gateway.name(), stranger).await.expect("a database");
            assert_eq!(alerted(&place, "gateway_refund_unexplained").await, 1);
            place.advance(Span::minutes(5)).await;
            let made = refunds(&place, &paid).await;
            assert_eq!(made.len(), 1);
            assert_eq!(made[0].state, RefundState::Failed, "more than the gateway has left");
            assert_eq!(place.payment(&paid).await.refundable_left(), Currency::USD.minor(5_250));
            verified(&place).await;
        });
    }

    fn br_47_a_refund_returned_later_is_reversed_and_told(db) {
        run(db, async |place| {
            let admin = place.admin().await;
            let (lesson, paid) = paid(&place, "pm_card_refund_fails").await;
            let id = paid["payment_id"].clone();
            let ask = json!({ "payment_id": id, "requested_amount_dollars": 10 });
            let (_, asked) = place.post(Some(&lesson.student), "/api/payments/refund/request", &ask).await;
            assert_eq!(asked["refund_status"], "PROCESSED", "{asked}");
            place.advance(Span::minutes(2)).await;
            let payment = place.payment(&paid).await;
            assert_eq!((payment.state, payment.refunded_minor), (PaymentState::Completed, 0));
            let refund = refunds(&place, &paid).await.remove(0);
            assert_eq!(refund.state, RefundState::Failed);
            let op = refund.op.expect("sent");
            let op = place.app.protocol.find(op).await.expect("a database").expect("kept");
            assert_eq!((op.state, alerted(&place, "refund_returned").await), (OpState::Returned, 1));
            let path = format!("/api/payments/refund/status/{id}");
            let (_, status) = place.get(Some(&lesson.student), &path).await;
            assert_eq!(status["refund_requests"][0]["status"], "FAILED", "{status}");
            assert_eq!(status["refund_requests"][0]["amount_refunded"], 0.0);
            let subjects = subjects(&place);
            for subject in ["Refunded: ", "Refund not delivered: "] {
                assert!(subjects.iter().any(|line| line.contains(subject)), "{subject} {subjects:?}");
            }
            let path = format!("/api/payments/refund-requests/{}/process", refund.id);
            let (_, again) = place.post(Some(&admin), &path, &json!({})).await;
            assert_eq!(again["status"], "PROCESSED", "{again}");
            verified(&place).await;
        });
    }

    fn br_66_a_request_is_told_to_its_payer_and_the_administrators(db) {
        run(db, async |place| {
            let admin = place.admin().await;
            let (lesson, paid) = paid(&place, "pm_card_visa").await;
            let id = &paid["payment_id"];
            let body = json!({ "payment_id": id, "reason": "ill", "requested_amount_dollars": 5 });
            let (_, made) = place.post(Some(&lesson.student), "/api/payments/refund-requests", &body).await;
            place.rest().await;
            let path = "/api/payments/admin/refund/manage";
            let id = &made["id"];
            let reject = json!({ "refund_request_id": id, "action": "reject", "admin_notes": "held" });
            let (_, told) = place.post(Some(&admin), path, &reject).await;
            assert_eq!(told["status"], "REJECTED", "{told}");
            place.rest().await;
            let subjects = subjects(&place);
            for subject in ["Refund requested: ", "Refund to decide: ", "Refund not granted: "] {
                let found = subjects.iter().filter(|line| line.contains(subject)).count();
                assert_eq!(found, 1, "{subject} {subjects:?}");
            }
            let alerts = place.alerts().await;
            assert!(!alerts.iter().any(|alert| alert.detail.contains("refund_letter")), "{alerts:?}");
        });
    }
}
