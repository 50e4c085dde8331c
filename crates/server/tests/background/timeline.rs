//! A temporary failure is tried again by recovery, and the payment's timeline shows it.

use domain::time::Span;
use serde_json::{Value, json};

use super::place::run;

store::both! {
    fn a_temporary_failure_is_retried_and_the_timeline_shows_it(db) {
        run(db, async |place| {
            let (admin, lesson) = (place.admin().await, place.lesson().await);
            place.confirm(&lesson).await;
            let faults = json!({
                "webhooks": { "drop": true }, "calls": [{ "call": "charge", "fault": "error_500" }],
            });
            place.faults(faults).await;
            let (status, answer) = place.pay(&lesson, "pm_card_visa").await;
            assert_eq!(status, 504, "{answer}");
            let path = format!("/api/payments/admin/payments/{}/timeline", answer["payment_id"]);
            let live = place.get(Some(&admin), &path).await.1;
            assert_eq!(live["status"], "processing");
            let last = live["events"].as_array().and_then(|events| events.last().cloned()).expect("events");
            assert!(last["details"]["next_try_at"].is_string(), "somebody will look again: {live}");
            place.advance(Span::minutes(1)).await;
            let done = place.get(Some(&admin), &path).await.1;
            assert_eq!(done["status"], "completed");
            let events = done["events"].as_array().expect("a list");
            let what: Vec<&str> = events.iter().map(|event| event["what"].as_str().expect("a word")).collect();
            for part in ["payment.created", "attempt.begun", "attempt.sent", "attempt.succeeded", "payment.paid"] {
                assert!(what.contains(&part), "{part}: {what:?}");
            }
            assert!(what.iter().any(|what| what.starts_with("entry.")), "{what:?}");
            let tried = events.iter().find(|event| event["what"] == "attempt.succeeded").expect("above");
            assert!(tried["details"]["tries"].as_i64() > Some(1), "{tried}");
            let order: Vec<&Value> = events.iter().map(|event| &event["at"]).collect();
            assert!(order.is_sorted_by_key(|at| at.as_str().map(str::to_owned)), "{order:?}");
            assert_eq!(place.get(Some(&lesson.student), &path).await.0, 403);
            assert_eq!(place.get(Some(&admin), "/api/payments/admin/payments/1/timeline").await.0, 404);
        });
    }
}
