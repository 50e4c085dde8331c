//! Charges: `charges.txt`.

use std::fmt::Write;

use domain::gateway::{Answer, ChargeReport, ChargeState};
use domain::operations::{Heard, Step, Ticket};
use domain::payments::PayBooking;
use domain::records::{Confirmer, OpState, Word};

use crate::support::*;

type Told = Heard<ChargeReport>;

/// The ways to get an operation into each state, by the confirmer who can get there.
fn in_state(confirmer: Confirmer, state: OpState) -> Option<(Shop, Ticket)> {
    let mut shop = Shop::default();
    let booking = shop.booked();
    let client = confirmer == Confirmer::Client;
    let ticket = shop.begin(&PayBooking { confirmer, action_allowed: client, ..pay(booking) });
    let told = match state {
        OpState::InFlight => return Some((shop, ticket)),
        OpState::Waiting if client => done(&ticket, ChargeState::NeedsAction),
        // A charge is claimed in the commit that makes it, and only a refund can come back.
        OpState::Intent | OpState::Returned | OpState::Waiting => return None,
        OpState::Unknown => silence(),
        OpState::Succeeded => done(&ticket, ChargeState::Succeeded),
        OpState::Failed | OpState::Late => Heard::Answer(Answer::Rejected("no".into())),
        OpState::Cancelled => done(&ticket, ChargeState::Cancelled),
    };
    shop.hear(&ticket, told);
    if state == OpState::Late {
        shop.hear(&ticket, done(&ticket, ChargeState::Succeeded));
    }
    assert_eq!(shop.op(ticket.op).state, state);
    Some((shop, ticket))
}

fn everything(ticket: &Ticket) -> Vec<(&'static str, Told)> {
    let again = ChargeState::NeedsMethod { last_decline: Some(no()) };
    vec![
        ("succeeded", done(ticket, ChargeState::Succeeded)),
        ("cancelled", done(ticket, ChargeState::Cancelled)),
        ("needs another method", done(ticket, again)),
        ("needs a method", done(ticket, ChargeState::NeedsMethod { last_decline: None })),
        ("needs confirmation", done(ticket, ChargeState::NeedsConfirmation)),
        ("needs action", done(ticket, ChargeState::NeedsAction)),
        ("processing", done(ticket, ChargeState::Processing)),
        ("declined", declined()),
        ("not sent", Heard::Answer(Answer::NotSent("refused".into()))),
        ("rejected", Heard::Answer(Answer::Rejected("no".into()))),
        ("silence", silence()),
        ("absent", Heard::Absent),
    ]
}

pub fn step(step: &Step) -> String {
    match step {
        Step::Next(ticket) => format!("next {}", ticket.call.word()),
        Step::Over => "over".into(),
        Step::Waiting => "waiting".into(),
        Step::Unknown => "unknown".into(),
        Step::Superseded => "superseded".into(),
        Step::NotSent => "not sent".into(),
    }
}

/// Who reports: the holder of the newest fence, one of an older, or nobody (a webhook's refetch).
fn fence(shop: &Shop, ticket: &Ticket, by: &str) -> Option<i64> {
    let fence = shop.op(ticket.op).fence;
    match by {
        "holder" => Some(fence),
        "older" => Some(fence - 1),
        _ => None,
    }
}

fn line(shop: &Shop, ticket: &Ticket, by: &str, told: &Told) -> (OpState, String) {
    let mut shop = shop.clone();
    let alerts = shop.kept.alerts.len();
    let fence = fence(&shop, ticket, by);
    let settled = match fence {
        Some(fence) => shop.hear(&Ticket { fence, ..ticket.clone() }, told.clone()),
        None => shop.refetched(ticket, told.clone()),
    };
    let alert =
        shop.kept.alerts[alerts..].iter().map(|alert| alert.kind.as_ref()).collect::<Vec<_>>().join(" ");
    let text = format!(
        "{:<10} {:<18} {:<11} {alert}",
        settled.op.state.word(),
        settled.payment.state.word(),
        step(&settled.step)
    );
    (settled.op.state, text)
}

#[test]
fn charges() {
    let mut text = String::from(
        "# What becomes of a charge: who confirms, its state, who reports, what is heard ->\n\
         # the operation's state, the payment's, what follows, the alert.\n",
    );
    for confirmer in Confirmer::ALL {
        for state in OpState::ALL {
            let Some((shop, ticket)) = in_state(*confirmer, *state) else { continue };
            text.push('\n');
            for by in ["holder", "older", "nobody"] {
                for (name, told) in everything(&ticket) {
                    let (after, told) = line(&shop, &ticket, by, &told);
                    never(*state, after);
                    let row =
                        format!("{:<6} {:<9} {by:<6} {name:<20} -> {told}", confirmer.word(), state.word());
                    writeln!(text, "{}", row.trim_end()).unwrap();
                }
            }
        }
    }
    golden::check("tests/states/charges.txt", &text);
}

/// Final states are left only by money that moved all the same.
fn never(before: OpState, after: OpState) {
    let allowed = match before {
        OpState::Succeeded => &[OpState::Succeeded][..],
        OpState::Late => &[OpState::Late],
        OpState::Failed => &[OpState::Failed, OpState::Late],
        OpState::Cancelled => &[OpState::Cancelled, OpState::Late],
        _ => return,
    };
    assert!(allowed.contains(&after), "{before:?} became {after:?}");
}
