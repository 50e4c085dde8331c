//! PostgreSQL through tokio-postgres on a small runtime of the connection's own.
//!
//! Invariants: nothing is cancelled while COMMIT waits; when it waits too long the socket is
//! dropped and the outcome is unknown; a COMMIT that carries a warning is unknown too, because the
//! server says with it that no standby has the work. Every wait has a bound.
//! Deliberately not here: the `postgres` crate, which is the same runtime without the bound on a
//! wait and without sending BEGIN together with the first statement.

mod open;
mod values;

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Statement};

use self::values::{Arrays, read};
use super::dialect::{self, Conflict};
use super::fault::{Fault, OpenError};
use super::url::Server;
use super::value::{Row, Table, Value};
use super::{Access, Options};

/// More statements than the store has: reached only if something builds SQL without end.
const STATEMENTS_MAX: usize = 1_024;
/// How much longer than the server's own limit a statement is waited for.
const GRACE: Duration = Duration::from_secs(5);
/// Stands for "no limit".
const FOREVER: Duration = Duration::from_hours(24);

type Params<'a> = &'a [&'a (dyn ToSql + Sync)];

pub(super) struct Session {
    reactor: Reactor,
    client: Client,
    /// Reads and writes the socket whenever the reactor runs.
    driver: JoinHandle<()>,
    warned: Arc<AtomicBool>,
    prepared: HashMap<String, Statement>,
    begin: &'static str,
    begin_due: bool,
    broken: bool,
    statement_wait: Duration,
    commit_wait: Duration,
}

impl Session {
    pub(super) fn open(
        server: &Server,
        access: Access,
        options: &Options,
    ) -> Result<(Session, Vec<String>), OpenError> {
        let reactor = Reactor::new()?;
        let warned = Arc::new(AtomicBool::new(false));
        let opening = open::connect(server, options, Arc::clone(&warned));
        let limit = milliseconds(options.connect_timeout_ms) + GRACE;
        let (client, driver) = match reactor.run(limit, async { Ok(opening.await) }) {
            Ok(opened) => opened?,
            Err(failure) => return Err(failure.fault().into()),
        };
        let mut session = Session {
            reactor,
            client,
            driver,
            warned,
            prepared: HashMap::new(),
            begin: match access {
                Access::Write => "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE",
                Access::Read => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
            },
            begin_due: false,
            broken: false,
            statement_wait: milliseconds(options.statement_timeout_ms) + GRACE,
            commit_wait: milliseconds(options.commit_wait_ms),
        };
        session.batch(&open::settings(access, options))?;
        let remarks = open::check(&session.query(open::FACTS, &[])?.remove(0), options)?;
        Ok((session, remarks))
    }

    /// Sent with the first statement: a round trip less for each batch. A server that went away
    /// while this connection was idle is noticed here, before any work is done.
    pub(super) fn begin(&mut self) -> Result<(), Fault> {
        self.reactor.tick();
        if self.broken() {
            return Err(Fault::Unavailable("the connection is broken".into()));
        }
        self.begin_due = true;
        Ok(())
    }

    pub(super) fn commit(&mut self) -> Result<(), Fault> {
        if std::mem::take(&mut self.begin_due) {
            return Ok(());
        }
        self.warned.store(false, Ordering::Relaxed);
        let outcome = self.reactor.run(self.commit_wait, self.client.batch_execute("COMMIT"));
        let fault = match outcome {
            Ok(()) if !self.warned.load(Ordering::Relaxed) => return Ok(()),
            Ok(()) => Fault::CommitUnknown("COMMIT carried a warning: it is not on the standby".into()),
            Err(failure) => match failure.fault() {
                // Said before anything was committed: a deferred constraint, a lost race.
                refused @ (Fault::Constraint { .. } | Fault::Serialization(_)) => {
                    return Err(refused);
                }
                Fault::Unavailable(cause) | Fault::Other(cause) => Fault::CommitUnknown(cause),
                other => Fault::CommitUnknown(other.into()),
            },
        };
        self.sever();
        Err(fault)
    }

    pub(super) fn rollback(&mut self) {
        if std::mem::take(&mut self.begin_due) || self.broken() {
            return;
        }
        if self.reactor.run(GRACE, self.client.batch_execute("ROLLBACK")).is_err() {
            self.sever();
        }
    }

    pub(super) fn broken(&self) -> bool {
        self.broken || self.client.is_closed()
    }

    pub(super) fn batch(&mut self, sql: &str) -> Result<(), Fault> {
        self.call(async |client| client.batch_execute(sql).await)
    }

    pub(super) fn query(&mut self, sql: &str, params: &[Value]) -> Result<Vec<Row>, Fault> {
        let params = params.iter().map(|value| value as &(dyn ToSql + Sync)).collect::<Vec<_>>();
        let mut rows = Vec::new();
        for found in self.rows(sql, &params)? {
            let mut values = Vec::with_capacity(found.len());
            read(&found, &mut values)?;
            rows.push(Row::new(values));
        }
        Ok(rows)
    }

    pub(super) fn execute(&mut self, sql: &str, params: &[Value]) -> Result<u64, Fault> {
        let params = params.iter().map(|value| value as &(dyn ToSql + Sync)).collect::<Vec<_>>();
        self.change(sql, &params)
    }

    pub(super) fn lock_lanes<T: Table>(&mut self, lanes: &[i64]) -> Result<Vec<T>, Fault> {
        self.load(&dialect::postgres_lanes::<T>(), &[&lanes])
    }

    pub(super) fn load_many<T: Table>(
        &mut self,
        columns: &[usize],
        keys: &[Vec<Value>],
    ) -> Result<Vec<T>, Fault> {
        let arrays = Arrays::of(columns.iter().map(|index| T::COLUMNS[*index]), keys.iter().flatten())?;
        self.load(&dialect::postgres_load::<T>(columns), &arrays.params())
    }

    pub(super) fn insert_many<T: Table>(&mut self, rows: &[T], conflict: Conflict) -> Result<(), Fault> {
        let mut values = Vec::with_capacity(rows.len() * T::COLUMNS.len());
        for row in rows {
            row.put(&mut values);
        }
        let arrays = Arrays::of(T::COLUMNS.iter().copied(), values.iter())?;
        self.change(&dialect::postgres_insert::<T>(conflict), &arrays.params())?;
        Ok(())
    }

    pub(super) fn delete_many<T: Table>(&mut self, keys: &[Vec<Value>]) -> Result<(), Fault> {
        let arrays = Arrays::of(T::COLUMNS[..T::KEY].iter().copied(), keys.iter().flatten())?;
        self.change(&dialect::postgres_delete::<T>(), &arrays.params())?;
        Ok(())
    }

    fn load<T: Table>(&mut self, sql: &str, params: Params<'_>) -> Result<Vec<T>, Fault> {
        let found = self.rows(sql, params)?;
        let mut buffer = Row::of::<T>(Vec::with_capacity(T::COLUMNS.len()));
        let mut loaded = Vec::with_capacity(found.len());
        for row in &found {
            buffer.refill(|values| read(row, values))?;
            loaded.push(T::get(&mut buffer)?);
        }
        Ok(loaded)
    }

    fn rows(&mut self, sql: &str, params: Params<'_>) -> Result<Vec<tokio_postgres::Row>, Fault> {
        let statement = self.prepare(sql)?;
        self.call(async |client| client.query(&statement, params).await)
    }

    fn change(&mut self, sql: &str, params: Params<'_>) -> Result<u64, Fault> {
        let statement = self.prepare(sql)?;
        self.call(async |client| client.execute(&statement, params).await)
    }

    fn prepare(&mut self, sql: &str) -> Result<Statement, Fault> {
        if let Some(statement) = self.prepared.get(sql) {
            return Ok(statement.clone());
        }
        let statement = self.call(async |client| client.prepare(sql).await)?;
        if self.prepared.len() >= STATEMENTS_MAX {
            self.prepared.clear();
        }
        self.prepared.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }

    /// Runs one request, behind BEGIN when that is due; both are on the wire before either answers.
    fn call<T>(
        &mut self,
        work: impl AsyncFnOnce(&Client) -> Result<T, tokio_postgres::Error>,
    ) -> Result<T, Fault> {
        let begin = std::mem::take(&mut self.begin_due).then_some(self.begin);
        let client = &self.client;
        let both = async {
            let begun = async {
                match begin {
                    Some(begin) => client.batch_execute(begin).await,
                    None => Ok(()),
                }
            };
            let (begun, done) = tokio::join!(begun, work(client));
            begun.and(done)
        };
        let outcome = self.reactor.run(self.statement_wait, both);
        outcome.map_err(|failure| {
            if failure.ends_the_session() {
                self.sever();
            }
            failure.fault()
        })
    }

    /// Drops the socket at once, without a word to the server: a cancel request could turn a
    /// waiting COMMIT into a lost one.
    fn sever(&mut self) {
        self.broken = true;
        self.driver.abort();
        let gone = async {
            // Cancelled is what it should be.
            let _ = (&mut self.driver).await;
            Ok(())
        };
        let _ = self.reactor.run(GRACE, gone);
    }
}

/// Why a request has no answer.
enum Failure {
    TimedOut,
    Driver(tokio_postgres::Error),
}

impl Failure {
    fn fault(self) -> Fault {
        match self {
            Failure::TimedOut => Fault::Unavailable("no answer in time".into()),
            Failure::Driver(error) => dialect::postgres_fault(error),
        }
    }

    /// A server that shut the session (57P0x, 25P03), serves reads only (25006) or said nothing.
    fn ends_the_session(&self) -> bool {
        let Failure::Driver(error) = self else {
            return true;
        };
        match error.code() {
            Some(code) => code.code().starts_with("57P") || matches!(code.code(), "25P03" | "25006"),
            None => error.is_closed(),
        }
    }
}

/// The runtime, which must not be waited for when a connection is dropped inside another one.
struct Reactor(Option<Runtime>);

impl Reactor {
    fn new() -> Result<Reactor, OpenError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.map(|runtime| Reactor(Some(runtime))).map_err(|error| Fault::other(error).into())
    }

    fn run<T>(
        &self,
        limit: Duration,
        work: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, Failure> {
        let runtime = self.0.as_ref().expect("taken only by drop");
        match runtime.block_on(async { tokio::time::timeout(limit, work).await }) {
            Ok(outcome) => outcome.map_err(Failure::Driver),
            Err(_) => Err(Failure::TimedOut),
        }
    }
}

impl Reactor {
    /// Lets the driver see what arrived while nobody waited: the first turn polls the socket, the
    /// second runs whom that woke.
    fn tick(&self) {
        let turns = async {
            tokio::task::yield_now().await;
            tokio::task::yield_now().await;
            Ok(())
        };
        let _ = self.run(GRACE, turns);
    }
}

impl Drop for Reactor {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

fn milliseconds(limit: u32) -> Duration {
    if limit == 0 { FOREVER } else { Duration::from_millis(limit.into()) }
}
