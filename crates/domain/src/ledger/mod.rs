//! Double entry: where every cent is, and why.
//!
//! Invariants: an entry that does not balance in its currency cannot be built; entries and postings
//! are only ever added; a balance is the sum of its postings, `posted` and `pending` apart. Amounts
//! in reports come from here. Deliberately not here: when an entry is made (the verbs decide that).

mod chart;
mod entry;
pub mod recipes;

pub use chart::{Account, AccountKey, Balance};
pub use entry::{Draft, Phase};
