//! Load: what the commands of a batch ask for, one statement a table and round.

use std::collections::BTreeMap;

use domain::command::Lanes;
use domain::records::LaneRow;
use domain::rows::Rows;
use domain::world::{Needs, Wanted, World};

use super::mark::Mark;
use super::work::Work;
use crate::engine::{Asked, Connection, Fault};
use crate::tables::Stored;

/// What a command needs may depend on what came; deeper chains than this are a mistake.
const ROUNDS_MAX: usize = 8;

/// Locks the lanes and fills a world with all that the works ask for. The first things asked for travel
/// with the locks, and with the batch's mark, and are read under them.
pub(super) fn load(
    connection: &mut Connection,
    works: &[Box<dyn Work>],
    mut mark: Option<Asked<Mark>>,
) -> Result<World, Fault> {
    let mut world = World::default();
    let mut lanes = Some(connection.ask_lanes::<LaneRow>(&lanes(works))?);
    for _ in 0..ROUNDS_MAX {
        let mut needs = Needs::default();
        for work in works {
            work.needs(&world, &mut needs);
        }
        needs.subtract(&world);
        let done = needs.is_empty();
        fetch(connection, needs, &mut world, lanes.take())?;
        if let Some(mark) = mark.take() {
            connection.answer(mark)?;
        }
        if done {
            return Ok(world);
        }
    }
    Err(too_many_rounds())
}

/// Fills a world with all that is asked for, until nothing more is.
pub(super) fn all(connection: &mut Connection, wanted: impl Fn(&World, &mut Needs)) -> Result<World, Fault> {
    let mut world = World::default();
    for _ in 0..ROUNDS_MAX {
        let mut needs = Needs::default();
        wanted(&world, &mut needs);
        needs.subtract(&world);
        if needs.is_empty() {
            return Ok(world);
        }
        fetch(connection, needs, &mut world, None)?;
    }
    Err(too_many_rounds())
}

fn too_many_rounds() -> Fault {
    Fault::other("a command keeps asking for more")
}

/// Loads what turns out to be wanted after the decisions, under the same locks.
pub(super) fn more(
    connection: &mut Connection,
    world: &mut World,
    wanted: impl FnOnce(&World, &mut Needs),
) -> Result<(), Fault> {
    let mut needs = Needs::default();
    wanted(world, &mut needs);
    needs.subtract(world);
    if needs.is_empty() { Ok(()) } else { fetch(connection, needs, world, None) }
}

fn lanes(works: &[Box<dyn Work>]) -> Vec<i64> {
    let mut lanes = Lanes::new();
    for work in works {
        work.lanes(&mut lanes);
    }
    lanes.iter().map(|lane| lane.number()).collect()
}

macro_rules! fetch {
    ($($field:ident: $record:ident),* $(,)?) => {
        fn fetch(
            connection: &mut Connection,
            needs: Needs,
            world: &mut World,
            lanes: Option<Asked<LaneRow>>,
        ) -> Result<(), Fault> {
            $(let $field = ask(connection, needs.$field)?;)*
            if let Some(lanes) = lanes {
                for row in connection.answer(lanes)? {
                    world.lanes.admit(row.lane, Some(row));
                }
            }
            $(admit(connection, $field, &mut world.$field)?;)*
            Ok(())
        }
    };
}
domain::tables!(fetch);

/// What was asked of one table.
struct Question<R: Stored> {
    wanted: Wanted<R>,
    by_key: Asked<R>,
    by_group: Asked<R>,
}

fn ask<R: Stored>(connection: &mut Connection, wanted: Wanted<R>) -> Result<Question<R>, Fault> {
    let keys = wanted.keys.iter().map(R::key_values).collect();
    let groups = wanted.groups.iter().map(R::group_values).collect();
    let columns: Vec<usize> = (0..R::KEY).collect();
    let by_key = connection.ask_many(&columns, keys)?;
    let by_group = connection.ask_many(R::GROUP, groups)?;
    Ok(Question { wanted, by_key, by_group })
}

fn admit<R: Stored>(
    connection: &mut Connection,
    question: Question<R>,
    rows: &mut Rows<R>,
) -> Result<(), Fault> {
    let Question { wanted, by_key, by_group } = question;
    for row in connection.answer(by_key)? {
        rows.admit(row.key(), Some(row));
    }
    for key in wanted.keys {
        rows.admit(key, None);
    }
    let mut groups: BTreeMap<R::Group, Vec<R>> = wanted.groups.into_iter().map(|g| (g, Vec::new())).collect();
    for row in connection.answer(by_group)? {
        if let Some(of_group) = row.group().and_then(|group| groups.get_mut(&group)) {
            of_group.push(row);
        }
    }
    for (group, of_group) in groups {
        rows.admit_group(group, of_group);
    }
    Ok(())
}
