//! The administrator's queue: approve, reject, process, one by one and many.

use axum::http::Method;
use serde_json::{Value, json};

use super::{ASK, BY_HAND, Cast, MANAGE, REQUESTS, all_of, given, shown, verified};
use crate::api::market::{Login, Market, run};

async fn patch(market: &Market, who: &Login, id: i64, status: &str) -> super::Answer {
    let body = json!({ "status": status, "admin_notes": "looked into it" });
    market.patch(who, &format!("{REQUESTS}{id}/"), body).await
}

async fn send(market: &Market, who: &Login, id: i64) -> super::Answer {
    market.post(who, &format!("{REQUESTS}{id}/process/"), json!({})).await
}

store::both! {
    fn br_46_approving_moves_nothing_and_processing_does(db) {
        run(db, &[BY_HAND], async |market| {
            let cast = Cast::of(&market).await;
            let admin = market.admin().await;
            let paid = cast.paid(&market, 600).await;
            let id = cast.requested(&market, &paid, "20.00").await;
            send(&market, &admin, id).await.refused(400, "wrong_state");
            let approved = patch(&market, &admin, id, "APPROVED").await.expect(200).body;
            assert_eq!(approved, json!({
                "id": id, "reason": "ill", "requested_amount_cents": 2_000, "requested_amount_dollars": 20.0,
                "currency": "USD", "status": "APPROVED", "admin_notes": "looked into it",
                "refunded_amount_cents": 0, "refunded_amount_dollars": 0.0, "failure_reason": null,
                "payment_details": {
                    "id": paid.payment, "amount_dollars": 78.75, "teacher_name": "tina Example",
                    "gig_title": "Spanish conversation", "session_date": Market::at(600),
                },
                "created_at": Market::at(0), "updated_at": Market::at(0), "reviewed_at": Market::at(0),
                "refunded_at": null,
                "student_details": {
                    "id": cast.student.person.uuid, "name": "sam Example", "email": "sam@example.org",
                },
                "urgency": "NORMAL",
            }));
            assert_eq!(given(&market).await, (0, 0));
            let done = send(&market, &admin, id).await.expect(200).body;
            assert_eq!(shown(&done, ["amount_refunded", "status"]), json!([20.0, "PROCESSED"]));
            assert!(done["refund_id"].is_string(), "{done}");
            assert_eq!(send(&market, &admin, id).await.expect(200).body, done, "again: the same");
            patch(&market, &admin, id, "REJECTED").await.refused(400, "wrong_state");
            assert_eq!(given(&market).await, (1, 2_000));
            verified(&market).await;
        });
    }

    fn br_46_where_approving_sends_it_does(db) {
        run(db, &[BY_HAND, ("BURSAR_REFUNDS__APPROVE_PROCESSES", "true")], async |market| {
            let cast = Cast::of(&market).await;
            let admin = market.admin().await;
            let paid = cast.paid(&market, 600).await;
            let id = cast.requested(&market, &paid, "78.75").await;
            assert_eq!(patch(&market, &admin, id, "APPROVED").await.expect(200).body["status"], "PROCESSED");
            assert_eq!(cast.state(&market, &paid).await, "CANCELLED REFUNDED");
        });
    }

    fn a_rejected_request_says_why_and_another_may_follow(db) {
        run(db, &[BY_HAND], async |market| {
            let cast = Cast::of(&market).await;
            let admin = market.admin().await;
            let paid = cast.paid(&market, 600).await;
            let id = cast.requested(&market, &paid, "20.00").await;
            let body = json!({ "status": "rejected", "admin_notes": "It was held." });
            let path = format!("{REQUESTS}{id}/");
            let put = market.send(Method::PUT, Some(&admin), &path, &[], Some(body)).await.expect(200);
            assert_eq!(put.body["status"], "REJECTED");
            let seen = market.get(&cast.student, &format!("{REQUESTS}{id}/")).await.expect(200).body;
            assert_eq!(shown(&seen, ["admin_notes", "status"]), json!(["It was held.", "REJECTED"]));
            assert!(seen.get("urgency").is_none() && seen.get("student_details").is_none(), "{seen}");
            patch(&market, &admin, id, "APPROVED").await.refused(400, "wrong_state");
            send(&market, &admin, id).await.refused(400, "wrong_state");
            cast.requested(&market, &paid, "20.00").await;
            assert_eq!(given(&market).await, (0, 0));
        });
    }

    fn h_14_a_batch_has_a_result_for_each_or_changes_nothing(db) {
        run(db, &[BY_HAND], async |market| {
            let cast = Cast::of(&market).await;
            let admin = market.admin().await;
            let mut ids = Vec::new();
            for begins in [600, 700, 800] {
                let paid = cast.paid(&market, begins).await;
                ids.push(cast.requested(&market, &paid, "20.00").await);
            }
            let path = format!("{REQUESTS}bulk/");
            let bulk = async |ids: Value, action: &str| {
                let body = json!({ "ids": ids, "action": action, "admin_notes": "many" });
                market.post(&admin, &path, body).await
            };
            for (ids, action) in [
                (json!([]), "approve"), (json!([1, -1]), "approve"), (json!(ids), "delete"),
                (json!((1..=201).collect::<Vec<_>>()), "approve"), (json!(["x"]), "approve"),
            ] {
                bulk(ids, action).await.expect(400);
            }
            let long = json!({ "ids": ids, "action": "approve", "admin_notes": "x".repeat(2_001) });
            market.post(&admin, &path, long).await.refused(400, "validation_failed");
            let waiting = market.get(&admin, &format!("{REQUESTS}?status=PENDING")).await.expect(200).body;
            assert_eq!(waiting.as_array().expect("bare").len(), 3);

            patch(&market, &admin, ids[0], "REJECTED").await.expect(200);
            let nobody = 999_999 * 256;
            let some = json!([ids[0], ids[1], nobody, ids[2], ids[1]]);
            let told = bulk(some, "approve").await.expect(200).body;
            let results = told["results"].as_array().expect("results").clone();
            let short = |r: &Value| (r["id"].as_i64().expect("an id"), r["success"] == true);
            let short: Vec<_> = results.iter().map(short).collect();
            assert_eq!(short, [(ids[0], false), (ids[1], true), (nobody, false), (ids[2], true)]);
            assert_eq!(results[0]["code"], "wrong_state");
            assert_eq!(results[2]["code"], "not_found");
            let told = bulk(json!(ids), "process").await.expect(200).body;
            assert_eq!(told["results"][1]["status"], "PROCESSED");
            assert_eq!(told["results"][1]["amount_refunded"], 20.0);
            assert_eq!(told["results"][0]["success"], false);
            assert_eq!(given(&market).await, (2, 4_000));
            bulk(json!(ids), "process").await.expect(200);
            assert_eq!(given(&market).await, (2, 4_000), "again: nothing");
            verified(&market).await;
        });
    }

    fn the_page_lists_what_waits_and_approving_there_also_sends(db) {
        run(db, &[BY_HAND], async |market| {
            let cast = Cast::of(&market).await;
            let admin = market.admin().await;
            let paid = cast.paid(&market, 600).await;
            let id = cast.requested(&market, &paid, "78.75").await;
            let listed = market.get(&admin, MANAGE).await.expect(200).body;
            assert_eq!(listed, json!({
                "success": true, "total": 1,
                "refund_requests": [{
                    "id": id, "student_email": "sam@example.org", "student_name": "sam Example",
                    "teacher_email": "tina@example.org", "teacher_name": "tina Example",
                    "payment_id": paid.payment, "original_amount": 78.75, "requested_amount": 78.75,
                    "currency": "USD", "reason": "ill", "booking_status": "CONFIRMED",
                    "request_date": Market::at(0), "status": "PENDING", "admin_notes": "", "urgency": "LARGE",
                    "created_at": Market::at(0), "updated_at": Market::at(0),
                }],
            }));
            let body = json!({ "refund_request_id": id, "action": "approve", "admin_notes": "fine" });
            let done = market.post(&admin, MANAGE, body.clone()).await.expect(200).body;
            assert_eq!(shown(&done, ["status", "amount_refunded"]), json!(["PROCESSED", 78.75]));
            assert_eq!(market.post(&admin, MANAGE, body).await.expect(200).body, done);
            let reject = json!({ "refund_request_id": id, "action": "reject" });
            market.post(&admin, MANAGE, reject).await.refused(400, "wrong_state");
            assert_eq!(market.get(&admin, MANAGE).await.expect(200).body["total"], 0);
            let done = market.get(&admin, &format!("{MANAGE}?status=PROCESSED")).await.expect(200).body;
            assert_eq!(done["total"], 1);
            assert_eq!(done["refund_requests"][0]["admin_notes"], "fine");
            let all = market.get(&admin, &format!("{MANAGE}?status=ALL")).await.expect(200);
            assert_eq!(all.body["total"], 1);
            market.get(&admin, &format!("{MANAGE}?status=done")).await.refused(400, "validation_failed");
            assert_eq!(given(&market).await, (1, 7_875));
        });
    }

    fn br_50_what_waits_long_is_urgent(db) {
        run(db, &[BY_HAND], async |market| {
            let cast = Cast::of(&market).await;
            let admin = market.admin().await;
            let (small, large) = (cast.paid(&market, 600).await, cast.paid(&market, 700).await);
            let small = cast.requested(&market, &small, "50.00").await;
            let large = cast.requested(&market, &large, "50.01").await;
            let day = 24 * 60;
            for (minutes, of_small, of_large) in [
                (0, "NORMAL", "LARGE"), (day - 1, "NORMAL", "LARGE"), (day, "HIGH", "HIGH"),
                (3 * day - 1, "HIGH", "HIGH"), (3 * day, "URGENT", "URGENT"),
            ] {
                market.advance_to(minutes);
                for (id, urgency) in [(small, of_small), (large, of_large)] {
                    let seen = market.get(&admin, &format!("{REQUESTS}{id}/")).await.expect(200).body;
                    assert_eq!(seen["urgency"], urgency, "after {minutes} minutes");
                }
            }
        });
    }

    fn only_administrators_decide(db) {
        run(db, &[BY_HAND], async |market| {
            let cast = Cast::of(&market).await;
            let paid = cast.paid(&market, 600).await;
            let id = cast.requested(&market, &paid, "20.00").await;
            for who in [&cast.student, &cast.teacher] {
                patch(&market, who, id, "APPROVED").await.refused(403, "admin_required");
                send(&market, who, id).await.refused(403, "admin_required");
                let bulk = json!({ "ids": [id], "action": "approve" });
                market.post(who, &format!("{REQUESTS}bulk/"), bulk).await.refused(403, "admin_required");
                let approve = json!({ "refund_request_id": id, "action": "approve" });
                market.post(who, MANAGE, approve).await.refused(403, "admin_required");
                market.get(who, MANAGE).await.refused(403, "admin_required");
            }
            let admin = market.admin().await;
            for status in ["PROCESSED", "PENDING", "FAILED", ""] {
                patch(&market, &admin, id, status).await.expect(400);
            }
            assert_eq!(given(&market).await, (0, 0));
        });
    }

    fn one_key_is_one_decision(db) {
        run(db, &[BY_HAND], async |market| {
            let cast = Cast::of(&market).await;
            let admin = market.admin().await;
            let paid = cast.paid(&market, 600).await;
            let body = json!({ "payment_id": paid.payment, "reason": "ill", "requested_amount_dollars": 20 });
            let made = market.post_keyed(&cast.student, REQUESTS, "a", body.clone()).await.expect(201);
            let again = market.post_keyed(&cast.student, REQUESTS, "a", body.clone()).await.expect(201);
            assert_eq!((&again.text, again.headers.contains_key("idempotent-replayed")), (&made.text, true));
            let third = market.post(&cast.student, REQUESTS, body).await.expect(200);
            assert_eq!(third.body["id"], made.body["id"], "the same is waiting");
            let id = made.body["id"].as_i64().expect("an id");
            let bulk = json!({ "ids": [id], "action": "approve" });
            let path = format!("{REQUESTS}bulk/");
            let first = market.post_keyed(&admin, &path, "b", bulk.clone()).await.expect(200);
            let again = market.post_keyed(&admin, &path, "b", bulk).await.expect(200);
            assert_eq!((&again.text, again.headers.contains_key("idempotent-replayed")), (&first.text, true));
            let path = format!("{REQUESTS}{id}/process/");
            let first = market.post_keyed(&admin, &path, "c", json!({})).await.expect(200);
            let again = market.post_keyed(&admin, &path, "c", json!({})).await.expect(200);
            assert_eq!((&again.text, again.headers.contains_key("idempotent-replayed")), (&first.text, true));
            let done = market.post(&cast.student, ASK, all_of(&paid)).await.expect(200);
            assert_eq!(done.body["refund_type"], "manual_review", "58.75 are left to ask for");
            assert_eq!(given(&market).await, (1, 2_000));
        });
    }
}
