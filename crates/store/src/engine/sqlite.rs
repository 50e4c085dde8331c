//! SQLite through rusqlite: opening with the settings that durability needs, and running.
//!
//! Invariants: WAL with a synced log (`synchronous=FULL`) or no start; a failed sync is `Fatal`,
//! also when it happens in the checkpoint that SQLite itself would keep silent about.
//! Deliberately not here: retries (`busy_timeout` waits, the writer re-runs), the lock file.

mod checkpoint;
mod sizes;

use std::collections::BTreeSet;
use std::fs::{DirBuilder, OpenOptions};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::config::DbConfig;
use rusqlite::hooks::Wal;
use rusqlite::types::ValueRef;
use rusqlite::{CachedStatement, ErrorCode, OpenFlags};

use self::checkpoint::Checkpointer;
use super::dialect;
use super::fault::{Fault, OpenError};
use super::value::{Row, Table, Value};
use super::{Access, Options};

/// 3.51.3 repaired a race between checkpoint and reset of the log that could lose commits.
const VERSION_MIN: i32 = 3_051_003;
/// Every statement of the store stays prepared.
const STATEMENTS_MAX: usize = 512;

pub(super) struct Session {
    connection: rusqlite::Connection,
    checkpointer: Option<Checkpointer>,
    begin: &'static str,
    checkpoint_failed: Arc<AtomicBool>,
    broken: bool,
}

/// The last connection to a file copies the log into it and removes it. Two that close at once each take
/// the other for one that stays, so the checkpointer's goes first.
impl Drop for Session {
    fn drop(&mut self) {
        // Its thread ends with the hook that wakes it.
        if self.connection.wal_hook(None::<fn(&mut Wal, i32) -> rusqlite::Result<()>>).is_ok() {
            self.checkpointer = None;
        }
    }
}

impl Session {
    pub(super) fn memory(access: Access, options: &Options) -> Result<(Session, Vec<String>), OpenError> {
        let connection = rusqlite::Connection::open_in_memory().map_err(Fault::other)?;
        let failed = Arc::default();
        Ok((Session::set_up(connection, access, options, "memory", failed)?, Vec::new()))
    }

