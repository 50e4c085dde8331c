//! The contract's rules of refunds, each by its number: who may ask for how much, who decides, and
//! in which order.

use domain::bookings::{Actor, Cancel, Complete};
use domain::gateway::{Answer, ChargeState, RefundReport, RefundReportState};
use domain::id::{BookingId, Id, PaymentId};
use domain::ledger::Account;
use domain::operations::Heard;
use domain::policy::{FeeMode, FeePolicy, Kind, Policies, RefundFeePolicy};
use domain::records::{BookingState, OpState, PaymentState, RefundCause, RefundState};
use domain::refunds::{
    Adopt, Adopted, By, Closed, Manual, Preview, Request, Requested, Route, Verdict, Way, route,
};
use domain::refusal::Refusal;
use domain::time::Span;

use crate::support::*;

fn by_hand() -> Shop {
    let mut policies = Policies::default();
    policies.refunds.automatic = false;
    Shop::with(policies)
}

fn noted(asked: Result<Requested, Refusal>) -> domain::records::Refund {
    match asked {
        Ok(Requested::Noted(refund)) => refund,
        other => panic!("{other:?}"),
    }
}

fn standing(asked: Result<Requested, Refusal>) -> domain::records::Refund {
    match asked {
        Ok(Requested::Standing(refund)) => refund,
        other => panic!("{other:?}"),
    }
}

impl Shop {
    fn route(&self, payment: PaymentId) -> Route {
        let payment = self.payment(payment);
        let booking = payment.booking.map(|id| self.booking(id));
        route(&self.policies, self.now, payment, booking)
    }

    fn cancelled_by(&mut self, booking: BookingId, actor: Actor) -> domain::bookings::Cancelled {
        let cause = RefundCause::Cancelled;
        self.submit(&Cancel { booking, payer: STUDENT, actor, cause, reason: "ill".into() }).unwrap()
    }

    /// A refund that somebody made at the gateway.
    fn adopt(&mut self, payment: PaymentId, name: &str, minor: i64, state: RefundReportState) -> Adopted {
        let report = RefundReport {
            reference: name.into(),
            charge: "pi".into(),
            state,
            amount: usd(minor),
            failure: None,
            tag: None,
        };
        let charge = self.payment(payment).op.unwrap();
        self.record(&Adopt { charge, payer: STUDENT, report })
    }
}

#[test]
fn br_40_a_refund_is_between_a_cent_and_what_remains() {
    let mut shop = Shop::default();
    let (_, payment) = shop.paid();
    for nothing in [0, -1] {
        assert!(matches!(shop.ask(payment, nothing).unwrap_err(), Refusal::Invalid(_)));
    }
    assert_eq!(shop.ask(payment, 7_876).unwrap_err(), Refusal::RefundExceedsRemaining);
    shop.give(payment, 1).unwrap();
    assert_eq!(shop.ask(payment, 7_875).unwrap_err(), Refusal::RefundExceedsRemaining, "in progress counts");
    shop.give(payment, 7_874).unwrap();
    assert_eq!(shop.payment(payment).refundable_left(), usd(0));
    let late = standing(shop.ask(payment, 1));
    assert_eq!(late.amount(), usd(7_874), "nothing is left: the newest is told");
}

#[test]
fn br_40_what_was_not_paid_is_not_refundable() {
    let mut shop = Shop::default();
    let (_, ticket) = shop.paying();
    let payment = shop.op(ticket.op).payment;
    assert_eq!(shop.ask(payment, 100).unwrap_err(), Refusal::NotRefundable);
    assert_eq!(shop.route(payment), Route::Closed(Closed::NotPaid));
}

