//! Saved cards through the router.

use std::sync::Arc;

use domain::records::Card;
use gateways::sandbox::{Call, CallFault, Fault, Faults};
use serde_json::{Value, json};

use super::market::{Login, Market, run};

const ADD: &str = "/api/payments/add-payment-method/";
const LIST: &str = "/api/payments/payment-methods/";
const SAVE: &str = "/stripe-payments/payment-methods/save/";
const NUMBER: &str = "4242424242424242";

fn typed(number: &str) -> Value {
    json!({"card_number": number, "exp_month": 12, "exp_year": 2031, "cvc": "123", "cardholder_name": "Sam"})
}

async fn save(market: &Market, who: &Login, token: &str) -> Value {
    let answer = market.post(who, SAVE, json!({"payment_method_id": token})).await.expect(201);
    assert_eq!(answer.body["success"], true);
    answer.body["payment_method"].clone()
}

async fn list(market: &Market, who: &Login) -> Vec<Value> {
    market.get(who, LIST).await.expect(200).body.as_array().expect("a bare array").clone()
}

async fn fail(market: &Market, call: Call, fault: Fault, count: u32) {
    let calls = vec![CallFault { call, fault, count }];
    market.gateway.set_faults(Faults { calls, ..Faults::default() }).await.expect("faults");
}

