//! PostgreSQL through tokio-postgres on a small runtime of the connection's own.
//!
//! Invariants: nothing is cancelled while COMMIT waits; when it waits too long the socket is
//! dropped and the outcome is unknown; a COMMIT that carries a warning is unknown too, because the
//! server says with it that no standby has the work. Every wait has a bound. Round trips cost more
//! than rows: BEGIN rides with the first look-up, and all writes of a batch with its COMMIT.
//! Deliberately not here: the `postgres` crate, which is the same runtime without the bound on a
//! wait and without sending BEGIN together with the first statement. A reader whose server went away
//! while it was idle opens itself anew: nothing was read yet, so nobody needs to know.

mod open;
mod pipeline;
mod reactor;
mod values;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Statement};

use self::pipeline::Waiting;
use self::reactor::{Failure, Reactor};
use self::values::{Arrays, read};
use super::dialect;
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
    server: Server,
    options: Options,
    reactor: Reactor,
    client: Client,
    /// Reads and writes the socket whenever the reactor runs.
    driver: JoinHandle<()>,
    warned: Arc<AtomicBool>,
    prepared: HashMap<String, Statement>,
    access: Access,
    /// Between `begin` and its end; only then do writes wait for each other.
    open: bool,
    begin_due: bool,
    begun: u64,
    queued: Vec<Waiting>,
    /// Questions that travel together, and their answers until they are fetched.
    asked: Vec<Waiting>,
    answers: Vec<Option<Vec<tokio_postgres::Row>>>,
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
            server: server.clone(),
            options: options.clone(),
            reactor,
            client,
            driver,
            warned,
            prepared: HashMap::new(),
            access,
            open: false,
            begin_due: false,
            begun: 0,
            queued: Vec::new(),
            asked: Vec::new(),
            answers: Vec::new(),
            broken: false,
            statement_wait: milliseconds(options.statement_timeout_ms) + GRACE,
            commit_wait: milliseconds(options.commit_wait_ms),
        };
        session.batch(&open::settings(options))?;
        let remarks = open::check(&session.query(open::FACTS, &[])?.remove(0), options)?;
        Ok((session, remarks))
    }

    /// BEGIN travels with the first look-up: a round trip less for each batch. A server that went
    /// away while this connection was idle is noticed here, before any work is done.
    pub(super) fn begin(&mut self) -> Result<(), Fault> {
        self.reactor.tick();
        if self.broken() {
            return Err(Fault::Unavailable("the connection is broken".into()));
        }
        self.forget();
        (self.open, self.begin_due) = (true, true);
        self.begun += 1;
        Ok(())
    }

    /// Sends the waiting writes and COMMIT in one go. That is safe because a server answers COMMIT
    /// after a failed write by rolling back; the write's own answer tells which it was. The writes have
    /// as long as any statement; how long COMMIT takes counts from then on.
    pub(super) fn commit(&mut self) -> Result<(), Fault> {
        self.open = false;
        if self.queued.is_empty() && std::mem::take(&mut self.begin_due) {
            return Ok(());
        }
        self.begin_now()?;
        let queued = std::mem::take(&mut self.queued);
        self.warned.store(false, Ordering::Relaxed);
        let outcome = match self.send_commit(&queued) {
            Ok(answers) => self.committed(answers),
            Err(failure @ Failure::TimedOut) => Err(unknown(failure.fault())),
            // A write could not be sent, so COMMIT was not.
            Err(failure @ Failure::Driver(_)) => Err(failure.fault()),
        };
        if matches!(outcome, Err(Fault::CommitUnknown(_))) {
            self.sever();
        }
        outcome
    }

    fn send_commit(&self, writes: &[Waiting]) -> Result<pipeline::Answers, Failure> {
        let mut sending = pipeline::sending(&self.client, writes, Some("COMMIT"));
        self.reactor.run(self.statement_wait, sending.answered(writes.len()))?;
        self.reactor.run(self.commit_wait, sending.answered(writes.len() + 1))?;
        Ok(sending.answers())
    }

    /// Reads the answers to the writes and, last, to COMMIT.
    fn committed(&self, mut answers: pipeline::Answers) -> Result<(), Fault> {
        let commit = answers.pop().expect("COMMIT was sent last");
        if let Some(refused) = answers.into_iter().find_map(Result::err) {
            let told = refused.code().is_some();
            let fault = dialect::postgres_fault(refused);
            return Err(if told { fault } else { unknown(fault) });
        }
        match commit.map_err(dialect::postgres_fault) {
            Ok(()) if self.warned.load(Ordering::Relaxed) => {
                Err(Fault::CommitUnknown("COMMIT carried a warning: it is not on the standby".into()))
            }
            Ok(()) => Ok(()),
            // Said before anything was committed: a deferred constraint, a lost race.
            Err(refused @ (Fault::Constraint { .. } | Fault::Serialization(_))) => Err(refused),
            Err(fault) => Err(unknown(fault)),
        }
    }

    pub(super) fn rollback(&mut self) {
        self.open = false;
        self.forget();
        if std::mem::take(&mut self.begin_due) || self.broken() {
            return;
        }
        if self.access == Access::Read {
            return self.end_read();
        }
        if self.reactor.run(GRACE, self.client.batch_execute("ROLLBACK")).is_err() {
            self.sever();
        }
    }

    /// Nobody needs to know how a snapshot ended, so nobody waits for it.
    fn end_read(&mut self) {
        let mut sent = Box::pin(self.client.batch_execute("ROLLBACK"));
        self.reactor.tick_after(|context| drop(sent.as_mut().poll(context)));
    }

    pub(super) fn broken(&self) -> bool {
        self.broken || self.client.is_closed()
    }

    pub(super) fn batch(&mut self, sql: &str) -> Result<(), Fault> {
        self.settle()?;
        self.call(async |client| client.batch_execute(sql).await)
    }

    pub(super) fn query(&mut self, sql: &str, params: &[Value]) -> Result<Vec<Row>, Fault> {
        if self.access == Access::Write {
            self.settle()?;
        }
        let mut rows = Vec::new();
        for found in self.first_read(|session| session.rows(sql, &refs(params)))? {
            let mut values = Vec::with_capacity(found.len());
            read(&found, &mut values)?;
            rows.push(Row::new(values));
        }
        Ok(rows)
    }

    pub(super) fn execute(&mut self, sql: &str, params: &[Value]) -> Result<u64, Fault> {
        self.settle()?;
        let statement = self.prepare(sql)?;
        self.call(async |client| client.execute(&statement, &refs(params)).await)
    }

    /// Nothing waits any more.
    fn forget(&mut self) {
        self.queued.clear();
        self.asked.clear();
        self.answers.clear();
    }

    pub(super) fn ask_lanes<T: Table>(&mut self, lanes: Vec<Value>) -> Result<usize, Fault> {
        let arrays = Arrays::of(std::iter::once(T::COLUMNS[0]), lanes)?;
        self.question(&dialect::postgres_lanes::<T>(), arrays)
    }

    pub(super) fn ask_query(&mut self, sql: &str, params: &[Value]) -> Result<usize, Fault> {
        self.question(sql, Arrays::single(params))
    }

    pub(super) fn ask_many<T: Table>(
        &mut self,
        columns: &[usize],
        mut keys: Vec<Vec<Value>>,
    ) -> Result<usize, Fault> {
        // A key given twice answers once, as on SQLite; sorted, so the tree is walked forward.
        keys.sort_unstable();
        keys.dedup();
        let columns_of_key = columns.iter().map(|index| T::COLUMNS[*index]);
        let arrays = Arrays::of(columns_of_key, keys.into_iter().flatten())?;
        self.question(&dialect::postgres_load::<T>(columns), arrays)
    }

    fn question(&mut self, sql: &str, arrays: Arrays) -> Result<usize, Fault> {
        if self.answers.iter().any(Option::is_some) {
            return Err(Fault::other("the answers to the last questions were not fetched"));
        }
        self.answers.clear();
        let statement = self.prepare(sql)?;
        self.asked.push(Waiting { statement, arrays });
        Ok(self.asked.len() - 1)
    }

    /// The answer to question number `number`; the first one fetched brings all of them.
    pub(super) fn answer<T: Table>(&mut self, number: usize) -> Result<Vec<T>, Fault> {
        if !self.asked.is_empty() {
            self.settle_writes()?;
            let asked = std::mem::take(&mut self.asked);
            let answers = self.call(async |client| pipeline::ask(client, &asked).await)?;
            self.answers = answers.into_iter().map(Some).collect();
        }
        let found = self.answers.get_mut(number).and_then(Option::take);
        read_all(&found.ok_or_else(|| Fault::other("an answer that was not asked for"))?)
    }

    pub(super) fn load_many<T: Table>(
        &mut self,
        columns: &[usize],
        keys: &[Vec<Value>],
    ) -> Result<Vec<T>, Fault> {
        self.first_read(|session| {
            if let [key] = keys {
                return session.load(&dialect::find::<T>(columns), &refs(key));
            }
            let asked = session.ask_many::<T>(columns, keys.to_vec())?;
            session.answer(asked)
        })
    }

    /// That a server went away is often seen only when something is asked. The first question of a
    /// snapshot can be asked again.
    fn first_read<T>(&mut self, ask: impl Fn(&mut Session) -> Result<T, Fault>) -> Result<T, Fault> {
        let nothing_read = self.access == Access::Read && self.begin_due;
        let answer = ask(self);
        if answer.is_ok() || !nothing_read || !self.broken() {
            return answer;
        }
        let (fresh, _remarks) = Session::open(&self.server, self.access, &self.options)?;
        *self = fresh;
        self.begin()?;
        ask(self)
    }

    pub(super) fn insert_many<'a, T: Table + 'a>(
        &mut self,
        rows: impl Iterator<Item = &'a T>,
    ) -> Result<(), Fault> {
        let mut values = Vec::with_capacity(rows.size_hint().0 * T::COLUMNS.len());
        for row in rows {
            row.put(&mut values);
        }
        let arrays = Arrays::of(T::COLUMNS.iter().copied(), values)?;
        self.write(&dialect::postgres_insert::<T>(), arrays)
    }

    pub(super) fn update_many<T: Table>(
        &mut self,
        changed: &[usize],
        rows: Vec<Vec<Value>>,
    ) -> Result<(), Fault> {
        let columns = changed.iter().copied().chain(0..T::KEY).map(|index| T::COLUMNS[index]);
        let arrays = Arrays::of(columns, rows.into_iter().flatten())?;
        self.write(&dialect::postgres_update::<T>(changed), arrays)
    }

    pub(super) fn delete_many<T: Table>(&mut self, keys: &[Vec<Value>]) -> Result<(), Fault> {
        let columns = T::COLUMNS[..T::KEY].iter().copied();
        let arrays = Arrays::of(columns, keys.iter().flatten().cloned())?;
        self.write(&dialect::postgres_delete::<T>(), arrays)
    }

    /// Inside a transaction a write waits for the others, so that all of them are one round trip.
    fn write(&mut self, sql: &str, arrays: Arrays) -> Result<(), Fault> {
        let statement = self.prepare(sql)?;
        self.queued.push(Waiting { statement, arrays });
        if self.open { Ok(()) } else { self.settle() }
    }

    /// Sends what waits, so that the next statement sees it. Whatever may write must not be on the
    /// wire together with BEGIN: were BEGIN refused, it would stand alone.
    fn settle(&mut self) -> Result<(), Fault> {
        self.begin_now()?;
        if self.queued.is_empty() {
            return Ok(());
        }
        let queued = std::mem::take(&mut self.queued);
        self.call(async |client| pipeline::sending(client, &queued, None).all().await.map(drop))
    }

    fn begin_now(&mut self) -> Result<(), Fault> {
        if self.begin_due { self.call(async |_| Ok(())) } else { Ok(()) }
    }

    /// BEGIN may travel with a question; waiting writes may not.
    fn settle_writes(&mut self) -> Result<(), Fault> {
        if self.queued.is_empty() { Ok(()) } else { self.settle() }
    }

    fn load<T: Table>(&mut self, sql: &str, params: Params<'_>) -> Result<Vec<T>, Fault> {
        self.settle_writes()?;
        read_all(&self.rows(sql, params)?)
    }

    fn rows(&mut self, sql: &str, params: Params<'_>) -> Result<Vec<tokio_postgres::Row>, Fault> {
        let statement = self.prepare(sql)?;
        self.call(async |client| client.query(&statement, params).await)
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
        // Sent one by one: BEGIN must be the first of what a server takes for one text.
        let first = if std::mem::take(&mut self.begin_due) { self.first() } else { &[] };
        let client = &self.client;
        let both = async {
            let (begun, done) = tokio::join!(pipeline::tell(client, first), work(client));
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

    /// A plan made for a table that was empty is wrong when it is not: plans are made anew after 1, 2, 4,
    /// 8 … transactions, so that they follow the tables' growth at next to no cost.
    fn first(&self) -> &'static [&'static str] {
        const WRITE: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE";
        const READ: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
        match (self.begun.is_power_of_two(), self.access) {
            (false, Access::Write) => &[WRITE],
            (true, Access::Write) => &["DISCARD PLANS", WRITE],
            (false, Access::Read) => &[READ],
            (true, Access::Read) => &["DISCARD PLANS", READ],
        }
    }

    /// Drops the socket at once, without a word to the server: a cancel request could turn a
    /// waiting COMMIT into a lost one.
    fn sever(&mut self) {
        if std::mem::replace(&mut self.broken, true) {
            return;
        }
        self.driver.abort();
        let gone = async {
            // Cancelled is what it should be.
            let _ = (&mut self.driver).await;
            Ok(())
        };
        let _ = self.reactor.run(GRACE, gone);
    }
}

fn read_all<T: Table>(found: &[tokio_postgres::Row]) -> Result<Vec<T>, Fault> {
    let mut buffer = Row::of::<T>(Vec::with_capacity(T::COLUMNS.len()));
    let mut loaded = Vec::with_capacity(found.len());
    for row in found {
        buffer.refill(|values| read(row, values))?;
        loaded.push(T::get(&mut buffer)?);
    }
    Ok(loaded)
}

fn refs(params: &[Value]) -> Vec<&(dyn ToSql + Sync)> {
    params.iter().map(|value| value as &(dyn ToSql + Sync)).collect()
}

/// What is known about a COMMIT that was sent and failed: nothing.
fn unknown(fault: Fault) -> Fault {
    match fault {
        Fault::Unavailable(cause) | Fault::Other(cause) => Fault::CommitUnknown(cause),
        other => Fault::CommitUnknown(other.into()),
    }
}

fn milliseconds(limit: u32) -> Duration {
    if limit == 0 { FOREVER } else { Duration::from_millis(limit.into()) }
}
