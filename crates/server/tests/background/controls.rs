use axum::http::StatusCode;
use serde_json::json;
use store::both;

use super::place::run;

both! {
    fn controls_are_for_administrators(db) {
        run(db, async |place| {
            let lesson = place.lesson().await;
            for path in ["/api/sandbox/clock", "/api/sandbox/books"] {
                assert_eq!(place.get(None, path).await.0, StatusCode::UNAUTHORIZED);
                assert_eq!(place.get(Some(&lesson.student), path).await.0, StatusCode::FORBIDDEN);
            }
            for path in ["/api/sandbox/clock/advance", "/api/sandbox/faults"] {
                assert_eq!(place.post(Some(&lesson.student), path, &json!({})).await.0, StatusCode::FORBIDDEN);
            }
        });
    }

    fn the_clock_goes_forward_by_seconds_or_to_an_instant(db) {
        run(db, async |place| {
            let admin = place.admin().await;
            let path = "/api/sandbox/clock/advance";
            let (status, body) = place.post(Some(&admin), path, &json!({ "seconds": 3_600 })).await;
            assert_eq!((status, body["offset_seconds"].as_i64()), (StatusCode::OK, Some(3_600)));
            let to = json!({ "to": "2100-01-01T00:00:00Z" });
            let (status, _) = place.post(Some(&admin), path, &to).await;
            assert_eq!(status, StatusCode::BAD_REQUEST, "further than ten years");
            for bad in [json!({ "seconds": -1 }), json!({}), json!({ "seconds": i64::MAX >> 11 })] {
                let (status, body) = place.post(Some(&admin), path, &bad).await;
                assert_eq!(status, StatusCode::BAD_REQUEST, "{bad} {body}");
            }
            let (_, clock) = place.get(Some(&admin), "/api/sandbox/clock").await;
            assert_eq!(clock["offset_seconds"], 3_600);
        });
    }

    fn faults_are_scripted_and_the_books_tell_the_truth(db) {
        run(db, async |place| {
            let admin = place.admin().await;
            let lesson = place.lesson().await;
            place.confirm(&lesson).await;
            let script = json!({ "calls": [{ "call": "any", "fault": "declined" }] });
            let (status, _) = place.post(Some(&admin), "/api/sandbox/faults", &script).await;
            assert_eq!(status, StatusCode::OK);
            let bad = json!({ "calls": [{ "call": "any", "fault": "meteorite" }] });
            let (status, _) = place.post(Some(&admin), "/api/sandbox/faults", &bad).await;
            assert_eq!(status, StatusCode::BAD_REQUEST);
            let (status, body) = place.pay(&lesson, "pm_card_visa").await;
            assert_eq!((status, body["code"].as_str()), (StatusCode::BAD_REQUEST, Some("card_declined")));
            let (_, books) = place.get(Some(&admin), "/api/sandbox/books").await;
            assert_eq!(books["totals"].as_array().map_or(0, Vec::len), 0, "{books}");
        });
    }

    fn probes_answer_without_a_login(db) {
        run(db, async |place| {
            for path in ["/healthz", "/readyz", "/api/health", "/api/ready"] {
                assert_eq!(place.get(None, path).await.0, StatusCode::OK);
            }
        });
    }
}