#[test]
fn br_41_payer_payee_and_administrators_may_ask_and_strangers_know_of_nothing() {
    let mut shop = Shop::default();
    let (_, payment) = shop.paid();
    let asked_by = |by, way| Request { by, way, ..request(payment, Some(usd(100))) };
    let stranger = By::Party(ADMIN);
    assert_eq!(shop.submit(&asked_by(stranger, Way::ByPolicy)).unwrap_err(), Refusal::NotFound);
    for by in [By::Party(STUDENT), By::Party(TEACHER), By::Admin(ADMIN)] {
        let asked = shop.submit(&asked_by(by, Way::ByPolicy)).unwrap();
        assert!(matches!(asked, Requested::Started { .. }), "{by:?}: {asked:?}");
    }
    for by in [By::Party(TEACHER), By::Admin(ADMIN)] {
        assert_eq!(shop.submit(&asked_by(by, Way::ByHand)).unwrap_err(), Refusal::WrongParty, "{by:?}");
    }
    noted(shop.submit(&asked_by(By::Party(STUDENT), Way::ByHand)));
}

#[test]
fn br_42_before_the_end_and_the_grace_it_is_automatic_afterwards_it_is_not() {
    let mut policies = Policies::default();
    policies.refunds.grace = Span::minutes(10);
    let mut shop = Shop::with(policies);
    let (booking, payment) = shop.paid();
    let end = shop.booking(booking).ends_at.unwrap();
    for (at, goes) in [
        (shop.now, Route::Automatic),
        (end + Span::minutes(9), Route::Automatic),
        (end + Span::minutes(10), Route::Manual(Manual::Over)),
    ] {
        shop.now = at;
        assert_eq!(shop.route(payment), goes);
    }
    let asked = noted(shop.ask(payment, 7_875));
    assert_eq!((asked.state, asked.op), (RefundState::Requested, None));
    assert_eq!(shop.balance(&clearing()), (7_875, 0), "nothing moved");
}

#[test]
fn br_42_policy_kind_and_delivery_decide() {
    let mut shop = Shop::default();
    let (booking, payment) = shop.paid();
    shop.policies.refunds.automatic_kinds = vec![Kind::GigPurchase];
    assert_eq!(shop.route(payment), Route::Manual(Manual::Kind));
    shop.policies.refunds.automatic = false;
    assert_eq!(shop.route(payment), Route::Manual(Manual::Policy));
    shop.policies = Policies::default();
    assert_eq!(shop.route(payment), Route::Automatic);
    shop.policies.refunds.grace = Span::days(30);
    shop.held_and_released(booking);
    assert_eq!(shop.route(payment), Route::Manual(Manual::Delivered));
}

/// A party cancels before the end only; an administrator may do so after it.
#[test]
fn br_42_what_was_cancelled_before_its_end_stays_automatic() {
    let mut policies = Policies::default();
    policies.booking.refund_on_cancel = false;
    for (actor, goes) in [
        (Actor::Party(STUDENT), Route::Automatic),
        (Actor::Party(TEACHER), Route::Automatic),
        (Actor::Admin(ADMIN), Route::Manual(Manual::Over)),
    ] {
        let mut shop = Shop::with(policies.clone());
        let (booking, payment) = shop.paid();
        assert_eq!(shop.cancelled_by(booking, actor).refund, None, "kept by policy");
        shop.wait(Span::days(30));
        assert_eq!(shop.route(payment), goes, "{actor:?}");
    }
}

#[test]
fn br_42_one_request_a_payment_waits() {
    let mut shop = by_hand();
    let (_, payment) = shop.paid();
    let first = noted(shop.ask(payment, 2_000));
    assert_eq!(standing(shop.ask(payment, 2_000)).id, first.id, "the same again");
    let other = shop.ask(payment, 2_001).unwrap_err();
    assert_eq!(other, Refusal::RefundOpen { refund: first.id, state: "requested" });
    shop.review(first.id, Verdict::Reject).unwrap();
    noted(shop.ask(payment, 2_001));
}

