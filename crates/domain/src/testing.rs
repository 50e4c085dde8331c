//! A database in memory for tests of verbs: what a command asks for is there or does not exist.

use crate::command::{Command, Fact, Lanes};
use crate::context::{Context, Plants};
use crate::id::LANES;
use crate::policy::Policies;
use crate::records::LaneRow;
use crate::refusal::Refusal;
use crate::rows::{Record, Rows};
use crate::tables;
use crate::time::Timestamp;
use crate::world::{Needs, Wanted, World};

/// Runs commands one after the other, as the writer would.
pub(crate) struct Bench {
    pub(crate) world: World,
    pub(crate) policies: Policies,
    pub(crate) now: Timestamp,
}

macro_rules! fill {
    ($($field:ident: $record:ident),* $(,)?) => {
        fn fill(world: &mut World, needs: &Needs) {
            $(fill_table(&mut world.$field, &needs.$field);)*
        }
    };
}
tables!(fill);

/// Whatever was never inserted does not exist.
fn fill_table<R: Record>(rows: &mut Rows<R>, wanted: &Wanted<R>) {
    for key in &wanted.keys {
        rows.admit(key.clone(), None);
    }
    for group in &wanted.groups {
        let of_group: Vec<R> =
            rows.present().filter(|row| row.group().as_ref() == Some(group)).cloned().collect();
        rows.admit_group(group.clone(), of_group);
    }
}

impl Bench {
    pub(crate) fn new() -> Bench {
        let mut world = World::default();
        for lane in 0..LANES {
            let lane = crate::id::Lane::of_id(lane);
            world.lanes.admit(lane, Some(LaneRow { lane, next: 1 }));
        }
        Bench { world, policies: Policies::default(), now: Timestamp::from_seconds(1_800_000_000) }
    }

    pub(crate) fn run<C: Command>(&mut self, command: &C) -> Result<C::Receipt, Refusal> {
        command.lanes(&mut Lanes::new());
        self.load(|world, needs| command.needs(world, needs));
        let cx = Context { now: self.now, policies: &self.policies, plants: Plants::default(), origin: None };
        let decided = command.decide(&cx, &mut self.world);
        if decided.is_ok() {
            self.world.checkpoint();
        } else {
            self.world.rollback();
        }
        decided
    }

    pub(crate) fn record<F: Fact>(&mut self, fact: &F) -> F::Receipt {
        fact.lanes(&mut Lanes::new());
        self.load(|world, needs| fact.needs(world, needs));
        let cx = Context { now: self.now, policies: &self.policies, plants: Plants::default(), origin: None };
        let receipt = fact.record(&cx, &mut self.world);
        self.world.checkpoint();
        receipt
    }

    fn load(&mut self, ask: impl Fn(&World, &mut Needs)) {
        loop {
            let mut needs = Needs::default();
            ask(&self.world, &mut needs);
            needs.subtract(&self.world);
            if needs.is_empty() {
                break;
            }
            fill(&mut self.world, &needs);
        }
    }
}
