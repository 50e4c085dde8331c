//! One batch: from the lanes' locks to the callers' answers.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use domain::context::{Context, Plants};
use domain::policy::Policies;
use domain::rollups;
use domain::world::World;

use super::work::Work;
use super::{Error, flush, load, mark};
use crate::engine::{Access, Cause, Connection, Fault, Options, Url};
use crate::{Now, Pause};

/// How often a work that lost a race, or whose commit was lost, is run.
const TRIES_MAX: usize = 3;
/// How often a lost answer to COMMIT is looked up before its callers are told that nobody knows.
const LOOKUPS_MAX: u32 = 20;
/// The pauses between look-ups double from the first to the longest: together 25 seconds, which
/// is what a new primary needs.
const LOOKUP_PAUSE: Duration = Duration::from_millis(10);
const LOOKUP_PAUSE_MAX: Duration = Duration::from_secs(2);

/// The owner of the writing connection.
pub(crate) struct Writer {
    url: Url,
    options: Options,
    connection: Option<Connection>,
    node: String,
    batch: i64,
    now: Now,
    pause: Pause,
    policies: Arc<Policies>,
    plants: Plants,
}

/// What a writer is made of.
pub(crate) struct Setup {
    pub(crate) url: Url,
    pub(crate) options: Options,
    pub(crate) node: String,
    pub(crate) now: Now,
    pub(crate) pause: Pause,
    pub(crate) policies: Arc<Policies>,
    pub(crate) plants: Plants,
}

/// How an attempt at a batch ended without a commit.
enum Failure {
    Fault(Fault),
    /// A decision panicked.
    Poison(String),
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Failure {
        Failure::Fault(fault)
    }
}

impl Writer {
    pub(crate) fn new(setup: Setup, connection: Connection) -> Result<Writer, Fault> {
        let Setup { url, options, node, now, pause, policies, plants } = setup;
        let connection = Some(connection);
        let mut writer = Writer { url, options, connection, node, batch: 0, now, pause, policies, plants };
        writer.begin_mark()?;
        Ok(writer)
    }

    /// Whose answer may be lost like any other; made twice it is the same.
    fn begin_mark(&mut self) -> Result<(), Fault> {
        let node = self.node.clone();
        let mut tries = 0;
        loop {
            tries += 1;
            match mark::begin(self.connection()?, &node) {
                Err(Fault::CommitUnknown(_)) if tries < TRIES_MAX => {}
                begun => return begun,
            }
        }
    }

    /// Lends the connection between batches: an in-memory database has no other.
    pub(crate) fn connection(&mut self) -> Result<&mut Connection, Fault> {
        if self.connection.as_ref().is_none_or(Connection::broken) {
            self.connection = None;
            self.connection = Some(Connection::open(&self.url, Access::Write, &self.options)?);
        }
        Ok(self.connection.as_mut().expect("just opened"))
    }

    /// Runs a batch and answers everyone in it.
    pub(crate) fn run(&mut self, mut works: Vec<Box<dyn Work>>) {
        let several = works.len() > 1;
        match self.attempt(&mut works) {
            Ok(()) => answer_all(works, || Ok(())),
            Err(failure) if several && failure.is_somebodys_fault() => {
                for work in works {
                    self.run_single(work);
                }
            }
            Err(Failure::Fault(fault))
                if matches!(fault, Fault::Serialization(_)) || fault.constraint().is_some() =>
            {
                for work in works {
                    self.run_single(work);
                }
            }
            Err(failure) => answer_failure(works, failure),
        }
    }

    /// A claim made by another node, or a lost race, is seen on the next try.
    fn run_single(&mut self, work: Box<dyn Work>) {
        let mut works = vec![work];
        let mut tries = 0;
        loop {
            tries += 1;
            match self.attempt(&mut works) {
                Ok(()) => return answer_all(works, || Ok(())),
                Err(Failure::Fault(fault)) if tries < TRIES_MAX && again(&fault) => {}
                Err(failure) => return answer_failure(works, failure),
            }
        }
    }

    /// Tries until it is known what became of a commit; what was lost on the way is made again. A batch
    /// that is lost again and again may itself be what kills its sessions.
    fn attempt(&mut self, works: &mut [Box<dyn Work>]) -> Result<(), Failure> {
        for _ in 0..TRIES_MAX {
            match self.try_once(works) {
                Err(Failure::Fault(Fault::CommitUnknown(cause))) => {
                    if self.committed(cause)? {
                        return Ok(());
                    }
                }
                known => return known,
            }
        }
        Err(Failure::Fault(Fault::Unavailable("the connection was lost in each commit".into())))
    }

