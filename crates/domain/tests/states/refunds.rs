//! Refunds: `refunds.txt`.

use std::fmt::Write;

use domain::gateway::{Answer, RefundReport, RefundReportState};
use domain::id::OpId;
use domain::operations::Heard;
use domain::records::{OpState, Word};

use super::charges::step;
use crate::support::*;

fn in_state(state: OpState) -> Option<(Shop, OpId)> {
    let mut shop = Shop::default();
    let (booking, _) = shop.paid();
    let (_, op) = shop.cancel_all(booking);
    if state == OpState::Intent {
        return Some((shop, op));
    }
    shop.take(op, false);
    let of_it = |state| refund_done(op, usd(7_875), state);
    let steps = match state {
        OpState::Cancelled => return None,
        OpState::Intent | OpState::InFlight => vec![],
        OpState::Waiting => vec![of_it(RefundReportState::Pending)],
        OpState::Unknown => vec![silence()],
        OpState::Succeeded => vec![of_it(RefundReportState::Succeeded)],
        OpState::Failed => vec![declined()],
        OpState::Returned => vec![of_it(RefundReportState::Succeeded), of_it(RefundReportState::Failed)],
        OpState::Late => vec![declined(), of_it(RefundReportState::Succeeded)],
    };
    for told in steps {
        shop.hear_refund(op, told);
    }
    assert_eq!(shop.op(op).state, state);
    Some((shop, op))
}

fn everything(op: OpId) -> Vec<(&'static str, Heard<RefundReport>)> {
    vec![
        ("succeeded", refund_done(op, usd(7_875), RefundReportState::Succeeded)),
        ("less", refund_done(op, usd(7_000), RefundReportState::Succeeded)),
        ("pending", refund_done(op, usd(7_875), RefundReportState::Pending)),
        ("failed", refund_done(op, usd(7_875), RefundReportState::Failed)),
        ("declined", declined()),
        ("not sent", Heard::Answer(Answer::NotSent("refused".into()))),
        ("rejected", Heard::Answer(Answer::Rejected("no".into()))),
        ("silence", silence()),
        ("absent", Heard::Absent),
    ]
}

#[test]
fn refunds() {
    let mut text = String::from(
        "# What becomes of the refund of a cancelled booking: its operation's state, what is heard ->\n\
         # the operation's state, the refund's, the payment's, what follows, the alert.\n",
    );
    for state in OpState::ALL {
        let Some((shop, op)) = in_state(*state) else { continue };
        text.push('\n');
        for (name, told) in everything(op) {
            let mut shop = shop.clone();
            let alerts = shop.kept.alerts.len();
            let settled = shop.hear_refund(op, told);
            never(*state, settled.op.state);
            let alert = shop.kept.alerts.get(alerts).map_or("", |alert| alert.kind.as_ref());
            let row = format!(
                "{:<9} {name:<10} -> {:<9} {:<10} {:<9} {:<8} {alert}",
                state.word(),
                settled.op.state.word(),
                settled.refund.unwrap().state.word(),
                settled.payment.state.word(),
                step(&settled.step)
            );
            writeln!(text, "{}", row.trim_end()).unwrap();
        }
    }
    golden::check("tests/states/refunds.txt", &text);
}

/// A confirmed refund can only come back; a failed one can only turn out to have gone.
fn never(before: OpState, after: OpState) {
    let allowed = match before {
        OpState::Succeeded => &[OpState::Succeeded, OpState::Returned][..],
        OpState::Failed => &[OpState::Failed, OpState::Late],
        OpState::Returned => &[OpState::Returned],
        OpState::Late => &[OpState::Late],
        _ => return,
    };
    assert!(allowed.contains(&after), "{before:?} became {after:?}");
}
