use axum::http::Method;
use serde_json::json;

use super::{Cast, PAY, charged, paying, recover_for};
use crate::api::market::run;

store::both! {
    fn the_stored_answer_is_given_again(db) {
        run(db, &[], async |market| {
            let cast = Cast::of(&market).await;
            let (id, other) = (cast.booked(&market, 600).await, cast.booked(&market, 700).await);
            let key = "a key of the client";
            let first = market.post_keyed(&cast.student, PAY, key, paying(id, "visa")).await.expect(200);
            assert!(!first.headers.contains_key("idempotent-replayed"));
            // Members in another order, the other mount: the same request.
            let body = json!({ "payment_method_id": "pm_card_visa", "booking_id": id });
            for path in [PAY, "/stripe-payments/process-booking-payment"] {
                let again = market.post_keyed(&cast.student, path, key, body.clone()).await.expect(200);
                assert_eq!(again.text, first.text);
                assert_eq!(again.headers["idempotent-replayed"], "true");
            }
            let reused = market.post_keyed(&cast.student, PAY, key, paying(other, "visa")).await;
            reused.refused(422, "idempotency_key_reused");
            market.post_keyed(&cast.student, PAY, "another", paying(id, "visa")).await.refused(400, "already_paid");
            assert_eq!(charged(&market).await, (1, 7_875));
        });
    }

    fn a_key_belongs_to_its_person(db) {
        run(db, &[], async |market| {
            let cast = Cast::of(&market).await;
            let id = cast.booked(&market, 600).await;
            market.post_keyed(&cast.student, PAY, "k", paying(id, "visa")).await.expect(200);
            let other = market.student("zoe").await;
            let theirs = market.post_keyed(&other, PAY, "k", paying(id, "visa")).await.refused(404, "not_found");
            assert!(!theirs.headers.contains_key("idempotent-replayed"));
        });
    }

    fn declines_are_kept_and_refusals_are_not(db) {
        run(db, &[], async |market| {
            let cast = Cast::of(&market).await;
            let id = cast.requested(&market, 600).await;
            let body = paying(id, "visa");
            let early = market.post_keyed(&cast.student, PAY, "k", body.clone()).await;
            early.refused(400, "booking_not_confirmed");
            cast.act(&market, &cast.teacher, id, "confirm").await;
            let declined = market.post_keyed(&cast.student, PAY, "d", paying(id, "declined")).await;
            let declined = declined.refused(400, "card_declined");
            let again = market.post_keyed(&cast.student, PAY, "d", paying(id, "declined")).await;
            assert_eq!(again.headers["idempotent-replayed"], "true");
            assert_eq!(again.headers["content-type"], "application/problem+json");
            assert_eq!(again.refused(400, "card_declined").text, declined.text);
            market.post_keyed(&cast.student, PAY, "k", body).await.expect(200);
            assert_eq!(charged(&market).await, (1, 7_875));
        });
    }

    fn bad_keys_are_malformed(db) {
        run(db, &[], async |market| {
            let cast = Cast::of(&market).await;
            let id = cast.booked(&market, 600).await;
            let long = "k".repeat(256);
            for key in ["", long.as_str(), "\u{e9}"] {
                let headers = [("idempotency-key", key)];
                let body = Some(paying(id, "visa"));
                let answer = market.send(Method::POST, Some(&cast.student), PAY, &headers, body).await;
                answer.refused(400, "malformed");
            }
            let longest = "k".repeat(255);
            market.post_keyed(&cast.student, PAY, &longest, paying(id, "visa")).await.expect(200);
        });
    }

    fn an_unknown_outcome_is_no_answer_to_keep(db) {
        run(db, &[], async |market| {
            let cast = Cast::of(&market).await;
            let id = cast.booked(&market, 600).await;
            let body = paying(id, "timeout_charged");
            let first = market.post_keyed(&cast.student, PAY, "k", body.clone()).await;
            first.refused(504, "outcome_unknown");
            let again = market.post_keyed(&cast.student, PAY, "k", body.clone()).await;
            again.refused(504, "outcome_unknown");
            recover_for(&market, 10).await;
            let paid = market.post_keyed(&cast.student, PAY, "k", body.clone()).await.expect(200);
            assert_eq!(paid.body["amount_paid"], 78.75);
            assert_eq!(charged(&market).await, (1, 7_875));
            // Who only waited for it has been answered all the same, for ever.
            assert!(paid.body["zoom_join_url"].is_string());
            cast.act(&market, &cast.student, id, "cancel").await;
            let kept = market.post_keyed(&cast.student, PAY, "k", body).await.expect(200);
            assert_eq!(kept.body, paid.body);
        });
    }
}
