//! The fan-outs: statements that name no lane and so ask every shard. Each is bounded and indexed.
//!
//! Due work (`due_*`), a payer's own lists and the administrators' lists. Nothing else belongs here.

use domain::records::{Booking, InboxEvent, Op, Payment};
use domain::time::Timestamp;

use super::Reads;
use crate::engine::{Fault, Value};

impl Reads<'_> {
    /// Operations whose wake-up has come, longest due first.
    pub fn due_ops(&mut self, now: Timestamp, limit: usize) -> Result<Vec<Op>, Fault> {
        self.select("WHERE wake_at <= $1 ORDER BY wake_at, id LIMIT $2", &due(now, limit))
    }

    /// Bookings whose wake-up has come.
    pub fn due_bookings(&mut self, now: Timestamp, limit: usize) -> Result<Vec<Booking>, Fault> {
        self.select("WHERE wake_at <= $1 ORDER BY wake_at, id LIMIT $2", &due(now, limit))
    }

    /// Payments whose share falls due.
    pub fn due_payments(&mut self, now: Timestamp, limit: usize) -> Result<Vec<Payment>, Fault> {
        self.select("WHERE wake_at <= $1 ORDER BY wake_at, id LIMIT $2", &due(now, limit))
    }

    /// Webhook events to be worked off.
    pub fn due_inbox(&mut self, now: Timestamp, limit: usize) -> Result<Vec<InboxEvent>, Fault> {
        self.select("WHERE wake_at <= $1 ORDER BY wake_at, id LIMIT $2", &due(now, limit))
    }
}

fn due(now: Timestamp, limit: usize) -> [Value; 2] {
    [Value::Int(now.0), Value::Int(i64::try_from(limit).expect("limits are small"))]
}
