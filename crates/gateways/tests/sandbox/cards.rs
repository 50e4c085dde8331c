use domain::gateway::{Answer, ChargeState, DisputeReportState, Hint, RefundReportState};
use domain::time::Span;
use gateways::gateway::{ConfirmCharge, CreateCharge, CreateCustomer, Gateway};
use gateways::sandbox::{EVIDENCE_TIME, KEY_WINDOW, REFUND_TAKES};

use super::{Bench, done, usd};

#[tokio::test]
async fn a_declined_charge_stands_in_the_books_and_can_be_paid_otherwise() {
    let bench = Bench::new();
    for (name, code, detail) in [
        ("declined", "card_declined", "generic_decline"),
        ("insufficient_funds", "card_declined", "insufficient_funds"),
        ("lost_card", "card_declined", "lost_card"),
        ("stolen_card", "card_declined", "stolen_card"),
        ("expired_card", "expired_card", "expired_card"),
        ("incorrect_cvc", "incorrect_cvc", "incorrect_cvc"),
        ("processing_error", "processing_error", "processing_error"),
        ("saves_then_declines", "card_declined", "generic_decline"),
    ] {
        let Answer::Declined(decline) = bench.charge(&format!("pm_card_{name}")).await else {
            panic!("{name} must be declined");
        };
        assert_eq!(decline.code, code);
        assert_eq!(decline.decline_code.as_deref(), Some(detail));
        let line = bench.gateway.books().await.unwrap().charges.pop().unwrap();
        assert_eq!((line.state.as_str(), &line.movement), ("needs_method", &None));
        let found = done(bench.gateway.find_charge(&line.id).await);
        let last_decline = Some(decline);
        assert_eq!(found.state, ChargeState::NeedsMethod { last_decline });

        let confirm = ConfirmCharge {
            key: format!("{}:again", line.id),
            reference: line.id,
            method: Some("pm_card_visa".to_owned()),
        };
        let paid = done(bench.gateway.confirm_charge(&confirm).await);
        assert_eq!(paid.state, ChargeState::Succeeded);
    }
}

#[tokio::test]
async fn a_challenge_ends_as_its_card_and_payer_have_it() {
    let bench = Bench::new();
    for (name, passed, expected) in [
        ("three_ds", true, Ok(())),
        ("three_ds", false, Err("authentication_required")),
        ("three_ds_declined", true, Err("card_declined")),
        ("three_ds_declined", false, Err("authentication_required")),
    ] {
        let open = done(bench.charge(&format!("pm_card_{name}")).await);
        assert_eq!(open.state, ChargeState::NeedsAction);
        assert!(open.client_secret.unwrap().starts_with(&open.reference));
        let ended = done(bench.gateway.authenticate(&open.reference, passed).await);
        match (ended.state, expected) {
            (ChargeState::Succeeded, Ok(())) => {}
            (ChargeState::NeedsMethod { last_decline }, Err(code)) => {
                assert_eq!(last_decline.unwrap().code, code);
            }
            (state, _) => panic!("{name}, {passed}: {state:?}"),
        }
        let twice = bench.gateway.authenticate(&open.reference, true).await;
        assert!(matches!(twice, Answer::Rejected(_)), "{twice:?}");
    }
}

#[tokio::test]
async fn a_pending_refund_succeeds_later() {
    let bench = Bench::new();
    let charge = done(bench.charge("pm_card_refund_pending").await);
    let request = Bench::refund(&charge, 500);
    let refund = done(bench.gateway.create_refund(&request).await);
    assert_eq!(refund.state, RefundReportState::Pending);
    let too_much = bench.gateway.create_refund(&Bench::refund(&charge, 1_501)).await;
    assert!(matches!(too_much, Answer::Rejected(_)), "{too_much:?}");
    bench.advance(REFUND_TAKES);
    let settled = done(bench.gateway.find_refund(&refund.reference).await);
    assert_eq!(settled.state, RefundReportState::Succeeded);
    let repeated = done(bench.gateway.create_refund(&request).await);
    assert_eq!(repeated, refund, "a repeat gets the first answer");
}

#[tokio::test]
async fn a_failing_refund_comes_back() {
    let bench = Bench::new();
    let charge = done(bench.charge("pm_card_refund_fails").await);
    let refund = done(bench.gateway.create_refund(&Bench::refund(&charge, 500)).await);
    assert_eq!(refund.state, RefundReportState::Succeeded);
    bench.gateway.settle_due(bench.now() + REFUND_TAKES).await.unwrap();
    let failed = done(bench.gateway.find_refund(&refund.reference).await);
    assert_eq!(failed.state, RefundReportState::Failed);
    assert!(failed.failure.is_some());
    let charge = done(bench.gateway.find_charge(&charge.reference).await);
    assert_eq!(charge.refunded, usd(0));
}

/// The reference of the newest dispute, as its webhook tells it.
async fn disputed(bench: &Bench) -> (String, String) {
    let charge = done(bench.charge("pm_card_disputed").await);
    assert_eq!(charge.state, ChargeState::Succeeded);
    let line = bench.gateway.books().await.unwrap().disputes.pop().unwrap();
    assert_eq!(line.charge, charge.reference);
    (line.id, charge.reference)
}

