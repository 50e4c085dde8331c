//! Paying: the answer, a decline, a challenge, silence, and who may ask what.

use domain::bookings::{Actor, Cancel, Complete, Confirm, Create, Tick, Ticked};
use domain::command::{Command, Lanes};
use domain::gateway::{Answer, ChargeState};
use domain::idempotency;
use domain::ledger::Account;
use domain::operations::{Claimed, Heard, Step};
use domain::payments::{Begun, ConfirmIntent, Finish, PurchaseSession, RecordCharge};
use domain::policy::{BookingFlow, Policies, PriceUnit, Release};
use domain::records::{BookingState, Call, Confirmer, OpState, PaymentState, RefundCause};
use domain::refusal::Refusal;
use domain::time::Span;
use domain::world::Needs;

use crate::support::*;

#[test]
fn a_lesson_is_booked_paid_held_and_earned() {
    let mut shop = Shop::default();
    let (booking, ticket) = shop.paying();
    assert_eq!((ticket.call, ticket.amount), (Call::Create, usd(7_875)));
    let created = shop.hear(&ticket, done(&ticket, ChargeState::NeedsConfirmation));
    let Step::Next(confirm) = created.step else { panic!("{:?}", created.step) };
    assert_eq!(confirm.call, Call::Confirm);
    assert_ne!(confirm.key, ticket.key, "one key a call");
    let settled = shop.hear(&confirm, done(&confirm, ChargeState::Succeeded));
    assert_eq!((settled.step, settled.payment.state), (Step::Over, PaymentState::Completed));
    assert_eq!(shop.balance(&clearing()), (7_875, 0));
    assert_eq!(shop.balance(&Account::PayeePending(TEACHER)), (-7_500, 0));
    assert_eq!(shop.balance(&Account::Fees), (-375, 0));
    assert!(!shop.release(booking), "nothing is due before the lesson");
    assert!(shop.held_and_released(booking));
    assert_eq!(shop.balance(&Account::PayeePending(TEACHER)), (0, 0));
    assert_eq!(shop.balance(&Account::PayeeAvailable(TEACHER)), (-7_500, 0));
    assert!(!shop.release(booking), "once");
}

#[test]
fn success_is_heard_three_times_and_booked_once() {
    let mut shop = Shop::default();
    let (_, ticket) = shop.paying();
    for _ in 0..3 {
        shop.hear(&ticket, done(&ticket, ChargeState::Succeeded));
        shop.refetched(&ticket, done(&ticket, ChargeState::Succeeded));
    }
    assert_eq!(shop.balance(&clearing()), (7_875, 0));
    let receipts = shop.kept.jobs.values().filter(|job| job.kind == "receipt");
    assert_eq!(receipts.count(), 1, "one receipt");
}

#[test]
fn an_older_word_never_undoes_success() {
    let mut shop = Shop::default();
    let (booking, ticket) = shop.paying();
    shop.hear(&ticket, done(&ticket, ChargeState::Succeeded));
    let before = shop.kept.payments.clone();
    shop.refetched(&ticket, declined());
    shop.refetched(&ticket, done(&ticket, ChargeState::Cancelled));
    shop.refetched(&ticket, done(&ticket, ChargeState::NeedsMethod { last_decline: Some(no()) }));
    shop.refetched(&ticket, silence());
    shop.refetched(&ticket, Heard::Absent);
    shop.refetched(&ticket, Heard::Answer(Answer::Rejected("odd".into())));
    assert_eq!(shop.kept.payments, before);
    assert_eq!(shop.op(ticket.op).state, OpState::Succeeded);
    assert_eq!(shop.booking(booking).last_payment_error, None);
}

#[test]
fn after_a_decline_the_booking_is_payable_at_once() {
    let mut shop = Shop::default();
    let (booking, ticket) = shop.paying();
    let settled = shop.hear(&ticket, declined());
    assert_eq!((settled.op.state, settled.payment.state), (OpState::Failed, PaymentState::Failed));
    assert_eq!(shop.booking(booking).state, BookingState::Confirmed);
    assert_eq!(shop.booking(booking).last_payment_error.as_deref(), Some("Your card was declined."));
    let again = shop.begin(&pay(booking));
    assert_ne!(again.op, ticket.op);
    let settled = shop.hear(&again, done(&again, ChargeState::Succeeded));
    assert_eq!(settled.payment.id, shop.op(ticket.op).payment, "one payment, two attempts");
    assert_eq!(shop.booking(booking).last_payment_error, None);
    assert_eq!(shop.submit(&pay(booking)), Err(Refusal::AlreadyPaid { payment: settled.payment.id }));
}