#[test]
fn br_43_cancel_and_refund_in_either_order_and_repeated_are_one_refund() {
    for order in ["cancel first", "refund first"] {
        let mut shop = Shop::default();
        let (booking, payment) = shop.paid();
        for _ in 0..3 {
            for step in if order == "cancel first" { [0, 1] } else { [1, 0] } {
                if step == 0 {
                    let cancelled = shop.cancel(booking);
                    assert!(cancelled.refund.is_some(), "{order}");
                } else {
                    shop.ask(payment, 7_875).unwrap();
                }
            }
        }
        let refunds = shop.refunds(payment);
        assert_eq!(refunds.len(), 1, "{order}");
        let op = refunds[0].op.unwrap();
        shop.settle(op, RefundReportState::Succeeded);
        assert_eq!(shop.booking(booking).state, BookingState::Cancelled);
        assert_eq!(shop.payment(payment).state, PaymentState::Refunded);
        assert_eq!(shop.cancel(booking).refund, Some((shop.refunds(payment)[0].id, op)));
        standing(shop.ask(payment, 7_875));
        assert_eq!(shop.refunds(payment).len(), 1);
    }
}

#[test]
fn br_43_by_hand_cancelling_leaves_one_request_for_everything() {
    let mut shop = by_hand();
    let (booking, payment) = shop.paid();
    let part = noted(shop.ask(payment, 2_000));
    shop.review(part.id, Verdict::Approve).unwrap();
    let cancelled = shop.cancelled_by(booking, Actor::Party(TEACHER));
    assert_eq!((cancelled.refund, cancelled.requested), (None, Some(part.id)));
    let raised = shop.refund(part.id);
    assert_eq!((raised.amount(), raised.state), (usd(7_875), RefundState::Requested), "20.00 were approved");
    assert_eq!(shop.cancel(booking).requested, Some(part.id));
    assert_eq!(standing(shop.ask(payment, 7_875)).id, part.id, "the client's second call");
    assert_eq!(shop.balance(&clearing()), (7_875, 0));
    let op = shop.review(part.id, Verdict::ApproveAndSend).unwrap().op.unwrap();
    shop.settle(op, RefundReportState::Succeeded);
    assert_eq!(shop.payment(payment).state, PaymentState::Refunded);
}

#[test]
fn br_43_a_request_that_waits_becomes_the_refund_of_a_cancelled_booking() {
    let mut shop = Shop::default();
    let (booking, payment) = shop.paid();
    let asked = Request { way: Way::ByHand, ..request(payment, Some(usd(2_000))) };
    let part = noted(shop.submit(&asked));
    let (refund, op) = shop.cancel(booking).refund.unwrap();
    assert_eq!((refund, shop.op(op).amount), (part.id, usd(7_875)));
    assert_eq!(shop.refunds(payment).len(), 1);
}

#[test]
fn br_29_a_declined_or_lapsed_purchase_goes_back_in_full() {
    for cause in [RefundCause::Declined, RefundCause::Expired] {
        let mut policies = Policies::default();
        policies.booking.refund_on_cancel = false;
        let mut shop = Shop::with(policies);
        let ticket = shop.begin_purchase();
        shop.hear(&ticket, done(&ticket, ChargeState::Succeeded));
        let payment = shop.op(ticket.op).payment;
        let booking = shop.payment(payment).booking.unwrap();
        let actor = if cause == RefundCause::Declined { Actor::Party(TEACHER) } else { Actor::System };
        let cancel = Cancel { booking, payer: STUDENT, actor, cause, reason: String::new() };
        let (refund, op) = shop.submit(&cancel).unwrap().refund.unwrap();
        shop.settle(op, RefundReportState::Succeeded);
        assert_eq!(shop.refund(refund).amount(), shop.payment(payment).quote.total());
        assert_eq!(shop.payment(payment).state, PaymentState::Refunded);
    }
}

