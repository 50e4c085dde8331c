use serde_json::{Value, json};

use super::{Cast, PAY, charged, paying, typed};
use crate::api::market::run;

/// Token, number, code and the bank's own code.
const DECLINING: [(&str, &str, &str, &str); 8] = [
    ("declined", "4000000000000002", "card_declined", "generic_decline"),
    ("insufficient_funds", "4000000000009995", "card_declined", "insufficient_funds"),
    ("lost_card", "4000000000009987", "card_declined", "lost_card"),
    ("stolen_card", "4000000000009979", "card_declined", "stolen_card"),
    ("expired_card", "4000000000000069", "expired_card", "expired_card"),
    ("incorrect_cvc", "4000000000000127", "incorrect_cvc", "incorrect_cvc"),
    ("processing_error", "4000000000000119", "processing_error", "processing_error"),
    ("saves_then_declines", "4000000000000341", "card_declined", "generic_decline"),
];

store::both! {
    fn a_declined_card_leaves_the_booking_payable(db) {
        run(db, &[], async |market| {
            let cast = Cast::of(&market).await;
            let id = cast.booked(&market, 600).await;
            for (token, number, code, decline_code) in DECLINING {
                let by_number = json!({ "booking_id": id, "card_details": typed(number) });
                for body in [paying(id, token), by_number] {
                    let answer = market.post(&cast.student, PAY, body).await.refused(400, code);
                    assert!(!answer.text.contains(number), "{}", answer.text);
                    assert_eq!(answer.body["success"], false);
                    assert_eq!(answer.body["error"], answer.body["detail"]);
                    let details = json!({ "code": code, "decline_code": decline_code, "param": null });
                    assert_eq!(answer.body["details"], details);
                    assert_eq!(cast.state(&market, id).await, "CONFIRMED UNPAID");
                    let booking = cast.booking(&market, id).await;
                    assert_eq!(booking["last_payment_error"], answer.body["detail"]);
                    assert_eq!(booking["payment_details"]["amount_paid"], 0.0);
                }
            }
            assert_eq!(charged(&market).await, (0, 0));
            cast.pay(&market, id, "visa").await.expect(200);
            let booking = cast.booking(&market, id).await;
            assert_eq!(booking["last_payment_error"], Value::Null);
            assert_eq!(charged(&market).await, (1, 7_875));
            assert_eq!(cast.payments(&market).await.len(), 1, "one payment, many attempts");
        });
    }

    fn published_numbers_are_accepted_however_they_are_typed(db) {
        run(db, &[], async |market| {
            let cast = Cast::of(&market).await;
            for (number, brand, last_four, begins) in [
                ("4242424242424242", "visa", "4242", 600),
                ("5555-5555-5555-4444", "mastercard", "4444", 700),
                ("3782 822463 10005", "amex", "0005", 800),
                ("4000000000000259", "visa", "0259", 900),
                ("4000000000005126", "visa", "5126", 1_000),
                ("4000000000007726", "visa", "7726", 1_100),
            ] {
                let id = cast.booked(&market, begins).await;
                let body = json!({ "booking_id": id, "card_details": typed(number) });
                let paid = market.post(&cast.student, PAY, body).await.expect(200);
                assert_eq!((&paid.body["card_brand"], &paid.body["card_last4"]), (&json!(brand), &json!(last_four)));
                assert!(!paid.text.contains(number));
            }
        });
    }

    fn other_numbers_are_refused_and_not_repeated(db) {
        run(db, &[], async |market| {
            let cast = Cast::of(&market).await;
            let id = cast.booked(&market, 600).await;
            let number = "4929000000006";
            let body = json!({ "booking_id": id, "card_details": typed(number) });
            let answer = market.post(&cast.student, PAY, body).await.refused(400, "card_not_test");
            assert!(!answer.text.contains(number), "{}", answer.text);
            for (field, value) in [
                ("payment_method_id", json!("4242424242424242")),
                ("saved_payment_method_id", json!("4242424242424242")),
                ("saved_payment_method_id", json!(4_242_424_242_424_242_i64)),
            ] {
                let answer = market.post(&cast.student, PAY, json!({ "booking_id": id, field: value })).await;
                assert!(!answer.text.contains("4242"), "{}", answer.text);
                answer.refused(400, "validation_failed");
            }
            for (field, bad) in [
                ("exp_month", json!(13)), ("exp_month", json!(0)), ("exp_year", json!(2_023)),
                ("cvc", json!("12")), ("cvc", json!("12345")), ("cvc", json!("12a")),
                ("cardholder_name", json!("x".repeat(101))), ("card_number", json!(null)),
            ] {
                let mut card = typed("4242424242424242");
                card[field] = bad;
                let body = json!({ "booking_id": id, "card_details": card });
                let answer = market.post(&cast.student, PAY, body).await.refused(400, "validation_failed");
                assert!(answer.body["details"][format!("card_details.{field}")].is_array(), "{}", answer.text);
            }
            assert_eq!(charged(&market).await, (0, 0));
        });
    }

    fn a_marketplace_may_take_tokens_only(db) {
        run(db, &[("BURSAR_PAYMENTS__RAW_CARD", "tokens")], async |market| {
            let cast = Cast::of(&market).await;
            let id = cast.booked(&market, 600).await;
            let body = json!({ "booking_id": id, "card_details": typed("4242424242424242") });
            let answer = market.post(&cast.student, PAY, body).await.refused(400, "raw_card_disabled");
            assert!(!answer.text.contains("4242"));
            cast.pay(&market, id, "visa").await.expect(200);
        });
    }
}
