//! Queued jobs: taken in batches under a lease, worked off side by side, settled together.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::id::JobId;
use domain::records::Job;
use domain::upkeep::{JobEnd, SettleJobs, TakeJobs};
use serde::Deserialize;
use store::Error;
use tokio::task::JoinSet;

use super::alerting;
use super::booking_letters;
use super::cards;
use super::erasing;
use super::letters::{self, Receipts};
use super::meetings;
use super::refund_letters;
use crate::app::App;

/// Taken by one node at once; each must end well within its lease.
const ROUND_MAX: usize = 64;
const AT_ONCE_MAX: usize = 8;

/// Works off the jobs that are due; how many were settled.
pub(super) async fn round(app: App) -> Result<usize, Error> {
    let now = app.clock.now();
    let due = app.db.read(move |reads| reads.due_jobs(now, ROUND_MAX)).await?;
    if due.is_empty() {
        return Ok(0);
    }
    let taken = app.db.record(TakeJobs { jobs: due }).await?;
    let receipts = Arc::new(Receipts::read(&app, &taken).await?);
    let mut ends = BTreeMap::new();
    let mut running = JoinSet::new();
    for job in taken {
        if running.len() == AT_ONCE_MAX {
            note(&mut ends, running.join_next().await);
        }
        let (app, receipts) = (app.clone(), Arc::clone(&receipts));
        running.spawn(async move { (job.id, (job.attempts, work(&app, &receipts, &job).await)) });
    }
    while !running.is_empty() {
        note(&mut ends, running.join_next().await);
    }
    let count = ends.len();
    app.db.record(SettleJobs { jobs: ends }).await?;
    Ok(count)
}

type Ended = (JobId, (i64, JobEnd));

fn note(ends: &mut BTreeMap<JobId, (i64, JobEnd)>, joined: Option<Result<Ended, tokio::task::JoinError>>) {
    match joined {
        Some(Ok((id, end))) => {
            ends.insert(id, end);
        }
        // Its lease runs out, and it is tried again.
        Some(Err(panic)) => tracing::error!(%panic, "a job panicked"),
        None => {}
    }
}

/// The registry of job kinds.
async fn work(app: &App, receipts: &Receipts, job: &Job) -> JobEnd {
    let worked = match job.kind.as_ref() {
        "receipt" => letters::receipt(app, job, receipts).await,
        "detach_card" => cards::detach(app, job).await,
        "booking_letter" => booking_letters::booking(app, job).await,
        "decline_letter" => booking_letters::decline(app, job).await,
        "alert_digest" => alerting::send(app, job).await,
        "erase_customers" => cards::forget_customers(app, job).await,
        "erase_texts" => erasing::erase(app, job).await,
        "mail" => letters::mail(app, job).await,
        "meeting" => meetings::meeting(app, job).await,
        "refund_letter" => refund_letters::refund(app, job).await,
        kind => return JobEnd::Hopeless(format!("this version knows no job {kind}")),
    };
    worked.map_or_else(|end| end, |()| JobEnd::Done)
}

/// What a job is to do, as its cause wrote it.
pub(super) fn parse<T: for<'a> Deserialize<'a>>(job: &Job) -> Result<T, JobEnd> {
    serde_json::from_str(&job.body).map_err(|_| JobEnd::Hopeless("its body cannot be read".into()))
}
