//! The database port: a small synchronous interface over SQLite and PostgreSQL.
//!
//! Invariants: one SQL text for both engines, with the five differences in `dialect`; statements
//! are prepared once per connection; after a failed statement nothing can be committed; a commit
//! whose outcome is in doubt is `Fault::CommitUnknown` and never "failed".
//! Deliberately not here: the domain, its tables and rules; async (callers bring threads); retries.

mod dialect;
mod fault;
mod lock;
mod postgres;
mod readers;
mod sqlite;
mod url;
mod value;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;

pub use fault::{Cause, Fault, OpenError, Rule};
pub use lock::ServerLock;
pub use readers::Readers;
pub use url::Url;
pub use value::{Column, Kind, Row, Table, Value};

use url::Target;

/// What a connection may do; a reader sees one snapshot per `begin` and cannot write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    Write,
    Read,
}

/// How connections are opened; times in milliseconds, 0 means no limit where PostgreSQL says so.
#[derive(Clone, Debug)]
pub struct Options {
    /// SQLite page cache of the writer and of each reader.
    pub writer_cache_kib: u32,
    pub reader_cache_kib: u32,
    /// How long SQLite waits for another process's write.
    pub busy_timeout_ms: u32,
    pub lock_timeout_ms: u32,
    pub statement_timeout_ms: u32,
    pub idle_in_transaction_timeout_ms: u32,
    pub connect_timeout_ms: u32,
    /// How long COMMIT may wait for a standby before its socket is dropped and its outcome unknown.
    pub commit_wait_ms: u32,
    /// Refuse a server without synchronous standbys.
    pub ha_required: bool,
    /// The highest timeline seen by any connection opened with these options (clones share it): an
    /// old primary that was failed over and came back is refused.
    pub timeline_seen: Arc<AtomicU32>,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            writer_cache_kib: 32 * 1024,
            reader_cache_kib: 4 * 1024,
            busy_timeout_ms: 5_000,
            lock_timeout_ms: 5_000,
            statement_timeout_ms: 15_000,
            idle_in_transaction_timeout_ms: 10_000,
            connect_timeout_ms: 5_000,
            commit_wait_ms: 8_000,
            ha_required: false,
            timeline_seen: Arc::default(),
        }
    }
}

impl Options {
    /// For migrations, verify and exports: a statement may take as long as it takes.
    pub fn patient(&self) -> Options {
        Options { statement_timeout_ms: 0, ..self.clone() }
    }
}

/// One connection of one thread.
pub struct Connection {
    session: Session,
    failed: bool,
    remarks: Vec<String>,
}

enum Session {
    Sqlite(Box<sqlite::Session>),
    Postgres(Box<postgres::Session>),
}

/// A question whose answer is still to be fetched with [`Connection::answer`].
#[must_use]
pub struct Asked<T>(Pending<T>);

enum Pending<T> {
    Here(Vec<T>),
    /// Its number among those that travel together.
    Waiting(usize),
}

/// Runs the same call on whichever engine it is.
macro_rules! each {
    ($connection:expr, $session:ident => $call:expr) => {
        match &mut $connection.session {
            Session::Sqlite($session) => $call,
            Session::Postgres($session) => $call,
        }
    };
}

impl Connection {
    /// Opens and checks the settings durability depends on; what is merely unwise is a remark.
    pub fn open(url: &Url, access: Access, options: &Options) -> Result<Connection, OpenError> {
        let (session, remarks) = match url.target() {
            Target::Memory => sqlite(sqlite::Session::memory(access, options)?),
            Target::File(path) => sqlite(sqlite::Session::file(path, access, options)?),
            Target::Server(server) => {
                let (session, remarks) = postgres::Session::open(server, access, options)?;
                (Session::Postgres(Box::new(session)), remarks)
            }
        };
        Ok(Connection { session, failed: false, remarks })
    }

    /// What an operator should know about this database's settings.
    pub fn remarks(&self) -> &[String] {
        &self.remarks
    }

    pub fn is_postgres(&self) -> bool {
        matches!(self.session, Session::Postgres(_))
    }

    /// SQLite: the write lock, or for a reader a snapshot at its first statement. PostgreSQL: READ
    /// COMMITTED, or for a reader one REPEATABLE READ snapshot; it travels with the first statement.
    pub fn begin(&mut self) -> Result<(), Fault> {
        self.failed = false;
        each!(self, session => session.begin())
    }

