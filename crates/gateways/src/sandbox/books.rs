//! The sandbox's own durable books: who may touch them, and when an answer may leave.
//!
//! Invariants: one writer; whatever an answer says is committed before the answer leaves; many
//! callers share one commit. `synchronous=NORMAL`: a killed process loses nothing, a power cut may.
//! In memory the same SQL runs at once on the caller's thread, so that a simulation is exactly
//! repeatable. Rules are not here (`core`), nor rows (`tables`).

use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::tables::Tables;

/// Callers that share one commit.
const BATCH_MAX: usize = 256;
/// Callers that may wait; more wait outside.
const QUEUE_MAX: usize = 1024;

/// Why the books could not be opened or written.
#[derive(Debug, thiserror::Error)]
pub enum BooksError {
    #[error("the sandbox's books: {0}")]
    Sql(#[from] rusqlite::Error),
    #[error("the sandbox's books are of a newer version ({0}) than this program")]
    Version(i64),
    #[error("the sandbox's writer cannot be started: {0}")]
    Thread(#[from] std::io::Error),
    #[error("the sandbox's books could not be written; nothing of this call was kept")]
    Lost,
}

/// Sends an answer; called after the commit, dropped uncalled when there was none.
type Release = Box<dyn FnOnce() + Send>;
type Work = Box<dyn FnOnce(&Tables) -> rusqlite::Result<Release> + Send>;

/// The books, in a file or in memory.
pub struct Books(Place);

enum Place {
    Memory(Mutex<Tables>),
    File { queue: Option<mpsc::Sender<Work>>, writer: Option<JoinHandle<()>> },
}

impl Books {
    /// Books that die with the process. `seed` tells their ids from those of other books.
    pub fn memory(seed: u32) -> Result<Books, BooksError> {
        let tables = Tables::open(Connection::open_in_memory()?, seed)?;
        Ok(Books(Place::Memory(Mutex::new(tables))))
    }

    /// Opens or creates the books in `file`. `seed` counts only when they are new.
    pub fn file(file: &Path, seed: u32) -> Result<Books, BooksError> {
        let connection = Connection::open(file)?;
        connection.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
             PRAGMA wal_autocheckpoint = 4000; PRAGMA busy_timeout = 5000;",
        )?;
        let tables = Tables::open(connection, seed)?;
        let (queue, waiting) = mpsc::channel(QUEUE_MAX);
        let writer = std::thread::Builder::new()
            .name("sandbox-books".to_owned())
            .spawn(move || write(&tables, waiting))?;
        Ok(Books(Place::File { queue: Some(queue), writer: Some(writer) }))
    }

    /// Runs `work` alone in the books and answers once its effects are committed. An error means
    /// that nothing of it was kept.
    pub(super) async fn run<R: Send + 'static>(
        &self,
        work: impl FnOnce(&Tables) -> rusqlite::Result<R> + Send + 'static,
    ) -> Result<R, BooksError> {
        let (answer, result) = oneshot::channel();
        let work: Work = Box::new(move |tables| {
            let done = work(tables)?;
            // A caller that went away does not undo what it asked for.
            Ok(Box::new(move || drop(answer.send(done))))
        });
        match &self.0 {
            Place::Memory(tables) => {
                let tables = tables.lock().unwrap_or_else(PoisonError::into_inner);
                commit(&tables, vec![work])?;
            }
            Place::File { queue, .. } => {
                let queue = queue.as_ref().expect("taken only by drop");
                queue.send(work).await.map_err(|_| BooksError::Lost)?;
            }
        }
        result.await.map_err(|_| BooksError::Lost)
    }
}

impl Drop for Books {
    /// What was accepted is written before the books close.
    fn drop(&mut self) {
        if let Place::File { queue, writer } = &mut self.0 {
            drop(queue.take());
            if let Some(writer) = writer.take()
                && writer.join().is_err()
            {
                tracing::error!("the sandbox's writer had panicked");
            }
        }
    }
}

/// Takes what waits, never waits to fill a batch, until nobody can ask any more.
fn write(tables: &Tables, mut waiting: mpsc::Receiver<Work>) {
    let mut batch = Vec::with_capacity(BATCH_MAX);
    while waiting.blocking_recv_many(&mut batch, BATCH_MAX) > 0 {
        if let Err(error) = commit(tables, std::mem::take(&mut batch)) {
            tracing::error!(%error, "the sandbox's books could not be written");
        }
    }
}

/// All of the batch or nothing of it: a failing statement means a sick file, not a bad request.
fn commit(tables: &Tables, batch: Vec<Work>) -> rusqlite::Result<()> {
    let releases = tables.atomically(|| {
        batch.into_iter().map(|work| work(tables)).collect::<rusqlite::Result<Vec<Release>>>()
    })?;
    for release in releases {
        release();
    }
    Ok(())
}
