use axum::body::Body;
use axum::http::{Method, Request};
use serde_json::{Value, json};

use super::{BOOKINGS, CONFIRM, Cast, INTENT, LIST, PAY, charged, paying};
use crate::api::market::{Login, Market, run};

store::both! {
    fn bad_input_is_told_clearly_and_writes_nothing(db) {
        run(db, &[], async |market| {
            let cast = Cast::of(&market).await;
            let id = cast.booked(&market, 600).await;
            let token = json!("pm_card_visa");
            let cases: [(&str, Value, u16); 19] = [
                (PAY, json!({}), 400),
                (PAY, json!([]), 400),
                (PAY, json!("x"), 400),
                (PAY, json!(null), 400),
                (PAY, json!({ "booking_id": null, "payment_method_id": token }), 400),
                (PAY, json!({ "booking_id": "x", "payment_method_id": token }), 400),
                (PAY, json!({ "booking_id": [id], "payment_method_id": token }), 400),
                (PAY, json!({ "booking_id": { "id": id }, "payment_method_id": token }), 400),
                (PAY, json!({ "booking_id": 1.5, "payment_method_id": token }), 400),
                (PAY, json!({ "booking_id": 9_007_199_254_740_992_i64, "payment_method_id": token }), 400),
                (PAY, json!({ "booking_id": u64::MAX, "payment_method_id": token }), 400),
                (PAY, json!({ "booking_id": -1, "payment_method_id": token }), 404),
                (PAY, json!({ "booking_id": 0, "payment_method_id": token }), 404),
                (PAY, json!({ "booking_id": id + 256, "payment_method_id": token }), 404),
                (PAY, json!({ "booking_id": id, "payment_method_id": { "id": "pm_card_visa" } }), 400),
                (PAY, json!({ "booking_id": id, "payment_method_id": "x".repeat(300) }), 400),
                (PAY, json!({ "booking_id": id, "payment_method_id": "pm_\u{0}" }), 400),
                (INTENT, json!({ "session_booking_id": 1e300 }), 400),
                (CONFIRM, json!({ "payment_intent_id": 7 }), 404),
            ];
            for (path, body, status) in cases {
                let text = body.to_string();
                let answer = market.post(&cast.student, path, body).await;
                assert_eq!(answer.status.as_u16(), status, "{text}: {}", answer.text);
                assert_eq!(answer.headers["content-type"], "application/problem+json");
                assert_eq!(answer.body["success"], false, "{}", answer.text);
                assert_eq!(answer.body["error"], answer.body["detail"]);
            }
            assert_eq!(cast.payments(&market).await.len(), 0);
            assert!(market.gateway.books().await.expect("books").charges.is_empty());
        });
    }

    fn what_the_server_owns_is_not_taken_from_a_client(db) {
        run(db, &[], async |market| {
            let cast = Cast::of(&market).await;
            let id = cast.booked(&market, 600).await;
            let mut body = paying(id, "visa");
            for (field, value) in [
                ("amount", json!(0.01)), ("amount_cents", json!(1)), ("payment_status", json!("PAID")),
                ("platform_fee", json!(0)), ("currency", json!("JPY")), ("status", json!("succeeded")),
                ("total_amount", json!("1.00")), ("hourly_rate", json!(0)), ("student", json!("x")),
            ] {
                body[field] = value;
            }
            let paid = market.post(&cast.student, PAY, body).await.expect(200);
            assert_eq!(paid.body["amount_paid"], 78.75);
            assert_eq!(charged(&market).await, (1, 7_875));
        });
    }

    fn a_changed_price_changes_no_booking(db) {
        run(db, &[], async |market| {
            let cast = Cast::of(&market).await;
            let id = cast.booked(&market, 600).await;
            let path = format!("/api/accounts/gigs/{}/", cast.gig.0);
            market.patch(&cast.teacher, &path, json!({ "price_per_session": "500.00" })).await.expect(200);
            let edit = json!({ "end_time": Market::at(605), "hourly_rate": 1, "payment_status": "PAID" });
            let booking = format!("{}{id}/", BOOKINGS);
            market.patch(&cast.student, &booking, edit).await;
            assert_eq!(cast.pay(&market, id, "visa").await.expect(200).body["amount_paid"], 78.75);
        });
    }

    fn nobody_pays_without_a_good_token(db) {
        run(db, &[], async |market| {
            let cast = Cast::of(&market).await;
            let id = cast.booked(&market, 600).await;
            let forged = {
                let (head, _) = cast.student.token.rsplit_once('.').expect("three parts");
                format!("{head}.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
            };
            let none = "eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.".to_owned();
            for token in [String::new(), "x".into(), forged, none] {
                let who = Login { person: cast.student.person.clone(), token };
                for path in [PAY, INTENT, CONFIRM] {
                    let answer = market.post(&who, path, paying(id, "visa")).await.refused(401, "unauthorized");
                    assert!(answer.headers.contains_key("www-authenticate"));
                }
                market.get(&who, LIST).await.refused(401, "unauthorized");
            }
            let answer = market.send(Method::POST, None, PAY, &[], Some(paying(id, "visa"))).await;
            answer.refused(401, "unauthorized");
            assert_eq!(charged(&market).await, (0, 0));
        });
    }

    fn forms_mean_the_same_as_json(db) {
        run(db, &[], async |market| {
            let cast = Cast::of(&market).await;
            let (id, other) = (cast.booked(&market, 600).await, cast.booked(&market, 700).await);
            let form = format!("booking_id={id}&payment_method_id=pm_card_visa&save_payment_method=false");
            let multipart = format!(
                "--b\r\nContent-Disposition: form-data; name=\"booking_id\"\r\n\r\n{other}\r\n\
                 --b\r\nContent-Disposition: form-data; name=\"payment_method_id\"\r\n\r\npm_card_visa\r\n--b--\r\n",
            );
            for (media, body) in [
                ("application/x-www-form-urlencoded", form),
                ("multipart/form-data; boundary=b", multipart),
            ] {
                let request = Request::post(PAY)
                    .header("authorization", format!("token {}", cast.student.token))
                    .header("content-type", media)
                    .body(Body::from(body));
                market.answer(request.expect("valid")).await.expect(200);
            }
            assert_eq!(charged(&market).await, (2, 2 * 7_875));
        });
    }
}