#[test]
fn br_44_a_full_refund_cancels_what_was_not_delivered_and_a_part_changes_nothing() {
    let mut shop = Shop::default();
    let (booking, payment) = shop.paid();
    for (minor, state) in [(2_000, BookingState::Confirmed), (5_875, BookingState::Cancelled)] {
        let (_, op) = shop.give(payment, minor).unwrap();
        shop.settle(op, RefundReportState::Succeeded);
        assert_eq!(shop.booking(booking).state, state);
    }
    let mut shop = Shop::default();
    let (booking, payment) = shop.paid();
    shop.held_and_released(booking);
    let (_, op) = shop.give(payment, 7_875).unwrap();
    shop.settle(op, RefundReportState::Succeeded);
    assert_eq!(shop.booking(booking).state, BookingState::Completed, "delivered");
    assert_eq!(shop.payment(payment).state, PaymentState::Refunded);
}

/// Otherwise the payer would have all that can go back, and the lesson too.
#[test]
fn br_44_all_that_can_go_back_is_a_full_refund_where_the_fee_is_kept() {
    let mut policies = Policies::default();
    policies.refunds.fee = RefundFeePolicy::Keep;
    let mut shop = Shop::with(policies);
    let (booking, payment) = shop.paid();
    assert_eq!(shop.ask(payment, 7_501).unwrap_err(), Refusal::RefundExceedsRemaining);
    let (_, op) = shop.give(payment, 7_500).unwrap();
    shop.settle(op, RefundReportState::Succeeded);
    assert_eq!(shop.booking(booking).state, BookingState::Cancelled);
    assert_eq!(shop.route(payment), Route::Closed(Closed::NothingLeft));
}

/// The middle part fails after the last was planned: the rest makes up for the cent.
#[test]
fn br_45_fee_and_share_end_exact_whatever_failed_in_between() {
    let rule = FeePolicy { mode: FeeMode::Deducted, rate_bps: 333, min_minor: 0 };
    let mut shop = Shop::with(Policies { fee_booking: rule, ..Policies::default() });
    let (_, payment) = shop.paid();
    let (_, first) = shop.give(payment, 1_111).unwrap();
    let (_, second) = shop.give(payment, 2_222).unwrap();
    let (_, third) = shop.give(payment, 3_333).unwrap();
    shop.settle(third, RefundReportState::Succeeded);
    shop.hear_refund(first, Heard::Answer(Answer::Rejected("no".into())));
    shop.settle(second, RefundReportState::Succeeded);
    shop.settle(second, RefundReportState::Failed);
    let left = shop.payment(payment).refundable_left();
    assert_eq!(left, usd(4_167));
    let (_, last) = shop.give(payment, left.minor).unwrap();
    shop.settle(last, RefundReportState::Succeeded);
    assert_eq!(shop.balance(&Account::Fees), (0, 0));
    assert_eq!(shop.payee(), [0, 0, 0]);
}

#[test]
fn br_46_approving_moves_no_money_unless_the_policy_says_so() {
    let mut shop = by_hand();
    let (_, payment) = shop.paid();
    let asked = noted(shop.ask(payment, 7_875));
    assert_eq!(shop.review(asked.id, Verdict::Send).unwrap_err(), Refusal::WrongState);
    let approved = shop.review(asked.id, Verdict::Approve).unwrap();
    assert_eq!((approved.refund.state, approved.op), (RefundState::Approved, None));
    assert_eq!(shop.balance(&clearing()), (7_875, 0));
    assert_eq!(shop.payment(payment).refund_reserved_minor, 0);
    assert!(!shop.review(asked.id, Verdict::Approve).unwrap().changed, "again");
    let processed = shop.review(asked.id, Verdict::Send).unwrap();
    assert_eq!(processed.refund.state, RefundState::Processing);
    assert_eq!(shop.review(asked.id, Verdict::Send).unwrap().op, processed.op, "again: the same");

    let mut shop = by_hand();
    shop.policies.refunds.approve_processes = true;
    let (_, payment) = shop.paid();
    let asked = noted(shop.ask(payment, 7_875));
    assert_eq!(shop.review(asked.id, Verdict::Approve).unwrap().refund.state, RefundState::Processing);
}