#[tokio::test]
async fn evidence_decides_a_dispute() {
    let bench = Bench::new();
    for (evidence, expected) in [
        ("a winning_evidence", DisputeReportState::Won),
        ("losing_evidence", DisputeReportState::Lost),
        ("a letter", DisputeReportState::UnderReview),
    ] {
        let (reference, _) = disputed(&bench).await;
        let open = done(bench.gateway.find_dispute(&reference).await);
        assert_eq!(open.state, DisputeReportState::NeedsEvidence);
        let answered = bench.gateway.submit_evidence(&reference, evidence).await;
        assert_eq!(done(answered).state, expected);
        let late = done(bench.gateway.submit_evidence(&reference, "winning_evidence").await);
        let still_open = expected == DisputeReportState::UnderReview;
        let after = if still_open { DisputeReportState::Won } else { expected };
        assert_eq!(late.state, after, "what is closed stays closed");
    }
}

#[tokio::test]
async fn an_unanswered_dispute_is_lost_and_blocks_refunds() {
    let bench = Bench::new();
    let (reference, charge) = disputed(&bench).await;
    let charge = done(bench.gateway.find_charge(&charge).await);
    let refused = bench.gateway.create_refund(&Bench::refund(&charge, 1)).await;
    assert!(matches!(refused, Answer::Rejected(_)), "{refused:?}");
    bench.advance(EVIDENCE_TIME);
    let lost = done(bench.gateway.find_dispute(&reference).await);
    assert_eq!(lost.state, DisputeReportState::Lost);
    assert_eq!(bench.gateway.books().await.unwrap().totals[0].disputed, 2_000);
}

#[tokio::test]
async fn cards_that_decline_at_once_cannot_be_saved() {
    let bench = Bench::new();
    let request = CreateCustomer {
        key: "test:customer".to_owned(),
        person: "p".to_owned(),
        email: "p@example.org".to_owned(),
        name: "P".to_owned(),
    };
    let customer = done(bench.gateway.create_customer(&request).await);
    assert_eq!(done(bench.gateway.create_customer(&request).await), customer);
    let declined = bench.gateway.attach_card(&customer, "pm_card_expired_card").await;
    assert!(matches!(declined, Answer::Declined(_)), "{declined:?}");

    let saved = bench.gateway.attach_card(&customer, "pm_card_saves_then_declines").await;
    let saved = done(saved);
    assert_eq!(saved.face.last_four, "0341");
    let charge = CreateCharge { customer: Some(customer.clone()), ..bench.request(&saved.token) };
    let declined = bench.gateway.create_charge(&charge).await;
    assert!(matches!(declined, Answer::Declined(_)), "{declined:?}");

    let other = done(bench.gateway.attach_card(&customer, "pm_card_saves_then_declines").await);
    assert_ne!(other.token, saved.token, "each attachment is a token of its own");
    let same = done(bench.gateway.attach_card(&customer, &saved.token).await);
    assert_eq!(same, saved);
    done(bench.gateway.detach_card(&saved.token).await);
    done(bench.gateway.detach_card(&saved.token).await);
    let webhooks = bench.core.due_webhooks(bench.now()).await.unwrap();
    let detached = webhooks.iter().filter(|w| w.body.contains("payment_method.detached"));
    assert_eq!(detached.count(), 1);

    done(bench.gateway.delete_customer(&customer).await);
    let webhooks = bench.core.due_webhooks(bench.now()).await.unwrap();
    let detached = webhooks.iter().filter(|w| w.body.contains("payment_method.detached"));
    assert_eq!(detached.count(), 1, "the other card went with the customer");
    let gone = bench.gateway.attach_card(&customer, "pm_card_saves_then_declines").await;
    assert!(matches!(gone, Answer::Rejected(_)), "{gone:?}");
    done(bench.gateway.delete_customer(&customer).await);
    let nobody = bench.gateway.delete_customer("cus_nobody").await;
    assert!(matches!(nobody, Answer::Rejected(_)), "{nobody:?}");
}

#[tokio::test]
async fn a_key_is_honoured_for_its_window_only() {
    let bench = Bench::new();
    let request = bench.request("pm_card_visa");
    let first = done(bench.gateway.create_charge(&request).await);
    bench.advance(Span(KEY_WINDOW.0 - Span::SECOND.0));
    assert_eq!(done(bench.gateway.create_charge(&request).await), first);
    bench.advance(Span::SECOND);
    let second = done(bench.gateway.create_charge(&request).await);
    assert_ne!(second.reference, first.reference, "a blind repeat charges twice");
}

#[tokio::test]
async fn nonsense_is_rejected_and_leaves_no_trace() {
    let bench = Bench::new();
    let good = bench.request("pm_card_visa");
    for nonsense in [
        CreateCharge { amount: usd(0), ..good.clone() },
        CreateCharge { amount: usd(-1), ..good.clone() },
        CreateCharge { method: None, ..good.clone() },
        CreateCharge { method: Some("pm_card_nobody".to_owned()), ..good.clone() },
        CreateCharge { method: Some("4242424242424242".to_owned()), ..good.clone() },
        CreateCharge { customer: Some("cus_nobody".to_owned()), ..good.clone() },
    ] {
        let answer = bench.gateway.create_charge(&nonsense).await;
        assert!(matches!(answer, Answer::Rejected(_)), "{answer:?}");
    }
    assert!(bench.gateway.books().await.unwrap().charges.is_empty());
    done(bench.gateway.create_charge(&good).await);
}

#[tokio::test]
async fn events_point_at_what_they_are_about() {
    let bench = Bench::new();
    let (dispute, charge) = disputed(&bench).await;
    let webhooks = bench.core.due_webhooks(bench.now()).await.unwrap();
    let hints: Vec<Hint> = webhooks.iter().map(|w| super::webhooks::receive(&bench, w).hint).collect();
    let reference = charge.clone();
    let charge = Some(charge);
    let paid = Hint::Charge { reference, succeeded: true };
    assert_eq!(hints, [paid, Hint::Dispute { reference: dispute, charge }]);
}
