//! Moving a booking, at once and by request, and what its payment has to say.

use domain::bookings::{
    Actor, Cancel, Confirm, EditNotes, Form, Reschedule, Rescheduled, Respond, Tick, Ticked,
};
use domain::gateway::ChargeState;
use domain::id::{BookingId, PersonId};
use domain::payments::quote_booking;
use domain::policy::{self, Policies};
use domain::records::{Booking, BookingState, PaymentState, ProposalOutcome, RefundCause};
use domain::refusal::Refusal;
use domain::schedule::Slot;
use domain::time::Span;

use crate::support::*;

const STUDENTS: Actor = Actor::Party(STUDENT);
const TEACHERS: Actor = Actor::Party(TEACHER);
const ADMIN: Actor = Actor::Admin(PersonId(3_074));

impl Shop {
    fn reschedule(&self, booking: BookingId, actor: Actor, slot: Slot, form: Form) -> Reschedule {
        let seen = self.booking(booking).version;
        Reschedule { booking, payer: STUDENT, actor, seen, slot, reason: Some("train".into()), form }
    }

    fn shift(&mut self, booking: BookingId, actor: Actor, slot: Slot) -> Result<Booking, Refusal> {
        let command = self.reschedule(booking, actor, slot, Form::AtOnce);
        self.submit(&command).map(|done| match done {
            Rescheduled::Moved { booking, .. } => *booking,
            Rescheduled::Asked(booking) => panic!("only asked: {booking:?}"),
        })
    }

    fn propose(&mut self, booking: BookingId, actor: Actor, slot: Slot) -> Result<Booking, Refusal> {
        let command = self.reschedule(booking, actor, slot, Form::Ask);
        self.submit(&command).map(|done| match done {
            Rescheduled::Asked(booking) => *booking,
            Rescheduled::Moved { booking, .. } => panic!("moved: {booking:?}"),
        })
    }

    fn answer(
        &mut self,
        booking: BookingId,
        actor: Actor,
        outcome: ProposalOutcome,
    ) -> Result<Booking, Refusal> {
        let seen = self.booking(booking).version;
        self.submit(&Respond { booking, payer: STUDENT, actor, seen, outcome, message: None })
    }

    fn later(&self, hours: i64, minutes: i64) -> Slot {
        let starts_at = self.now + Span::DAY + Span::hours(hours);
        Slot { starts_at, ends_at: starts_at + Span::minutes(minutes) }
    }

    fn by_request() -> Shop {
        let mut policies = Policies::default();
        policies.booking.reschedule = policy::Reschedule::ByRequest;
        Shop::with(policies)
    }
}

#[test]
fn br_7_either_party_moves_an_open_booking_and_its_hours_go_with_it() {
    let mut shop = Shop::default();
    let pending = shop.create(60).id;
    for (actor, hours) in [(STUDENTS, 2), (TEACHERS, 30), (ADMIN, 1)] {
        let slot = shop.later(hours, 60);
        let moved = shop.shift(pending, actor, slot).unwrap();
        assert_eq!((moved.slot(), moved.state), (Some(slot), BookingState::Pending));
    }
    // What it held before is free, what it holds now is not.
    let old = shop.later(30, 60);
    shop.try_create(old).unwrap();
    let now = shop.later(1, 60);
    assert_eq!(shop.try_create(now), Err(Refusal::SlotTaken));
    // Half an hour on it meets its own old hours only.
    let half_on =
        Slot { starts_at: now.starts_at + Span::minutes(30), ends_at: now.ends_at + Span::minutes(30) };
    shop.shift(pending, STUDENTS, half_on).unwrap();
    assert_eq!(shop.shift(pending, STUDENTS, old), Err(Refusal::SlotTaken));
    assert_eq!(shop.booking(pending).slot(), Some(half_on));
    let version = shop.booking(pending).version;
    shop.shift(pending, STUDENTS, half_on).unwrap();
    assert_eq!(shop.booking(pending).version, version, "the same time again changes nothing");
}

