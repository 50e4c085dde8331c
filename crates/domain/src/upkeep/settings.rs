//! Durable facts of the installation that nodes share: schedules, the sandbox's clock, what
//! reconciliation has told already.

use crate::command::{Fact, Lanes};
use crate::context::Context;
use crate::id::Lane;
use crate::records::Setting;
use crate::time::{Span, Timestamp};
use crate::world::{Needs, World};

/// How far the sandbox's clock is ahead of the machine's, microseconds.
pub const CLOCK_OFFSET: &str = "clock_offset";

/// Asks for the next turn of a schedule. Of all nodes one gets it.
#[derive(Clone, Debug)]
pub struct TakeTurn {
    /// Names the schedule.
    pub name: String,
    pub every: Span,
}

impl Fact for TakeTurn {
    /// False: it is not time yet, or another node was first.
    type Receipt = bool;

    fn lanes(&self, lanes: &mut Lanes) {
        lanes.insert(Lane::of(&self.name));
    }

    fn needs(&self, _world: &World, needs: &mut Needs) {
        needs.settings.key(self.name.clone());
    }

    fn record(&self, cx: &Context<'_>, world: &mut World) -> bool {
        let before = number(world, &self.name).map(Timestamp);
        if before.is_some_and(|before| cx.now < before + self.every) {
            return false;
        }
        set(world, &self.name, cx.now.0.to_string());
        true
    }
}

/// Everything a gateway had made until an instant has been compared with our books.
#[derive(Clone, Debug)]
pub struct Reconciled {
    pub gateway: String,
    /// On the gateway's clock.
    pub until: Timestamp,
}

impl Reconciled {
    /// The name under which the instant is kept.
    pub fn name(gateway: &str) -> String {
        format!("reconciled:{gateway}")
    }
}

impl Fact for Reconciled {
    type Receipt = ();

    fn lanes(&self, lanes: &mut Lanes) {
        lanes.insert(Lane::of(&Reconciled::name(&self.gateway)));
    }

    fn needs(&self, _world: &World, needs: &mut Needs) {
        needs.settings.key(Reconciled::name(&self.gateway));
    }

    fn record(&self, _cx: &Context<'_>, world: &mut World) {
        let name = Reconciled::name(&self.gateway);
        if number(world, &name).is_none_or(|known| known < self.until.0) {
            set(world, &name, self.until.0.to_string());
        }
    }
}

/// The sandbox's clock goes forward, for every node.
#[derive(Clone, Debug)]
pub struct AdvanceClock {
    /// Never negative.
    pub by: Span,
}

impl Fact for AdvanceClock {
    /// The whole offset from now on.
    type Receipt = Span;

    fn lanes(&self, lanes: &mut Lanes) {
        lanes.insert(Lane::of(CLOCK_OFFSET));
    }

    fn needs(&self, _world: &World, needs: &mut Needs) {
        needs.settings.key(CLOCK_OFFSET.into());
    }

    fn record(&self, _cx: &Context<'_>, world: &mut World) -> Span {
        let offset = number(world, CLOCK_OFFSET).unwrap_or(0) + self.by.0.max(0);
        set(world, CLOCK_OFFSET, offset.to_string());
        Span(offset)
    }
}

/// The setting that says: erasures are listed outside the database.
pub const ERASURES_LISTED: &str = "erasures_listed";

/// From now on every erasure is listed outside the database too, and the list has to be there.
#[derive(Clone, Debug)]
pub struct ListErasures;

impl Fact for ListErasures {
    type Receipt = ();

    fn lanes(&self, lanes: &mut Lanes) {
        lanes.insert(Lane::of(ERASURES_LISTED));
    }

    fn needs(&self, _world: &World, needs: &mut Needs) {
        needs.settings.key(ERASURES_LISTED.into());
    }

    fn record(&self, _cx: &Context<'_>, world: &mut World) {
        set(world, ERASURES_LISTED, "1".into());
    }
}

/// A gateway's books and ours do not agree. A human is told once, and again when it changes.
#[derive(Clone, Debug)]
pub struct NoteDifference {
    pub gateway: String,
    /// The gateway's id of the object; empty when it is about the gateway as a whole.
    pub reference: String,
    pub problem: String,
}

impl NoteDifference {
    fn name(&self) -> String {
        format!("difference:{}:{}", self.gateway, self.reference)
    }
}

impl Fact for NoteDifference {
    /// Whether it was new.
    type Receipt = bool;

    fn lanes(&self, lanes: &mut Lanes) {
        lanes.insert(Lane::of(&self.name()));
    }

    fn needs(&self, _world: &World, needs: &mut Needs) {
        needs.settings.key(self.name());
    }

    fn record(&self, cx: &Context<'_>, world: &mut World) -> bool {
        let name = self.name();
        if world.settings.get(&name).is_some_and(|told| told.value == self.problem) {
            return false;
        }
        set(world, &name, self.problem.clone());
        let detail = format!("{} {}: {}", self.gateway, self.reference, self.problem);
        world.alert(Lane::of(&name), "reconciliation", 0, detail, cx.now);
        true
    }
}

pub(super) fn number(world: &World, name: &str) -> Option<i64> {
    world.settings.get(&name.to_string()).and_then(|setting| setting.value.parse().ok())
}

pub(super) fn set(world: &mut World, name: &str, value: String) {
    let name = name.to_string();
    if world.settings.get(&name).is_some() {
        world.settings.update(&name, |setting| setting.value = value);
    } else {
        world.settings.insert(Setting { name, value });
    }
}
