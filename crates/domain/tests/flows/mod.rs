//! Whole stories in milliseconds; the books are audited after every step (`support/audit.rs`).

mod batches;
mod charges;
mod inbox;
mod meetings;
mod refund_rules;
mod refunds;
mod reschedules;
mod strays;
