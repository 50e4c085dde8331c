//! Money that fits nothing: late, of another size or currency, or gone although it had failed.

use domain::gateway::{Answer, ChargeReport, ChargeState, RefundReportState};
use domain::ledger::Account;
use domain::money::Currency;
use domain::operations::{Heard, Ticket};
use domain::records::{OpState, PaymentState, RefundState};

use crate::support::*;

fn succeeded(ticket: &Ticket, change: impl FnOnce(&mut ChargeReport)) -> Heard<ChargeReport> {
    let mut told = report(ticket, ChargeState::Succeeded);
    change(&mut told);
    Heard::Answer(Answer::Done(told))
}

impl Shop {
    /// A charge that was declared failed.
    fn failed(&mut self) -> (domain::id::BookingId, Ticket) {
        let (booking, ticket) = self.paying();
        self.hear(&ticket, declined());
        (booking, ticket)
    }
}

#[test]
fn a_late_capture_pays_the_payment_that_nobody_else_has_paid() {
    let mut shop = Shop::default();
    let (_, ticket) = shop.failed();
    let settled = shop.refetched(&ticket, done(&ticket, ChargeState::Succeeded));
    assert_eq!((settled.op.state, settled.payment.state), (OpState::Late, PaymentState::Completed));
    assert_eq!(shop.balance(&Account::Suspense), (0, 0));
    assert_eq!(shop.balance(&clearing()), (7_875, 0));
    assert_eq!(shop.kept.alerts[0].kind, "late_capture");
    shop.refetched(&ticket, done(&ticket, ChargeState::Succeeded));
    assert_eq!(shop.balance(&clearing()), (7_875, 0));
}

#[test]
fn a_late_capture_beside_another_attempt_goes_back_at_once() {
    let mut shop = Shop::default();
    let (booking, late) = shop.failed();
    let ticket = shop.begin(&pay(booking));
    let settled = shop.refetched(&late, done(&late, ChargeState::Succeeded));
    let back = settled.refund.expect("two captures are one too many");
    assert_eq!(shop.balance(&Account::Suspense), (-7_875, 7_875));
    shop.hear(&ticket, done(&ticket, ChargeState::Succeeded));
    shop.hear_refund(back, refund_done(back, usd(7_875), RefundReportState::Succeeded));
    assert_eq!(shop.balance(&Account::Suspense), (0, 0));
    assert_eq!(shop.balance(&clearing()), (7_875, 0));
}

#[test]
fn a_late_capture_whose_return_fails_waits_for_a_human() {
    let mut shop = Shop::default();
    let (booking, late) = shop.failed();
    shop.begin(&pay(booking));
    let back = shop.refetched(&late, done(&late, ChargeState::Succeeded)).refund.unwrap();
    shop.hear_refund(back, declined());
    assert_eq!(shop.balance(&Account::Suspense), (-7_875, 0));
    assert_eq!(shop.kept.alerts.last().unwrap().kind, "refund_failed");
}

/// The payment has moved to another gateway since; the money is where it came to.
#[test]
fn a_late_capture_goes_back_through_its_own_gateway() {
    let mut shop = Shop::default();
    let (booking, late) = shop.failed();
    let other = domain::operations::Rail { gateway: "other".into(), ..rail() };
    shop.begin(&domain::payments::PayBooking { rail: other, ..pay(booking) });
    let back = shop.refetched(&late, done(&late, ChargeState::Succeeded)).refund.unwrap();
    assert_eq!(shop.op(back).gateway, "sandbox");
    shop.hear_refund(back, refund_done(back, usd(7_875), RefundReportState::Succeeded));
    assert_eq!(shop.balance(&clearing()), (0, 0));
}

#[test]
fn another_amount_completes_nothing() {
    let mut shop = Shop::default();
    let (_, ticket) = shop.paying();
    let settled = shop.hear(&ticket, succeeded(&ticket, |told| told.amount = usd(7_874)));
    assert_eq!((settled.op.state, settled.payment.state), (OpState::Late, PaymentState::Failed));
    assert_eq!(shop.balance(&Account::Suspense), (-7_874, 0));
    assert_eq!(shop.kept.alerts[0].kind, "amount_mismatch");
}

#[test]
fn another_currency_completes_nothing_and_is_kept_in_suspense() {
    let euros = |told: &mut ChargeReport| told.amount = Currency::EUR.minor(7_875);
    let mut shop = Shop::default();
    let (_, ticket) = shop.paying();
    shop.hear(&ticket, succeeded(&ticket, euros));
    assert_eq!(shop.kept.alerts[0].kind, "amount_mismatch");
    let suspense = Account::Suspense.key(domain::id::Id::lane(TEACHER), Currency::EUR);
    assert_eq!(shop.kept.balances[&suspense].posted_minor, -7_875);
    let mut shop = Shop::default();
    let (_, ticket) = shop.failed();
    let back = shop.refetched(&ticket, succeeded(&ticket, euros)).refund.unwrap();
    let euros = Currency::EUR.minor(7_875);
    shop.hear_refund(back, refund_done(back, euros, RefundReportState::Succeeded));
    assert_eq!(shop.kept.balances[&suspense].posted_minor, 0);
}

#[test]
fn a_refund_of_another_amount_is_kept_in_suspense() {
    for sent in [usd(7_874), usd(9_000), Currency::EUR.minor(7_875)] {
        let mut shop = Shop::default();
        let (booking, _) = shop.paid();
        let (refund, op) = shop.cancel_all(booking);
        shop.take(op, false);
        let settled = shop.hear_refund(op, refund_done(op, sent, RefundReportState::Succeeded));
        assert_eq!((settled.op.state, settled.payment.state), (OpState::Late, PaymentState::Completed));
        assert_eq!((settled.payment.refunded_minor, settled.payment.refund_reserved_minor), (0, 0));
        assert_eq!(shop.kept.refunds[&refund].state, RefundState::Failed);
        let suspense = Account::Suspense.key(domain::id::Id::lane(TEACHER), sent.currency);
        assert_eq!(shop.kept.balances[&suspense].posted_minor, sent.minor);
        let told = |shop: &Shop| shop.kept.alerts.iter().map(|a| a.kind.to_string()).collect::<Vec<_>>();
        assert_eq!(told(&shop), ["amount_mismatch"]);
        shop.hear_refund(op, refund_done(op, sent, RefundReportState::Succeeded));
        assert_eq!(shop.kept.balances[&suspense].posted_minor, sent.minor, "once");
    }
}

#[test]
fn a_refund_that_had_failed_and_went_out_after_all_is_told() {
    let mut shop = Shop::default();
    let (booking, late) = shop.failed();
    shop.begin(&pay(booking));
    let back = shop.refetched(&late, done(&late, ChargeState::Succeeded)).refund.unwrap();
    shop.hear_refund(back, declined());
    shop.hear_refund(back, refund_done(back, usd(7_875), RefundReportState::Succeeded));
    assert_eq!(shop.op(back).state, OpState::Late);
    assert_eq!(shop.kept.alerts.last().unwrap().kind, "late_refund");
    assert_eq!(shop.balance(&clearing()), (0, 0));
    shop.hear_refund(back, refund_done(back, usd(7_875), RefundReportState::Succeeded));
    assert_eq!(shop.balance(&clearing()), (0, 0), "once");
}
