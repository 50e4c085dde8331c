use axum::http::StatusCode;
use domain::gateway::Answer;
use domain::records::Card;
use domain::time::Span;
use gateways::gateway::Gateway;
use serde_json::json;
use store::both;

use super::place::{Lesson, Place, run};

const LIST: &str = "/api/payments/payment-methods";

/// A saved card of the student: its number here, and its record.
async fn saved(place: &Place, lesson: &Lesson) -> (i64, Card) {
    let body = json!({ "payment_method_id": "pm_card_visa" });
    let (status, body) = place.post(Some(&lesson.student), &format!("{LIST}/save"), &body).await;
    assert_eq!(status, StatusCode::CREATED, "{body}");
    let id = body["payment_method"]["id"].as_i64().expect("an id");
    let person = lesson.student.person.id;
    let cards = place.app.db.read(move |reads| reads.of::<Card>(&person)).await.expect("a database");
    (id, cards.into_iter().find(|card| card.id.0 == id).expect("just saved"))
}

/// Whether the gateway would still charge it. Attaching what is attached changes nothing there.
async fn is_attached(place: &Place, card: &Card) -> bool {
    let answer = place.sandbox().gateway.attach_card(&card.customer, &card.token).await;
    match answer {
        Answer::Done(_) => true,
        Answer::Rejected(_) => false,
        other => panic!("{other:?}"),
    }
}

async fn delete(place: &Place, lesson: &Lesson, id: i64) {
    let (status, body) = place.delete(Some(&lesson.student), &format!("{LIST}/{id}/delete")).await;
    assert_eq!(status, StatusCode::OK, "{body}");
}

both! {
    fn a_deleted_card_is_detached_once_the_gateway_answers(db) {
        run(db, async |place| {
            let lesson = place.lesson().await;
            let (id, card) = saved(&place, &lesson).await;
            place.rest().await;
            delete(&place, &lesson, id).await;
            let silent = json!({ "calls": [{ "call": "any", "fault": "timeout_not_executed", "count": 2 }] });
            place.faults(silent).await;
            place.rest().await;
            place.elapse(Span::seconds(6));
            place.rest().await;
            assert!(is_attached(&place, &card).await, "it was asked twice and has not heard it");
            place.elapse(Span::seconds(31));
            place.rest().await;
            assert!(!is_attached(&place, &card).await);
            assert!(place.alerts().await.is_empty());
        });
    }

    fn a_gateway_that_never_answers_is_told_to_a_human(db) {
        run(db, async |place| {
            let lesson = place.lesson().await;
            let (id, card) = saved(&place, &lesson).await;
            delete(&place, &lesson, id).await;
            place.faults(json!({ "calls": [{ "call": "any", "fault": "error_500", "count": 100_000 }] })).await;
            for _ in 0..12 {
                place.rest().await;
                place.elapse(Span::DAY);
            }
            place.faults(json!({})).await;
            assert!(is_attached(&place, &card).await);
            let told = place.alerts().await.into_iter().filter(|alert| alert.kind == "job_dead");
            let told: Vec<String> = told.map(|alert| alert.detail).collect();
            assert_eq!(told.len(), 1, "{told:?}");
            assert!(told[0].starts_with("detach_card "), "{told:?}");
        });
    }

    fn a_card_that_was_saved_again_stays(db) {
        run(db, async |place| {
            let lesson = place.lesson().await;
            let (id, card) = saved(&place, &lesson).await;
            delete(&place, &lesson, id).await;
            let again = json!({ "payment_method_id": card.token });
            let (status, body) = place.post(Some(&lesson.student), &format!("{LIST}/save"), &again).await;
            assert_eq!(status, StatusCode::CREATED, "{body}");
            place.rest().await;
            assert!(is_attached(&place, &card).await);
            delete(&place, &lesson, id).await;
            place.rest().await;
            assert!(!is_attached(&place, &card).await);
        });
    }
}
