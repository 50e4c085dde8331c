//! What students and teachers do next. They know only what they were told.

use domain::time::{Span, Timestamp};
use serde_json::json;
use server::http::json::Instant;

use crate::call::{About, Call};
use crate::chance::Chance;
use crate::market::{Market, Student};
use crate::model::{Known, Model};
use crate::swarm::Swarm;

/// Cards by how often they are used; the sandbox says what each does.
const CARDS: [(&str, u32); 9] = [
    ("pm_card_visa", 50),
    ("pm_card_mastercard", 5),
    ("pm_card_declined", 12),
    ("pm_card_three_ds", 8),
    ("pm_card_three_ds_declined", 3),
    ("pm_card_timeout_charged", 5),
    ("pm_card_timeout_uncharged", 4),
    ("pm_card_refund_fails", 4),
    ("pm_card_refund_pending", 4),
];
/// So many calls can still be made again.
const REPEATABLE_MAX: usize = 12;

/// Somebody's next request; `None` when nobody wants anything.
pub fn next_call(chance: &mut Chance, market: &Market, model: &mut Model, swarm: &Swarm) -> Option<Call> {
    if model.eager.is_some() {
        return model.eager.take();
    }
    let open = model.open().len();
    let unanswered = model.open().iter().any(|known| !known.is_accepted);
    let may_book = open < swarm.bookings_max;
    let has = u32::from(open > 0);
    let weights = [
        u32::from(may_book) * 20,
        u32::from(may_book) * 5,
        u32::from(unanswered) * 60,
        has * swarm.pay_weight,
        has * swarm.intent_weight / 2,
        u32::from(!model.intents.is_empty()) * swarm.intent_weight,
        has * swarm.cancel_weight,
        has * 2,
        u32::from(!model.repeatable.is_empty()) * 15,
    ];
    if weights.iter().all(|weight| *weight == 0) {
        return None;
    }
    let call = match chance.weighted(&weights) {
        0 => book(chance, market),
        1 => purchase(chance, market, model),
        2 => accept(market, model.open().into_iter().find(|known| !known.is_accepted)?),
        3 => pay(chance, market, model)?,
        4 => open_intent(chance, market, model)?,
        5 => confirm_intent(chance, market, model)?,
        6 => {
            let known = known(chance, model)?;
            cancel(chance, market, known)
        }
        7 => complete(market, known(chance, model)?),
        _ => return chance.pick(&model.repeatable).cloned(),
    };
    if model.repeatable.len() == REPEATABLE_MAX {
        model.repeatable.remove(0);
    }
    model.repeatable.push(call.clone());
    Some(call)
}

/// Mostly the newest booking that was accepted, so that requests meet.
fn known<'m>(chance: &mut Chance, model: &'m Model) -> Option<&'m Known> {
    let open = model.open();
    let accepted = open.iter().rev().find(|known| known.is_accepted);
    if chance.permille(700) && accepted.is_some() {
        return accepted.copied();
    }
    chance.pick(&open).copied()
}

fn card(chance: &mut Chance) -> &'static str {
    CARDS[chance.weighted(&CARDS.map(|(_, weight)| weight))].0
}

fn key(chance: &mut Chance) -> Option<String> {
    chance.permille(400).then(|| format!("key-{}", chance.roll() % 1_000_000))
}

fn call(about: About, token: &str, path: String, body: &serde_json::Value) -> Call {
    Call { about, token: token.to_owned(), path, body: body.to_string(), key: None }
}

/// A quarter of an hour some time from now.
fn some_start(chance: &mut Chance, now: Timestamp) -> Timestamp {
    let quarter = Span::minutes(15).0;
    let hours_max = if chance.permille(500) { 72 } else { 24 * 14 };
    let start = now.0 + Span::minutes(chance.between(30, 60 * hours_max)).0;
    Timestamp(start - start % quarter)
}

