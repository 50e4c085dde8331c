//! Status, preview and lists: what somebody sees before, while and after money goes back.

use serde_json::{Value, json};

use super::{ASK, BY_HAND, Cast, REQUESTS, ask, given, shown, verified};
use crate::api::market::{Login, Market, run};

async fn status(market: &Market, who: &Login, payment: i64) -> Value {
    market.get(who, &format!("/api/payments/refund/status/{payment}/")).await.expect(200).body
}

async fn preview(market: &Market, who: &Login, payment: i64, query: &str) -> super::Answer {
    market.get(who, &format!("/api/payments/refund/preview/{payment}/{query}")).await
}

store::both! {
    fn the_status_says_who_decides_and_why(db) {
        run(db, &[], async |market| {
            let cast = Cast::of(&market).await;
            let paid = cast.paid(&market, 600).await;
            let fresh = status(&market, &cast.student, paid.payment).await;
            assert_eq!(fresh, json!({
                "success": true, "payment_id": paid.payment, "payment_status": "COMPLETED",
                "booking_status": "CONFIRMED", "can_request_refund": true, "refundable_amount": 78.75,
                "currency": "USD", "refund_requests": [],
                "refund_eligibility": {
                    "automatic": true, "manual_review": false,
                    "reason": "The session is not over: a refund is sent at once.",
                },
            }));
            assert_eq!(status(&market, &cast.teacher, paid.payment).await, fresh);
            ask(&market, &cast.student, &paid, "20.00").await.expect(200);
            market.advance_to(690);
            let over = status(&market, &cast.student, paid.payment).await;
            let expected = json!(["PARTIALLY_REFUNDED", 58.75]);
            assert_eq!(shown(&over, ["payment_status", "refundable_amount"]), expected);
            assert_eq!(over["refund_eligibility"], json!({
                "automatic": false, "manual_review": true,
                "reason": "The session is over: an administrator decides.",
            }));
            let refunded = &over["refund_requests"][0];
            assert_eq!(shown(refunded, ["amount_refunded", "status"]), json!([20.0, "PROCESSED"]));
            assert!(refunded["refunded_at"].is_string());
            ask(&market, &cast.student, &paid, "58.75").await.expect(200);
            let waiting = status(&market, &cast.student, paid.payment).await;
            assert_eq!((&waiting["can_request_refund"], &waiting["refund_eligibility"]["reason"]),
                (&json!(false), &json!("A request is waiting for a decision.")));
            let stranger = market.student("olga").await;
            let path = format!("/api/payments/refund/status/{}/", paid.payment);
            market.get(&stranger, &path).await.refused(404, "not_found");
            for nothing in ["0", "-1", "x", "256000256"] {
                let path = format!("/api/payments/refund/status/{nothing}/");
                market.get(&cast.student, &path).await.refused(404, "not_found");
            }
        });
    }

    /// The same decision as the refund that follows, posting by posting.
    fn the_preview_is_what_then_happens(db) {
        run(db, &[], async |market| {
            let cast = Cast::of(&market).await;
            let admin = market.admin().await;
            let paid = cast.paid(&market, 600).await;
            let told_everybody = json!({
                "success": true, "payment_id": paid.payment, "refund_type": "automatic",
                "refund_amount": 20.0, "refund_amount_cents": 2_000, "platform_fee_returned": 0.95,
                "teacher_share_returned": 19.05, "subsidy_returned": 0.0, "refundable_after": 58.75,
                "currency": "USD",
            });
            let postings = json!([
                { "account": "payee:pending", "side": "debit", "amount": 19.05, "amount_cents": 1_905 },
                { "account": "fees", "side": "debit", "amount": 0.95, "amount_cents": 95 },
                { "account": "clearing:sandbox", "side": "credit", "amount": 20.0, "amount_cents": 2_000 },
            ]);
            let amount = "?amount_dollars=20.00";
            let told = preview(&market, &cast.student, paid.payment, amount).await.expect(200);
            assert_eq!(told.body, told_everybody, "where the teacher's money is, is not the student's business");
            let mut with_postings = told_everybody;
            with_postings["postings"] = postings;
            for who in [&cast.teacher, &admin] {
                let told = preview(&market, who, paid.payment, amount).await.expect(200);
                assert_eq!(told.body, with_postings);
            }
            let all = preview(&market, &cast.student, paid.payment, "").await.expect(200).body;
            assert_eq!(shown(&all, ["refund_amount", "platform_fee_returned"]), json!([78.75, 3.75]));
            assert_eq!(status(&market, &cast.student, paid.payment).await["refund_requests"], json!([]));
            assert_eq!(given(&market).await, (0, 0));
            ask(&market, &cast.student, &paid, "20.00").await.expect(200);
            let rest = preview(&market, &cast.student, paid.payment, "").await.expect(200).body;
            let expected = json!([2.8, 55.95]);
            assert_eq!(shown(&rest, ["platform_fee_returned", "teacher_share_returned"]), expected);
            for (query, code) in [
                ("?amount_dollars=58.76", "refund_exceeds_remaining"),
                ("?amount_dollars=0", "not_refundable"),
                ("?amount_dollars=-1", "validation_failed"),
                ("?amount_dollars=NaN", "validation_failed"),
            ] {
                preview(&market, &cast.student, paid.payment, query).await.refused(400, code);
            }
            let stranger = market.student("olga").await;
            preview(&market, &stranger, paid.payment, "").await.refused(404, "not_found");
            verified(&market).await;
        });
    }

    fn h_17_everybody_sees_his_own_refunds_page_by_page(db) {
        run(db, &[BY_HAND], async |market| {
            let cast = Cast::of(&market).await;
            let (stranger, admin) = (market.student("olga").await, market.admin().await);
            let mut ids = Vec::new();
            for (number, begins) in (1..).zip([600, 700, 800]) {
                let paid = cast.paid(&market, begins).await;
                market.clock.set(market.app.clock.now() + domain::time::Span::SECOND);
                ids.insert(0, cast.requested(&market, &paid, &format!("{number}.00")).await);
            }
            let listed = async |who: &Login, path: &str| -> Vec<i64> {
                let body = market.get(who, path).await.expect(200).body;
                let rows = if body.is_array() { body.clone() } else { body["refund_requests"].clone() };
                rows.as_array().expect("rows").iter().map(|row| row["id"].as_i64().expect("an id")).collect()
            };
            for path in [ASK, REQUESTS] {
                assert_eq!(listed(&cast.student, path).await, ids);
                for who in [&stranger, &cast.teacher] {
                    assert!(listed(who, path).await.is_empty());
                }
            }
            assert_eq!(listed(&admin, REQUESTS).await, ids);
            assert!(listed(&admin, ASK).await.is_empty(), "not one of his own");
            let first = market.get(&admin, &format!("{REQUESTS}?limit=2")).await.expect(200);
            let next = first.headers["link"].to_str().expect("text").to_owned();
            let next = next.trim_start_matches('<').split('>').next().expect("a path").to_owned();
            assert_eq!(listed(&admin, &next).await, ids[2..]);
            let one = format!("{REQUESTS}{}/", ids[0]);
            market.get(&stranger, &one).await.refused(404, "not_found");
            market.get(&cast.teacher, &one).await.refused(404, "not_found");
            assert_eq!(market.get(&cast.student, &one).await.expect(200).body["requested_amount_cents"], 300);
            let own = market.get(&cast.student, ASK).await.expect(200).body;
            assert_eq!(own["refund_requests"][0]["booking_details"]["teacher_name"], "tina Example");
            assert_eq!(own["refund_requests"][0]["amount_requested"], 3.0);
            let reject = json!({ "ids": ids[..1], "action": "reject" });
            market.post(&admin, &format!("{REQUESTS}bulk/"), reject).await.expect(200);
            assert_eq!(listed(&admin, &format!("{REQUESTS}?status=PENDING")).await, ids[1..]);
            assert_eq!(listed(&cast.student, &format!("{REQUESTS}?status=rejected")).await, ids[..1]);
        });
    }
}
