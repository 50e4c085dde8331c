//! Load: what the commands of a batch ask for, one statement a table and round.

use domain::command::Lanes;
use domain::records::LaneRow;
use domain::rows::Rows;
use domain::world::{Needs, Wanted, World};

use super::work::Work;
use crate::engine::{Connection, Fault};
use crate::tables::Stored;

/// What a command needs may depend on what came; deeper chains than this are a mistake.
const ROUNDS_MAX: usize = 8;

/// Locks the lanes and fills a world with all that the works ask for.
pub(super) fn load(connection: &mut Connection, works: &[Box<dyn Work>]) -> Result<World, Fault> {
    let mut world = World::default();
    lock(connection, &mut world, works)?;
    for _ in 0..ROUNDS_MAX {
        let mut needs = Needs::default();
        for work in works {
            work.needs(&world, &mut needs);
        }
        needs.subtract(&world);
        if needs.is_empty() {
            return Ok(world);
        }
        fetch(connection, &needs, &mut world)?;
    }
    Err(Fault::other("a command keeps asking for more"))
}

fn lock(connection: &mut Connection, world: &mut World, works: &[Box<dyn Work>]) -> Result<(), Fault> {
    let mut lanes = Lanes::new();
    for work in works {
        work.lanes(&mut lanes);
    }
    let numbers: Vec<i64> = lanes.iter().map(|lane| lane.number()).collect();
    for row in connection.lock_lanes::<LaneRow>(&numbers)? {
        world.lanes.admit(row.lane, Some(row));
    }
    Ok(())
}

macro_rules! fetch {
    ($($field:ident: $record:ident),* $(,)?) => {
        fn fetch(connection: &mut Connection, needs: &Needs, world: &mut World) -> Result<(), Fault> {
            $(table(connection, &needs.$field, &mut world.$field)?;)*
            Ok(())
        }
    };
}
domain::tables!(fetch);

fn table<R: Stored>(
    connection: &mut Connection,
    wanted: &Wanted<R>,
    rows: &mut Rows<R>,
) -> Result<(), Fault> {
    if !wanted.keys.is_empty() {
        let keys: Vec<_> = wanted.keys.iter().map(R::key_values).collect();
        let columns: Vec<usize> = (0..R::KEY).collect();
        for row in connection.load_many::<R>(&columns, &keys)? {
            rows.admit(row.key(), Some(row));
        }
        for key in &wanted.keys {
            rows.admit(key.clone(), None);
        }
    }
    if !wanted.groups.is_empty() {
        let groups: Vec<_> = wanted.groups.iter().map(R::group_values).collect();
        let mut found = connection.load_many::<R>(R::GROUP, &groups)?;
        for group in &wanted.groups {
            let of_group = found.extract_if(.., |row| row.group().as_ref() == Some(group)).collect();
            rows.admit_group(group.clone(), of_group);
        }
    }
    Ok(())
}
