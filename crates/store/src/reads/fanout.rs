//! The fan-outs: statements that name no lane and so ask every shard. Each is bounded and indexed.
//!
//! Due work (`due_*`), what a gateway's webhook names without its owner, a payer's own lists and the
//! administrators' lists. Nothing else belongs here.

use domain::id::{JobId, PersonId};
use domain::records::{Booking, Card, IdempotencyRecord, InboxEvent, Job, Op, Payment};
use domain::rows::Record;
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

    /// Jobs to be taken.
    pub fn due_jobs(&mut self, now: Timestamp, limit: usize) -> Result<Vec<JobId>, Fault> {
        let queued = "WHERE state = 'queued' AND run_at <= $1 ORDER BY run_at, id LIMIT $2";
        let jobs: Vec<Job> = self.select(queued, &due(now, limit))?;
        Ok(jobs.into_iter().map(|job| job.id).collect())
    }

    /// Keys of kept answers whose time is over.
    pub fn expired_answers(
        &mut self,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<(PersonId, String, String)>, Fault> {
        let expired = "WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2";
        let answers: Vec<IdempotencyRecord> = self.select(expired, &due(now, limit))?;
        Ok(answers.iter().map(Record::key).collect())
    }

    /// Saved cards with a gateway's token: at most one a person.
    pub fn cards_with_token(&mut self, gateway: &str, token: &str) -> Result<Vec<Card>, Fault> {
        let params = [Value::text(token), Value::text(gateway)];
        self.select("WHERE token = $1 AND gateway = $2 AND active = 1 LIMIT 10", &params)
    }
}

fn due(now: Timestamp, limit: usize) -> [Value; 2] {
    [Value::Int(now.0), Value::Int(i64::try_from(limit).expect("limits are small"))]
}
