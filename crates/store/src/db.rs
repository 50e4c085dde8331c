//! The database as the server sees it: two doors. `submit` (and `record`) change state through the
//! writer; `read` sees one snapshot. HTTP is async, the store is threads; they meet here.

use std::sync::{Arc, Mutex};

use domain::command::{Command, Fact};
use domain::context::Plants;
use domain::policy::Policies;
use thiserror::Error;
use tokio::sync::oneshot;

use crate::engine::{Access, Connection, Fault, OpenError, Options, Readers, Row, Url};
use crate::migrate::{MigrateError, Status};
use crate::reads::Reads;
use crate::writer::{self, CommandWork, FactWork, Queue, Setup, Work, Writer};
use crate::{Now, Pause, migrations};

/// How the database is used.
#[derive(Clone)]
pub struct Settings {
    pub options: Options,
    pub readers: usize,
    pub queue_max: usize,
    pub batch_max: usize,
    /// A name for this process, unique among the nodes of one database.
    pub node: String,
    pub policies: Arc<Policies>,
    pub plants: Plants,
    pub now: Now,
    pub pause: Pause,
}

/// A cheap handle; clones share one writer.
#[derive(Clone)]
pub struct Db {
    inner: Arc<Inner>,
}

enum Inner {
    /// A writer thread and a few readers.
    Threads { queue: Queue, readers: Readers, url: Url, options: Options },
    /// Everything on the caller's thread, one step after the other: the simulator.
    Inline { writer: Mutex<Writer> },
}

