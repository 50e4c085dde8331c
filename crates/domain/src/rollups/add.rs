//! Adding to the sums that are kept.

use std::collections::BTreeMap;

use super::Kept;
use crate::records::{Amounts, OpeningKey, Rollup, RollupOpening, RollupTotal, TotalKey};
use crate::world::{Needs, World};

/// Adds to kept sums, whatever the order of the days.
#[derive(Clone, Copy, Debug)]
pub struct Add<'a>(pub &'a Kept);

impl Add<'_> {
    /// The sums, and every opening since the first day that something is added to.
    pub fn needs(self, world: &World, needs: &mut Needs) {
        for key in self.0.days.keys() {
            needs.rollups.key(key.clone());
        }
        for (key, days) in &self.0.totals {
            needs.rollup_totals.key(key.clone());
            if !key.measure.has_openings() {
                continue;
            }
            let (Some(first), Some(last)) = (days.keys().next(), days.keys().next_back()) else { continue };
            let until = world.rollup_totals.peek(key).map_or(*last, |total| total.last_day.max(*last));
            for day in *first..=until {
                needs.rollup_openings.key(OpeningKey { total: key.clone(), day });
            }
        }
    }

    /// Panics when what it needs is not loaded.
    pub fn to(self, world: &mut World) {
        for (key, amounts) in &self.0.days {
            if world.rollups.get(key).is_none() {
                world.rollups.insert(Rollup { key: key.clone(), amounts: *amounts });
            } else {
                world.rollups.update(key, |rollup| rollup.amounts.add(*amounts, 1));
            }
            if world.rollups.get(key).is_some_and(|rollup| rollup.amounts == Amounts::default()) {
                world.rollups.remove(key);
            }
        }
        for (key, days) in &self.0.totals {
            add_to_total(world, key, days);
        }
    }
}

/// An opening is what was added on the days before it. A day that has none opened with what the next
/// one that has one opened with, because nothing was added in between.
fn add_to_total(world: &mut World, key: &TotalKey, days: &BTreeMap<i64, Amounts>) {
    let before = world.rollup_totals.get(key).cloned();
    let mut sum = before.as_ref().map(|total| total.amounts).unwrap_or_default();
    let last = days.keys().next_back().copied().unwrap_or(0);
    let last_day = before.as_ref().map_or(last, |total| total.last_day.max(last));
    if key.measure.has_openings() {
        add_to_openings(world, key, days, (sum, last_day));
    }
    for amounts in days.values() {
        sum.add(*amounts, 1);
    }
    if before.is_none() {
        world.rollup_totals.insert(RollupTotal { key: key.clone(), last_day, amounts: sum });
    } else {
        world.rollup_totals.update(key, |total| (total.amounts, total.last_day) = (sum, last_day));
    }
}

fn add_to_openings(
    world: &mut World,
    key: &TotalKey,
    days: &BTreeMap<i64, Amounts>,
    (total, last_day): (Amounts, i64),
) {
    let mut next = total;
    let Some(first) = days.keys().next() else { return };
    for day in (*first..=last_day).rev() {
        let opening = OpeningKey { total: key.clone(), day };
        let stored = world.rollup_openings.get(&opening).map(|opening| opening.amounts);
        next = stored.unwrap_or(next);
        let mut amounts = next;
        for earlier in days.range(..day).map(|(_, amounts)| *amounts) {
            amounts.add(earlier, 1);
        }
        if stored.is_some() {
            world.rollup_openings.update(&opening, |opening| opening.amounts = amounts);
        } else if days.contains_key(&day) {
            world.rollup_openings.insert(RollupOpening { key: opening, amounts });
        }
    }
}
