use serde_json::json;

use super::{ASK, BY_HAND, Cast, PAY, REQUESTS, all_of, ask, asking, given, shown, verified};
use crate::api::market::run;

store::both! {
    /// What the web client does, by either party, in either order, and again.
    fn br_43_cancel_and_refund_in_either_order_are_one_refund(db) {
        run(db, &[], async |market| {
            let cast = Cast::of(&market).await;
            let (mut begins, mut refunds) = (600, 0);
            for who in [&cast.student, &cast.teacher] {
                for cancel_first in [true, false] {
                    let paid = cast.paid(&market, begins).await;
                    begins += 100;
                    refunds += 1;
                    for round in 0..2 {
                        if cancel_first {
                            let refund = cast.cancel(&market, who, &paid).await.body["refund"].clone();
                            assert_eq!(refund["status"], "processed", "{refund}");
                        }
                        let asked = ask(&market, who, &paid, "78.75").await.expect(200);
                        assert_eq!(asked.body["success"], true);
                        let again = cancel_first || round > 0;
                        let flag = &asked.body["already_refunded"];
                        assert_eq!(flag.as_bool().unwrap_or(false), again, "{}", asked.text);
                        if !cancel_first {
                            cast.cancel(&market, who, &paid).await;
                        }
                        assert_eq!(cast.state(&market, &paid).await, "CANCELLED REFUNDED");
                    }
                }
            }
            assert_eq!(given(&market).await, (refunds, 7_875 * i64::try_from(refunds).expect("few")));
            verified(&market).await;
        });
    }

    fn br_42_before_the_end_a_refund_is_sent_at_once(db) {
        run(db, &[], async |market| {
            let cast = Cast::of(&market).await;
            let paid = cast.paid(&market, 600).await;
            let told = market.post(&cast.student, ASK, all_of(&paid)).await.expect(200);
            assert_eq!(told.body, json!({
                "success": true, "message": "The money has gone back.",
                "refund_request_id": told.body["refund_request_id"], "payment_id": paid.payment,
                "refund_type": "automatic", "currency": "USD", "refund_amount": 78.75,
                "stripe_refund_id": told.body["stripe_refund_id"], "booking_status": "CANCELLED",
                "refund_status": "PROCESSED",
            }));
            assert!(told.body["stripe_refund_id"].is_string(), "{}", told.text);
            assert_eq!(cast.state(&market, &paid).await, "CANCELLED REFUNDED");
            assert_eq!(cast.payment(&market, &paid).await["refunded_cents"], 7_875);
            assert_eq!(given(&market).await, (1, 7_875));
        });
    }

    fn br_42_after_the_end_a_request_waits(db) {
        run(db, &[], async |market| {
            let cast = Cast::of(&market).await;
            let paid = cast.paid(&market, 600).await;
            market.advance_to(690);
            let told = ask(&market, &cast.student, &paid, "20.00").await.expect(200);
            assert_eq!(told.body, json!({
                "success": true, "message": "Your refund has been requested.",
                "refund_request_id": told.body["refund_request_id"], "payment_id": paid.payment,
                "refund_type": "manual_review", "currency": "USD", "requested_amount": 20.0,
                "status": "PENDING", "note": told.body["note"],
            }));
            let again = ask(&market, &cast.student, &paid, "20.00").await.expect(200);
            assert_eq!(again.body["refund_request_id"], told.body["refund_request_id"]);
            assert_eq!(again.body["already_requested"], true);
            let other = ask(&market, &cast.student, &paid, "20.01").await.refused(400, "refund_open");
            assert_eq!(other.body["existing_refund_id"], told.body["refund_request_id"]);
            assert_eq!(other.body["status"], 400, "the problem's own");
            let standing = json!({ "existing_refund_id": told.body["refund_request_id"], "status": "PENDING" });
            assert_eq!(other.body["details"], standing);
            assert_eq!(given(&market).await, (0, 0));
            assert_eq!(cast.state(&market, &paid).await, "CONFIRMED PAID");
        });
    }

    /// What was returned once cannot be had again, whatever the client says it is.
    fn h_6_strange_amounts_move_nothing(db) {
        run(db, &[], async |market| {
            let cast = Cast::of(&market).await;
            let paid = cast.paid(&market, 600).await;
            for amount in [
                json!(0), json!("0.00"), json!(-1), json!("-5.00"), json!("NaN"), json!("Infinity"),
                json!("abc"), json!(10.005), json!("1e2"), json!([1]), json!({}), json!(true),
                json!("99999999999999999.00"),
            ] {
                let refused = market.post(&cast.student, ASK, asking(&paid, &amount)).await.expect(400);
                assert_eq!(refused.body["success"], false, "{amount}: {}", refused.text);
            }
            ask(&market, &cast.student, &paid, "78.76").await.refused(400, "refund_exceeds_remaining");
            let long = json!({ "payment_id": paid.payment, "reason": "x".repeat(1_001) });
            market.post(&cast.student, ASK, long).await.refused(400, "validation_failed");
            assert_eq!(given(&market).await, (0, 0));
            ask(&market, &cast.student, &paid, "78.74").await.expect(200);
            ask(&market, &cast.student, &paid, "0.02").await.refused(400, "refund_exceeds_remaining");
            ask(&market, &cast.student, &paid, "0.01").await.expect(200);
            let last = ask(&market, &cast.student, &paid, "5.00").await.expect(200);
            assert_eq!(last.body["already_refunded"], true, "nothing is left");
            assert_eq!(given(&market).await, (2, 7_875));
            verified(&market).await;
        });
    }

    fn br_41_strangers_know_of_no_payment_and_the_payee_may_ask(db) {
        run(db, &[], async |market| {
            let cast = Cast::of(&market).await;
            let (stranger, admin) = (market.student("olga").await, market.admin().await);
            let paid = cast.paid(&market, 600).await;
            ask(&market, &stranger, &paid, "1.00").await.refused(404, "not_found");
            let body = asking(&paid, &json!("1.00"));
            market.post(&stranger, REQUESTS, body.clone()).await.refused(404, "not_found");
            market.send(axum::http::Method::POST, None, ASK, &[], Some(body.clone())).await
                .refused(401, "unauthorized");
            for who in [&cast.teacher, &admin] {
                market.post(who, REQUESTS, body.clone()).await.refused(403, "wrong_party");
                let told = market.post(who, ASK, body.clone()).await.expect(200);
                assert_eq!(told.body["refund_type"], "automatic");
            }
            let nothing = json!({ "payment_id": 999_999 * 256, "requested_amount_dollars": "1.00" });
            market.post(&cast.student, ASK, nothing).await.refused(404, "not_found");
            assert_eq!(given(&market).await, (2, 200));
        });
    }

    fn br_40_what_is_not_paid_is_not_refundable(db) {
        run(db, &[], async |market| {
            let cast = Cast::of(&market).await;
            let booking = cast.booked(&market, 600, 90).await;
            let body = json!({ "booking_id": booking, "payment_method_id": "pm_card_declined" });
            market.post(&cast.student, PAY, body).await.expect(400);
            let listed = market.get(&cast.student, "/api/payments/payments/").await.expect(200);
            let payment = listed.body[0]["id"].as_i64().expect("an id");
            let asked = market.post(&cast.student, ASK, json!({ "payment_id": payment })).await;
            asked.refused(400, "not_refundable");
        });
    }

    fn h_1_what_was_paid_is_refundable_verbatim(db) {
        run(db, &[], async |market| {
            let cast = Cast::of(&market).await;
            for (begins, minutes) in [(600, 20), (700, 35), (800, 95)] {
                let booking = cast.booked(&market, begins, minutes).await;
                let body = json!({ "booking_id": booking, "payment_method_id": "pm_card_visa" });
                let paid = market.post(&cast.student, PAY, body).await.expect(200).body;
                let body = json!({
                    "payment_id": paid["payment_id"], "reason": "ill",
                    "requested_amount_dollars": paid["amount_paid"],
                });
                let told = market.post(&cast.student, ASK, body).await.expect(200);
                assert_eq!(told.body["refund_amount"], paid["amount_paid"]);
            }
            verified(&market).await;
        });
    }

    fn h_7_after_a_part_the_rest_stays_usable_and_the_fee_is_in_proportion(db) {
        run(db, &[], async |market| {
            let cast = Cast::of(&market).await;
            let paid = cast.paid(&market, 600).await;
            let told = ask(&market, &cast.student, &paid, "20.00").await.expect(200);
            let expected = json!(["CONFIRMED", "PROCESSED"]);
            assert_eq!(shown(&told.body, ["booking_status", "refund_status"]), expected);
            assert_eq!(cast.state(&market, &paid).await, "CONFIRMED PAID");
            let payment = cast.payment(&market, &paid).await;
            assert_eq!(shown(&payment, ["status", "refunded_cents"]), json!(["PARTIALLY_REFUNDED", 2_000]));
            assert_eq!(payment["amount_cents"], 7_875, "stays as charged");
            market.advance_to(691);
            let path = format!("/api/bookings/bookings/{}/complete/", paid.booking);
            market.post(&cast.student, &path, json!({})).await.expect(200);
            verified(&market).await;
        });
    }

    fn one_key_is_one_refund_and_another_body_is_refused(db) {
        run(db, &[], async |market| {
            let cast = Cast::of(&market).await;
            let paid = cast.paid(&market, 600).await;
            let body = asking(&paid, &json!("20.00"));
            let first = market.post_keyed(&cast.student, ASK, "k", body.clone()).await.expect(200);
            let again = market.post_keyed(&cast.student, ASK, "k", body).await.expect(200);
            assert_eq!((&again.text, again.headers.contains_key("idempotent-replayed")), (&first.text, true));
            let other = asking(&paid, &json!("20.01"));
            market.post_keyed(&cast.student, ASK, "k", other).await.refused(422, "idempotency_key_reused");
            let twin = asking(&paid, &json!("20.00"));
            market.post_keyed(&cast.student, ASK, "k2", twin).await.expect(200);
            assert_eq!(given(&market).await, (2, 4_000));
        });
    }

    /// Without a key the same part within ten seconds is the same request; later it is another.
    fn the_same_part_within_the_window_is_a_repeat(db) {
        run(db, &[], async |market| {
            let cast = Cast::of(&market).await;
            let paid = cast.paid(&market, 600).await;
            let first = ask(&market, &cast.student, &paid, "20.00").await.expect(200);
            let again = ask(&market, &cast.student, &paid, "20.00").await.expect(200);
            assert_eq!(again.text, first.text);
            market.clock.set(market.app.clock.now() + domain::time::Span::seconds(11));
            ask(&market, &cast.student, &paid, "20.00").await.expect(200);
            assert_eq!(given(&market).await, (2, 4_000));
        });
    }

    fn br_43_decided_by_hand_cancelling_leaves_one_request(db) {
        run(db, &[BY_HAND], async |market| {
            let cast = Cast::of(&market).await;
            let paid = cast.paid(&market, 600).await;
            for who in [&cast.teacher, &cast.student] {
                let refund = cast.cancel(&market, who, &paid).await.body["refund"].clone();
                assert_eq!(shown(&refund, ["status", "amount_cents"]), json!(["requested", 7_875]));
                let asked = ask(&market, who, &paid, "78.75").await.expect(200);
                let expected = json!(["manual_review", true]);
                assert_eq!(shown(&asked.body, ["refund_type", "already_requested"]), expected);
                assert_eq!(asked.body["refund_request_id"], refund["id"]);
            }
            assert_eq!(cast.state(&market, &paid).await, "CANCELLED PAID");
            assert_eq!(given(&market).await, (0, 0));
            verified(&market).await;
        });
    }

    fn h_10_a_client_cannot_decide_about_his_own_refund(db) {
        run(db, &[BY_HAND], async |market| {
            let cast = Cast::of(&market).await;
            let paid = cast.paid(&market, 600).await;
            let mut body = asking(&paid, &json!("20.00"));
            for (member, value) in [
                ("status", json!("APPROVED")), ("state", json!("processed")), ("admin_notes", json!("fine")),
                ("refunded_amount_cents", json!(2_000)), ("refund_type", json!("automatic")),
            ] {
                body[member] = value;
            }
            let made = market.post(&cast.student, REQUESTS, body.clone()).await.expect(201).body;
            assert_eq!(shown(&made, ["status", "admin_notes"]), json!(["PENDING", ""]));
            let asked = market.post(&cast.student, ASK, body).await.expect(200).body;
            assert_eq!(shown(&asked, ["status", "refund_request_id"]), json!(["PENDING", made["id"]]));
            assert_eq!(given(&market).await, (0, 0));
        });
    }

    fn a_kept_fee_caps_the_refund(db) {
        run(db, &[("BURSAR_REFUNDS__PLATFORM_FEE", "keep")], async |market| {
            let cast = Cast::of(&market).await;
            let paid = cast.paid(&market, 600).await;
            ask(&market, &cast.student, &paid, "78.75").await.refused(400, "refund_exceeds_remaining");
            ask(&market, &cast.student, &paid, "20.00").await.expect(200);
            let rest = market.post(&cast.student, ASK, all_of(&paid)).await.expect(200);
            assert_eq!(shown(&rest.body, ["refund_amount", "booking_status"]), json!([55.0, "CANCELLED"]));
            assert_eq!(given(&market).await, (2, 7_500));
            verified(&market).await;
        });
    }
}
