//! Kept answers whose time is over.

use crate::command::{Fact, Lanes};
use crate::context::Context;
use crate::id::{Id, PersonId};
use crate::world::{Needs, World};

/// Forgets the answers that have expired, except those that their operation has yet to give.
#[derive(Clone, Debug)]
pub struct ForgetAnswers {
    pub keys: Vec<(PersonId, String, String)>,
}

impl Fact for ForgetAnswers {
    /// How many are gone.
    type Receipt = usize;

    fn lanes(&self, lanes: &mut Lanes) {
        lanes.extend(self.keys.iter().map(|(person, ..)| person.lane()));
    }

    fn needs(&self, world: &World, needs: &mut Needs) {
        for key in &self.keys {
            needs.idempotency.key(key.clone());
            if let Some(op) = world.idempotency.peek(key).and_then(|record| record.op) {
                needs.ops.key(op);
            }
        }
    }

    fn record(&self, cx: &Context<'_>, world: &mut World) -> usize {
        let mut gone = 0;
        for key in &self.keys {
            let Some(kept) = world.idempotency.get(key) else { continue };
            let running = kept.op.is_some_and(|op| world.ops.get(&op).is_some_and(|op| op.state.live()));
            if kept.expires_at <= cx.now && !running {
                world.idempotency.remove(key);
                gone += 1;
            }
        }
        gone
    }
}
