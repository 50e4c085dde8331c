//! What the gateway makes of it: it says no, nothing, later, or the opposite.

use gateways::sandbox::Fault;
use serde_json::{Value, json};

use super::{ASK, Cast, Paid, REQUESTS, all_of, ask, fail, given, recover_for, shown, verified};
use crate::api::market::{Market, run};

async fn status(market: &Market, cast: &Cast, paid: &Paid) -> Value {
    let path = format!("/api/payments/refund/status/{}/", paid.payment);
    market.get(&cast.student, &path).await.expect(200).body
}

store::both! {
    /// H-8: it is never shown done before somebody knows.
    fn a_refund_whose_answer_is_lost_is_told_so_and_sent_once(db) {
        run(db, &[], async |market| {
            let cast = Cast::of(&market).await;
            let mut begins = 600;
            let faults = [(Fault::TimeoutExecuted, 1), (Fault::TimeoutNotExecuted, 0), (Fault::Error500, 0)];
            for (fault, made) in faults {
                let paid = cast.paid(&market, begins).await;
                begins += 100;
                let before = given(&market).await;
                fail(&market, fault).await;
                let lost = ask(&market, &cast.student, &paid, "20.00").await.refused(504, "outcome_unknown");
                assert_eq!(shown(&lost.body, ["payment_id", "success"]), json!([paid.payment, false]));
                let poll = lost.body["poll_url"].as_str().expect("a url");
                let seen = market.get(&cast.student, poll).await.expect(200).body;
                assert_eq!(seen["refund_requests"][0]["status"], "APPROVED");
                assert_eq!(seen["refund_requests"][0]["amount_refunded"], 0.0);
                assert_eq!(given(&market).await.0, before.0 + made, "{fault:?}");
                ask(&market, &cast.student, &paid, "20.00").await;
                recover_for(&market, 5).await;
                let seen = market.get(&cast.student, poll).await.expect(200).body;
                assert_eq!(seen["refund_requests"][0]["status"], "PROCESSED", "{fault:?}");
                assert_eq!(given(&market).await, (before.0 + 1, before.1 + 2_000), "{fault:?}");
            }
            verified(&market).await;
        });
    }

    /// BR-47: failed, what remains is restored, the payment is untouched; an administrator tries again.
    fn br_47_a_refused_refund_is_failed_and_tried_again(db) {
        run(db, &[], async |market| {
            let cast = Cast::of(&market).await;
            let admin = market.admin().await;
            let paid = cast.paid(&market, 600).await;
            fail(&market, Fault::Declined).await;
            let told = ask(&market, &cast.student, &paid, "78.75").await.refused(400, "refund_failed");
            let id = told.body["refund_request_id"].as_i64().expect("an id");
            let seen = status(&market, &cast, &paid).await;
            assert_eq!((&seen["payment_status"], &seen["refund_requests"][0]["status"]),
                (&json!("COMPLETED"), &json!("FAILED")));
            assert_eq!(seen["refundable_amount"], 78.75);
            assert_eq!(cast.state(&market, &paid).await, "CONFIRMED PAID");
            assert_eq!(given(&market).await, (0, 0));
            fail(&market, Fault::Declined).await;
            let process = format!("{REQUESTS}{id}/process/");
            market.post(&admin, &process, json!({})).await.refused(400, "refund_failed");
            let done = market.post(&admin, &process, json!({})).await.expect(200).body;
            assert_eq!(shown(&done, ["status", "amount_refunded"]), json!(["PROCESSED", 78.75]));
            assert_eq!(cast.state(&market, &paid).await, "CANCELLED REFUNDED");
            assert_eq!(given(&market).await, (1, 7_875));
            verified(&market).await;
        });
    }

    fn a_pending_refund_is_on_its_way_until_the_gateway_says_so(db) {
        run(db, &[], async |market| {
            let cast = Cast::of(&market).await;
            let paid = cast.paid_with(&market, 600, "refund_pending").await;
            let told = market.post(&cast.student, ASK, all_of(&paid)).await.expect(200);
            let expected = json!(["APPROVED", "The money is on its way."]);
            assert_eq!(shown(&told.body, ["refund_status", "message"]), expected);
            assert_eq!(cast.state(&market, &paid).await, "CONFIRMED PAID");
            let again = ask(&market, &cast.student, &paid, "1.00").await.expect(200);
            assert_eq!(again.body["already_requested"], true);
            recover_for(&market, 5).await;
            assert_eq!(cast.state(&market, &paid).await, "CANCELLED REFUNDED");
            assert_eq!(given(&market).await, (1, 7_875));
            verified(&market).await;
        });
    }

    /// H-19 has its room; here: the gateway refuses, nothing is lost.
    fn h_8_a_gateway_that_refuses_leaves_nothing_reserved(db) {
        run(db, &[], async |market| {
            let cast = Cast::of(&market).await;
            let paid = cast.paid(&market, 600).await;
            for _ in 0..3 {
                fail(&market, Fault::Declined).await;
                let body = all_of(&paid);
                market.post(&cast.student, ASK, body).await.refused(400, "refund_failed");
            }
            assert_eq!(status(&market, &cast, &paid).await["refundable_amount"], 78.75);
            let cancelled = cast.cancel(&market, &cast.teacher, &paid).await;
            assert_eq!(cancelled.body["refund"]["status"], "processed");
            assert_eq!(given(&market).await, (1, 7_875));
            verified(&market).await;
        });
    }
}
