//! What leaves the house for accountants: page after page, oldest first.

use domain::policy::Kind;
use domain::records::Entry;
use domain::time::Timestamp;

/// Which rows are exported: between two instants, the end exclusive.
#[derive(Clone, Copy, Debug)]
pub struct ExportFilter {
    pub kind: Option<Kind>,
    pub from: Timestamp,
    pub until: Timestamp,
    /// Only what comes after this instant and id.
    pub after: Option<(Timestamp, i64)>,
    pub limit: usize,
}

/// One movement of an entry that counts; debit +.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub account: String,
    /// The person the account belongs to, 0 for the platform's.
    pub owner: i64,
    /// Minor units of the entry's currency.
    pub posted_minor: i64,
}

/// An entry with the lines that move money.
#[derive(Clone, Debug, PartialEq)]
pub struct BookedEntry {
    pub entry: Entry,
    pub lines: Vec<Line>,
}
