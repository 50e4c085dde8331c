//! Readers: a few threads that answer questions, each thread with a connection of its own.
//!
//! Invariants: a question sees one snapshot, taken after it was asked; never more than `size`
//! connections; waiting has a bound, beyond it is `Unavailable`; a failed or panicking question
//! disturbs no other. Under load a thread answers several questions on one snapshot, because beginning
//! and ending one costs as much as most questions. Deliberately not here: writing, async.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;

use tokio::sync::oneshot;

use super::fault::{Fault, OpenError};
use super::url::Url;
use super::{Access, Connection, Options};

/// Questions that wait, beyond which the server is overloaded.
const WAITING_MAX: usize = 4_096;
/// Questions on one snapshot: one that takes long keeps at most so many others waiting.
const SHARE_MAX: usize = 16;

/// Threads and what waits for them.
pub struct Readers {
    desk: Arc<Desk>,
    threads: Vec<JoinHandle<Option<Connection>>>,
}

/// What the threads share.
struct Desk {
    url: Url,
    options: Options,
    size: usize,
    waiting: Mutex<Waiting>,
    arrived: Condvar,
}

#[derive(Default)]
struct Waiting {
    questions: VecDeque<Question>,
    closed: bool,
}

/// Answers its asker; tells whether the snapshot can serve another.
type Question = Box<dyn FnOnce(Result<&mut Connection, Fault>) -> bool + Send>;

impl Readers {
    /// Starts `size` threads; a private in-memory database cannot have any. Connections are opened when
    /// they are first needed.
    pub fn start(url: Url, options: Options, size: usize) -> Result<Readers, OpenError> {
        if url.is_memory() {
            return Err(OpenError::Url("sqlite::memory: has exactly one connection, no readers".into()));
        }
        assert!(size > 0, "no readers answer nothing");
        let desk = Arc::new(Desk { url, options, size, waiting: Mutex::default(), arrived: Condvar::new() });
        let mut readers = Readers { desk, threads: Vec::new() };
        for number in 0..size {
            let desk = Arc::clone(&readers.desk);
            let thread = std::thread::Builder::new().name(format!("reader-{number}"));
            readers.threads.push(thread.spawn(move || desk.serve()).map_err(Fault::other)?);
        }
        Ok(readers)
    }

    /// Queues a question. The receiver fails when the question panicked.
    pub fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&mut Connection) -> Result<T, Fault> + Send + 'static,
    ) -> oneshot::Receiver<Result<T, Fault>> {
        let (reply, answer) = oneshot::channel();
        let answered = move |connection: Result<&mut Connection, Fault>| {
            let answer = connection.and_then(question);
            let good = answer.is_ok();
            // An asker who has gone away does not need to know.
            let _gone = reply.send(answer);
            good
        };
        self.desk.queue(Box::new(answered));
        answer
    }
}

impl Drop for Readers {
    /// What was asked is answered first.
    fn drop(&mut self) {
        self.desk.waiting().closed = true;
        self.desk.arrived.notify_all();
        for thread in self.threads.drain(..) {
            // One after another: of two that close an SQLite file at once neither is the last, and its log
            // stays beside it.
            drop(thread.join());
        }
    }
}

impl Desk {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().expect("no panic under this lock")
    }

    fn queue(&self, question: Question) {
        let mut waiting = self.waiting();
        if waiting.questions.len() >= WAITING_MAX {
            drop(waiting);
            question(Err(Fault::Unavailable("all readers are busy".into())));
            return;
        }
        waiting.questions.push_back(question);
        drop(waiting);
        self.arrived.notify_one();
    }

    /// The next questions of one thread: its share of those that wait. `None` when nothing will come.
    fn next(&self) -> Option<Vec<Question>> {
        let idle = |waiting: &mut Waiting| waiting.questions.is_empty() && !waiting.closed;
        let mut waiting = self.arrived.wait_while(self.waiting(), idle).expect("no panic under this lock");
        let share = waiting.questions.len().div_ceil(self.size).min(SHARE_MAX);
        let questions: Vec<Question> = waiting.questions.drain(..share).collect();
        (!questions.is_empty()).then_some(questions)
    }

    /// Until nothing will come; the connection that it used.
    fn serve(&self) -> Option<Connection> {
        let mut connection = None;
        while let Some(questions) = self.next() {
            self.answer(&mut connection, questions);
        }
        connection
    }

    fn answer(&self, slot: &mut Option<Connection>, questions: Vec<Question>) {
        let mut begun = false;
        for question in questions {
            if !begun && let Err(fault) = self.begin(slot) {
                question(Err(fault));
                continue;
            }
            let connection = slot.as_mut().expect("just begun");
            begun = catch_unwind(AssertUnwindSafe(|| question(Ok(connection)))).unwrap_or(false);
            if !begun {
                connection.rollback();
            }
        }
        if begun && let Some(connection) = slot {
            connection.rollback();
        }
    }

    /// An idle connection may have died since its last use; nothing was read yet, so a new one takes
    /// its place.
    fn begin(&self, slot: &mut Option<Connection>) -> Result<(), Fault> {
        let usable = slot.as_mut().is_some_and(|idle| !idle.broken() && idle.begin().is_ok());
        if !usable {
            // The old one goes first: never more connections than threads.
            *slot = None;
            let mut fresh = Connection::open(&self.url, Access::Read, &self.options)?;
            fresh.begin()?;
            *slot = Some(fresh);
        }
        Ok(())
    }
}