#[test]
fn a_second_click_joins_the_first() {
    let mut shop = Shop::default();
    let (booking, ticket) = shop.paying();
    assert_eq!(shop.submit(&pay(booking)), Ok(Begun::Join(ticket.op)));
    shop.hear(&ticket, silence());
    assert_eq!(shop.op(ticket.op).state, OpState::Unknown);
    assert_eq!(shop.submit(&pay(booking)), Ok(Begun::Join(ticket.op)), "unknown is not failed");
}

#[test]
fn a_challenge_that_the_client_cannot_finish_ends_the_charge() {
    let mut shop = Shop::default();
    let (booking, ticket) = shop.paying();
    let settled = shop.hear(&ticket, done(&ticket, ChargeState::NeedsAction));
    let Step::Next(cancel) = settled.step else { panic!("{:?}", settled.step) };
    assert_eq!(cancel.call, Call::Cancel);
    let settled = shop.hear(&cancel, done(&cancel, ChargeState::Cancelled));
    assert_eq!((settled.op.state, settled.payment.state), (OpState::Failed, PaymentState::Failed));
    assert_eq!(settled.op.error.as_deref(), Some("authentication_required"));
    shop.begin(&pay(booking));
}

#[test]
fn a_challenge_waits_and_another_card_ends_it_first() {
    let mut shop = Shop::default();
    let booking = shop.booked();
    let ticket = shop.begin(&domain::payments::PayBooking { action_allowed: true, ..pay(booking) });
    let settled = shop.hear(&ticket, done(&ticket, ChargeState::NeedsAction));
    assert_eq!((settled.step, settled.op.state), (Step::Waiting, OpState::Waiting));
    assert_eq!(shop.submit(&pay(booking)), Ok(Begun::CancelFirst(ticket.op)));
    let cancel = shop.take(ticket.op, true);
    assert_eq!(cancel.call, Call::Cancel);
    assert_eq!(shop.claim(ticket.op, true), Claimed::Busy);
    shop.hear(&cancel, done(&cancel, ChargeState::Cancelled));
    assert_eq!(shop.payment(shop.op(ticket.op).payment).state, PaymentState::Pending);
    shop.begin(&pay(booking));
}

#[test]
fn what_was_to_be_cancelled_had_succeeded() {
    let mut shop = Shop::default();
    let booking = shop.booked();
    let ticket = shop.begin(&domain::payments::PayBooking { action_allowed: true, ..pay(booking) });
    shop.hear(&ticket, done(&ticket, ChargeState::NeedsAction));
    let cancel = shop.take(ticket.op, true);
    let settled = shop.hear(&cancel, done(&cancel, ChargeState::Succeeded));
    assert_eq!(settled.payment.state, PaymentState::Completed);
    assert!(matches!(shop.submit(&pay(booking)), Err(Refusal::AlreadyPaid { .. })));
}

