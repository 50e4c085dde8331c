use axum::http::StatusCode;
use domain::id::Lane;
use domain::ledger::{Account, Balance};
use domain::money::Currency;
use domain::records::{OpState, PaymentState};
use domain::time::Span;
use serde_json::json;
use store::both;

use super::place::{Lesson, Place, in_runtime, run};

async fn available(place: &Place, lesson: &Lesson) -> i64 {
    let payee = lesson.teacher.person.id;
    let lane: Lane = domain::id::Id::lane(payee);
    let key = Account::PayeeAvailable(payee).key(lane, Currency::USD);
    let found = place.app.db.read(move |reads| reads.find::<Balance>(&key)).await.expect("a database");
    -found.map_or(0, |balance| balance.posted_minor + balance.pending_minor)
}

both! {
    fn a_paid_lesson_completes_itself_and_its_share_is_released(db) {
        run(db, async |place| {
            let lesson = place.lesson().await;
            place.confirm(&lesson).await;
            let (status, body) = place.pay(&lesson, "pm_card_visa").await;
            assert_eq!(status, StatusCode::OK, "{body}");
            place.rest().await;
            assert_eq!(available(&place, &lesson).await, 0);
            place.advance(Span::hours(26)).await;
            assert_eq!(place.booking_state(&lesson).await, ("CONFIRMED".into(), "PAID".into()));
            place.advance(Span::HOUR).await;
            assert_eq!(place.booking_state(&lesson).await, ("COMPLETED".into(), "PAID".into()));
            assert_eq!(available(&place, &lesson).await, 5_000);
        });
    }

    fn a_request_that_nobody_answers_lapses(db) {
        run(db, async |place| {
            let lesson = place.lesson().await;
            place.advance(Span::hours(23)).await;
            assert_eq!(place.booking_state(&lesson).await.0, "PENDING");
            place.advance(Span::hours(2)).await;
            assert_eq!(place.booking_state(&lesson).await, ("CANCELLED".into(), "UNPAID".into()));
        });
    }

    fn an_unknown_outcome_is_recovered_without_a_second_charge(db) {
        run(db, async |place| {
            let lesson = place.lesson().await;
            place.confirm(&lesson).await;
            place.faults(json!({ "calls": [{ "call": "charge", "fault": "timeout_executed" }] })).await;
            let (status, body) = place.pay(&lesson, "pm_card_visa").await;
            assert_eq!(status, StatusCode::GATEWAY_TIMEOUT, "{body}");
            let before = place.payment(&body).await;
            assert_eq!(place.op(&before).await.state, OpState::Unknown);
            place.advance(Span::MINUTE).await;
            assert_eq!(place.payment(&body).await.state, PaymentState::Completed);
            assert_eq!(place.books().await.totals[0].charges, 1);
        });
    }

    fn an_abandoned_challenge_ends_at_its_deadline(db) {
        run(db, async |place| {
            let lesson = place.lesson().await;
            place.confirm(&lesson).await;
            let body = json!({
                "booking_id": lesson.booking, "payment_method_id": "pm_card_three_ds", "allow_action": true,
            });
            let path = "/api/payments/process-booking-payment";
            let (status, body) = place.post(Some(&lesson.student), path, &body).await;
            assert_eq!(status, StatusCode::ACCEPTED, "{body}");
            place.advance(Span::hours(2)).await;
            assert_eq!(place.books().await.charges[0].state, "canceled");
            assert_eq!(place.booking_state(&lesson).await, ("CONFIRMED".into(), "UNPAID".into()));
        });
    }

    fn the_clock_survives_a_restart(db) {
        in_runtime(async {
            let folder = tempfile::tempdir().expect("a folder");
            let place = Place::open(db, folder).await;
            place.advance(Span::days(90)).await;
            let folder = place.close();
            let place = Place::open(db, folder).await;
            assert_eq!(place.sandbox().clock.offset(), Span::days(90));
            assert!(place.app.clock.now() >= place.app.real_clock.now() + Span::days(90));
        });
    }
}