#[test]
fn br_47_a_failed_refund_restores_what_remains_and_is_tried_again() {
    let mut shop = by_hand();
    let (_, payment) = shop.paid();
    let asked = noted(shop.ask(payment, 2_000));
    let first = shop.review(asked.id, Verdict::ApproveAndSend).unwrap().op.unwrap();
    shop.hear_refund(first, Heard::Answer(Answer::Rejected("no".into())));
    assert_eq!(shop.refund(asked.id).state, RefundState::Failed);
    assert_eq!(shop.payment(payment).state, PaymentState::Completed);
    assert_eq!(shop.payment(payment).refundable_left(), usd(7_875));
    assert_eq!(shop.kept.alerts.last().unwrap().kind, "refund_failed");
    assert_eq!(shop.kept.events.last().unwrap().kind, "refund.failed");
    let second = shop.review(asked.id, Verdict::Send).unwrap().op.unwrap();
    assert_ne!(second, first);
    shop.settle(second, RefundReportState::Succeeded);
    assert_eq!(shop.refund(asked.id).state, RefundState::Processed);
    shop.hear_refund(first, Heard::Answer(Answer::Rejected("no".into())));
    assert_eq!(shop.refund(asked.id).state, RefundState::Processed, "an old attempt has no say");
}

#[test]
fn br_47_a_refund_that_is_returned_later_is_reversed_told_and_tried_again() {
    let mut shop = Shop::default();
    let (_, payment) = shop.paid();
    let (refund, op) = shop.give(payment, 2_000).unwrap();
    shop.settle(op, RefundReportState::Succeeded);
    shop.settle(op, RefundReportState::Failed);
    assert_eq!(shop.refund(refund).state, RefundState::Failed);
    assert_eq!(shop.payment(payment).state, PaymentState::Completed);
    assert_eq!(shop.kept.alerts.last().unwrap().kind, "refund_returned");
    assert_eq!(shop.kept.events.last().unwrap().kind, "refund.failed");
    let letters = shop.kept.jobs.values().filter(|job| job.kind == "refund_letter");
    assert_eq!(letters.count(), 2, "gone, and returned");
    let again = shop.review(refund, Verdict::Send).unwrap().op.unwrap();
    shop.settle(again, RefundReportState::Succeeded);
    assert_eq!(shop.payment(payment).refunded_minor, 2_000);
}

#[test]
fn br_48_a_refund_made_at_the_gateway_is_posted_against_its_payment_once() {
    let mut shop = Shop::default();
    let (booking, payment) = shop.paid();
    let Adopted::Posted(op) = shop.adopt(payment, "re_1", 2_000, RefundReportState::Succeeded) else {
        panic!("it fits");
    };
    assert_eq!(shop.op(op).state, OpState::Succeeded);
    let made = shop.refunds(payment)[0];
    assert_eq!((made.cause, made.state), (RefundCause::Gateway, RefundState::Processed));
    assert_eq!((made.fee_minor, made.share_minor), (95, 1_905));
    assert_eq!(shop.payment(payment).state, PaymentState::PartiallyRefunded);
    let again = shop.adopt(payment, "re_1", 2_000, RefundReportState::Succeeded);
    assert_eq!(again, Adopted::Known);
    shop.adopt(payment, "re_2", 5_875, RefundReportState::Succeeded);
    assert_eq!(shop.booking(booking).state, BookingState::Cancelled);
    assert_eq!(shop.payee(), [0, 0, 0]);
    assert_eq!(shop.adopt(payment, "re_3", 1, RefundReportState::Failed), Adopted::Known, "moved nothing");
}

