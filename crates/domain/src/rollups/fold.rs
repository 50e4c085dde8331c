//! Adding what commits have changed to the sums.

use std::collections::BTreeMap;

use super::{Add, Kept};
use crate::command::{Fact, Lanes};
use crate::context::Context;
use crate::id::{DeltaId, Id};
use crate::records::{Rollup, RollupDelta};
use crate::world::{Needs, World};

/// Folds deltas into the sums. Those that somebody else has folded meanwhile are left out.
#[derive(Clone, Debug)]
pub struct Fold {
    each: BTreeMap<DeltaId, Kept>,
    all: Kept,
}

impl Fold {
    /// `None` when one was not written by us.
    pub fn of(deltas: &[RollupDelta]) -> Option<Fold> {
        let kept = |delta: &RollupDelta| Some((delta.id, Kept::of(&delta.sums()?)));
        let each: BTreeMap<DeltaId, Kept> = deltas.iter().map(kept).collect::<Option<_>>()?;
        let mut all = Kept::default();
        for kept in each.values() {
            all.merge(kept);
        }
        Some(Fold { each, all })
    }
}

impl Fact for Fold {
    /// How many were folded.
    type Receipt = usize;

    fn lanes(&self, lanes: &mut Lanes) {
        lanes.insert(Rollup::LANE);
        lanes.extend(self.each.keys().map(|id| id.lane()));
    }

    fn needs(&self, world: &World, needs: &mut Needs) {
        for id in self.each.keys() {
            needs.rollup_deltas.key(*id);
        }
        Add(&self.all).needs(world, needs);
    }

    fn record(&self, _cx: &Context<'_>, world: &mut World) -> usize {
        let waiting: Vec<&DeltaId> =
            self.each.keys().filter(|id| world.rollup_deltas.get(id).is_some()).collect();
        if waiting.len() == self.each.len() {
            Add(&self.all).to(world);
        } else {
            let mut rest = Kept::default();
            for id in &waiting {
                rest.merge(&self.each[id]);
            }
            Add(&rest).to(world);
        }
        for id in &waiting {
            world.rollup_deltas.remove(id);
        }
        waiting.len()
    }
}
