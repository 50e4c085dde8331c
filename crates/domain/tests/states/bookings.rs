//! Bookings: `bookings.txt`.

use std::fmt::Write;

use domain::bookings::{Actor, Cancel, Complete, Confirm, Tick, Ticked};
use domain::gateway::ChargeState;
use domain::id::{BookingId, PersonId};
use domain::payments::Begun;
use domain::records::{BookingState, RefundCause, Word};
use domain::refusal::Refusal;
use domain::time::{Span, Timestamp};

use crate::support::*;

const ADMIN: PersonId = PersonId(3_074);

/// The states a booking of an hour, a day ahead, can be in.
fn in_state(name: &str) -> (Shop, BookingId) {
    let mut shop = Shop::default();
    let id = shop.create(60).id;
    let pay_it = |shop: &mut Shop| {
        let ticket = shop.begin(&pay(id));
        shop.hear(&ticket, done(&ticket, ChargeState::Succeeded));
    };
    if name.starts_with("confirmed") || name == "completed" || name == "refunded" {
        let yes = Confirm { booking: id, payer: STUDENT, actor: Actor::Party(TEACHER), slot: None };
        shop.submit(&yes).unwrap();
    }
    match name {
        "pending, paid" => {
            shop.policies.booking.flow = domain::policy::BookingFlow::PayThenConfirm;
            pay_it(&mut shop);
        }
        "confirmed, paying" => drop(shop.begin(&pay(id))),
        "confirmed, paid" => pay_it(&mut shop),
        "completed" => {
            pay_it(&mut shop);
            shop.now = shop.booking(id).ends_at.unwrap();
            shop.submit(&Complete { booking: id, payer: STUDENT, actor: Actor::Party(TEACHER) }).unwrap();
            shop.now = NOW;
        }
        "cancelled" => drop(shop.submit(&cancel(id, Actor::Party(STUDENT), RefundCause::Cancelled)).unwrap()),
        "refunded" => {
            pay_it(&mut shop);
            let (_, op) = shop.cancel_all(id);
            shop.hear_refund(op, refund_done(op, usd(5_250), domain::gateway::RefundReportState::Succeeded));
        }
        _ => {}
    }
    (shop, id)
}

const STATES: [&str; 8] = [
    "pending",
    "pending, paid",
    "confirmed",
    "confirmed, paying",
    "confirmed, paid",
    "completed",
    "cancelled",
    "refunded",
];

fn cancel(booking: BookingId, actor: Actor, cause: RefundCause) -> Cancel {
    Cancel { booking, payer: STUDENT, actor, cause, reason: "reason".into() }
}

fn verdict<T>(outcome: Result<T, Refusal>, yes: impl FnOnce(T) -> String) -> String {
    outcome.map_or_else(|refusal| refusal.code().into(), yes)
}

fn money_of(cancelled: &domain::bookings::Cancelled) -> String {
    match (cancelled.changed, &cancelled.refund, cancelled.drop.len()) {
        (false, ..) => "no change".into(),
        (true, Some(_), _) => "refund".into(),
        (true, None, 0) => "yes".into(),
        (true, None, _) => "ends the charge".into(),
    }
}

fn ask(shop: &mut Shop, id: BookingId, what: &str) -> String {
    let confirm = |actor| Confirm { booking: id, payer: STUDENT, actor, slot: None };
    let complete = |actor| Complete { booking: id, payer: STUDENT, actor };
    let yes = |_| "yes".to_string();
    match what {
        "teacher confirms" => verdict(shop.submit(&confirm(Actor::Party(TEACHER))), yes),
        "student confirms" => verdict(shop.submit(&confirm(Actor::Party(STUDENT))), yes),
        "student cancels" | "teacher cancels" | "admin cancels" => {
            let actor = match what {
                "student cancels" => Actor::Party(STUDENT),
                "teacher cancels" => Actor::Party(TEACHER),
                _ => Actor::Admin(ADMIN),
            };
            verdict(shop.submit(&cancel(id, actor, RefundCause::Cancelled)), |gone| money_of(&gone))
        }
        "teacher declines" | "student declines" => {
            let actor = Actor::Party(if what == "teacher declines" { TEACHER } else { STUDENT });
            verdict(shop.submit(&cancel(id, actor, RefundCause::Declined)), |gone| money_of(&gone))
        }
        "student completes" => verdict(shop.submit(&complete(Actor::Party(STUDENT))), yes),
        "student pays" => verdict(shop.submit(&pay(id)), |begun| match begun {
            Begun::Send(_) => "send".into(),
            Begun::Join(_) => "join".into(),
            other => format!("{other:?}"),
        }),
        "the clock" => match shop.record(&Tick { booking: id, payer: STUDENT }) {
            Ticked::Nothing => "nothing".into(),
            Ticked::Completed => "completed".into(),
            Ticked::Expired(gone) => format!("expired, {}", money_of(&gone)),
        },
        other => panic!("{other}"),
    }
}

const ASKED: [&str; 9] = [
    "teacher confirms",
    "student confirms",
    "student cancels",
    "teacher cancels",
    "admin cancels",
    "teacher declines",
    "student declines",
    "student completes",
    "student pays",
];

fn moments(starts_at: Timestamp) -> [(&'static str, Timestamp); 4] {
    [
        ("before", NOW),
        ("during", starts_at + Span::minutes(30)),
        ("after", starts_at + Span::minutes(60)),
        ("later", starts_at + Span::hours(80)),
    ]
}

#[test]
fn bookings() {
    let mut text = String::from(
        "# What becomes of a booking: its state, when, who asks what -> the booking's state, the answer.\n\
         # Before, during, at the end of and long after its hour.\n",
    );
    for name in STATES {
        let (shop, id) = in_state(name);
        let starts_at = shop.booking(id).starts_at.unwrap();
        text.push('\n');
        for (moment, at) in moments(starts_at) {
            for what in ASKED.into_iter().chain(["the clock"]) {
                let mut shop = shop.clone();
                shop.now = at;
                let before = shop.booking(id).state;
                let answer = ask(&mut shop, id, what);
                let after = shop.booking(id).state;
                never(before, after);
                writeln!(text, "{name:<18} {moment:<6} {what:<18} -> {:<9} {answer}", after.word()).unwrap();
            }
        }
    }
    golden::check("tests/states/bookings.txt", &text);
}

fn never(before: BookingState, after: BookingState) {
    let over = matches!(before, BookingState::Completed | BookingState::Cancelled);
    assert!(!over || before == after, "{before:?} became {after:?}");
}