/// Why the store could not be started.
#[derive(Debug, Error)]
pub enum StartError {
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Migrate(#[from] MigrateError),
    #[error("the writer's thread could not be started")]
    Thread(#[from] std::io::Error),
}

impl Db {
    /// Opens a migrated database with a writer thread and readers.
    pub fn open(url: &Url, settings: Settings) -> Result<Db, StartError> {
        let connection = Connection::open(url, Access::Write, &settings.options)?;
        for remark in connection.remarks() {
            tracing::warn!(remark, "database settings");
        }
        let readers = Readers::start(url.clone(), settings.options.clone(), settings.readers)?;
        let (queue_max, batch_max) = (settings.queue_max, settings.batch_max);
        let (home, options) = (url.clone(), settings.options.clone());
        let writer = Writer::new(setup(url, settings), connection).map_err(OpenError::from)?;
        let queue = Queue::start(writer, queue_max, batch_max)?;
        Ok(Db { inner: Arc::new(Inner::Threads { queue, readers, url: home, options }) })
    }

    /// A fresh in-memory SQLite whose every step runs on the caller's thread.
    pub fn in_memory(settings: Settings) -> Result<Db, StartError> {
        let url = Url::parse("sqlite::memory:")?;
        let mut connection = Connection::open(&url, Access::Write, &settings.options)?;
        crate::migrate::migrate(&mut connection, migrations(), 0)?;
        let writer = Writer::new(setup(&url, settings), connection).map_err(OpenError::from)?;
        let writer = Mutex::new(writer);
        Ok(Db { inner: Arc::new(Inner::Inline { writer }) })
    }

    /// Takes away the unique indexes behind the rules of charging, so that the simulator's auditor has
    /// to see the damage of a removed rule itself. Only where everything runs on the caller's thread.
    #[cfg(debug_assertions)]
    pub fn drop_nets(&self) -> Result<(), Fault> {
        let Inner::Inline { writer } = &*self.inner else {
            return Err(Fault::other("nets are dropped in memory only"));
        };
        let mut writer = writer.lock().expect("no panic leaves the writer");
        writer.connection()?.batch("DROP INDEX op_one_charge; DROP INDEX entry_once;")
    }

    /// Makes a change that the rules may refuse. Queued at once; answered after the commit.
    pub fn submit<C: Command>(
        &self,
        command: C,
    ) -> impl Future<Output = Result<C::Receipt, writer::Error>> + Send + use<C> {
        let (reply, answer) = oneshot::channel();
        self.run(Box::new(CommandWork::new(command, reply)), answer)
    }

    /// Records what has happened. Queued at once; answered after the commit.
    pub fn record<F: Fact>(
        &self,
        fact: F,
    ) -> impl Future<Output = Result<F::Receipt, writer::Error>> + Send + use<F> {
        let (reply, answer) = oneshot::channel();
        self.run(Box::new(FactWork::new(fact, reply)), answer)
    }

    fn run<T: Send>(
        &self,
        work: Box<dyn Work>,
        answer: oneshot::Receiver<Result<T, writer::Error>>,
    ) -> impl Future<Output = Result<T, writer::Error>> + Send + use<T> {
        let db = self.clone();
        let inline = matches!(&*self.inner, Inner::Inline { .. });
        let (pushed, later) = if inline { (Ok(()), Some(work)) } else { (self.push(work), None) };
        async move {
            pushed?;
            if let Some(work) = later {
                // Before and after a commit the simulator may stop a caller for ever.
                tokio::task::yield_now().await;
                db.push(work)?;
                tokio::task::yield_now().await;
            }
            drop(db);
            answer.await.unwrap_or(Err(writer::Error::Stopped))
        }
    }

    fn push(&self, work: Box<dyn Work>) -> Result<(), writer::Error> {
        match &*self.inner {
            Inner::Threads { queue, .. } => queue.push(work),
            Inner::Inline { writer } => {
                writer.lock().expect("no panic leaves the writer").run(vec![work]);
                Ok(())
            }
        }
    }

    /// Runs queries on one snapshot, on a reader's connection.
    pub async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&mut Reads<'_>) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Fault> {
        match &*self.inner {
            Inner::Threads { readers, .. } => heard(readers.ask(question(read)).await),
            Inner::Inline { writer } => read_inline(writer, read),
        }
    }

    /// The same from a thread that may block.
    pub fn read_now<T: Send + 'static>(
        &self,
        read: impl FnOnce(&mut Reads<'_>) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Fault> {
        match &*self.inner {
            Inner::Threads { readers, .. } => heard(readers.ask(question(read)).blocking_recv()),
            Inner::Inline { writer } => read_inline(writer, read),
        }
    }
}

impl Db {
    /// Copies SQLite's log into its file and cuts it off: what was overwritten is nowhere any more. False
    /// when somebody was in the way for too long. Other engines look after their logs themselves. Blocks,
    /// and commits wait for it: for rare use.
    pub fn empty_log(&self) -> Result<bool, OpenError> {
        match &*self.inner {
            Inner::Threads { url, options, .. } if url.sqlite_path().is_some() => {
                let mut connection = Connection::open(url, Access::Write, options)?;
                let mut rows = connection.query("PRAGMA wal_checkpoint(TRUNCATE)", &[])?;
                Ok(rows.first_mut().map_or(Ok(1), Row::int)? == 0)
            }
            _ => Ok(true),
        }
    }
}

fn question<T>(
    read: impl FnOnce(&mut Reads<'_>) -> Result<T, Fault>,
) -> impl FnOnce(&mut Connection) -> Result<T, Fault> {
    |connection| read(&mut Reads::new(connection))
}

fn heard<T>(answer: Result<Result<T, Fault>, oneshot::error::RecvError>) -> Result<T, Fault> {
    answer.unwrap_or_else(|_| Err(Fault::other("a question panicked")))
}

fn read_inline<T>(
    writer: &Mutex<Writer>,
    read: impl FnOnce(&mut Reads<'_>) -> Result<T, Fault>,
) -> Result<T, Fault> {
    let mut writer = writer.lock().expect("no panic leaves the writer");
    let connection = writer.connection()?;
    connection.begin()?;
    let answer = read(&mut Reads::new(connection));
    connection.rollback();
    answer
}

fn setup(url: &Url, settings: Settings) -> Setup {
    let Settings { options, node, now, pause, policies, plants, .. } = settings;
    Setup { url: url.clone(), options, node, now, pause, policies, plants }
}

/// Brings a database up to this binary's schema; the numbers applied.
pub fn migrate(url: &Url, options: &Options, now: domain::time::Timestamp) -> Result<Vec<i64>, StartError> {
    let mut connection = Connection::open(url, Access::Write, &options.patient())?;
    Ok(crate::migrate::migrate(&mut connection, migrations(), now.0)?)
}

/// Whether a database has this binary's schema.
pub fn schema_status(url: &Url, options: &Options) -> Result<Status, StartError> {
    let mut connection = Connection::open(url, Access::Read, options)?;
    Ok(crate::migrate::status(&mut connection, migrations())?)
}
