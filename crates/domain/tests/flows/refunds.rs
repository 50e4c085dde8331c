//! Money back: when it works, fails, comes back, and where the payee's part of it is taken from.

use domain::gateway::{Answer, ChargeState, RefundReportState};
use domain::ledger::Account;
use domain::operations::{Heard, Step};
use domain::policy::{Policies, RefundFeePolicy};
use domain::records::{BookingState, OpState, PaymentState, RefundState};
use domain::refusal::Refusal;
use domain::time::Span;

use crate::support::*;

#[test]
fn cancelling_a_paid_booking_gives_everything_back() {
    let mut shop = Shop::default();
    let (booking, payment) = shop.paid();
    let cancelled = shop.cancel(booking);
    let (refund, op) = cancelled.refund.unwrap();
    assert_eq!(shop.balance(&clearing()), (7_875, -7_875), "under way");
    assert_eq!(shop.payment(payment).state, PaymentState::Completed, "until the gateway says so");
    assert_eq!(shop.cancel(booking).refund, Some((refund, op)), "asking again tells the same");
    assert_eq!(shop.settle(op, RefundReportState::Pending), Step::Waiting);
    shop.settle(op, RefundReportState::Succeeded);
    shop.settle(op, RefundReportState::Succeeded);
    assert_eq!(shop.payment(payment).state, PaymentState::Refunded);
    assert_eq!(shop.balance(&clearing()), (0, 0));
    assert_eq!(shop.balance(&Account::Fees), (0, 0));
    assert_eq!(shop.payee(), [0, 0, 0]);
}

/// E10.
#[test]
fn parts_take_fee_and_share_in_proportion_and_change_no_booking() {
    let mut shop = Shop::default();
    let (booking, payment) = shop.paid();
    let (first, op) = shop.give(payment, 2_000).unwrap();
    assert_eq!((shop.refund(first).fee_minor, shop.refund(first).share_minor), (95, 1_905));
    shop.settle(op, RefundReportState::Succeeded);
    assert_eq!(shop.booking(booking).state, BookingState::Confirmed);
    assert_eq!(shop.payment(payment).state, PaymentState::PartiallyRefunded);
    assert_eq!(shop.give(payment, 5_876).unwrap_err(), Refusal::RefundExceedsRemaining);
    assert!(matches!(shop.give(payment, 0).unwrap_err(), Refusal::Invalid(_)), "H-6");
    let (second, op) = shop.give(payment, 5_875).unwrap();
    assert_eq!((shop.refund(second).fee_minor, shop.refund(second).share_minor), (280, 5_595));
    shop.settle(op, RefundReportState::Succeeded);
    assert_eq!(shop.booking(booking).state, BookingState::Cancelled, "BR-44");
    assert_eq!(shop.payee(), [0, 0, 0]);
}

#[test]
fn a_failed_refund_restores_what_remains() {
    let mut shop = Shop::default();
    let (_, payment) = shop.paid();
    let (refund, op) = shop.give(payment, 7_875).unwrap();
    shop.hear_refund(op, silence());
    assert_eq!(shop.op(op).state, OpState::Unknown);
    assert_eq!(shop.give(payment, 1).unwrap_err(), Refusal::RefundExceedsRemaining);
    shop.hear_refund(op, Heard::Answer(Answer::Rejected("no".into())));
    assert_eq!(shop.refund(refund).state, RefundState::Failed);
    assert_eq!(shop.payment(payment).refundable_left(), usd(7_875));
    assert_eq!(shop.payee(), [-7_500, 0, 0]);
    shop.give(payment, 7_875).unwrap();
}

#[test]
fn a_refund_that_was_not_sent_is_tried_again() {
    let mut shop = Shop::default();
    let (_, payment) = shop.paid();
    let (_, op) = shop.give(payment, 100).unwrap();
    let ticket = shop.take(op, false);
    shop.hear_refund(op, Heard::Answer(Answer::NotSent("refused".into())));
    assert_eq!(shop.op(op).state, OpState::Unknown);
    assert_eq!(shop.take(op, false).key, ticket.key);
}

#[test]
fn after_the_payee_has_the_money_he_owes_what_he_lacks_and_repays_it_first() {
    let mut shop = Shop::default();
    let (booking, payment) = shop.paid();
    shop.held_and_released(booking);
    shop.take_out(6_000);
    let (refund, op) = shop.give(payment, 7_875).unwrap();
    assert_eq!(shop.refund(refund).from_available(), usd(1_500));
    assert_eq!(shop.refund(refund).from_receivable(), usd(6_000));
    shop.settle(op, RefundReportState::Succeeded);
    assert_eq!(shop.payee(), [0, 0, 6_000]);
    let (next, _) = shop.paid();
    shop.held_and_released(next);
    assert_eq!(shop.payee(), [0, -1_500, 0]);
}

