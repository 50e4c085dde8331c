//! Adding to the sums that are kept.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use super::Kept;
use crate::records::{Amounts, OpeningKey, Rollup, RollupOpening, RollupTotal, TotalKey};
use crate::world::{Needs, World};

/// Adds to kept sums, whatever the order of the days.
#[derive(Clone, Copy, Debug)]
pub struct Add<'a>(pub &'a Kept);

impl Add<'_> {
    /// The sums; of totals that something is added to late, every opening since.
    pub fn needs(self, world: &World, needs: &mut Needs) {
        for key in self.0.days.keys() {
            needs.rollups.key(key.clone());
        }
        for (key, days) in &self.0.totals {
            needs.rollup_totals.key(key.clone());
            let until = world.rollup_totals.peek(key).map(|total| total.last_day);
            for day in raised(key, days, until) {
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
    let until = before.as_ref().map(|total| total.last_day);
    let last_day = days.keys().next_back().copied().max(until).unwrap_or(0);
    if key.measure.has_openings() {
        add_to_openings(world, key, days, (sum, until));
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
    (total, until): (Amounts, Option<i64>),
) {
    let before = |day: i64, mut amounts: Amounts| {
        days.range(..day).for_each(|(_, earlier)| amounts.add(*earlier, 1));
        amounts
    };
    let insert = |world: &mut World, day: i64, amounts: Amounts| {
        let key = OpeningKey { total: key.clone(), day };
        world.rollup_openings.insert(RollupOpening { key, amounts });
    };
    for day in days.keys().filter(|day| until.is_none_or(|until| **day > until)) {
        insert(world, *day, before(*day, total));
    }
    let mut next = total;
    for day in raised(key, days, until).rev() {
        let opening = OpeningKey { total: key.clone(), day };
        let stored = world.rollup_openings.get(&opening).map(|opening| opening.amounts);
        next = stored.unwrap_or(next);
        if stored.is_some() {
            world.rollup_openings.update(&opening, |opening| opening.amounts = before(day, next));
        } else if days.contains_key(&day) {
            insert(world, day, before(day, next));
        }
    }
}

/// The days whose openings another amount on these days may change, until the last one of the total.
/// What is added on that one comes after it has opened, and later days have none yet.
fn raised(key: &TotalKey, days: &BTreeMap<i64, Amounts>, until: Option<i64>) -> RangeInclusive<i64> {
    match (days.keys().next(), until) {
        (Some(first), Some(until)) if *first < until && key.measure.has_openings() => *first..=until,
        _ => RangeInclusive::new(1, 0),
    }
}
