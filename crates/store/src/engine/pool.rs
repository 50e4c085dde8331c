//! A bounded pool of readers: each call gets one connection and one snapshot.
//!
//! Invariants: never more than `size` connections; a wait has a bound and ends in `Unavailable`;
//! a broken connection is never handed out twice. Deliberately not here: writing, async.

use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::Duration;

use super::fault::{Fault, OpenError};
use super::url::Url;
use super::{Access, Connection, Options};

/// Longer than a slow read, shorter than a client's patience.
const WAIT_MAX: Duration = Duration::from_secs(5);

/// Readers, opened when they are first needed.
pub struct Pool {
    url: Url,
    options: Options,
    size: usize,
    wait_max: Duration,
    slots: Mutex<Slots>,
    returned: Condvar,
}

#[derive(Default)]
struct Slots {
    idle: Vec<Connection>,
    /// Idle or lent.
    open: usize,
}

impl Pool {
    /// A pool of at most `size` readers; a private in-memory database cannot have any.
    pub fn new(url: Url, options: Options, size: usize) -> Result<Pool, OpenError> {
        if url.is_memory() {
            return Err(OpenError::Url("sqlite::memory: has exactly one connection, no readers".into()));
        }
        assert!(size > 0, "a pool of no connections answers nothing");
        Ok(Pool { url, options, size, wait_max: WAIT_MAX, slots: Mutex::default(), returned: Condvar::new() })
    }

    /// Another bound on the wait for a free reader.
    pub fn wait_at_most(self, wait_max: Duration) -> Pool {
        Pool { wait_max, ..self }
    }

    /// Lends a reader inside one read transaction, so all of `read` sees one snapshot. Blocks.
    pub fn with<T>(&self, read: impl FnOnce(&mut Connection) -> Result<T, Fault>) -> Result<T, Fault> {
        let mut lease = Lease { pool: self, connection: self.take()? };
        let connection = self.begun(&mut lease.connection)?;
        let answer = read(connection);
        connection.rollback();
        answer
    }

    /// An idle connection may have died since its last use; nothing was read yet, so a new one
    /// takes its place.
    fn begun<'a>(&self, slot: &'a mut Option<Connection>) -> Result<&'a mut Connection, Fault> {
        if slot.as_mut().is_none_or(|idle| idle.begin().is_err()) {
            let mut fresh = self.open()?;
            fresh.begin()?;
            *slot = Some(fresh);
        }
        Ok(slot.as_mut().expect("just filled"))
    }

    fn open(&self) -> Result<Connection, Fault> {
        Connection::open(&self.url, Access::Read, &self.options).map_err(|error| match error {
            OpenError::Database(fault) => fault,
            refused => Fault::Unavailable(refused.into()),
        })
    }

    /// The right to one connection: an idle one, or none yet.
    fn take(&self) -> Result<Option<Connection>, Fault> {
        let full = |slots: &mut Slots| slots.idle.is_empty() && slots.open >= self.size;
        let waited = self.returned.wait_timeout_while(self.slots(), self.wait_max, full);
        let (mut slots, waited) = waited.expect("no panic under this lock");
        if waited.timed_out() {
            return Err(Fault::Unavailable("all readers are busy".into()));
        }
        let idle = slots.idle.pop();
        if idle.is_none() {
            slots.open += 1;
        }
        Ok(idle)
    }

    fn slots(&self) -> MutexGuard<'_, Slots> {
        self.slots.lock().expect("no panic under this lock")
    }
}

/// Gives the right back even when the reader panics.
struct Lease<'a> {
    pool: &'a Pool,
    connection: Option<Connection>,
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        let usable =
            self.connection.take().filter(|_| !std::thread::panicking()).filter(|found| !found.broken());
        let mut slots = self.pool.slots();
        match usable {
            Some(connection) => slots.idle.push(connection),
            None => slots.open -= 1,
        }
        drop(slots);
        self.pool.returned.notify_one();
    }
}