#[test]
fn a_refund_that_came_back_is_the_payees_again() {
    let mut shop = Shop::default();
    let (booking, payment) = shop.paid();
    let (refund, op) = shop.give(payment, 2_000).unwrap();
    shop.settle(op, RefundReportState::Succeeded);
    shop.held_and_released(booking);
    assert_eq!(shop.payee(), [0, -5_595, 0]);
    shop.settle(op, RefundReportState::Failed);
    assert_eq!(shop.op(op).state, OpState::Returned);
    assert_eq!(shop.refund(refund).state, RefundState::Failed);
    assert_eq!(shop.payee(), [0, -7_500, 0]);
    assert_eq!(shop.payment(payment).state, PaymentState::Completed);
    assert_eq!(shop.kept.alerts.last().unwrap().kind, "refund_returned");
    shop.settle(op, RefundReportState::Failed);
    shop.settle(op, RefundReportState::Succeeded);
    assert_eq!(shop.payee(), [0, -7_500, 0], "a replayed success never revives a refund");
}

/// The debt was repaid by a later lesson while the refund that caused it was still under way.
#[test]
fn a_debt_that_turns_out_not_to_exist_is_paid_back_to_the_payee() {
    for (state, first) in
        [(RefundReportState::Failed, None), (RefundReportState::Failed, Some(RefundReportState::Succeeded))]
    {
        let mut shop = Shop::default();
        let (booking, payment) = shop.paid();
        shop.held_and_released(booking);
        shop.take_out(7_500);
        let (_, op) = shop.give(payment, 7_875).unwrap();
        if let Some(first) = first {
            shop.settle(op, first);
        }
        let (next, _) = shop.paid();
        shop.held_and_released(next);
        assert_eq!(shop.payee(), [0, 0, 0], "all of it repaid the debt");
        shop.settle(op, state);
        assert_eq!(shop.payee(), [0, -7_500, 0]);
    }
}

#[test]
fn when_the_fee_is_kept_a_cancelled_booking_returns_the_rest() {
    let mut policies = Policies::default();
    policies.refunds.fee = RefundFeePolicy::Keep;
    let mut shop = Shop::with(policies);
    let (booking, payment) = shop.paid();
    let (refund, op) = shop.cancel(booking).refund.unwrap();
    assert_eq!(shop.refund(refund).amount(), usd(7_500));
    shop.settle(op, RefundReportState::Succeeded);
    assert_eq!(shop.payee(), [0, 0, 0]);
    assert_eq!(shop.balance(&Account::Fees), (-375, 0));
    assert_eq!(shop.payment(payment).state, PaymentState::PartiallyRefunded);
}

/// Nothing was delivered and nothing could be: even a kept fee goes back, and the payee pays none of it.
#[test]
fn money_for_a_cancelled_booking_goes_back_whole() {
    for fee in [RefundFeePolicy::ProRata, RefundFeePolicy::Keep] {
        let mut policies = Policies::default();
        policies.refunds.fee = fee;
        let mut shop = Shop::with(policies);
        let (booking, ticket) = shop.paying();
        assert_eq!(shop.cancel(booking).drop, [ticket.op]);
        let settled = shop.hear(&ticket, done(&ticket, ChargeState::Succeeded));
        let op = settled.refund.expect("everything goes back");
        shop.settle(op, RefundReportState::Succeeded);
        assert_eq!(shop.balance(&clearing()), (0, 0));
        assert_eq!(shop.payee(), [0, 0, 0]);
        assert_eq!(shop.balance(&Account::Fees), (0, 0));
    }
}

#[test]
fn a_release_leaves_what_refunds_hold() {
    let mut shop = Shop::default();
    let (booking, payment) = shop.paid();
    let (_, op) = shop.give(payment, 2_000).unwrap();
    shop.held_and_released(booking);
    assert_eq!(shop.payee(), [0, -5_595, 0]);
    shop.hear_refund(op, Heard::Answer(Answer::Rejected("no".into())));
    assert_eq!(shop.payee(), [0, -7_500, 0], "what the refund held is due at once");
    shop.wait(Span::DAY);
    assert!(!shop.release(booking));
}
