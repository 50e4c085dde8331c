use serde_json::json;

use super::{Cast, LIST, PAY, charged, paying, typed};
use crate::api::market::{Market, run};

store::both! {
    fn the_answer_to_a_payment_shows_everything(db) {
        run(db, &[], async |market| {
            let cast = Cast::of(&market).await;
            let id = cast.booked(&market, 600).await;
            let paid = cast.pay(&market, id, "visa").await.expect(200);
            let payment = paid.body["payment_id"].as_i64().expect("a payment");
            let reference = paid.body["payment_intent_id"].as_str().expect("an intent");
            let room = paid.body["zoom_join_url"].as_str().expect("a room");
            assert!(room.contains(&format!("/meet/{id}-")), "{room}");
            assert_eq!(paid.body, json!({
                "success": true, "message": "Payment processed successfully",
                "payment_intent_id": reference, "booking_id": id, "payment_id": payment,
                "amount_paid": 78.75, "session_cost": 75.0, "platform_fee": 3.75,
                "duration_hours": 1.5, "hourly_rate": 50.0, "status": "succeeded",
                "card_last4": "4242", "card_brand": "visa", "zoom_join_url": room,
                "booking_details": {
                    "start_time": Market::at(600), "end_time": Market::at(690),
                    "teacher_name": "tina Example", "gig_title": "Spanish conversation",
                },
            }));
            assert!(paid.text.contains(r#""amount_paid":78.75,"session_cost":75.00,"#), "{}", paid.text);
            assert_eq!(cast.state(&market, id).await, "CONFIRMED PAID");
            let booking = cast.booking(&market, id).await;
            assert_eq!(booking["payment_details"], json!({
                "payment_id": payment, "amount_paid": 78.75, "payment_status": "PAID",
                "stripe_payment_intent_id": reference, "platform_fee": 3.75, "session_cost": 75.0,
                "total_amount": 78.75, "payment_date": Market::at(0), "currency": "USD",
            }));
            assert_eq!(charged(&market).await, (1, 7_875));
        });
    }

    fn checks_are_made_in_their_order(db) {
        run(db, &[], async |market| {
            let cast = Cast::of(&market).await;
            let stranger = market.student("zoe").await;
            let paid = cast.booked(&market, 600).await;
            let first = cast.pay(&market, paid, "visa").await.expect(200);
            let (cancelled, pending) = (cast.requested(&market, 700).await, cast.requested(&market, 800).await);
            cast.act(&market, &cast.student, cancelled, "cancel").await;
            let (over, open) = (cast.booked(&market, 900).await, cast.booked(&market, 1_000).await);
            cast.set_gig(&market, "inactive").await;

            market.post(&stranger, PAY, paying(paid, "visa")).await.refused(404, "not_found");
            market.post(&cast.teacher, PAY, paying(paid, "visa")).await.refused(404, "not_found");
            let answer = cast.pay(&market, paid, "visa").await.refused(400, "already_paid");
            assert_eq!(answer.body["payment_id"], first.body["payment_id"]);
            assert_eq!(answer.body["success"], false);
            cast.pay(&market, cancelled, "visa").await.refused(400, "booking_cancelled");
            cast.pay(&market, pending, "visa").await.refused(400, "booking_not_confirmed");
            cast.pay(&market, open, "visa").await.refused(400, "gig_inactive");
            market.advance_to(995);
            cast.pay(&market, over, "visa").await.refused(400, "booking_over");
            cast.set_gig(&market, "active").await;
            cast.pay(&market, open, "visa").await.expect(200);
            assert_eq!(charged(&market).await, (2, 2 * 7_875));
        });
    }

    fn a_marketplace_may_let_bookings_be_paid_before_they_are_confirmed(db) {
        run(db, &[("BURSAR_BOOKING__FLOW", "pay_then_confirm")], async |market| {
            let cast = Cast::of(&market).await;
            let id = cast.requested(&market, 600).await;
            cast.pay(&market, id, "visa").await.expect(200);
            assert_eq!(cast.state(&market, id).await, "PENDING PAID");
        });
    }

    fn a_marketplace_may_cancel_what_could_not_be_paid(db) {
        run(db, &[("BURSAR_BOOKING__ON_PAYMENT_FAILURE", "cancel")], async |market| {
            let cast = Cast::of(&market).await;
            let id = cast.booked(&market, 600).await;
            cast.pay(&market, id, "declined").await.refused(400, "card_declined");
            assert_eq!(cast.booking(&market, id).await["status"], "CANCELLED");
        });
    }

    fn exactly_one_method_is_meant(db) {
        run(db, &[], async |market| {
            let cast = Cast::of(&market).await;
            let id = cast.booked(&market, 600).await;
            let (token, saved, card) = (json!("pm_card_visa"), json!("1"), typed("4242424242424242"));
            for body in [
                json!({ "booking_id": id }),
                json!({ "booking_id": id, "payment_method_id": token, "card_details": card }),
                json!({ "booking_id": id, "payment_method_id": token, "saved_payment_method_id": saved }),
                json!({ "booking_id": id, "saved_payment_method_id": saved, "card_details": card }),
            ] {
                market.post(&cast.student, PAY, body).await.refused(400, "payment_method_count");
            }
            assert_eq!(charged(&market).await, (0, 0));
        });
    }

    fn a_card_is_saved_on_the_way_and_used_again(db) {
        run(db, &[], async |market| {
            let cast = Cast::of(&market).await;
            let (first, second) = (cast.booked(&market, 600).await, cast.booked(&market, 700).await);
            let body = json!({
                "booking_id": first, "payment_method_id": "pm_card_mastercard", "save_payment_method": true,
            });
            market.post(&cast.student, PAY, body).await.expect(200);
            let cards = market.get(&cast.student, "/api/payments/payment-methods/").await.expect(200).body;
            let (row, token) = (cards[0]["id"].clone(), cards[0]["stripe_payment_method_id"].clone());
            let saved = |id: i64, reference: &serde_json::Value| json!({
                "booking_id": id, "saved_payment_method_id": reference,
            });
            let stranger = market.student("zoe").await;
            let theirs = market.post(&stranger, BOOK, json!({
                "teacher": cast.teacher.person.uuid, "gig": cast.gig.0,
                "start_time": Market::at(900), "end_time": Market::at(960),
            })).await.expect(201).body["id"].as_i64().expect("an id");
            cast.act(&market, &cast.teacher, theirs, "confirm").await;
            market.post(&stranger, PAY, saved(theirs, &token)).await.refused(404, "not_found");
            let by_token = json!({ "booking_id": theirs, "payment_method_id": token });
            market.post(&stranger, PAY, by_token).await.refused(404, "not_found");
            market.post(&cast.student, PAY, saved(second, &json!(4_711))).await.refused(404, "not_found");
            let paid = market.post(&cast.student, PAY, saved(second, &row)).await.expect(200);
            assert_eq!(paid.body["card_brand"], "mastercard");
            assert_eq!(charged(&market).await, (2, 2 * 7_875));
        });
    }

    /// A client that wants its card kept repeats itself, or is refused: one card is kept.
    fn what_is_refused_or_repeated_keeps_no_card(db) {
        run(db, &[], async |market| {
            let cast = Cast::of(&market).await;
            let keeping = |id: i64| {
                json!({ "booking_id": id, "payment_method_id": "pm_card_visa", "save_payment_method": true })
            };
            let id = cast.requested(&market, 600).await;
            market.post(&cast.student, PAY, keeping(id)).await.refused(400, "booking_not_confirmed");
            market.post(&cast.student, PAY, keeping(4_711)).await.refused(404, "not_found");
            cast.act(&market, &cast.teacher, id, "confirm").await;
            for _ in 0..2 {
                market.post_keyed(&cast.student, PAY, "once", keeping(id)).await.expect(200);
            }
            market.post(&cast.student, PAY, keeping(id)).await.refused(400, "already_paid");
            let bought = json!({ "gig_id": cast.gig.0, "payment_method_id": "pm_card_mastercard", "save_card": true });
            for _ in 0..2 {
                market.post_keyed(&cast.student, "/api/payments/process-payment/", "twice", bought.clone()).await.expect(200);
            }
            let cards = market.get(&cast.student, "/api/payments/payment-methods/").await.expect(200);
            let brands: Vec<&str> =
                cards.body.as_array().expect("cards").iter().filter_map(|card| card["card_brand"].as_str()).collect();
            assert_eq!(brands, ["visa", "mastercard"]);
        });
    }

    fn both_mounts_and_both_slashes_are_one(db) {
        run(db, &[], async |market| {
            let cast = Cast::of(&market).await;
            for (path, begins) in [
                ("/api/payments/process-booking-payment", 600),
                ("/stripe-payments/process-booking-payment", 700),
                ("/stripe-payments/process-booking-payment/", 800),
            ] {
                let id = cast.booked(&market, begins).await;
                market.post(&cast.student, path, paying(id, "visa")).await.expect(200);
            }
            let listed = market.get(&cast.student, "/stripe-payments/payments").await.expect(200);
            assert_eq!(listed.body, market.get(&cast.student, LIST).await.expect(200).body);
        });
    }
}

const BOOK: &str = "/api/bookings/bookings/";
