//! Write: one statement a table for what is gone, changed and new. Changed rows go before new ones,
//! because a unique index may have to be left before it can be entered.

use domain::rows::Rows;
use domain::world::{Journal, World};

use crate::engine::{Connection, Fault};
use crate::tables::Stored;

macro_rules! flush {
    ($($field:ident: $record:ident),* $(,)?) => {
        /// Writes all that a batch has changed.
        pub(super) fn flush(connection: &mut Connection, world: &World) -> Result<(), Fault> {
            connection.update_many(world.lanes.changes().updated)?;
            $(leave(connection, &world.$field)?;)*
            $(enter(connection, &world.$field)?;)*
            journal(connection, &world.journal)
        }
    };
}
domain::tables!(flush);

fn leave<R: Stored>(connection: &mut Connection, rows: &Rows<R>) -> Result<(), Fault> {
    let changes = rows.changes();
    let gone: Vec<_> = changes.removed.iter().map(|row| R::key_values(&row.key())).collect();
    connection.delete_many::<R>(&gone)?;
    connection.update_many(changes.updated)
}

fn enter<R: Stored>(connection: &mut Connection, rows: &Rows<R>) -> Result<(), Fault> {
    connection.insert_many(rows.changes().inserted)
}

fn journal(connection: &mut Connection, journal: &Journal) -> Result<(), Fault> {
    connection.insert_many(journal.entries.rows())?;
    connection.insert_many(journal.postings.rows())?;
    connection.insert_many(journal.events.rows())?;
    connection.insert_many(journal.audit.rows())?;
    connection.insert_many(journal.alerts.rows())
}
