//! The sums that reports are read from, kept beside what they sum.
//!
//! What a row adds to the sums is a function of the row alone ([`of_payment`], [`of_refund`],
//! [`of_op`]). After a batch has decided, [`note`] takes the difference between what its rows added
//! before and add now, and leaves it as one delta in the same commit: no verb knows of reports, and
//! nothing is counted twice or forgotten. [`Fold`] adds deltas to the sums of their days later, so no
//! row of a day is written by everybody; who reads adds the waiting ones himself. What a changed refund
//! or operation adds depends on its payment's kind, so its payment is loaded ([`needs`]) where no verb
//! has asked for it.
//! Deliberately not here: calendars (the policy has the offsets), percentages, ranges.

mod fold;

use std::collections::BTreeMap;

use crate::context::Context;
use crate::id::{Id, Lane, PaymentId};
use crate::money::Currency;
use crate::policy::{Calendar, Kind};
use crate::records::{
    Amounts, Measure, Op, OpKind, OpState, Payment, Refund, RefundCause, RefundState, RollupDelta, RollupKey,
    Word,
};
use crate::rows::{Changes, Record};
use crate::world::{Needs, World};

pub use fold::Fold;

/// Sums under their keys.
pub type Sums = BTreeMap<RollupKey, Amounts>;

/// Bounds of the classes that durations are counted in, in seconds.
pub const LATENCY_SECONDS: [i64; 14] = [1, 2, 3, 5, 10, 20, 30, 60, 120, 300, 900, 3_600, 86_400, i64::MAX];

/// The payments of what the batch has changed, for [`note`]: nearly always loaded already.
pub fn needs(world: &World, needs: &mut Needs) {
    for refund in touched(world.refunds.changes()) {
        needs.payments.key(refund.payment);
    }
    for op in touched(world.ops.changes()) {
        needs.payments.key(op.payment);
    }
    needs.payments.keys.retain(|id| !world.payments.loaded(id));
}

fn touched<R: Record>(changes: Changes<'_, R>) -> impl Iterator<Item = &R> {
    let Changes { inserted, updated, removed } = changes;
    inserted.into_iter().chain(updated.into_iter().map(|(_, new)| new)).chain(removed)
}

/// Leaves what the batch has changed in the sums as one row.
pub fn note(cx: &Context<'_>, world: &mut World) {
    let calendar = &cx.policies.calendar;
    let mut sums = Sums::new();
    let mut lane = None;
    // A foreign key stands behind every payment named here; one that is gone is no panic all the same.
    let kind_of = |id: &PaymentId| world.payments.peek(id).map(|payment| payment.kind);
    collect(world.payments.changes(), &mut sums, &mut lane, |payment| of_payment(calendar, payment));
    collect(world.refunds.changes(), &mut sums, &mut lane, |refund| {
        kind_of(&refund.payment).map_or_else(Vec::new, |kind| of_refund(calendar, kind, refund))
    });
    collect(world.ops.changes(), &mut sums, &mut lane, |op| {
        kind_of(&op.payment).map_or_else(Vec::new, |kind| of_op(calendar, kind, op))
    });
    sums.retain(|_, amounts| *amounts != Amounts::default());
    let (Some(lane), false) = (lane, sums.is_empty()) else { return };
    let id = world.new_id(lane);
    world.rollup_deltas.insert(RollupDelta { id, body: write(&sums) });
}

fn collect<R: Record>(
    changes: Changes<'_, R>,
    sums: &mut Sums,
    lane: &mut Option<Lane>,
    of: impl Fn(&R) -> Vec<(RollupKey, Amounts)>,
) {
    let Changes { inserted, updated, removed } = changes;
    let (old, new): (Vec<&R>, Vec<&R>) = updated.into_iter().unzip();
    let signed = [(removed, -1), (old, -1), (new, 1), (inserted, 1)];
    for (row, sign) in
        signed.into_iter().flat_map(|(rows, sign)| rows.into_iter().map(move |row| (row, sign)))
    {
        lane.get_or_insert(row.lane());
        for (key, amounts) in of(row) {
            sums.entry(key).or_default().add(amounts, sign);
        }
    }
}

/// What a payment adds.
pub fn of_payment(calendar: &Calendar, payment: &Payment) -> Vec<(RollupKey, Amounts)> {
    let quote = &payment.quote;
    let one = Amounts {
        number: 1,
        total_minor: quote.total_minor,
        base_minor: quote.base_minor,
        fee_minor: quote.fee_minor,
        share_minor: quote.share_minor,
    };
    let key =
        |measure, at, label: String| key((measure, label), calendar.day(at), payment.kind, quote.currency);
    let mut all = vec![(key(Measure::Created, payment.created_at, payment.state.word().into()), one)];
    let Some(paid_at) = payment.paid_at else { return all };
    let method = payment.card_brand.as_ref().unwrap_or(&payment.gateway);
    let took = (paid_at - payment.created_at).whole_seconds();
    let class = LATENCY_SECONDS.iter().find(|most| took <= **most).unwrap_or(&i64::MAX);
    let labels = [
        (Measure::Captured, String::new()),
        (Measure::Hour, format!("{:02}", calendar.hour(paid_at))),
        (Measure::Method, method.clone()),
        (Measure::Latency, class.to_string()),
        (Measure::Payer, payment.payer.raw().to_string()),
        (Measure::Payee, payment.payee.raw().to_string()),
    ];
    all.extend(labels.map(|(measure, label)| (key(measure, paid_at, label), one)));
    all
}

