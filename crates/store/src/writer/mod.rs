//! The one road of every change of state: load → decide → write, in batches that share one commit.
//!
//! Invariants: nobody is answered before the commit; a refusal touches nothing and disturbs nobody;
//! any other failure rolls the batch back and runs it again one by one, so that a poisonous command
//! hurts only itself; a lost answer to COMMIT is looked up, never guessed. No rule lives here, and
//! nothing outside the database is ever called.

mod batch;
mod flush;
mod load;
mod mark;
mod queue;
mod work;

pub(crate) use batch::{Setup, Writer};
pub(crate) use queue::Queue;
pub(crate) use work::{CommandWork, FactWork, Work};

use domain::refusal::Refusal;
use domain::world::{Needs, World};
use thiserror::Error;

use crate::engine::{Connection, Fault};

/// Load, decide, write in a database transaction of somebody who holds the locks.
pub(crate) fn change(
    connection: &mut Connection,
    needs: impl Fn(&World, &mut Needs),
    decide: impl FnOnce(&mut World),
) -> Result<(), Fault> {
    let mut world = load::all(connection, needs)?;
    world.checkpoint();
    decide(&mut world);
    flush::flush(connection, &world)
}

/// Why a change was not made, or may not have been.
#[derive(Debug, Error)]
pub enum Error {
    /// The rules say no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The queue is full: come back later.
    #[error("the writer's queue is full")]
    Busy,
    /// Nothing was committed.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// A command panicked; only it was hurt.
    #[error("a command failed: {0}")]
    Poison(String),
    /// The server is stopping; nothing was committed.
    #[error("the writer has stopped")]
    Stopped,
}

impl Error {
    /// Whether the same request can succeed a little later.
    pub fn is_temporary(&self) -> bool {
        match self {
            Error::Busy | Error::Stopped => true,
            Error::Fault(fault) => {
                matches!(fault, Fault::Unavailable(_) | Fault::CommitUnknown(_) | Fault::Serialization(_))
            }
            Error::Refused(_) | Error::Poison(_) => false,
        }
    }
}