#[test]
fn br_48_a_pending_one_is_held_and_a_returned_one_reversed() {
    let mut shop = Shop::default();
    let (_, payment) = shop.paid();
    let Adopted::Posted(op) = shop.adopt(payment, "re_1", 2_000, RefundReportState::Pending) else {
        panic!("it fits");
    };
    assert_eq!((shop.op(op).state, shop.payment(payment).refund_reserved_minor), (OpState::Waiting, 2_000));
    shop.settle(op, RefundReportState::Succeeded);
    shop.settle(op, RefundReportState::Failed);
    assert_eq!(shop.op(op).state, OpState::Returned);
    assert_eq!(shop.payment(payment).state, PaymentState::Completed);
    assert_eq!(shop.payee(), [-7_500, 0, 0]);
}

/// Our own refund of everything is on its way when the gateway tells of another.
#[test]
fn br_48_what_cannot_be_the_payments_waits_in_suspense() {
    let mut shop = Shop::default();
    let (booking, payment) = shop.paid();
    shop.cancel(booking);
    let adopted = shop.adopt(payment, "re_1", 2_000, RefundReportState::Succeeded);
    assert!(matches!(adopted, Adopted::Suspense(_)), "{adopted:?}");
    assert_eq!(shop.balance(&Account::Suspense), (2_000, 0));
    assert_eq!(shop.kept.alerts.last().unwrap().kind, "gateway_refund_unexplained");
    assert_eq!(shop.payment(payment).refund_reserved_minor, 7_875, "untouched");
}

#[test]
fn br_48_a_refund_before_its_charge_is_known_waits() {
    let mut shop = Shop::default();
    let (_, ticket) = shop.paying();
    let payment = shop.op(ticket.op).payment;
    assert_eq!(shop.adopt(payment, "re_1", 2_000, RefundReportState::Succeeded), Adopted::NotYet);
    shop.hear(&ticket, done(&ticket, ChargeState::Succeeded));
    let adopted = shop.adopt(payment, "re_1", 2_000, RefundReportState::Succeeded);
    assert!(matches!(adopted, Adopted::Posted(_)), "{adopted:?}");
}

#[test]
fn br_49_a_payout_never_blocks_a_refund() {
    let mut shop = Shop::default();
    let (booking, payment) = shop.paid();
    shop.held_and_released(booking);
    shop.take_out(7_500);
    let (_, op) = shop.give(payment, 7_875).unwrap();
    shop.settle(op, RefundReportState::Succeeded);
    assert_eq!(shop.payee(), [0, 0, 7_500], "a debt");
}

#[test]
fn h_7_after_a_part_the_booking_is_completed_and_the_rest_released() {
    let mut shop = Shop::default();
    let (booking, payment) = shop.paid();
    let (_, op) = shop.give(payment, 2_000).unwrap();
    shop.settle(op, RefundReportState::Succeeded);
    assert!(shop.held_and_released(booking));
    assert_eq!(shop.payee(), [0, -5_595, 0]);
    assert_eq!(shop.balance(&Account::Fees), (-280, 0));
}

#[test]
fn h_8_a_done_refund_cannot_be_rejected_nor_a_failed_one() {
    let mut shop = Shop::default();
    let (_, payment) = shop.paid();
    let (refund, op) = shop.give(payment, 2_000).unwrap();
    assert_eq!(shop.review(refund, Verdict::Reject).unwrap_err(), Refusal::WrongState, "processing");
    shop.settle(op, RefundReportState::Succeeded);
    assert_eq!(shop.review(refund, Verdict::Reject).unwrap_err(), Refusal::WrongState);
    shop.settle(op, RefundReportState::Failed);
    assert_eq!(shop.review(refund, Verdict::Reject).unwrap_err(), Refusal::WrongState);
    assert_eq!(shop.review(refund, Verdict::Approve).unwrap_err(), Refusal::WrongState);
}

#[test]
fn h_8_a_rejected_request_moves_nothing_ever() {
    let mut shop = by_hand();
    let (_, payment) = shop.paid();
    let asked = noted(shop.ask(payment, 7_875));
    shop.review(asked.id, Verdict::Reject).unwrap();
    for verdict in [Verdict::Approve, Verdict::ApproveAndSend, Verdict::Send] {
        assert_eq!(shop.review(asked.id, verdict).unwrap_err(), Refusal::WrongState);
    }
    assert_eq!(shop.balance(&clearing()), (7_875, 0));
}

