//! Adding what commits have changed to the sums of their days.

use std::collections::BTreeMap;

use super::Sums;
use crate::command::{Fact, Lanes};
use crate::context::Context;
use crate::id::{DeltaId, Id};
use crate::records::{Amounts, Rollup, RollupDelta};
use crate::world::{Needs, World};

/// Folds deltas into the sums. Those that somebody else has folded meanwhile are left out.
#[derive(Clone, Debug)]
pub struct Fold {
    pub deltas: Vec<DeltaId>,
}

impl Fact for Fold {
    /// How many were folded.
    type Receipt = usize;

    fn lanes(&self, lanes: &mut Lanes) {
        lanes.insert(Rollup::LANE);
        lanes.extend(self.deltas.iter().map(|id| id.lane()));
    }

    fn needs(&self, world: &World, needs: &mut Needs) {
        for id in &self.deltas {
            needs.rollup_deltas.key(*id);
            for key in world.rollup_deltas.peek(id).map(sums).unwrap_or_default().into_keys() {
                needs.rollups.key(key);
            }
        }
    }

    fn record(&self, _cx: &Context<'_>, world: &mut World) -> usize {
        let waiting: BTreeMap<DeltaId, Sums> =
            self.deltas.iter().filter_map(|id| Some((*id, sums(world.rollup_deltas.get(id)?)))).collect();
        for (id, sums) in &waiting {
            world.rollup_deltas.remove(id);
            for (key, amounts) in sums {
                if world.rollups.get(key).is_none() {
                    world.rollups.insert(Rollup { key: key.clone(), amounts: *amounts });
                } else {
                    world.rollups.update(key, |rollup| rollup.amounts.add(*amounts, 1));
                }
                if world.rollups.get(key).is_some_and(|rollup| rollup.amounts == Amounts::default()) {
                    world.rollups.remove(key);
                }
            }
        }
        waiting.len()
    }
}

fn sums(delta: &RollupDelta) -> Sums {
    delta.sums().expect("deltas are written by us alone")
}