    pub(super) fn file(
        path: &Path,
        access: Access,
        options: &Options,
    ) -> Result<(Session, Vec<String>), OpenError> {
        if access == Access::Write {
            create_private(path).map_err(|source| OpenError::Path { path: path.to_owned(), source })?;
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = rusqlite::Connection::open_with_flags(path, flags)
            .map_err(|error| Fault::Unavailable(error.into()))?;
        let failed = Arc::new(AtomicBool::new(false));
        let mut session = Session::set_up(connection, access, options, "wal", Arc::clone(&failed))?;
        if access == Access::Write {
            let (checkpointer, mut hook) = Checkpointer::start(path, &failed)?;
            let committed = move |wal: &mut Wal, pages| {
                hook.committed(wal, pages);
                Ok(())
            };
            session.connection.wal_hook(Some(committed)).map_err(Fault::other)?;
            session.checkpointer = Some(checkpointer);
        }
        Ok((session, remarks(path)))
    }

    fn set_up(
        connection: rusqlite::Connection,
        access: Access,
        options: &Options,
        journal: &str,
        checkpoint_failed: Arc<AtomicBool>,
    ) -> Result<Session, OpenError> {
        if rusqlite::version_number() < VERSION_MIN {
            let found = rusqlite::version().to_owned();
            return Err(OpenError::Refused { setting: "SQLite", found, wanted: "3.51.3 or newer".into() });
        }
        let found = pragmas(&connection, access, options)
            .map_err(|error| dialect::sqlite_fault(&connection, error))?;
        if found != journal {
            return Err(OpenError::Refused { setting: "journal_mode", found, wanted: journal.into() });
        }
        connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
        let begin = match access {
            Access::Write => "BEGIN IMMEDIATE",
            Access::Read => "BEGIN DEFERRED",
        };
        Ok(Session { connection, checkpointer: None, begin, checkpoint_failed, broken: false })
    }

    pub(super) fn begin(&mut self) -> Result<(), Fault> {
        self.prepare(self.begin)?.raw_execute().map_err(|error| self.fault(error))?;
        Ok(())
    }

    pub(super) fn commit(&mut self) -> Result<(), Fault> {
        let outcome = self
            .prepare("COMMIT")
            .and_then(|mut commit| commit.raw_execute().map_err(|e| self.commit_fault(e)));
        if self.checkpoint_failed.load(Ordering::Relaxed) {
            self.broken = true;
            return Err(Fault::Fatal("a checkpoint could not be synced".into()));
        }
        if outcome.is_err() {
            self.rollback();
        }
        outcome.map(drop)
    }

    pub(super) fn rollback(&mut self) {
        if !self.connection.is_autocommit() && self.connection.execute_batch("ROLLBACK").is_err() {
            self.broken = true;
        }
    }

    pub(super) fn broken(&self) -> bool {
        self.broken
    }

    pub(super) fn batch(&mut self, sql: &str) -> Result<(), Fault> {
        self.connection.execute_batch(sql).map_err(|error| self.fault(error))
    }

    /// Tells the planner how large to take the tables for that there are now.
    pub(super) fn tell_sizes(&mut self) -> Result<(), Fault> {
        sizes::tell(&self.connection).map_err(|error| self.fault(error))
    }

    pub(super) fn query(&mut self, sql: &str, params: &[Value]) -> Result<Vec<Row>, Fault> {
        let mut statement = self.prepare(sql)?;
        bind_by_name(&mut statement, params)?;
        let width = statement.column_count();
        let mut found = statement.raw_query();
        let mut rows = Vec::new();
        while let Some(row) = found.next().map_err(|error| self.fault(error))? {
            let mut values = Vec::with_capacity(width);
            read(row, width, &mut values)?;
            rows.push(Row::new(values));
        }
        Ok(rows)
    }

    pub(super) fn execute(&mut self, sql: &str, params: &[Value]) -> Result<u64, Fault> {
        let mut statement = self.prepare(sql)?;
        bind_by_name(&mut statement, params)?;
        let changed = statement.raw_execute().map_err(|error| self.fault(error))?;
        Ok(changed as u64)
    }

    pub(super) fn lock_lanes<T: Table>(&mut self, lanes: &[i64]) -> Result<Vec<T>, Fault> {
        let keys = lanes.iter().map(|lane| [Value::Int(*lane)]).collect::<Vec<_>>();
        self.load(&dialect::sqlite_lanes::<T>(), keys.iter().map(<[Value; 1]>::as_slice))
    }

    pub(super) fn load_many<T: Table>(
        &mut self,
        columns: &[usize],
        keys: &[Vec<Value>],
    ) -> Result<Vec<T>, Fault> {
        // A key given twice answers once, as on PostgreSQL; sorted, so the tree is walked forward.
        let distinct = keys.iter().map(Vec::as_slice).collect::<BTreeSet<_>>();
        self.load(&dialect::find::<T>(columns), distinct.into_iter())
    }

    pub(super) fn insert_many<'a, T: Table + 'a>(
        &mut self,
        rows: impl Iterator<Item = &'a T>,
    ) -> Result<(), Fault> {
        let mut statement = self.prepare(&dialect::sqlite_insert::<T>())?;
        let mut values = Vec::with_capacity(T::COLUMNS.len());
        for row in rows {
            values.clear();
            row.put(&mut values);
            bind(&mut statement, &values)?;
            statement.raw_execute().map_err(|error| self.fault(error))?;
        }
        Ok(())
    }

    pub(super) fn update_many<T: Table>(
        &mut self,
        changed: &[usize],
        rows: Vec<Vec<Value>>,
    ) -> Result<(), Fault> {
        let mut statement = self.prepare(&dialect::sqlite_update::<T>(changed))?;
        for row in rows {
            bind(&mut statement, &row)?;
            if statement.raw_execute().map_err(|error| self.fault(error))? != 1 {
                return Err(Fault::other(format!("a row of {} to be changed is gone", T::NAME)));
            }
        }
        Ok(())
    }

    pub(super) fn delete_many<T: Table>(&mut self, keys: &[Vec<Value>]) -> Result<(), Fault> {
        let mut statement = self.prepare(&dialect::sqlite_delete::<T>())?;
        for key in keys {
            bind(&mut statement, key)?;
            statement.raw_execute().map_err(|error| self.fault(error))?;
        }
        Ok(())
    }

    fn load<'a, T: Table + 'a>(
        &self,
        sql: &str,
        keys: impl Iterator<Item = &'a [Value]>,
    ) -> Result<Vec<T>, Fault> {
        let mut statement = self.prepare(sql)?;
        let mut buffer = Row::of::<T>(Vec::with_capacity(T::COLUMNS.len()));
        let mut loaded = Vec::new();
        for key in keys {
            bind(&mut statement, key)?;
            let mut found = statement.raw_query();
            while let Some(row) = found.next().map_err(|error| self.fault(error))? {
                buffer.refill(|values| read(row, T::COLUMNS.len(), values))?;
                loaded.push(T::get(&mut buffer)?);
            }
        }
        Ok(loaded)
    }

    fn prepare(&self, sql: &str) -> Result<CachedStatement<'_>, Fault> {
        self.connection.prepare_cached(sql).map_err(|error| self.fault(error))
    }

