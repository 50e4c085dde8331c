//! The tables as maps, filled and emptied the way the store does it.

use std::collections::BTreeMap;

use domain::command::Lanes;
use domain::id::Lane;
use domain::ledger::Balance;
use domain::records::*;
use domain::rows::{Record, Rows};
use domain::world::{Needs, Wanted, World};

type Map<R> = BTreeMap<<R as Record>::Key, R>;

macro_rules! memory {
    ($($field:ident: $record:ident),* $(,)?) => {
        /// What the database would hold.
        #[derive(Clone, Debug, Default)]
        pub struct Memory {
            pub lanes: BTreeMap<Lane, i64>,
            $(pub $field: Map<$record>,)*
            pub entries: Vec<Entry>,
            pub postings: Vec<Posting>,
            pub events: Vec<Event>,
            pub alerts: Vec<Alert>,
        }

        impl Memory {
            fn fetch(&self, needs: &Needs, world: &mut World) {
                $(admit(&self.$field, &needs.$field, &mut world.$field);)*
            }

            /// Takes over what a batch has changed.
            pub fn keep(&mut self, world: &World) {
                for row in world.lanes.present() {
                    self.lanes.insert(row.lane, row.next);
                }
                $(write(&mut self.$field, &world.$field);)*
                self.entries.extend_from_slice(world.journal.entries.rows());
                self.postings.extend_from_slice(world.journal.postings.rows());
                self.events.extend_from_slice(world.journal.events.rows());
                self.alerts.extend_from_slice(world.journal.alerts.rows());
            }
        }
    };
}
domain::tables!(memory);

fn admit<R: Record>(rows: &Map<R>, wanted: &Wanted<R>, into: &mut Rows<R>) {
    for key in &wanted.keys {
        into.admit(key.clone(), rows.get(key).cloned());
    }
    for group in &wanted.groups {
        let members = rows.values().filter(|row| row.group().as_ref() == Some(group));
        into.admit_group(group.clone(), members.cloned().collect());
    }
}

fn write<R: Record>(rows: &mut Map<R>, from: &Rows<R>) {
    let changes = from.changes();
    for row in changes.removed {
        rows.remove(&row.key());
    }
    for row in changes.updated.into_iter().map(|(_, row)| row).chain(changes.inserted) {
        rows.insert(row.key(), row.clone());
    }
}

impl Memory {
    /// Locks the lanes and loads what is asked for until nothing new is asked for.
    pub fn load(&self, lanes: &Lanes, ask: impl Fn(&World, &mut Needs)) -> World {
        let mut world = World::default();
        for lane in lanes {
            let next = self.lanes.get(lane).copied().unwrap_or(1);
            world.lanes.admit(*lane, Some(LaneRow { lane: *lane, next }));
        }
        for _ in 0..8 {
            let mut needs = Needs::default();
            ask(&world, &mut needs);
            needs.subtract(&world);
            if needs.is_empty() {
                world.checkpoint();
                return world;
            }
            self.fetch(&needs, &mut world);
        }
        panic!("a command keeps asking for more");
    }
}
