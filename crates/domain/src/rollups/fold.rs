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

    /// Those that nobody has folded, as far as it is known.
    fn waiting(&self, world: &World) -> Vec<DeltaId> {
        let gone = |id: &DeltaId| world.rollup_deltas.loaded(id) && world.rollup_deltas.get(id).is_none();
        self.each.keys().copied().filter(|id| !gone(id)).collect()
    }

    /// What some of them add together; nearly always it is all of them.
    fn sum(&self, some: &[DeltaId]) -> Cow<'_, Kept> {
        if some.len() == self.each.len() {
            return Cow::Borrowed(&self.all);
        }
        Cow::Owned(Kept::all(some.iter().map(|id| &self.each[id])))
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
        Add(&self.sum(&self.waiting(world))).needs(world, needs);
    }

    fn record(&self, _cx: &Context<'_>, world: &mut World) -> usize {
        let waiting = self.waiting(world);
        Add(&self.sum(&waiting)).to(world);
        for id in &waiting {
            world.rollup_deltas.remove(id);
        }
        waiting.len()
    }
}