store::both! {
    fn a_test_number_becomes_a_saved_card(db) {
        run(db, &[], async |market| {
            let sam = market.student("sam").await;
            let answer = market.post(&sam, ADD, typed("4242 4242 4242 4242")).await.expect(200);
            assert_eq!(answer.body["success"], true);
            assert_eq!(answer.body["card_last4"], "4242");
            assert_eq!(answer.body["card_brand"], "visa");
            assert_eq!(answer.body["saved"], true);
            assert!(!answer.text.contains(NUMBER));
            let cards = list(&market, &sam).await;
            assert_eq!(cards.len(), 1);
            let expected = json!({
                "id": cards[0]["id"], "stripe_payment_method_id": answer.body["payment_method_id"],
                "card_brand": "visa", "card_last_four": "4242", "card_exp_month": 12, "card_exp_year": 2034,
                "is_default": true, "display_name": "Visa ****4242 (Default)",
                "created_at": Market::at(0), "updated_at": Market::at(0),
            });
            assert_eq!(cards[0], expected);
            // Shown again, it is the same card.
            let again = json!({"payment_method_id": answer.body["payment_method_id"]});
            let again = market.post(&sam, ADD, again).await.expect(200);
            assert_eq!(again.body["card_last4"], "4242");
            assert_eq!(list(&market, &sam).await.len(), 1);
        });
    }

    fn a_card_can_be_used_once_without_being_saved(db) {
        run(db, &[], async |market| {
            let sam = market.student("sam").await;
            let mut body = typed("5555555555554444");
            body["save_for_future"] = json!(false);
            let answer = market.post(&sam, ADD, body).await.expect(200);
            assert_eq!(answer.body["payment_method_id"], "pm_card_mastercard");
            assert_eq!(answer.body["card_last4"], "4444");
            assert_eq!(answer.body["card_brand"], "mastercard");
            assert_eq!(answer.body["saved"], false);
            assert_eq!(list(&market, &sam).await.len(), 0);
        });
    }

    /// H-18: what is refused is not repeated, and nothing of it is kept.
    fn what_is_not_a_test_card_is_refused_and_not_echoed(db) {
        run(db, &[], async |market| {
            let sam = market.student("sam").await;
            let with = |change: Value| {
                let mut body = typed(NUMBER);
                body.as_object_mut().expect("it is there").extend(change.as_object().expect("it is there").clone());
                body
            };
            let cases = [
                (typed("4111111111111111"), "card_not_test"),
                (typed("hello"), "card_not_test"),
                (with(json!({"exp_month": 13})), "validation_failed"),
                (with(json!({"exp_month": null})), "validation_failed"),
                (with(json!({"exp_year": 2023})), "validation_failed"),
                (with(json!({"cvc": "12"})), "validation_failed"),
                (with(json!({"cvc": "12a"})), "validation_failed"),
                (with(json!({"cardholder_name": "x".repeat(101)})), "validation_failed"),
                (with(json!({"payment_method_id": "pm_card_visa"})), "payment_method_count"),
                (json!({}), "payment_method_count"),
                (json!({"payment_method_id": "4111111111111111"}), "validation_failed"),
                (json!({"payment_method_id": ""}), "validation_failed"),
                (json!({"payment_method_id": "pm card"}), "validation_failed"),
                (typed("4000000000000002"), "card_declined"),
            ];
            for (body, code) in cases {
                let answer = market.post(&sam, ADD, body.clone()).await.refused(400, code);
                assert_eq!(answer.body["success"], false);
                for number in [NUMBER, "4111111111111111", "4000000000000002"] {
                    assert!(!answer.text.contains(number), "{}", answer.text);
                }
            }
            let unknown = market.post(&sam, SAVE, json!({"payment_method_id": "pm_nobody"})).await;
            unknown.refused(404, "not_found");
            assert_eq!(list(&market, &sam).await.len(), 0);
            let nobody = market.send(axum::http::Method::GET, None, LIST, &[], None).await;
            nobody.refused(401, "unauthorized");
        });
    }

    fn without_raw_cards_only_tokens_are_taken(db) {
        run(db, &[("BURSAR_PAYMENTS__RAW_CARD", "tokens")], async |market| {
            let sam = market.student("sam").await;
            for number in [NUMBER, "4111111111111111", "x"] {
                market.post(&sam, ADD, typed(number)).await.refused(400, "raw_card_disabled");
            }
            let gig = market.gig(market.teacher("tina").await.person.id).await.0;
            let pay = json!({"gig_id": gig, "card_details": typed(NUMBER)});
            let answer = market.post(&sam, "/api/payments/process-payment/", pay).await;
            answer.refused(400, "raw_card_disabled");
            market.post(&sam, ADD, json!({"payment_method_id": "pm_card_visa"})).await.expect(200);
        });
    }

    fn the_default_moves_and_deleting_promotes_the_newest(db) {
        run(db, &[], async |market| {
            let sam = market.student("sam").await;
            let first = save(&market, &sam, "pm_card_visa").await;
            market.advance_to(1);
            let second = save(&market, &sam, "pm_card_mastercard").await;
            market.advance_to(2);
            let third = save(&market, &sam, "pm_card_amex").await;
            let order = |cards: &[Value]| -> Vec<Value> { cards.iter().map(|card| card["id"].clone()).collect() };
            let cards = list(&market, &sam).await;
            assert_eq!(order(&cards), [first["id"].clone(), third["id"].clone(), second["id"].clone()]);
            assert_eq!(cards[1]["display_name"], "American Express ****0005");

            let path = format!("{LIST}{}/default/", second["stripe_payment_method_id"].as_str().expect("it is there"));
            let chosen = market.post(&sam, &path, json!({})).await.expect(200);
            assert_eq!(chosen.body["payment_method"]["is_default"], true);
            let path = format!("/stripe-payments/payment-methods/{}/delete/", second["id"]);
            let deleted = market.delete(&sam, &path).await.expect(200);
            assert_eq!(deleted.body["success"], true);
            let cards = list(&market, &sam).await;
            assert_eq!(order(&cards), [third["id"].clone(), first["id"].clone()]);
            assert_eq!(cards[0]["is_default"], true);
            assert_eq!(cards[1]["is_default"], false);
            market.delete(&sam, &path).await.refused(404, "not_found");
            server::jobs::run_until_idle(&market.app).await;
            // Detached: nobody can use it any more.
            let token = json!({"payment_method_id": second["stripe_payment_method_id"]});
            market.post(&sam, SAVE, token).await.refused(404, "not_found");
        });
    }

    fn another_persons_card_does_not_exist(db) {
        run(db, &[], async |market| {
            let (sam, eve) = (market.student("sam").await, market.student("eve").await);
            let card = save(&market, &sam, "pm_card_visa").await;
            let token = card["stripe_payment_method_id"].as_str().expect("it is there");
            for id in [card["id"].to_string(), token.to_string()] {
                market.post(&eve, &format!("{LIST}{id}/default/"), json!({})).await.refused(404, "not_found");
                market.delete(&eve, &format!("{LIST}{id}/delete/")).await.refused(404, "not_found");
            }
            market.post(&eve, SAVE, json!({"payment_method_id": token})).await.refused(404, "not_found");
            market.post(&eve, ADD, json!({"payment_method_id": token})).await.refused(404, "not_found");
            for junk in ["0", "x", "99999999999999999999", "-1"] {
                market.delete(&sam, &format!("{LIST}{junk}/delete/")).await.refused(404, "not_found");
            }
            let tina = market.teacher("tina").await;
            let gig = market.gig(tina.person.id).await.0;
            for method in [json!({"payment_method_id": token}), json!({"saved_payment_method_id": card["id"]})] {
                let mut body = method;
                body["gig_id"] = json!(gig);
                let answer = market.post(&eve, "/api/payments/process-payment/", body).await;
                answer.refused(404, "not_found");
            }
            assert_eq!(list(&market, &eve).await.len(), 0);
            assert_eq!(list(&market, &sam).await.len(), 1);
            assert_eq!(market.gateway.books().await.expect("it is there").charges.len(), 0);
        });
    }

    /// BR-32: one customer a person, whoever was first.
    fn racing_saves_make_one_customer_and_one_default(db) {
        run(db, &[], async |market| {
            let sam = market.student("sam").await;
            let person = sam.person.id;
            let market = Arc::new(market);
            let racers: Vec<_> = (0..6)
                .map(|_| {
                    let (market, sam) = (Arc::clone(&market), sam.clone());
                    tokio::spawn(async move { save(&market, &sam, "pm_card_visa").await })
                })
                .collect();
            for racer in racers {
                racer.await.expect("it is there");
            }
            let cards = market.app.db.read(move |reads| reads.of::<Card>(&person)).await.expect("it is there");
            let customers: std::collections::BTreeSet<&str> =
                cards.iter().map(|card| card.customer.as_str()).collect();
            assert_eq!((cards.len(), customers.len()), (6, 1));
            assert_eq!(cards.iter().filter(|card| card.is_default).count(), 1);
        });
    }

    /// H-13: a gateway that does not answer deletes nothing, and keeps nothing alive.
    fn a_silent_gateway_neither_deletes_nor_blocks(db) {
        run(db, &[], async |market| {
            let sam = market.student("sam").await;
            let card = save(&market, &sam, "pm_card_visa").await;
            fail(&market, Call::Any, Fault::TimeoutNotExecuted, 1).await;
            let answer = market.post(&sam, SAVE, json!({"payment_method_id": "pm_card_amex"})).await;
            let answer = answer.refused(503, "gateway_unavailable");
            assert!(answer.headers.contains_key("retry-after"));
            assert_eq!(list(&market, &sam).await.len(), 1);
            market.delete(&sam, &format!("{LIST}{}/delete/", card["id"])).await.expect(200);
            assert_eq!(list(&market, &sam).await.len(), 0);
            save(&market, &sam, "pm_card_amex").await;
        });
    }

    fn saved_cards_pay_and_new_ones_are_saved_on_the_way(db) {
        run(db, &[], async |market| {
            let (sam, tina) = (market.student("sam").await, market.teacher("tina").await);
            let gig = market.gig(tina.person.id).await.0;
            let pay = "/api/payments/process-payment/";
            let body = json!({"gig_id": gig, "card_details": typed(NUMBER), "save_card": true});
            let answer = market.post(&sam, pay, body).await.expect(200);
            assert!(!answer.text.contains(NUMBER));
            let card = list(&market, &sam).await.pop().expect("saved");
            let saved = card["stripe_payment_method_id"].clone();
            for reference in [
                json!({"saved_payment_method_id": card["id"]}),
                json!({"saved_payment_method_id": saved}),
                json!({"payment_method_id": saved}),
            ] {
                let mut body = reference;
                body["gig_id"] = json!(gig);
                body["save_card"] = json!(false);
                let answer = market.post(&sam, pay, body).await.expect(200);
                assert_eq!(answer.body["used_saved_card"], true);
            }
            // A card that cannot be saved is charged as it is, and the charge says why not.
            let refused = json!({"gig_id": gig, "payment_method_id": "pm_card_declined", "save_card": true});
            market.post(&sam, pay, refused).await.refused(400, "card_declined");
            let both = json!({"gig_id": gig, "payment_method_id": "pm_card_visa", "saved_payment_method_id": card["id"]});
            market.post(&sam, pay, both).await.refused(400, "payment_method_count");
            market.post(&sam, pay, json!({"gig_id": gig})).await.refused(400, "payment_method_count");
            assert_eq!(list(&market, &sam).await.len(), 1);
        });
    }
}
