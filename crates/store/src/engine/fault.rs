//! The ways a database can fail, sorted by what the caller must do about them.
//!
//! Invariant: no message and no source carries a parameter value; an engine's own words are kept
//! only where they cannot quote one. Deliberately not here: HTTP, and refusals of the domain.

use std::error::Error;
use std::path::PathBuf;

use thiserror::Error;

/// What lies underneath a fault, for the one log line that prints the chain.
pub type Cause = Box<dyn Error + Send + Sync>;

/// The kind of rule a row broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    Unique,
    Check,
    ForeignKey,
    NotNull,
}

/// A failed database call. Everything but `CommitUnknown` means: nothing was committed.
#[derive(Debug, Error)]
pub enum Fault {
    /// A row broke a rule of the schema. Names are equal on both engines: the index or constraint,
    /// `<table>_pkey`, or `<table>.<column>` for a missing value; SQLite cannot name foreign keys.
    #[error("constraint {name} ({rule:?}) refused a row")]
    Constraint { rule: Rule, name: String, source: Cause },
    /// Lost a race for rows: the same work may succeed when it is run again.
    #[error("lost a race for rows")]
    Serialization(#[source] Cause),
    /// The database cannot serve now: lost, read-only, overloaded or too slow.
    #[error("database unavailable")]
    Unavailable(#[source] Cause),
    /// COMMIT was sent and its outcome is not known, or it is not on the standby: look it up.
    #[error("outcome of a commit unknown")]
    CommitUnknown(#[source] Cause),
    /// A stored row does not parse, or the engine found its own file damaged.
    #[error("corrupt row: {0}")]
    Corrupt(String),
    /// The storage lost a write: the process must end, because the page cache can no longer be
    /// trusted. Whether the commit happened is looked up after the restart.
    #[error("storage failed, this process must end")]
    Fatal(#[source] Cause),
    /// Our mistake: wrong SQL, a wrong type, an engine's internal error.
    #[error("database call failed")]
    Other(#[source] Cause),
}

impl Fault {
    /// A fault of our own making, in our own words.
    pub(crate) fn other(message: impl Into<Cause>) -> Fault {
        Fault::Other(message.into())
    }

    /// The constraint that refused a row, if that is what happened.
    pub fn constraint(&self) -> Option<&str> {
        match self {
            Fault::Constraint { name, .. } => Some(name),
            _ => None,
        }
    }
}

/// Why a database could not be opened; the first two are the operator's to mend.
#[derive(Debug, Error)]
pub enum OpenError {
    #[error("database URL: {0}")]
    Url(String),
    #[error("database refused: {setting} is {found}, must be {wanted}")]
    Refused { setting: &'static str, found: String, wanted: String },
    #[error("{} is held by another process", .0.display())]
    Held(PathBuf),
    #[error("{}", .path.display())]
    Path { path: PathBuf, source: std::io::Error },
    #[error("cannot open the database")]
    Database(#[from] Fault),
}

impl From<OpenError> for Fault {
    /// To whoever needs the database, one that cannot be opened is away.
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Database(fault) => fault,
            refused => Fault::Unavailable(refused.into()),
        }
    }
}