    /// One try at one commit.
    fn try_once(&mut self, works: &mut [Box<dyn Work>]) -> Result<(), Failure> {
        self.batch += 1;
        let (node, batch) = (self.node.clone(), self.batch);
        let (now, policies, plants) = ((self.now)(), Arc::clone(&self.policies), self.plants);
        let connection = self.connection()?;
        connection.begin()?;
        let prepared = catch_unwind(AssertUnwindSafe(|| {
            let cx = Context { now, policies: &policies, plants, origin: None };
            prepare(connection, &cx, works, &node, batch)
        }));
        match prepared {
            Ok(Ok(())) => {}
            Ok(Err(fault)) => {
                connection.rollback();
                return Err(fault.into());
            }
            Err(panic) => {
                connection.rollback();
                return Err(Failure::Poison(describe(panic.as_ref())));
            }
        }
        let committed = connection.commit();
        if !matches!(committed, Ok(()) | Err(Fault::CommitUnknown(_))) {
            connection.rollback();
        }
        Ok(committed?)
    }

    /// The answer to COMMIT was lost, or is not on the standby: the mark of the batch tells, on
    /// whichever server is the primary now. As long as it cannot be asked, nobody knows.
    fn committed(&mut self, mut cause: Cause) -> Result<bool, Failure> {
        for tried in 0..LOOKUPS_MAX {
            if tried > 0 {
                (self.pause)(lookup_pause(tried));
            }
            match self.marked() {
                Ok(batch) => return Ok(batch == self.batch),
                Err(Fault::Unavailable(new) | Fault::CommitUnknown(new)) => cause = new,
                Err(fault) => cause = fault.into(),
            }
        }
        Err(Failure::Fault(Fault::CommitUnknown(cause)))
    }

    /// On a connection of its own, which is the next batch's if all went well.
    fn marked(&mut self) -> Result<i64, Fault> {
        self.connection = None;
        let node = self.node.clone();
        let marked = mark::look_up(self.connection()?, &node);
        if marked.is_err() {
            self.connection = None;
        }
        marked
    }
}

/// After so many look-ups that told nothing; at least one.
fn lookup_pause(tried: u32) -> Duration {
    LOOKUP_PAUSE.saturating_mul(1 << (tried - 1).min(31)).min(LOOKUP_PAUSE_MAX)
}

/// Load, decide, write: everything but the commit.
fn prepare(
    connection: &mut Connection,
    cx: &Context<'_>,
    works: &mut [Box<dyn Work>],
    node: &str,
    batch: i64,
) -> Result<(), Fault> {
    let mark = mark::ask(connection, node, batch)?;
    let mut world = load::load(connection, works, mark)?;
    world.checkpoint();
    for work in works.iter_mut() {
        decide(cx, &mut world, work.as_mut());
    }
    load::more(connection, &mut world, rollups::needs)?;
    rollups::note(cx, &mut world);
    flush::flush(connection, &world)
}

fn decide(cx: &Context<'_>, world: &mut World, work: &mut dyn Work) {
    if work.run(cx, world) {
        world.checkpoint();
    } else {
        world.rollback();
    }
}

impl Failure {
    /// Whether running the works one by one tells whose fault it was.
    fn is_somebodys_fault(&self) -> bool {
        match self {
            Failure::Poison(_) => true,
            Failure::Fault(fault) => {
                matches!(
                    fault,
                    Fault::Constraint { .. } | Fault::Serialization(_) | Fault::Corrupt(_) | Fault::Other(_)
                )
            }
        }
    }
}

fn again(fault: &Fault) -> bool {
    matches!(fault, Fault::Constraint { .. } | Fault::Serialization(_))
}

fn answer_all(works: Vec<Box<dyn Work>>, outcome: impl Fn() -> Result<(), Error>) {
    for work in works {
        work.answer(outcome());
    }
}

/// The first caller gets the fault itself, the others a copy of what it means.
fn answer_failure(works: Vec<Box<dyn Work>>, failure: Failure) {
    let fatal = matches!(&failure, Failure::Fault(Fault::Fatal(_)));
    match failure {
        Failure::Poison(text) => answer_all(works, || Err(Error::Poison(text.clone()))),
        Failure::Fault(fault) => {
            tracing::error!(
                error = &fault as &dyn std::error::Error,
                works = works.len(),
                "a batch was not committed"
            );
            let text = fault.to_string();
            let unknown = matches!(fault, Fault::CommitUnknown(_));
            let mut first = Some(fault);
            for work in works {
                let fault = first.take().unwrap_or_else(|| {
                    let cause = text.clone().into();
                    if unknown { Fault::CommitUnknown(cause) } else { Fault::Unavailable(cause) }
                });
                work.answer(Err(Error::Fault(fault)));
            }
        }
    }
    if fatal {
        // The page cache cannot be trusted after a lost write; the journal can.
        tracing::error!("storage failed: this process ends");
        std::process::abort();
    }
}

fn describe(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "panic".into())
}