#[test]
fn br_7_what_is_over_past_or_misshapen_is_refused() {
    let mut shop = Shop::default();
    let id = shop.booked();
    let past = Slot { starts_at: shop.now - Span::hours(2), ends_at: shop.now - Span::HOUR };
    let reversed = Slot { starts_at: shop.later(2, 60).ends_at, ends_at: shop.later(2, 60).starts_at };
    for slot in [past, reversed, shop.later(2, 5), shop.later(2, 721)] {
        assert!(matches!(shop.shift(id, STUDENTS, slot), Err(Refusal::Invalid(_))), "{slot:?}");
        assert!(matches!(shop.propose(id, STUDENTS, slot), Err(Refusal::Invalid(_))), "{slot:?}");
    }
    let slot = shop.later(2, 90);
    assert_eq!(shop.shift(id, Actor::Party(PersonId(99)), slot).unwrap_err(), Refusal::NotFound);
    let mut long = shop.reschedule(id, STUDENTS, slot, Form::AtOnce);
    long.reason = Some("x".repeat(1_001));
    assert!(matches!(shop.submit(&long), Err(Refusal::Invalid(_))));
    let begun = {
        let mut shop = shop.clone();
        shop.now = shop.booking(id).starts_at.unwrap();
        shop.shift(id, STUDENTS, shop.later(2, 90)).unwrap_err()
    };
    assert_eq!(begun, Refusal::BookingOver);
    let gone = Cancel {
        booking: id,
        payer: STUDENT,
        actor: STUDENTS,
        cause: RefundCause::Cancelled,
        reason: String::new(),
    };
    shop.submit(&gone).unwrap();
    assert_eq!(shop.shift(id, STUDENTS, slot).unwrap_err(), Refusal::BookingCancelled);
    let ticket = shop.begin_purchase();
    shop.hear(&ticket, done(&ticket, ChargeState::Succeeded));
    let untimed = shop.payment(shop.op(ticket.op).payment).booking.unwrap();
    assert_eq!(shop.shift(untimed, STUDENTS, slot).unwrap_err(), Refusal::NeedsTimes);
}

/// H-11: time bought at one length is not stretched.
#[test]
fn br_7_h_11_what_is_paid_keeps_its_length_and_its_price() {
    let mut shop = Shop::default();
    let (id, payment) = shop.paid();
    let before = shop.payment(payment).clone();
    assert_eq!(shop.shift(id, STUDENTS, shop.later(2, 91)).unwrap_err(), Refusal::LengthFixed);
    assert_eq!(shop.shift(id, TEACHERS, shop.later(2, 60)).unwrap_err(), Refusal::LengthFixed);
    let slot = shop.later(2, 90);
    let moved = shop.shift(id, STUDENTS, slot).unwrap();
    assert_eq!((moved.slot(), moved.state), (Some(slot), BookingState::Confirmed));
    assert_eq!(shop.payment(payment), &before, "the payment follows as it is");
    // It completes after its new end, not after the old one.
    shop.now = slot.ends_at - Span::minutes(10);
    assert!(matches!(shop.record(&Tick { booking: id, payer: STUDENT }), Ticked::Nothing));
    shop.now = slot.ends_at + Span::minutes(60);
    assert!(matches!(shop.record(&Tick { booking: id, payer: STUDENT }), Ticked::Completed));
}

#[test]
fn br_7_what_is_unpaid_is_priced_anew() {
    let mut shop = Shop::default();
    let id = shop.booked();
    let ticket = shop.begin(&pay(id));
    shop.hear(&ticket, declined());
    let payment = shop.op(ticket.op).payment;
    assert_eq!(shop.payment(payment).quote.total_minor, 7_875);
    let moved = shop.shift(id, STUDENTS, shop.later(2, 60)).unwrap();
    assert_eq!(quote_booking(&moved).total_minor, 5_250);
    assert_eq!(shop.payment(payment).quote.total_minor, 5_250);
    // Money of the old price that comes after all pays nothing: it goes back.
    shop.refetched(&ticket, done(&ticket, ChargeState::Succeeded));
    assert!(!shop.payment(payment).state.captured());
    let ticket = shop.begin(&pay(id));
    shop.hear(&ticket, done(&ticket, ChargeState::Succeeded));
    assert_eq!(shop.payment(payment).captured_minor, 5_250);
}

