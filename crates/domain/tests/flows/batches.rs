//! Commands that were loaded together: the second decides on what the first has left.

use domain::bookings::{Actor, Cancel, Create};
use domain::payments::Begun;
use domain::records::{BookingState, RefundCause};
use domain::refusal::Refusal;

use crate::support::*;

#[test]
fn a_double_click_in_one_batch_charges_once() {
    let mut shop = Shop::default();
    let booking = shop.booked();
    let (first, second) = shop.submit_both(&pay(booking), &pay(booking));
    let Ok(Begun::Send(ticket)) = first else { panic!("{first:?}") };
    assert_eq!(second, Ok(Begun::Join(ticket.op)));
}

#[test]
fn cancelling_in_the_batch_of_the_first_payment_ends_the_charge() {
    let mut shop = Shop::default();
    let booking = shop.booked();
    let cancel = Cancel {
        booking,
        payer: STUDENT,
        actor: Actor::Party(STUDENT),
        cause: RefundCause::Cancelled,
        reason: String::new(),
    };
    let (first, second) = shop.submit_both(&pay(booking), &cancel);
    let Ok(Begun::Send(ticket)) = first else { panic!("{first:?}") };
    assert_eq!(second.unwrap().drop, [ticket.op]);
    assert!(shop.op(ticket.op).cancel_wanted);
}

#[test]
fn two_students_want_one_hour_in_one_batch() {
    let mut shop = Shop::default();
    let create = Create {
        payer: STUDENT,
        payee: TEACHER,
        offer: GIG,
        slot: shop.slot(60),
        notes: String::new(),
        session_type: "video_call".into(),
    };
    let (first, second) = shop.submit_both(&create, &create);
    assert_eq!(first.unwrap().state, BookingState::Pending);
    assert_eq!(second.unwrap_err(), Refusal::SlotTaken);
}

#[test]
fn what_a_refused_command_did_is_not_seen_by_the_next() {
    let mut shop = Shop::default();
    let mut expensive = shop.clone();
    expensive.policies.charge_min_minor = 1_000_000;
    // The booking is made, and only then its price is found to be too small.
    let before = expensive.kept.clone();
    let buy = purchase();
    let (first, second) = expensive.submit_both(&buy, &buy);
    assert!(matches!(first, Err(Refusal::AmountTooSmall(_))), "{first:?}");
    assert!(matches!(second, Err(Refusal::AmountTooSmall(_))), "{second:?}");
    assert_eq!(expensive.kept.lanes, before.lanes, "not even an id is used up");
    assert_eq!(expensive.kept.bookings, before.bookings);
    let (first, second) = shop.submit_both(&buy, &buy);
    assert!(matches!((first, second), (Ok(Begun::Send(_)), Ok(Begun::Send(_)))));
}