fn book(chance: &mut Chance, market: &Market) -> Call {
    let (student, teacher) = (chance.below(market.students.len()), chance.below(market.teachers.len()));
    let starts_at = some_start(chance, market.now());
    let minutes = chance.between(1, 4) * 30;
    let body = json!({
        "teacher": market.teachers[teacher].uuid,
        "gig": market.teachers[teacher].offer.0,
        "start_time": Instant(starts_at).text(),
        "end_time": Instant(starts_at + Span::minutes(minutes)).text(),
    });
    let about = About::Book { student, teacher, starts_at, minutes };
    call(about, &market.students[student].token, "/api/bookings/bookings/".to_owned(), &body)
}

fn purchase(chance: &mut Chance, market: &Market, model: &Model) -> Call {
    let (student, teacher) = (chance.below(market.students.len()), chance.below(market.teachers.len()));
    let mut body = json!({
        "gig_id": market.teachers[teacher].offer.0,
        "payment_method_id": card(chance),
    });
    if chance.permille(700) {
        body["start_time"] = json!(Instant(some_start(chance, market.now())).text());
    }
    let about = About::Purchase { student, teacher };
    let token = &market.students[student].token;
    // Without a key the same body within a few seconds is a repeat: each purchase is one of its own.
    let key = Some(format!("purchase-{}-{}", model.calls, chance.roll() % 1_000));
    Call { key, ..call(about, token, "/api/payments/process-payment/".to_owned(), &body) }
}

fn on_booking(known: &Known, verb: &str) -> String {
    format!("/api/bookings/bookings/{}/{verb}/", known.id)
}

fn accept(market: &Market, known: &Known) -> Call {
    let token = &market.teachers[known.teacher].token;
    call(About::Accept { booking: known.id }, token, on_booking(known, "confirm"), &json!({}))
}

fn cancel(chance: &mut Chance, market: &Market, known: &Known) -> Call {
    let student = payer(market, known);
    let token = if chance.permille(700) { &student.token } else { &market.teachers[known.teacher].token };
    let nothing = call(About::Cancel { booking: known.id }, token, String::new(), &json!({}));
    nothing.cancelling(known.id)
}

fn complete(market: &Market, known: &Known) -> Call {
    let token = &market.teachers[known.teacher].token;
    call(About::Complete { booking: known.id }, token, on_booking(known, "complete"), &json!({}))
}

fn payer<'m>(market: &'m Market, known: &Known) -> &'m Student {
    &market.students[known.student]
}

fn pay(chance: &mut Chance, market: &Market, model: &Model) -> Option<Call> {
    let known = known(chance, model)?;
    let body = json!({
        "booking_id": known.id,
        "payment_method_id": card(chance),
        "allow_action": chance.permille(500),
    });
    let path = "/api/payments/process-booking-payment/".to_owned();
    let call = call(About::Pay { booking: known.id }, &payer(market, known).token, path, &body);
    Some(Call { key: key(chance), ..call })
}

fn open_intent(chance: &mut Chance, market: &Market, model: &Model) -> Option<Call> {
    let known = known(chance, model)?;
    let mut body = json!({ "session_booking_id": known.id });
    if chance.permille(300) {
        body["payment_method_id"] = json!(card(chance));
    }
    let path = "/api/payments/create-payment-intent/".to_owned();
    let call = call(About::OpenIntent { booking: known.id }, &payer(market, known).token, path, &body);
    Some(Call { key: key(chance), ..call })
}

fn confirm_intent(chance: &mut Chance, market: &Market, model: &Model) -> Option<Call> {
    let (booking, reference) = chance.pick(&model.intents)?;
    let known = model.bookings.iter().find(|known| known.id == *booking)?;
    let mut body = json!({ "payment_intent_id": reference });
    if chance.permille(800) {
        let declines = chance.permille(400);
        body["payment_method_id"] = json!(if declines { "pm_card_declined" } else { card(chance) });
    }
    let path = "/api/payments/confirm-payment/".to_owned();
    Some(call(About::ConfirmIntent { booking: *booking }, &payer(market, known).token, path, &body))
}
