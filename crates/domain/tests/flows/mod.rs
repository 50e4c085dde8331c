//! Whole stories in milliseconds; the books are audited after every step (`support/audit.rs`).

mod batches;
mod charges;
mod inbox;
mod refunds;
mod reschedules;
mod strays;
