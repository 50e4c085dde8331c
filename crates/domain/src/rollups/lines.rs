//! What each row adds to the sums.

use crate::id::Id;
use crate::money::Currency;
use crate::policy::{Kind, Reports};
use crate::records::{
    Amounts, Measure, Op, OpKind, OpState, Payment, Refund, RefundCause, RefundState, RollupKey, Word,
};

/// Bounds of the classes that durations are counted in, in seconds.
pub const LATENCY_SECONDS: [i64; 14] = [1, 2, 3, 5, 10, 20, 30, 60, 120, 300, 900, 3_600, 86_400, i64::MAX];

/// What a payment adds.
pub fn of_payment(reports: &Reports, payment: &Payment) -> Vec<(RollupKey, Amounts)> {
    let calendar = &reports.calendar;
    let quote = &payment.quote;
    let one = Amounts {
        number: 1,
        total_minor: quote.total_minor,
        base_minor: quote.base_minor,
        fee_minor: quote.fee_minor,
        share_minor: quote.share_minor,
        hourly_minor: payment.hourly_minor.unwrap_or(0),
        rated: payment.hourly_minor.is_some().into(),
    };
    let key =
        |measure, at, label: String| key((measure, label), calendar.day(at), payment.kind, quote.currency);
    let standing = payment.state.standing().word();
    let parties = format!("{standing} {} {}", payment.payer.raw(), payment.payee.raw());
    let made = Amounts { hourly_minor: 0, rated: 0, ..one };
    let mut all = vec![(key(Measure::Created, payment.created_at, payment.state.word().into()), made)];
    let Some(paid_at) = payment.paid_at else {
        let counted = Amounts { number: 1, ..Amounts::default() };
        all.push((key(Measure::Parties, payment.created_at, parties), counted));
        return all;
    };
    all.push((key(Measure::Parties, paid_at, parties), one));
    let method = payment.card_brand.as_ref().unwrap_or(&payment.gateway);
    let took = (paid_at - payment.created_at).whole_seconds();
    let class = LATENCY_SECONDS.iter().find(|most| took <= **most).unwrap_or(&i64::MAX);
    let labels = [
        (Measure::Hour, format!("{:02}", calendar.hour(paid_at))),
        (Measure::Method, method.clone()),
        (Measure::Latency, class.to_string()),
    ];
    all.extend(labels.map(|(measure, label)| (key(measure, paid_at, label), made)));
    if quote.total_minor >= reports.high_value_minor {
        all.push((key(Measure::Large, paid_at, format!("{:020} {}", paid_at.0, payment.id.raw())), made));
    }
    all
}

/// What a refund of a payment adds.
pub fn of_refund(reports: &Reports, payment: &Payment, refund: &Refund) -> Vec<(RollupKey, Amounts)> {
    let one = Amounts {
        number: 1,
        total_minor: refund.amount_minor,
        fee_minor: refund.fee_minor,
        share_minor: refund.share_minor,
        ..Amounts::default()
    };
    let key = |measure, at, label: String| {
        key((measure, label), reports.calendar.day(at), payment.kind, refund.currency)
    };
    let mut all = Vec::new();
    if refund.cause == RefundCause::Requested {
        all.push((key(Measure::Request, refund.created_at, refund.state.word().into()), one));
    }
    if let (RefundState::Processed, Some(at)) = (refund.state, refund.processed_at) {
        let parties = format!("{} {}", payment.payer.raw(), payment.payee.raw());
        all.push((key(Measure::Returned, at, parties), one));
    }
    all
}

/// What an attempt to charge for a payment adds once it has ended.
pub fn of_op(reports: &Reports, payment: &Payment, op: &Op) -> Vec<(RollupKey, Amounts)> {
    let outcome = match (op.kind, op.state) {
        (OpKind::Charge, OpState::Succeeded | OpState::Late) => "succeeded",
        (OpKind::Charge, OpState::Failed) => "failed",
        _ => return Vec::new(),
    };
    let one = Amounts { number: 1, total_minor: op.amount.minor, ..Amounts::default() };
    let label = (Measure::Attempt, outcome.to_owned());
    vec![(key(label, reports.calendar.day(op.created_at), payment.kind, op.amount.currency), one)]
}

pub(super) fn key(
    (measure, label): (Measure, String),
    day: i64,
    kind: Kind,
    currency: Currency,
) -> RollupKey {
    RollupKey { measure, day, kind, currency, label: label.replace(['\t', '\n'], " ") }
}