#[test]
fn br_7_h_11_a_charge_under_way_pins_the_length() {
    let mut shop = Shop::default();
    let (id, ticket) = shop.paying();
    let longer = shop.shift(id, STUDENTS, shop.later(2, 120)).unwrap_err();
    assert_eq!(longer, Refusal::PaymentInProgress { op: ticket.op });
    let slot = shop.later(2, 90);
    shop.shift(id, STUDENTS, slot).unwrap();
    shop.hear(&ticket, done(&ticket, ChargeState::Succeeded));
    let payment = shop.payment(shop.op(ticket.op).payment);
    assert_eq!((payment.state, payment.captured_minor), (PaymentState::Completed, 7_875));
    assert_eq!(shop.booking(id).wake_at, Some(slot.ends_at + Span::minutes(60)));
}

#[test]
fn br_7_deadlines_follow_the_new_time() {
    let mut shop = Shop::default();
    let id = shop.create(60).id;
    let far = shop.later(24 * 10, 60);
    shop.shift(id, STUDENTS, far).unwrap();
    assert_eq!(
        shop.booking(id).wake_at,
        Some(NOW + Span::hours(72)),
        "confirmed within three days of the request"
    );
    let yes = Confirm { booking: id, payer: STUDENT, actor: TEACHERS, slot: None };
    shop.submit(&yes).unwrap();
    let near = shop.later(2, 60);
    shop.shift(id, STUDENTS, near).unwrap();
    assert_eq!(shop.booking(id).wake_at, Some(near.starts_at), "unpaid, it ends when it was to begin");
    // A deadline of its own is not put off by moving.
    shop.policies.booking.pay_ttl = Span::hours(1);
    let other = shop.create(60).id;
    shop.submit(&Confirm { booking: other, ..yes }).unwrap();
    shop.wait(Span::minutes(30));
    shop.shift(other, STUDENTS, shop.later(50, 60)).unwrap();
    assert_eq!(shop.booking(other).wake_at, Some(NOW + Span::hours(1)));
}

#[test]
fn br_7_by_request_the_other_party_answers_and_checks_repeat() {
    let mut shop = Shop::by_request();
    let (id, payment) = shop.paid();
    let slot = shop.later(3, 90);
    // The at-once form only asks.
    let command = shop.reschedule(id, STUDENTS, slot, Form::AtOnce);
    let Ok(Rescheduled::Asked(asked)) = shop.submit(&command) else { panic!("asked") };
    let proposal = asked.proposal().unwrap();
    assert_eq!((proposal.slot, proposal.by, asked.awaited(&proposal)), (slot, STUDENT, TEACHER));
    assert_ne!(asked.slot(), Some(slot));
    assert_eq!(shop.propose(id, STUDENTS, slot).unwrap(), *asked, "the same again is the same request");
    assert_eq!(shop.propose(id, STUDENTS, shop.later(4, 90)).unwrap_err(), Refusal::RescheduleOpen);
    assert_eq!(shop.propose(id, TEACHERS, slot).unwrap_err(), Refusal::RescheduleOpen);
    for actor in [STUDENTS, ADMIN] {
        assert_eq!(shop.answer(id, actor, ProposalOutcome::Confirmed).unwrap_err(), Refusal::WrongParty);
    }
    // Meanwhile somebody else takes a part of the time: checked again when it is answered.
    let part = Slot { starts_at: slot.starts_at, ends_at: slot.starts_at + Span::minutes(30) };
    let taken = shop.try_create(part).unwrap().id;
    assert_eq!(shop.answer(id, TEACHERS, ProposalOutcome::Confirmed).unwrap_err(), Refusal::SlotTaken);
    assert!(shop.booking(id).proposal().is_some(), "still open");
    let gone = Cancel {
        booking: taken,
        payer: STUDENT,
        actor: STUDENTS,
        cause: RefundCause::Cancelled,
        reason: String::new(),
    };
    shop.submit(&gone).unwrap();
    let moved = shop.answer(id, TEACHERS, ProposalOutcome::Confirmed).unwrap();
    assert_eq!(moved.slot(), Some(slot));
    assert_eq!((moved.proposal(), moved.proposal_outcome), (None, Some(ProposalOutcome::Confirmed)));
    assert_eq!(moved.wake_at, Some(slot.ends_at + Span::minutes(60)));
    assert_eq!(shop.payment(payment).state, PaymentState::Completed);
    let again = shop.answer(id, TEACHERS, ProposalOutcome::Confirmed).unwrap_err();
    assert_eq!(again, Refusal::NoRescheduleRequest);
}

