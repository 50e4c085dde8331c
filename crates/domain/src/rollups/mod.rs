//! The sums that reports are read from, kept beside what they sum.
//!
//! What a row adds to the sums is a function of the row alone ([`of_payment`], [`of_refund`],
//! [`of_op`]). After a batch has decided, [`note`] takes the difference between what its rows added
//! before and add now, and leaves it as one delta in the same commit: no verb knows of reports, and
//! nothing is counted twice or forgotten. [`Fold`] adds deltas to the sums later, so no row of a day is
//! written by everybody; who reads adds the waiting ones himself ([`Kept::of`]). What is shown day by day
//! is kept by day; what is shown by person, hour or method is kept as a total with its openings, so that
//! any span of days costs two look-ups a total, however long the span and however many the payments.
//! What a changed refund or operation adds depends on its payment, so that is loaded ([`needs`]) where no
//! verb has asked for it.
//! Deliberately not here: calendars (the policy has the offsets), percentages, ranges.

mod add;
mod fold;
mod kept;
mod lines;
mod written;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use crate::context::Context;
use crate::id::{Lane, PaymentId};
use crate::records::{Amounts, Payment, RollupDelta, RollupKey};
use crate::rows::{Changes, Record};
use crate::world::{Needs, World};

pub use add::Add;
pub use fold::Fold;
pub use kept::Kept;
pub use lines::{LATENCY_SECONDS, of_op, of_payment, of_refund};

/// Sums under their keys.
pub type Sums = BTreeMap<RollupKey, Amounts>;

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
    let reports = &cx.policies.reports;
    let mut sums = Sums::new();
    let mut lane = None;
    // A foreign key stands behind every payment named here; one that is gone is no panic all the same.
    let of = |id: &PaymentId, lines: &dyn Fn(&Payment) -> Vec<(RollupKey, Amounts)>| {
        world.payments.peek(id).map_or_else(Vec::new, lines)
    };
    collect(world.payments.changes(), &mut sums, &mut lane, |payment| of_payment(reports, payment));
    collect(world.refunds.changes(), &mut sums, &mut lane, |refund| {
        of(&refund.payment, &|payment| of_refund(reports, payment, refund))
    });
    collect(world.ops.changes(), &mut sums, &mut lane, |op| {
        of(&op.payment, &|payment| of_op(reports, payment, op))
    });
    sums.retain(|_, amounts| *amounts != Amounts::default());
    let (Some(lane), false) = (lane, sums.is_empty()) else { return };
    let id = world.new_id(lane);
    world.rollup_deltas.insert(RollupDelta { id, body: written::write(&sums) });
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
