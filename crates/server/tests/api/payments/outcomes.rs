use domain::operations::{Claim, Claimed, Step};
use domain::time::Span;
use gateways::sandbox::{Call, Fault};
use serde_json::{Value, json};
use server::clock::Clock;
use server::protocol::Protocol;

use super::{BOOKINGS, CONFIRM, Cast, PAY, charged, fail, recover_for};
use crate::api::market::{Answer, Market, run};

/// 504 with the members that lead on.
async fn unknown(market: &Market, cast: &Cast, answer: Answer) -> String {
    let answer = answer.refused(504, "outcome_unknown");
    assert_eq!(answer.body["status"], 504);
    assert_eq!(answer.body["payment_status"], "PROCESSING");
    assert!(answer.headers.contains_key("retry-after"));
    let poll = format!("/api/payments/payments/{}/", answer.body["payment_id"]);
    assert_eq!(answer.body["poll_url"], poll.as_str());
    let payment = market.get(&cast.student, &poll).await.expect(200);
    assert_eq!(payment.body["status"], "PROCESSING");
    poll
}

fn challenge(id: i64, card: &str) -> Value {
    json!({ "booking_id": id, "payment_method_id": format!("pm_card_{card}"), "allow_action": true })
}

async fn confirm(market: &Market, cast: &Cast, reference: &Value) -> Answer {
    market.post(&cast.student, CONFIRM, json!({ "payment_intent_id": reference })).await
}

/// What the gateway says of its newest charge.
async fn newest(market: &Market) -> String {
    let books = market.gateway.books().await.expect("books");
    books.charges.last().expect("a charge").state.clone()
}