    fn fault(&self, error: rusqlite::Error) -> Fault {
        dialect::sqlite_fault(&self.connection, error)
    }

    /// An I/O error in COMMIT is a sync that failed: a second one on the same page cache would lie.
    fn commit_fault(&self, error: rusqlite::Error) -> Fault {
        if error.sqlite_error_code() == Some(ErrorCode::SystemIoFailure) {
            return Fault::Fatal(error.into());
        }
        self.fault(error)
    }
}

/// Applies the settings and answers the journal mode that took hold.
fn pragmas(connection: &rusqlite::Connection, access: Access, options: &Options) -> rusqlite::Result<String> {
    connection.pragma_update(None, "busy_timeout", options.busy_timeout_ms)?;
    let journal = connection.query_row("PRAGMA journal_mode=WAL", [], |row| row.get(0))?;
    let (cache_kib, query_only) = match access {
        Access::Write => (options.writer_cache_kib, false),
        Access::Read => (options.reader_cache_kib, true),
    };
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.query_row("PRAGMA secure_delete=ON", [], |_| Ok(()))?;
    connection.pragma_update(None, "mmap_size", 0)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "cache_size", -i64::from(cache_kib))?;
    connection.pragma_update(None, "query_only", query_only)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    // One plan a statement, whatever is bound: otherwise a new value of LIMIT prepares it anew.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DDL, false)?;
    Ok(journal)
}

/// The directory of a database is its owner's alone.
pub(super) fn create_parent(path: &Path) -> std::io::Result<()> {
    match path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        Some(parent) => DirBuilder::new().recursive(true).mode(0o700).create(parent),
        None => Ok(()),
    }
}

/// The log and its index take over the mode of the file they belong to. A file that is there is not
/// opened: closing it would end all locks that this process has on it.
fn create_private(path: &Path) -> std::io::Result<()> {
    create_parent(path)?;
    match OpenOptions::new().create_new(true).write(true).mode(0o600).open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        made => made.map(drop),
    }
}

fn remarks(path: &Path) -> Vec<String> {
    let open_to_others = path.metadata().is_ok_and(|found| found.permissions().mode() & 0o077 != 0);
    let remark = || format!("{} can be read by other users: chmod 600", path.display());
    open_to_others.then(remark).into_iter().collect()
}

/// `$1` is a name to SQLite, numbered in order of appearance: bind by the number it spells.
fn bind_by_name(statement: &mut CachedStatement<'_>, params: &[Value]) -> Result<(), Fault> {
    if statement.parameter_count() != params.len() {
        return Err(Fault::other("a statement was given the wrong number of parameters"));
    }
    for place in 1..=params.len() {
        let number = statement.parameter_name(place).and_then(|name| name.get(1..)?.parse::<usize>().ok());
        let value = number.and_then(|number| params.get(number.checked_sub(1)?));
        let value = value.ok_or_else(|| Fault::other("parameters must be numbered from $1"))?;
        bind_one(statement, place, value)?;
    }
    Ok(())
}

/// For the dialect's own statements, whose parameters appear in order.
fn bind(statement: &mut CachedStatement<'_>, values: &[Value]) -> Result<(), Fault> {
    if statement.parameter_count() != values.len() {
        return Err(Fault::other("a row or key has the wrong number of columns"));
    }
    (1..).zip(values).try_for_each(|(place, value)| bind_one(statement, place, value))
}

fn bind_one(statement: &mut CachedStatement<'_>, place: usize, value: &Value) -> Result<(), Fault> {
    let bound = match value {
        Value::Null => statement.raw_bind_parameter(place, None::<i64>),
        Value::Int(value) => statement.raw_bind_parameter(place, value),
        Value::Text(value) => statement.raw_bind_parameter(place, value.as_str()),
    };
    bound.map_err(Fault::other)
}

fn read(row: &rusqlite::Row<'_>, width: usize, out: &mut Vec<Value>) -> Result<(), Fault> {
    for index in 0..width {
        let value = match row.get_ref(index).map_err(Fault::other)? {
            ValueRef::Null => Value::Null,
            ValueRef::Integer(value) => Value::Int(value),
            ValueRef::Text(text) => match std::str::from_utf8(text) {
                Ok(text) => Value::Text(text.to_owned()),
                Err(_) => return Err(Fault::Corrupt(format!("column {} is not UTF-8", index + 1))),
            },
            ValueRef::Real(_) | ValueRef::Blob(_) => {
                return Err(Fault::Corrupt(format!("column {} is neither integer nor text", index + 1)));
            }
        };
        out.push(value);
    }
    Ok(())
}
