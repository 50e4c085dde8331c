//! Migrations: numbered, checksummed, forward only, one text for both engines.
//!
//! Invariants: each migration and the row that records it commit together; a database whose
//! applied text differs, or that knows more than this binary, is refused. Concurrent migrators are
//! safe: the row is inserted first, so the second waits for the first and then finds it done.
//! Deliberately not here: the texts (`migrations/`), the clock, going back.

use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::engine::{Connection, Fault, Row};

/// One step of the schema, embedded in the binary; `sql` may hold several statements.
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    pub number: i64,
    pub name: &'static str,
    pub sql: &'static str,
}

/// Whether the database fits this binary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    Current,
    /// Numbers still to be applied.
    Behind(Vec<i64>),
}

/// Why a database was not migrated.
#[derive(Debug, Error)]
pub enum MigrateError {
    #[error("migration {number} ({name}) was changed after it was applied")]
    Changed { number: i64, name: String },
    #[error("the database has migration {number} ({name}), which this binary does not know: it is too old")]
    Newer { number: i64, name: String },
    #[error("migration {number} ({name}) failed")]
    Failed { number: i64, name: &'static str, source: Fault },
    #[error("another migrator is still at migration {0}")]
    Busy(i64),
    #[error("cannot read the applied migrations")]
    Database(#[from] Fault),
}

/// Waits of one `lock_timeout` each for another migrator: five minutes at the default.
const WAITS_MAX: usize = 60;

/// Applies what is missing and answers the numbers it applied itself. `applied_at` is microseconds
/// UTC. Use a connection opened with `Options::patient`.
pub fn migrate(
    connection: &mut Connection,
    migrations: &[Migration],
    applied_at: i64,
) -> Result<Vec<i64>, MigrateError> {
    debug_assert!(migrations.is_sorted_by(|a, b| a.number < b.number), "migrations are listed in order");
    create_record(connection)?;
    let Status::Behind(pending) = status(connection, migrations)? else {
        return Ok(Vec::new());
    };
    let mut applied = Vec::new();
    for migration in migrations.iter().filter(|migration| pending.contains(&migration.number)) {
        if claim(connection, migration, applied_at)? {
            apply(connection, migration).map_err(|source| failed(migration, source))?;
            applied.push(migration.number);
        }
    }
    status(connection, migrations)?;
    Ok(applied)
}

/// Compares the database with this binary; an empty database is `Behind` in everything.
pub fn status(connection: &mut Connection, migrations: &[Migration]) -> Result<Status, MigrateError> {
    let applied = recorded(connection)?;
    for record in &applied {
        let known = migrations.iter().find(|migration| migration.number == record.number);
        let name = record.name.clone();
        match known {
            None => {
                return Err(MigrateError::Newer { number: record.number, name });
            }
            Some(known) if checksum(known.sql) != record.checksum => {
                return Err(MigrateError::Changed { number: record.number, name });
            }
            Some(_) => {}
        }
    }
    let done = |number| applied.iter().any(|record| record.number == number);
    let pending: Vec<i64> = migrations.iter().map(|one| one.number).filter(|number| !done(*number)).collect();
    Ok(if pending.is_empty() { Status::Current } else { Status::Behind(pending) })
}

/// True: the row of this migration is ours and the work is open. False: somebody else did it.
fn claim(connection: &mut Connection, migration: &Migration, applied_at: i64) -> Result<bool, MigrateError> {
    let sql = "INSERT INTO schema_migration(number, name, checksum, applied_at) VALUES ($1, $2, $3, $4)";
    let record =
        [migration.number.into(), migration.name.into(), checksum(migration.sql).into(), applied_at.into()];
    for _ in 0..WAITS_MAX {
        let claimed = connection.begin().and_then(|()| connection.execute(sql, &record));
        let Err(fault) = claimed else {
            return Ok(true);
        };
        connection.rollback();
        match fault {
            Fault::Constraint { .. } => return Ok(false),
            // The other migrator outlasted one lock timeout, or one busy timeout of SQLite.
            Fault::Unavailable(_) | Fault::Serialization(_) if !connection.broken() => {}
            fault => return Err(failed(migration, fault)),
        }
    }
    Err(MigrateError::Busy(migration.number))
}

fn apply(connection: &mut Connection, migration: &Migration) -> Result<(), Fault> {
    let outcome = connection.batch(migration.sql).and_then(|()| connection.tell_sizes());
    if outcome.is_err() {
        connection.rollback();
        return outcome;
    }
    connection.commit()
}

/// Two processes may create the record at once; the one that loses finds it there.
fn create_record(connection: &mut Connection) -> Result<(), Fault> {
    if recorded(connection).is_ok() {
        return Ok(());
    }
    let created = connection.batch(
        "CREATE TABLE IF NOT EXISTS schema_migration(
             number BIGINT NOT NULL, name TEXT NOT NULL, checksum TEXT NOT NULL,
             applied_at BIGINT NOT NULL, PRIMARY KEY (number));",
    );
    match created {
        Ok(()) => Ok(()),
        Err(fault) => recorded(connection).map(drop).map_err(|_| fault),
    }
}

fn recorded(connection: &mut Connection) -> Result<Vec<Record>, Fault> {
    let sql = "SELECT number, name, checksum FROM schema_migration ORDER BY number";
    let rows = connection.query(sql, &[])?;
    rows.into_iter().map(Record::read).collect()
}

fn failed(migration: &Migration, source: Fault) -> MigrateError {
    MigrateError::Failed { number: migration.number, name: migration.name, source }
}

fn checksum(sql: &str) -> String {
    Sha256::digest(sql.as_bytes()).iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

struct Record {
    number: i64,
    name: String,
    checksum: String,
}

impl Record {
    fn read(mut row: Row) -> Result<Record, Fault> {
        Ok(Record { number: row.int()?, name: row.text()?, checksum: row.text()? })
    }
}