#[test]
fn a_clients_intent_survives_a_decline_and_ends_at_its_deadline() {
    let mut shop = Shop::default();
    let booking = shop.booked();
    let open = domain::payments::PayBooking { confirmer: Confirmer::Client, method: None, ..pay(booking) };
    let ticket = shop.begin(&open);
    let settled = shop.hear(&ticket, done(&ticket, ChargeState::NeedsMethod { last_decline: None }));
    assert_eq!((settled.step, settled.payment.state), (Step::Waiting, PaymentState::Pending));
    assert_eq!(shop.submit(&open), Ok(Begun::Open(ticket.op)), "the same intent");
    let confirm = ConfirmIntent { op: ticket.op, payer: STUDENT, rail: rail(), method: Some(card()) };
    let Ok(Claimed::Go(first)) = shop.submit(&confirm) else { panic!() };
    let settled = shop.hear(&first, done(&first, ChargeState::NeedsMethod { last_decline: Some(no()) }));
    assert_eq!((settled.step, settled.decline), (Step::Waiting, Some(no())));
    let Ok(Claimed::Go(second)) = shop.submit(&confirm) else { panic!() };
    assert_ne!(first.key, second.key, "another card is another request");
    shop.hear(&second, silence());
    shop.wait(Span::minutes(31));
    let look = shop.take(ticket.op, false);
    shop.hear(&look, done(&look, ChargeState::NeedsMethod { last_decline: None }));
    let end = shop.take(ticket.op, false);
    assert_eq!(end.call, Call::Cancel);
    let settled = shop.hear(&end, done(&end, ChargeState::Cancelled));
    assert_eq!((settled.op.state, settled.payment.state), (OpState::Cancelled, PaymentState::Pending));
}

#[test]
fn nobody_pays_for_what_is_not_payable() {
    let mut shop = Shop::default();
    let pending = shop.create(60).id;
    shop.policies.booking.flow = BookingFlow::ConfirmThenPay;
    assert_eq!(shop.submit(&pay(pending)), Err(Refusal::BookingNotConfirmed));
    let stranger = domain::payments::PayBooking { payer: TEACHER, ..pay(pending) };
    assert_eq!(shop.submit(&stranger), Err(Refusal::NotFound));
    shop.policies.booking.flow = BookingFlow::PayThenConfirm;
    let ticket = shop.begin(&pay(pending));
    shop.hear(&ticket, declined());
    shop.wait(Span::days(3));
    assert_eq!(shop.submit(&pay(pending)), Err(Refusal::BookingOver));
}

#[test]
fn what_was_not_sent_charges_nothing_and_closes_a_purchase() {
    let mut shop = Shop::default();
    let (booking, ticket) = shop.paying();
    let settled = shop.hear(&ticket, Heard::Answer(Answer::NotSent("refused".into())));
    assert_eq!((settled.step, settled.payment.state), (Step::NotSent, PaymentState::Pending));
    assert_eq!(shop.booking(booking).state, BookingState::Confirmed);
    let ticket = shop.begin_purchase();
    let settled = shop.hear(&ticket, Heard::Answer(Answer::NotSent("refused".into())));
    assert_eq!(settled.payment.state, PaymentState::Cancelled, "nobody can ever pay it");
}

#[test]
fn a_fetch_that_was_not_sent_says_nothing_of_the_call_under_way() {
    let mut shop = Shop::default();
    let (_, ticket) = shop.paying();
    let settled = shop.refetched(&ticket, Heard::Answer(Answer::NotSent("refused".into())));
    assert_eq!(settled.op.state, OpState::InFlight);
    shop.refetched(&ticket, silence());
    let held = shop.op(ticket.op);
    assert_eq!((held.state, held.fence), (OpState::InFlight, ticket.fence));
    assert!(held.lease_until.is_some(), "the holder keeps his lease");
    let settled = shop.hear(&ticket, done(&ticket, ChargeState::Succeeded));
    assert_eq!((settled.op.state, shop.kept.alerts.len()), (OpState::Succeeded, 0));
}

#[test]
fn absence_proves_nothing_before_the_key_and_the_road_are_dead() {
    let mut shop = Shop::default();
    let (booking, ticket) = shop.paying();
    shop.hear(&ticket, silence());
    shop.wait(Span::hours(22));
    assert_eq!(shop.take(ticket.op, false).call, Call::Create, "the same key, while it is remembered");
    shop.wait(Span::minutes(61));
    let find = shop.take(ticket.op, false);
    assert_eq!(find.call, Call::Find);
    assert_eq!(shop.hear(&find, Heard::Absent).step, Step::Unknown);
    shop.wait(Span::hours(2));
    let find = shop.take(ticket.op, false);
    assert_eq!(shop.hear(&find, Heard::Absent).op.state, OpState::Failed);
    assert_eq!(shop.kept.alerts.last().unwrap().kind, "charge_rejected");
    assert_eq!(shop.booking(booking).state, BookingState::Confirmed);
}

