use axum::http::StatusCode;
use domain::cards::Save;
use domain::gateway::{Answer, CardFace, CardReport};
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

/// What a human is told of cards that stay attached.
async fn given_up(place: &Place) -> Vec<String> {
    let details = place.alerts().await.into_iter().filter(|alert| alert.kind == "job_dead");
    details.map(|alert| alert.detail).filter(|detail| detail.starts_with("detach_card ")).collect()
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
            assert_eq!(given_up(&place).await, [] as [String; 0]);
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
            let told = given_up(&place).await;
            assert_eq!(told.len(), 1, "{told:?}");
        });
    }

    fn a_card_that_was_saved_again_stays(db) {
        run(db, async |place| {
            let lesson = place.lesson().await;
            let (id, card) = saved(&place, &lesson).await;
            delete(&place, &lesson, id).await;
            // A request to save it had been answered by the gateway, and is recorded only now.
            let face = CardFace {
                brand: card.brand.clone(), last_four: card.last_four.clone(),
                exp_month: card.exp_month, exp_year: card.exp_year,
            };
            let report = CardReport { token: card.token.clone(), customer: Some(card.customer.clone()), face };
            let (gateway, customer) = (card.gateway.clone(), card.customer.clone());
            let save = Save { person: card.person, gateway, customer, report };
            place.app.db.record(save).await.expect("a database");
            place.rest().await;
            assert!(is_attached(&place, &card).await);
            delete(&place, &lesson, id).await;
            place.rest().await;
            assert!(!is_attached(&place, &card).await);
        });
    }
}