#[test]
fn h_9_every_way_to_end_a_paid_booking_settles_its_money() {
    for actor in [Actor::Party(STUDENT), Actor::Party(TEACHER), Actor::Admin(ADMIN), Actor::System] {
        let mut shop = Shop::default();
        let (booking, payment) = shop.paid();
        let (_, op) = shop.cancelled_by(booking, actor).refund.expect("it is on its way");
        shop.settle(op, RefundReportState::Succeeded);
        assert_eq!(shop.payment(payment).state, PaymentState::Refunded, "{actor:?}");
    }
}

#[test]
fn the_preview_is_what_the_refund_then_does_and_leaves_no_trace() {
    for minor in [2_000, 7_875] {
        let mut shop = Shop::default();
        let (_, payment) = shop.paid();
        let before = shop.kept.clone();
        let preview = Preview { payment, amount: Some(usd(minor)) };
        let told = shop.submit(&preview).unwrap();
        assert_eq!(told.route, Route::Automatic);
        assert_eq!(told.left, usd(7_875 - minor));
        assert_eq!((&shop.kept.refunds, &shop.kept.lanes), (&before.refunds, &before.lanes));
        assert_eq!((&shop.kept.postings, &shop.kept.balances), (&before.postings, &before.balances));
        let (refund, _) = shop.give(payment, minor).unwrap();
        assert_eq!(shop.refund(refund).share_minor, told.refund.share_minor);
        assert_eq!(shop.kept.postings[before.postings.len()..], told.postings[..]);
    }
    let mut shop = Shop::default();
    let (_, payment) = shop.paid();
    let too_much = Preview { payment, amount: Some(usd(7_876)) };
    assert_eq!(shop.submit(&too_much).unwrap_err(), Refusal::RefundExceedsRemaining);
}

/// A part asked for twice within the window is one part; another part is another.
#[test]
fn the_same_part_asked_for_twice_is_one() {
    let mut shop = Shop::default();
    let (_, payment) = shop.paid();
    let derived = |minor: i64| {
        let key = domain::idempotency::Key { window: Some(Span::seconds(10)), ..key(&minor.to_string()) };
        Request { key: Some(key), ..request(payment, Some(usd(minor))) }
    };
    let Ok(Requested::Started { op, keep: true, .. }) = shop.submit(&derived(2_000)) else { panic!() };
    assert_eq!(shop.submit(&derived(2_000)), Ok(Requested::Join(op)));
    let (_, both) = shop.submit_both(&derived(1_000), &derived(1_000));
    assert!(matches!(both, Ok(Requested::Join(_))), "{both:?}");
    assert_eq!(shop.payment(payment).refund_reserved_minor, 3_000);
    shop.settle(op, RefundReportState::Succeeded);
    shop.wait(Span::seconds(11));
    assert!(matches!(shop.submit(&derived(2_000)), Ok(Requested::Started { .. })));
}

#[test]
fn h_6_a_batch_of_refunds_never_exceeds_the_capture() {
    let mut shop = Shop::default();
    let (_, payment) = shop.paid();
    let most = request(payment, Some(usd(5_000)));
    let (first, second) = shop.submit_both(&most, &most);
    assert!(matches!(first, Ok(Requested::Started { .. })));
    assert_eq!(second.unwrap_err(), Refusal::RefundExceedsRemaining);
    let complete = Complete {
        booking: shop.payment(payment).booking.unwrap(),
        payer: STUDENT,
        actor: Actor::Party(STUDENT),
    };
    assert!(matches!(shop.submit(&complete).unwrap_err(), Refusal::NotEnded { .. }), "still open");
    assert_eq!(shop.payment(payment).id.lane(), TEACHER.lane());
}
