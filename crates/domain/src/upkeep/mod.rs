//! Upkeep: jobs taken and settled, turns of schedules, the sandbox's clock, answers that expire.
//!
//! Invariants: a job is worked off by one holder at a time and settled by the newest holder only; a
//! turn of a schedule is taken once, whichever node asks first; nothing here moves money.
//! Deliberately not here: what a job does.

mod alerts;
mod answers;
mod jobs;
mod probe;
mod settings;
#[cfg(test)]
mod tests;

pub use alerts::{Acknowledge, DIGEST_UNTIL, QueueDigest};
pub use answers::ForgetAnswers;
pub use jobs::{JobEnd, SettleJobs, TakeJobs};
pub use probe::Probe;
pub use settings::{
    AdvanceClock, CLOCK_OFFSET, ERASURES_LISTED, ListErasures, NoteDifference, Reconciled, TakeTurn,
};
