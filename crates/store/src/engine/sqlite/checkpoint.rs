//! Copying the log into the database file, mostly beside the writer.
//!
//! A thread copies whenever the log has grown by some pages, so that commits do not wait for it. It
//! alone can never empty the log, because the writer goes on; from time to time the writer copies the
//! little that is left itself, and the log begins anew. A failed sync is remembered either way: SQLite
//! itself would keep silent about it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use rusqlite::hooks::Wal;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::engine::fault::{Fault, OpenError};

/// Pages in the log (32 MiB) after which the thread copies, and again after as many more. A page that
/// changed often meanwhile is copied once.
const BESIDE_PAGES: i32 = 8_000;
/// Pages in the log (128 MiB) after which a commit copies what the thread has left.
const WITHIN_PAGES: i32 = 32_000;

/// The thread that copies, until the hook that wakes it is gone.
pub(super) struct Checkpointer(Option<JoinHandle<()>>);

/// What the writer does after each commit.
pub(super) struct Hook {
    wake: SyncSender<()>,
    failed: Arc<AtomicBool>,
    next: i32,
}

impl Checkpointer {
    /// Starts copying for the writer at `path`.
    pub(super) fn start(path: &Path, failed: &Arc<AtomicBool>) -> Result<(Checkpointer, Hook), OpenError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection =
            Connection::open_with_flags(path, flags).map_err(|error| Fault::Unavailable(error.into()))?;
        connection.pragma_update(None, "synchronous", "FULL").map_err(Fault::other)?;
        // One wish that waits is enough.
        let (wake, wakes) = sync_channel(1);
        let thread = std::thread::Builder::new().name("checkpoint".into());
        let flag = Arc::clone(failed);
        let thread = thread.spawn(move || copy(&connection, &wakes, &flag)).map_err(Fault::other)?;
        let hook = Hook { wake, failed: Arc::clone(failed), next: BESIDE_PAGES };
        Ok((Checkpointer(Some(thread)), hook))
    }
}

impl Hook {
    /// A reader in the way or a full disk only postpones the copy: the log still holds every page.
    pub(super) fn committed(&mut self, wal: &mut Wal, pages: i32) {
        if pages < self.next - BESIDE_PAGES {
            // The log has begun anew.
            self.next = BESIDE_PAGES;
        }
        if pages >= WITHIN_PAGES {
            note(wal.checkpoint(), &self.failed);
        } else if pages >= self.next {
            self.next = pages + BESIDE_PAGES;
            // While it is busy with the last wish it needs no other: it comes back for these pages.
            let _ = self.wake.try_send(());
        }
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        if let Some(thread) = self.0.take() {
            let _panicked = thread.join();
        }
    }
}

fn copy(connection: &Connection, wakes: &Receiver<()>, failed: &AtomicBool) {
    while wakes.recv().is_ok() {
        note(connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())), failed);
    }
}

fn note<T>(outcome: rusqlite::Result<T>, failed: &AtomicBool) {
    if outcome.is_err_and(|error| error.sqlite_error_code() == Some(ErrorCode::SystemIoFailure)) {
        failed.store(true, Ordering::Relaxed);
    }
}
