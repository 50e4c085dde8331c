use domain::gateway::{Answer, ChargeState, PayoutReportState};
use domain::time::Span;
use gateways::gateway::{CreatePayout, Gateway};
use gateways::sandbox::{Call, CallFault, Fault, Faults, RETURN_TAKES};

use super::{Bench, TIMEOUT, done};

fn script(call: Call, fault: Fault, count: u32) -> Faults {
    Faults { calls: vec![CallFault { call, fault, count }], ..Faults::default() }
}

async fn succeeded(bench: &Bench) -> i64 {
    let books = bench.gateway.books().await.unwrap();
    books.totals.first().map_or(0, |totals| totals.charges)
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_waited_for_and_its_repeat_tells_what_happened() {
    let bench = Bench::new();
    for (fault, charged_meanwhile) in [(Fault::TimeoutExecuted, 1), (Fault::TimeoutNotExecuted, 0)] {
        let before = succeeded(&bench).await;
        bench.gateway.set_faults(script(Call::Charge, fault, 1)).await.unwrap();
        let request = bench.request("pm_card_visa");
        let asked_at = tokio::time::Instant::now();
        let answer = bench.gateway.create_charge(&request).await;
        assert!(matches!(answer, Answer::Unknown(_)), "{answer:?}");
        assert_eq!(asked_at.elapsed(), TIMEOUT);
        assert_eq!(succeeded(&bench).await - before, charged_meanwhile);
        let repeat = done(bench.gateway.create_charge(&request).await);
        assert_eq!(repeat.state, ChargeState::Succeeded);
        assert_eq!(succeeded(&bench).await - before, 1, "charged once in the end");
    }
}

#[tokio::test]
async fn errors_and_limits_execute_nothing() {
    let bench = Bench::new();
    for (fault, pause) in [(Fault::Error500, None), (Fault::RateLimited, Some(1))] {
        let charge = done(bench.charge("pm_card_visa").await);
        bench.gateway.set_faults(script(Call::Refund, fault, 2)).await.unwrap();
        let request = Bench::refund(&charge, 100);
        for _ in 0..2 {
            let Answer::Unknown(unknown) = bench.gateway.create_refund(&request).await else {
                panic!("{fault:?} leaves it open");
            };
            assert_eq!(unknown.retry_after.map(Span::whole_seconds), pause);
        }
        assert_eq!(done(bench.gateway.find_charge(&charge.reference).await).refunded.minor, 0);
        done(bench.gateway.create_refund(&request).await);
    }
}

#[tokio::test]
async fn a_scripted_decline_meets_any_card_but_no_look_up() {
    let bench = Bench::new();
    let charge = done(bench.charge("pm_card_visa").await);
    bench.gateway.set_faults(script(Call::Any, Fault::Declined, 2)).await.unwrap();
    done(bench.gateway.find_charge(&charge.reference).await);
    let refused = bench.gateway.create_refund(&Bench::refund(&charge, 100)).await;
    assert!(matches!(refused, Answer::Declined(_)), "{refused:?}");
    let declined = bench.charge("pm_card_visa").await;
    assert!(matches!(declined, Answer::Declined(_)), "{declined:?}");
    done(bench.charge("pm_card_visa").await);
}

#[tokio::test]
async fn clearing_the_script_ends_it() {
    let bench = Bench::new();
    bench.gateway.set_faults(script(Call::Any, Fault::Error500, 1_000)).await.unwrap();
    assert!(matches!(bench.charge("pm_card_visa").await, Answer::Unknown(_)));
    bench.gateway.set_faults(Faults::default()).await.unwrap();
    done(bench.charge("pm_card_visa").await);
}

#[tokio::test]
async fn the_account_says_how_a_payout_ends() {
    let bench = Bench::new();
    for (account, at_once, later) in [
        ("acct_0000", PayoutReportState::Paid, PayoutReportState::Paid),
        ("acct_0001", PayoutReportState::Failed, PayoutReportState::Failed),
        ("acct_0002", PayoutReportState::Paid, PayoutReportState::Failed),
    ] {
        let sample = bench.request("pm_card_visa");
        let request = CreatePayout {
            key: format!("{}:payout", sample.key),
            tag: sample.tag,
            account: account.to_owned(),
            amount: sample.amount,
        };
        let payout = done(bench.gateway.create_payout(&request).await);
        assert_eq!(payout.state, at_once, "{account}");
        assert_eq!(done(bench.gateway.create_payout(&request).await), payout);
        bench.advance(RETURN_TAKES);
        let found = done(bench.gateway.find_payout(&payout.reference).await);
        assert_eq!(found.state, later, "{account}");
    }
    let books = bench.gateway.books().await.unwrap();
    assert_eq!(books.totals[0].paid_out, 2_000);
    assert_eq!(books.payouts[0].account_ending, "0000");
}