    /// Durable when it answers `Ok`. After any error the work is rolled back, unless the error is
    /// `CommitUnknown` or `Fatal`. Here at the latest the `*_many` writes tell their faults.
    pub fn commit(&mut self) -> Result<(), Fault> {
        if self.failed {
            self.rollback();
            return Err(Fault::other("commit after a failed statement"));
        }
        each!(self, session => session.commit())
    }

    /// Never fails; a connection that cannot roll back is broken.
    pub fn rollback(&mut self) {
        self.failed = false;
        each!(self, session => session.rollback());
    }

    /// Whether this connection must be dropped and opened anew.
    pub fn broken(&self) -> bool {
        match &self.session {
            Session::Sqlite(session) => session.broken(),
            Session::Postgres(session) => session.broken(),
        }
    }

    /// Asks for lanes (sorted, distinct) to be locked until the end of the work and loaded; on SQLite
    /// `begin` already holds everything. On PostgreSQL whatever is asked before the first answer is
    /// fetched costs one round trip together, in the order asked: what is asked after the lanes is seen
    /// under their locks.
    pub fn ask_lanes<T: Table>(&mut self, lanes: &[i64]) -> Result<Asked<T>, Fault> {
        debug_assert!(lanes.is_sorted_by(|a, b| a < b), "lanes are locked in one order by everybody");
        if lanes.is_empty() {
            return Ok(Asked(Pending::Here(Vec::new())));
        }
        let asked = match &mut self.session {
            Session::Sqlite(session) => session.lock_lanes(lanes).map(Pending::Here),
            Session::Postgres(session) => {
                let lanes = lanes.iter().copied().map(Value::Int).collect();
                session.ask_lanes::<T>(lanes).map(Pending::Waiting)
            }
        };
        self.noting(asked.map(Asked))
    }

    /// Asks for the rows that [`Connection::load_many`] would load.
    pub fn ask_many<T: Table>(
        &mut self,
        columns: &[usize],
        keys: Vec<Vec<Value>>,
    ) -> Result<Asked<T>, Fault> {
        if keys.is_empty() {
            return Ok(Asked(Pending::Here(Vec::new())));
        }
        let asked = whole(&keys, columns.len()).and_then(|()| match &mut self.session {
            Session::Sqlite(session) => session.load_many(columns, &keys).map(Pending::Here),
            Session::Postgres(session) => session.ask_many::<T>(columns, keys).map(Pending::Waiting),
        });
        self.noting(asked.map(Asked))
    }

    /// Asks a query of its own, with all columns of a table. It may travel with BEGIN: if it writes, then
    /// something that may stand alone.
    pub fn ask_query<T: Table>(&mut self, sql: &str, params: &[Value]) -> Result<Asked<T>, Fault> {
        let asked = match &mut self.session {
            Session::Sqlite(session) => {
                let rows = session.query(sql, params);
                rows.and_then(|mut rows| rows.iter_mut().map(T::get).collect()).map(Pending::Here)
            }
            Session::Postgres(session) => session.ask_query(sql, params).map(Pending::Waiting),
        };
        self.noting(asked.map(Asked))
    }

    /// What was asked. A refused question is everybody's fault who asked with it.
    pub fn answer<T: Table>(&mut self, asked: Asked<T>) -> Result<Vec<T>, Fault> {
        let rows = match (asked.0, &mut self.session) {
            (Pending::Here(rows), _) => Ok(rows),
            (Pending::Waiting(number), Session::Postgres(session)) => session.answer(number),
            (Pending::Waiting(_), Session::Sqlite(_)) => Err(Fault::other("asked of another connection")),
        };
        self.noting(rows)
    }

    pub fn query(&mut self, sql: &str, params: &[Value]) -> Result<Vec<Row>, Fault> {
        let rows = each!(self, session => session.query(sql, params));
        self.noting(rows)
    }

    /// After the schema has changed: the engine's planner is told what to take the tables for. PostgreSQL
    /// finds out itself.
    pub fn tell_sizes(&mut self) -> Result<(), Fault> {
        let told = match &mut self.session {
            Session::Sqlite(session) => session.tell_sizes(),
            Session::Postgres(_) => Ok(()),
        };
        self.noting(told)
    }

