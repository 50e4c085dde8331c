//! Adding what commits have changed to the sums.

use std::borrow::Cow;
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
        let all = Kept::all(each.values());
        Some(Fold { each, all })
    }

    /// What those add that nobody has folded, as far as it is known.
    fn waiting(&self, world: &World) -> Cow<'_, Kept> {
        let waits = |id: &DeltaId| !world.rollup_deltas.loaded(id) || world.rollup_deltas.get(id).is_some();
        if self.each.keys().all(waits) {
            return Cow::Borrowed(&self.all);
        }
        Cow::Owned(Kept::all(self.each.iter().filter(|(id, _)| waits(id)).map(|(_, kept)| kept)))
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
        Add(&self.waiting(world)).needs(world, needs);
    }

    fn record(&self, _cx: &Context<'_>, world: &mut World) -> usize {
        Add(&self.waiting(world)).to(world);
        let waiting: Vec<&DeltaId> =
            self.each.keys().filter(|id| world.rollup_deltas.get(id).is_some()).collect();
        for id in &waiting {
            world.rollup_deltas.remove(id);
        }
        waiting.len()
    }
}