#[test]
fn br_7_a_declined_request_changes_nothing_but_its_outcome() {
    let mut shop = Shop::default();
    let (id, _) = shop.paid();
    let before = shop.booking(id).clone();
    shop.propose(id, TEACHERS, shop.later(3, 90)).unwrap();
    let after = shop.answer(id, STUDENTS, ProposalOutcome::Declined).unwrap();
    assert_eq!((after.slot(), after.state, after.wake_at), (before.slot(), before.state, before.wake_at));
    assert_eq!((after.proposal(), after.proposal_outcome), (None, Some(ProposalOutcome::Declined)));
    shop.propose(id, STUDENTS, shop.later(3, 90)).unwrap();
    let asked = shop.reschedule(id, ADMIN, shop.later(5, 90), Form::Ask);
    assert_eq!(shop.submit(&asked).unwrap_err(), Refusal::WrongParty);
}

#[test]
fn br_7_a_request_lapses_when_the_session_was_to_begin() {
    let mut shop = Shop::default();
    let (id, _) = shop.paid();
    let starts_at = shop.booking(id).starts_at.unwrap();
    let asked = shop.propose(id, STUDENTS, shop.later(3, 90)).unwrap();
    assert_eq!(asked.wake_at, Some(starts_at));
    shop.now = starts_at;
    assert_eq!(shop.answer(id, TEACHERS, ProposalOutcome::Confirmed).unwrap_err(), Refusal::BookingOver);
    assert!(matches!(shop.record(&Tick { booking: id, payer: STUDENT }), Ticked::Nothing));
    let lapsed = shop.booking(id);
    assert_eq!((lapsed.proposal(), lapsed.proposal_outcome), (None, Some(ProposalOutcome::Declined)));
    assert_eq!(lapsed.wake_at, Some(lapsed.ends_at.unwrap() + Span::minutes(60)), "and it completes as ever");
}

#[test]
fn br_7_a_request_is_good_for_the_version_it_was_made_for() {
    let mut shop = Shop::default();
    let id = shop.create(90).id;
    let slot = shop.later(3, 90);
    shop.propose(id, STUDENTS, slot).unwrap();
    let notes = EditNotes { booking: id, payer: STUDENT, notes: "bring a book".into() };
    shop.submit(&notes).unwrap();
    assert!(shop.booking(id).proposal().is_some(), "notes change nothing of what was agreed");
    // The teacher takes the booking as it stands.
    shop.submit(&Confirm { booking: id, payer: STUDENT, actor: TEACHERS, slot: None }).unwrap();
    assert_eq!(shop.booking(id).proposal(), None);
    let answer = shop.answer(id, TEACHERS, ProposalOutcome::Confirmed);
    assert_eq!(answer.unwrap_err(), Refusal::NoRescheduleRequest);
    // A payment leaves it alone.
    shop.propose(id, STUDENTS, slot).unwrap();
    let ticket = shop.begin(&pay(id));
    shop.hear(&ticket, done(&ticket, ChargeState::Succeeded));
    assert!(shop.booking(id).proposal().is_some());
    // Moved by somebody at once: what was asked is about a booking that is no more.
    shop.shift(id, TEACHERS, shop.later(5, 90)).unwrap();
    assert_eq!(shop.booking(id).proposal(), None);
}

#[test]
fn br_7_who_has_seen_another_version_moves_nothing() {
    let mut shop = Shop::default();
    let id = shop.booked();
    let mine = shop.reschedule(id, STUDENTS, shop.later(2, 90), Form::AtOnce);
    let yours = shop.reschedule(id, TEACHERS, shop.later(4, 90), Form::AtOnce);
    let (first, second) = shop.submit_both(&mine, &yours);
    assert!(matches!(first, Ok(Rescheduled::Moved { .. })));
    assert_eq!(second.unwrap_err(), Refusal::BookingChanged);
    assert_eq!(shop.booking(id).slot(), Some(mine.slot));
    shop.propose(id, STUDENTS, shop.later(6, 90)).unwrap();
    let seen = shop.booking(id).version - 1;
    let outcome = ProposalOutcome::Confirmed;
    let stale = Respond { booking: id, payer: STUDENT, actor: TEACHERS, seen, outcome, message: None };
    assert_eq!(shop.submit(&stale).unwrap_err(), Refusal::BookingChanged);
}