    /// The plan of a query, one line a step, in the engine's own words.
    pub fn explain(&mut self, sql: &str, params: &[Value]) -> Result<Vec<String>, Fault> {
        if self.is_postgres() {
            return self.query(&format!("EXPLAIN {sql}"), params)?.iter_mut().map(Row::text).collect();
        }
        let steps = self.query(&format!("EXPLAIN QUERY PLAN {sql}"), params)?;
        let told = steps.into_iter().map(|mut step| {
            // Its number, its parent's and a spare one stand before what it does.
            for _ in 0..3 {
                step.int()?;
            }
            step.text()
        });
        told.collect()
    }

    /// Answers the number of rows changed.
    pub fn execute(&mut self, sql: &str, params: &[Value]) -> Result<u64, Fault> {
        let changed = each!(self, session => session.execute(sql, params));
        self.noting(changed)
    }

    /// DDL, any number of statements, in the house dialect (BIGINT and TEXT).
    pub fn batch(&mut self, sql: &str) -> Result<(), Fault> {
        let outcome = match &mut self.session {
            Session::Sqlite(session) => session.batch(&dialect::sqlite_ddl(sql)),
            Session::Postgres(session) => session.batch(&dialect::postgres_ddl(sql)),
        };
        self.noting(outcome)
    }

    /// Plain INSERT: a duplicate is `Fault::Constraint`. Between `begin` and `commit` PostgreSQL
    /// may hold writes back and tell their faults with the next statement, at the latest in
    /// `commit`, because all of them together cost one round trip.
    pub fn insert_many<'a, T: Table + 'a>(
        &mut self,
        rows: impl IntoIterator<Item = &'a T>,
    ) -> Result<(), Fault> {
        let mut rows = rows.into_iter().peekable();
        if rows.peek().is_none() {
            return Ok(());
        }
        let outcome = each!(self, session => session.insert_many(rows));
        self.noting(outcome)
    }

    /// Changes rows that exist from what they were to what they are: only columns that differ are
    /// written, because every index over a written column is written too. The key stays.
    pub fn update_many<'a, T: Table + 'a>(
        &mut self,
        changes: impl IntoIterator<Item = (&'a T, &'a T)>,
    ) -> Result<(), Fault> {
        let mut groups = BTreeMap::<Vec<usize>, Vec<Vec<Value>>>::new();
        for (from, to) in changes {
            let (before, mut row) = (values(from), values(to));
            if before[..T::KEY] != row[..T::KEY] {
                return Err(Fault::other("a key never changes"));
            }
            let changed: Vec<usize> =
                (T::KEY..row.len()).filter(|index| before[*index] != row[*index]).collect();
            if changed.is_empty() {
                continue;
            }
            let values =
                changed.iter().copied().chain(0..T::KEY).map(|index| std::mem::take(&mut row[index]));
            let values = values.collect();
            groups.entry(changed).or_default().push(values);
        }
        for (changed, rows) in groups {
            let outcome = each!(self, session => session.update_many::<T>(&changed, rows));
            self.noting(outcome)?;
        }
        Ok(())
    }

    /// Deletes by full primary keys; a key that is not there is no error.
    pub fn delete_many<T: Table>(&mut self, keys: &[Vec<Value>]) -> Result<(), Fault> {
        if keys.is_empty() {
            return Ok(());
        }
        let outcome =
            whole(keys, T::KEY).and_then(|()| each!(self, session => session.delete_many::<T>(keys)));
        self.noting(outcome)
    }

    /// Rows whose `columns` (indexes into `T::COLUMNS`) equal one of the keys, in no given order.
    pub fn load_many<T: Table>(&mut self, columns: &[usize], keys: &[Vec<Value>]) -> Result<Vec<T>, Fault> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let rows = whole(keys, columns.len())
            .and_then(|()| each!(self, session => session.load_many(columns, keys)));
        self.noting(rows)
    }

    fn noting<T>(&mut self, outcome: Result<T, Fault>) -> Result<T, Fault> {
        self.failed |= outcome.is_err();
        outcome
    }
}

fn values<T: Table>(row: &T) -> Vec<Value> {
    let mut values = Vec::with_capacity(T::COLUMNS.len());
    row.put(&mut values);
    values
}

fn whole(keys: &[Vec<Value>], width: usize) -> Result<(), Fault> {
    if keys.iter().all(|key| key.len() == width) {
        return Ok(());
    }
    Err(Fault::other("a key has the wrong number of columns"))
}

fn sqlite((session, remarks): (sqlite::Session, Vec<String>)) -> (Session, Vec<String>) {
    (Session::Sqlite(Box::new(session)), remarks)
}