#[test]
fn an_answer_is_kept_with_its_effect_and_replayed() {
    let mut shop = Shop::default();
    let booking = shop.booked();
    let request = domain::payments::PayBooking { key: Some(key("k")), ..pay(booking) };
    let ticket = shop.begin(&request);
    assert_eq!(shop.submit(&request), Ok(Begun::Join(ticket.op)));
    let kept = idempotency::Answer { status: 200, body: "{}".into() };
    let render = {
        let kept = kept.clone();
        move |settled: &domain::payments::Settled| (settled.step == Step::Over).then(|| kept.clone())
    };
    let fact = RecordCharge {
        op: ticket.op,
        payer: STUDENT,
        fence: Some(1),
        rail: rail(),
        heard: done(&ticket, ChargeState::Succeeded),
        finish: Some(Finish { key: key("k"), render: std::sync::Arc::new(render) }),
    };
    shop.record(&fact);
    assert_eq!(shop.submit(&request), Ok(Begun::Replay(kept)));
    let other = idempotency::Key { body_hash: "other".into(), ..key("k") };
    let reused = domain::payments::PayBooking { key: Some(other), ..request.clone() };
    assert_eq!(shop.submit(&reused), Err(Refusal::IdempotencyKeyReused));
    shop.wait(Span::hours(721));
    assert!(matches!(shop.submit(&reused), Err(Refusal::AlreadyPaid { .. })), "forgotten after 30 days");
}

#[test]
fn a_purchase_is_paid_first_and_refunded_when_the_teacher_declines() {
    for refund_on_cancel in [true, false] {
        let mut policies = Policies::default();
        policies.booking.refund_on_cancel = refund_on_cancel;
        let mut shop = Shop::with(policies);
        let ticket = shop.begin_purchase();
        assert_eq!(ticket.amount, usd(5_000), "E4: the fee is deducted");
        let payment = shop.hear(&ticket, done(&ticket, ChargeState::Succeeded)).payment;
        assert_eq!((payment.quote.fee_minor, payment.quote.share_minor), (500, 4_500));
        let booking = payment.booking.unwrap();
        let decline = Cancel {
            booking,
            payer: STUDENT,
            actor: Actor::Party(TEACHER),
            cause: RefundCause::Declined,
            reason: "no time".into(),
        };
        let cancelled = shop.submit(&decline).unwrap();
        let (refund, _) = cancelled.refund.expect("BR-29: a decline refunds in full, always");
        assert_eq!(shop.refund(refund).amount(), usd(5_000));
    }
}

#[test]
fn a_purchase_without_an_answer_lapses_with_a_full_refund() {
    let mut shop = Shop::default();
    let ticket = shop.begin_purchase();
    let booking = shop.hear(&ticket, done(&ticket, ChargeState::Succeeded)).payment.booking.unwrap();
    shop.wait(Span::hours(73));
    let ticked = shop.record(&Tick { booking, payer: STUDENT });
    let Ticked::Expired(gone) = ticked else { panic!("{ticked:?}") };
    assert!(gone.refund.is_some());
    assert!(matches!(shop.record(&Tick { booking, payer: STUDENT }), Ticked::Nothing));
}

#[test]
fn an_unpaid_booking_lapses_unless_money_may_be_on_its_way() {
    let mut shop = Shop::default();
    let (booking, ticket) = shop.paying();
    shop.wait(Span::hours(25));
    assert!(matches!(shop.record(&Tick { booking, payer: STUDENT }), Ticked::Nothing));
    shop.hear(&ticket, declined());
    shop.wait(Span::minutes(1));
    assert!(matches!(shop.record(&Tick { booking, payer: STUDENT }), Ticked::Expired(_)));
    assert_eq!(shop.payment(shop.op(ticket.op).payment).state, PaymentState::Cancelled);
}

#[test]
fn the_clock_completes_a_paid_lesson_after_its_end() {
    let mut shop = Shop::default();
    let (booking, payment) = shop.paid();
    assert!(matches!(shop.record(&Tick { booking, payer: STUDENT }), Ticked::Nothing));
    let early = Complete { booking, payer: STUDENT, actor: Actor::Party(STUDENT) };
    assert!(matches!(shop.submit(&early), Err(Refusal::NotEnded { .. })));
    shop.now = shop.booking(booking).wake_at.unwrap();
    assert!(matches!(shop.record(&Tick { booking, payer: STUDENT }), Ticked::Completed));
    assert!(shop.release(booking));
    assert_eq!(shop.payment(payment).released_at, Some(shop.now));
}