/// What a refund adds, of a payment of a kind.
pub fn of_refund(calendar: &Calendar, kind: Kind, refund: &Refund) -> Vec<(RollupKey, Amounts)> {
    let one = Amounts {
        number: 1,
        total_minor: refund.amount_minor,
        base_minor: 0,
        fee_minor: refund.fee_minor,
        share_minor: refund.share_minor,
    };
    let key = |measure, at, label: String| key((measure, label), calendar.day(at), kind, refund.currency);
    let mut all = Vec::new();
    if refund.cause == RefundCause::Requested {
        all.push((key(Measure::Request, refund.created_at, refund.state.word().into()), one));
    }
    if let (RefundState::Processed, Some(at)) = (refund.state, refund.processed_at) {
        all.push((key(Measure::Refunded, at, String::new()), one));
    }
    all
}

/// What an attempt to charge adds once it has ended.
pub fn of_op(calendar: &Calendar, kind: Kind, op: &Op) -> Vec<(RollupKey, Amounts)> {
    let outcome = match (op.kind, op.state) {
        (OpKind::Charge, OpState::Succeeded | OpState::Late) => "succeeded",
        (OpKind::Charge, OpState::Failed) => "failed",
        _ => return Vec::new(),
    };
    let one = Amounts { number: 1, total_minor: op.amount.minor, ..Amounts::default() };
    let label = (Measure::Attempt, outcome.to_owned());
    vec![(key(label, calendar.day(op.created_at), kind, op.amount.currency), one)]
}

fn key((measure, label): (Measure, String), day: i64, kind: Kind, currency: Currency) -> RollupKey {
    RollupKey { measure, day, kind, currency, label: label.replace(['\t', '\n'], " ") }
}

/// Sums as bodies of deltas, so many keys in each at most.
pub fn bodies(sums: &Sums, keys_max: usize) -> Vec<String> {
    let all: Vec<(&RollupKey, &Amounts)> = sums.iter().collect();
    let part = |part: &[(&RollupKey, &Amounts)]| {
        write(&part.iter().map(|(key, amounts)| ((*key).clone(), **amounts)).collect())
    };
    all.chunks(keys_max.max(1)).map(part).collect()
}

/// One line a key, its parts between tabs.
fn write(sums: &Sums) -> String {
    let line = |(key, amounts): (&RollupKey, &Amounts)| {
        let Amounts { number, total_minor, base_minor, fee_minor, share_minor } = amounts;
        let (measure, kind, currency) = (key.measure.word(), key.kind.word(), key.currency.code());
        let (day, label) = (key.day, &key.label);
        format!(
            "{measure}\t{day}\t{kind}\t{currency}\t{label}\t{number}\t{total_minor}\t{base_minor}\t{fee_minor}\t{share_minor}"
        )
    };
    sums.iter().map(line).collect::<Vec<_>>().join("\n")
}

impl RollupDelta {
    /// What it adds; `None` when it was not written by us.
    pub fn sums(&self) -> Option<Sums> {
        self.body.lines().map(read).collect()
    }
}

fn read(line: &str) -> Option<(RollupKey, Amounts)> {
    let parts: Vec<&str> = line.split('\t').collect();
    let [measure, day, kind, currency, label, numbers @ ..] = &parts[..] else { return None };
    let numbers: Vec<i64> = numbers.iter().map(|text| text.parse().ok()).collect::<Option<_>>()?;
    let [number, total_minor, base_minor, fee_minor, share_minor] = numbers[..] else { return None };
    let key = RollupKey {
        measure: Measure::parse(measure)?,
        day: day.parse().ok()?,
        kind: Kind::parse(kind)?,
        currency: Currency::parse(currency)?,
        label: (*label).to_owned(),
    };
    Some((key, Amounts { number, total_minor, base_minor, fee_minor, share_minor }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{Span, Timestamp};

    #[test]
    fn sums_survive_being_written() {
        let label = (Measure::Method, "american\texpress".to_owned());
        let key = key(label, -3, Kind::GigPurchase, Currency::USD);
        let amounts = Amounts { number: -1, total_minor: 2, base_minor: 3, fee_minor: -4, share_minor: 5 };
        let sums = Sums::from([(key, amounts)]);
        let delta = RollupDelta { id: crate::id::DeltaId(256), body: write(&sums) };
        assert_eq!(delta.sums(), Some(sums));
        assert_eq!(bodies(&delta.sums().unwrap_or_default(), 1), [delta.body.clone()]);
        let junk = RollupDelta { id: delta.id, body: "created\t1".into() };
        assert_eq!(junk.sums(), None);
    }

    #[test]
    fn days_and_hours_follow_the_offset_of_their_instant() {
        let change = Timestamp::from_seconds(1_774_746_000); // 2026-03-29T01:00:00Z: 02:00 becomes 03:00
        let berlin = Calendar::of_zone("Europe/Berlin").expect("a zone");
        assert_eq!(Calendar::of_zone("Europe/Nowhere"), None);
        assert_eq!((berlin.hour(change - Span::SECOND), berlin.hour(change)), (1, 3));
        let midnight = change + Span::hours(21);
        assert_eq!(berlin.day(midnight), berlin.day(midnight - Span(1)) + 1);
    }
}