store::both! {
    fn a_charge_whose_answer_is_lost_is_found_again(db) {
        run(db, &[], async |market| {
            let cast = Cast::of(&market).await;
            let id = cast.booked(&market, 600).await;
            let answer = cast.pay(&market, id, "timeout_charged").await;
            let poll = unknown(&market, &cast, answer).await;
            assert_eq!(cast.state(&market, id).await, "CONFIRMED PENDING");
            // Another card does not begin another charge.
            let again = cast.pay(&market, id, "visa").await;
            assert_eq!(unknown(&market, &cast, again).await, poll);
            recover_for(&market, 10).await;
            assert_eq!(market.get(&cast.student, &poll).await.body["status"], "COMPLETED");
            assert_eq!(cast.state(&market, id).await, "CONFIRMED PAID");
            cast.pay(&market, id, "visa").await.refused(400, "already_paid");
            assert_eq!(charged(&market).await, (1, 7_875));
        });
    }

    fn a_charge_that_never_was_can_be_tried_again(db) {
        run(db, &[], async |market| {
            let cast = Cast::of(&market).await;
            let id = cast.booked(&market, 600).await;
            let answer = cast.pay(&market, id, "timeout_uncharged").await;
            let poll = unknown(&market, &cast, answer).await;
            recover_for(&market, 10).await;
            assert_eq!(market.get(&cast.student, &poll).await.body["status"], "FAILED");
            assert_eq!(cast.state(&market, id).await, "CONFIRMED UNPAID");
            cast.pay(&market, id, "visa").await.expect(200);
            assert_eq!(charged(&market).await, (1, 7_875));
        });
    }

    /// Between the claim and the call a machine may sleep, and somebody else may hold the operation then.
    fn a_node_that_stood_still_past_its_lease_does_not_call(db) {
        run(db, &[], async |market| {
            let cast = Cast::of(&market).await;
            let id = cast.booked(&market, 600).await;
            fail(&market, Call::Charge, Fault::TimeoutNotExecuted).await;
            let answer = cast.pay(&market, id, "visa").await;
            unknown(&market, &cast, answer).await;
            let soon = market.clock.now() + Span::HOUR;
            let due = market.app.db.read(move |reads| reads.due_ops(soon, 10)).await.expect("a database");
            let rail = Protocol::rail(market.gateway.as_ref());
            let claim = Claim { op: due[0].id, rail, cancel: false, at_once: true };
            let claimed = market.app.db.submit(claim).await.expect("nobody holds it");
            let Claimed::Go(ticket) = claimed else { panic!("{claimed:?}") };
            assert!(market.clock.now() < ticket.until);
            market.clock.set(ticket.until);
            let late = market.app.protocol.drive_charge(*ticket, None).await.expect("a database");
            assert_eq!(late.step, Step::Unknown);
            assert_eq!(charged(&market).await, (0, 0));
            assert!(market.gateway.books().await.expect("books").charges.is_empty(), "nothing left");
            recover_for(&market, 10).await;
            assert_eq!(cast.state(&market, id).await, "CONFIRMED PAID");
            assert_eq!(charged(&market).await, (1, 7_875));
        });
    }

    fn a_gateway_in_trouble_never_charges_twice(db) {
        run(db, &[], async |market| {
            let cast = Cast::of(&market).await;
            let mut begins = 600;
            for fault in [
                Fault::TimeoutExecuted, Fault::TimeoutNotExecuted, Fault::Error500, Fault::RateLimited,
            ] {
                let id = cast.booked(&market, begins).await;
                begins += 100;
                fail(&market, Call::Charge, fault).await;
                let answer = cast.pay(&market, id, "visa").await;
                assert!([502, 503, 504].contains(&answer.status.as_u16()), "{fault:?}: {}", answer.text);
                recover_for(&market, 10).await;
                if cast.state(&market, id).await == "CONFIRMED UNPAID" {
                    cast.pay(&market, id, "visa").await.expect(200);
                }
                assert_eq!(cast.state(&market, id).await, "CONFIRMED PAID", "{fault:?}");
            }
            assert_eq!(charged(&market).await, (4, 4 * 7_875));
        });
    }

    fn a_challenge_is_finished_by_the_payer(db) {
        run(db, &[], async |market| {
            let cast = Cast::of(&market).await;
            let id = cast.booked(&market, 600).await;
            let asked = market.post(&cast.student, PAY, challenge(id, "three_ds")).await.expect(202);
            let reference = &asked.body["payment_intent_id"];
            assert_eq!(asked.body, json!({
                "success": false, "message": "The card needs your authentication.",
                "status": "requires_action", "requires_action": true,
                "client_secret": asked.body["client_secret"], "payment_intent_id": reference,
                "payment_id": asked.body["payment_id"],
            }));
            assert!(asked.body["client_secret"].is_string() && reference.is_string(), "{}", asked.text);
            assert_eq!(cast.state(&market, id).await, "CONFIRMED PENDING");
            let waiting = confirm(&market, &cast, reference).await.expect(200);
            assert_eq!(waiting.body["status"], "requires_action");
            assert_eq!(waiting.body["client_secret"], asked.body["client_secret"]);
            market.gateway.authenticate(reference.as_str().expect("text"), true).await;
            let done = confirm(&market, &cast, reference).await.expect(200);
            assert_eq!(done.body, json!({
                "success": true, "message": "Payment confirmed", "status": "succeeded",
                "requires_action": false, "client_secret": null,
                "payment_id": asked.body["payment_id"], "booking_id": id,
            }));
            assert_eq!(confirm(&market, &cast, reference).await.expect(200).body, done.body);
            assert_eq!(cast.state(&market, id).await, "CONFIRMED PAID");
            assert_eq!(charged(&market).await, (1, 7_875));
        });
    }

    fn without_a_client_for_it_a_challenge_is_ended(db) {
        run(db, &[], async |market| {
            let cast = Cast::of(&market).await;
            let id = cast.booked(&market, 600).await;
            let answer = cast.pay(&market, id, "three_ds").await.refused(400, "authentication_required");
            assert_eq!(answer.body["success"], false);
            assert_eq!(newest(&market).await, "cancelled");
            assert_eq!(cast.state(&market, id).await, "CONFIRMED UNPAID");
            cast.pay(&market, id, "visa").await.expect(200);
            assert_eq!(charged(&market).await, (1, 7_875));
        });
    }

    fn a_failed_challenge_leaves_the_booking_payable(db) {
        run(db, &[], async |market| {
            let cast = Cast::of(&market).await;
            for (card, passes, begins) in [("three_ds", false, 600), ("three_ds_declined", true, 700)] {
                let id = cast.booked(&market, begins).await;
                let asked = market.post(&cast.student, PAY, challenge(id, card)).await.expect(202);
                let reference = &asked.body["payment_intent_id"];
                market.gateway.authenticate(reference.as_str().expect("text"), passes).await;
                let told = confirm(&market, &cast, reference).await.expect(400);
                assert!(told.body["details"]["code"].is_string(), "{}", told.text);
                assert_eq!(cast.state(&market, id).await, "CONFIRMED UNPAID", "{card}");
                cast.pay(&market, id, "visa").await.expect(200);
            }
            assert_eq!(charged(&market).await, (2, 2 * 7_875));
        });
    }

    fn an_abandoned_challenge_neither_blocks_nor_doubles(db) {
        run(db, &[], async |market| {
            let cast = Cast::of(&market).await;
            let id = cast.booked(&market, 600).await;
            let asked = market.post(&cast.student, PAY, challenge(id, "three_ds")).await.expect(202);
            cast.pay(&market, id, "visa").await.expect(200);
            // The payer finishes the old one after all: it was ended.
            market.gateway.authenticate(asked.body["payment_intent_id"].as_str().expect("text"), true).await;
            recover_for(&market, 3).await;
            assert_eq!(charged(&market).await, (1, 7_875));
            assert_eq!(cast.state(&market, id).await, "CONFIRMED PAID");
        });
    }

    fn a_challenge_nobody_answers_runs_out(db) {
        run(db, &[], async |market| {
            let cast = Cast::of(&market).await;
            let id = cast.booked(&market, 600).await;
            market.post(&cast.student, PAY, challenge(id, "three_ds")).await.expect(202);
            recover_for(&market, 32).await;
            assert_eq!(newest(&market).await, "cancelled");
            assert_eq!(cast.state(&market, id).await, "CONFIRMED UNPAID");
        });
    }

    fn money_for_a_booking_cancelled_meanwhile_goes_back(db) {
        run(db, &[], async |market| {
            let cast = Cast::of(&market).await;
            let id = cast.booked(&market, 600).await;
            cast.pay(&market, id, "timeout_charged").await.refused(504, "outcome_unknown");
            let path = format!("{BOOKINGS}{id}/cancel/");
            market.post(&cast.student, &path, json!({ "reason": "ill" })).await.expect(200);
            recover_for(&market, 20).await;
            let books = market.gateway.books().await.expect("books");
            let left: i64 = books.totals.iter().map(|totals| totals.charged - totals.refunded).sum();
            assert_eq!(left, 0);
            assert_eq!(cast.booking(&market, id).await["status"], "CANCELLED");
            cast.pay(&market, id, "visa").await.refused(400, "booking_cancelled");
        });
    }

    fn another_s_intent_cannot_be_confirmed(db) {
        run(db, &[], async |market| {
            let cast = Cast::of(&market).await;
            let id = cast.booked(&market, 600).await;
            let asked = market.post(&cast.student, PAY, challenge(id, "three_ds")).await.expect(202);
            let body = json!({ "payment_intent_id": asked.body["payment_intent_id"] });
            market.post(&cast.teacher, CONFIRM, body).await.refused(404, "not_found");
            let nothing = json!({ "payment_intent_id": "pi_nobody" });
            market.post(&cast.student, CONFIRM, nothing).await.refused(404, "not_found");
        });
    }

}