#[test]
fn on_payment_the_share_is_earned_at_once_and_held_as_long_as_configured() {
    let mut shop = Shop::with(Policies {
        release_booking: Release::OnPayment,
        hold: Span::days(2),
        ..Policies::default()
    });
    let (booking, _) = shop.paid();
    assert!(!shop.release(booking));
    shop.wait(Span::days(2));
    assert!(shop.release(booking));
}

#[test]
fn strangers_are_nobody_to_a_booking() {
    let mut shop = Shop::default();
    let stranger = Actor::Party(domain::id::PersonId(9_999));
    let id = shop.create(60).id;
    let confirm = Confirm { booking: id, payer: STUDENT, actor: stranger, slot: None };
    assert_eq!(shop.submit(&confirm).unwrap_err(), Refusal::NotFound);
    let cancel = Cancel {
        booking: id,
        payer: STUDENT,
        actor: stranger,
        cause: RefundCause::Cancelled,
        reason: String::new(),
    };
    assert_eq!(shop.submit(&cancel).unwrap_err(), Refusal::NotFound);
    let mut shop = Shop::default();
    let (paid, _) = shop.paid();
    shop.wait(Span::days(2));
    let complete = Complete { booking: paid, payer: STUDENT, actor: stranger };
    assert_eq!(shop.submit(&complete).unwrap_err(), Refusal::NotFound);
}

#[test]
fn a_slot_is_taken_once_and_freed_by_cancelling() {
    let mut shop = Shop::default();
    let slot = shop.slot(60);
    let first = shop.try_create(slot).unwrap();
    assert_eq!(shop.try_create(slot).unwrap_err(), Refusal::SlotTaken);
    let cancel = Cancel {
        booking: first.id,
        payer: STUDENT,
        actor: Actor::Party(STUDENT),
        cause: RefundCause::Cancelled,
        reason: String::new(),
    };
    assert!(shop.submit(&cancel).unwrap().changed);
    assert!(!shop.submit(&cancel).unwrap().changed);
    shop.try_create(slot).unwrap();
}

/// A reader of a thousand years' busy days would keep everybody waiting.
#[test]
fn an_absurd_length_is_refused_without_looking_at_every_day() {
    let mut shop = Shop::default();
    let starts_at = shop.now + Span::DAY;
    let slot = domain::schedule::Slot { starts_at, ends_at: starts_at + Span::days(2_000_000) };
    assert!(matches!(shop.try_create(slot), Err(Refusal::Invalid(_))));
    let buy = PurchaseSession { slot: Some(slot), unit: PriceUnit::Hour, ..purchase() };
    let world = shop.kept.load(&Lanes::new(), |world, needs| buy.needs(world, needs));
    let mut needs = Needs::default();
    buy.needs(&world, &mut needs);
    assert!(needs.busy.groups.is_empty());
    assert!(matches!(shop.submit(&buy), Err(Refusal::Invalid(_))));
    // However long the marketplace lets lessons be, a day is the longest that is looked at.
    shop.policies.booking.length_max = Span::days(30);
    let two_days = domain::schedule::Slot { starts_at, ends_at: starts_at + Span::days(2) };
    assert!(matches!(shop.try_create(two_days), Err(Refusal::Invalid(_))));
}

#[test]
fn only_ones_own_offers_can_be_booked_by_others() {
    let mut shop = Shop::default();
    let slot = shop.slot(60);
    let own = Create {
        payer: TEACHER,
        payee: TEACHER,
        offer: GIG,
        slot,
        notes: String::new(),
        session_type: "video_call".into(),
    };
    assert_eq!(shop.submit(&own).unwrap_err(), Refusal::OwnOffer);
    let foreign = Create { payer: TEACHER, payee: STUDENT, ..own };
    assert!(shop.submit(&foreign).is_err());
}
