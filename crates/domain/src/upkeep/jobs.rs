//! Jobs: taken under a lease, settled by their holder, tried again by a schedule, dead after it.

use std::collections::BTreeMap;

use crate::command::{Fact, Lanes};
use crate::context::Context;
use crate::id::{Id, JobId};
use crate::records::{Job, JobState};
use crate::time::{Span, Timestamp};
use crate::world::{Needs, World};

/// How long a taken job is its holder's alone.
const LEASE: Span = Span::minutes(5);

/// The pause after each failed try; after the last the job is dead.
const PAUSES: [Span; 9] = [
    Span::seconds(5),
    Span::seconds(30),
    Span::minutes(2),
    Span::minutes(10),
    Span::HOUR,
    Span::hours(3),
    Span::hours(6),
    Span::hours(12),
    Span::DAY,
];

/// Takes jobs that are due. Answers those that this caller now holds.
#[derive(Clone, Debug)]
pub struct TakeJobs {
    pub jobs: Vec<JobId>,
}

impl Fact for TakeJobs {
    type Receipt = Vec<Job>;

    fn lanes(&self, lanes: &mut Lanes) {
        lanes.extend(self.jobs.iter().map(|id| id.lane()));
    }

    fn needs(&self, _world: &World, needs: &mut Needs) {
        self.jobs.iter().for_each(|id| needs.jobs.key(*id));
    }

    fn record(&self, cx: &Context<'_>, world: &mut World) -> Vec<Job> {
        let mut taken = Vec::new();
        for id in &self.jobs {
            let due = |job: &&Job| job.state == JobState::Queued && job.run_at <= cx.now;
            if !world.jobs.get(id).as_ref().is_some_and(due) {
                continue;
            }
            world.jobs.update(id, |job| {
                job.attempts += 1;
                job.run_at = cx.now + LEASE;
            });
            taken.extend(world.jobs.get(id).cloned());
        }
        taken
    }
}

/// How a try ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobEnd {
    Done,
    /// Worth trying again, as long as the schedule goes.
    Retry(String),
    /// The same, but whoever was asked wants to be left alone so long.
    RetryAfter {
        error: String,
        pause: Span,
    },
    /// The same, and this body remembers what need not be done again.
    Partly {
        error: String,
        body: String,
    },
    /// No further try can help.
    Hopeless(String),
}

/// What became of jobs, each with the number of the try that tells.
#[derive(Clone, Debug)]
pub struct SettleJobs {
    pub jobs: BTreeMap<JobId, (i64, JobEnd)>,
}

impl Fact for SettleJobs {
    type Receipt = ();

    fn lanes(&self, lanes: &mut Lanes) {
        lanes.extend(self.jobs.keys().map(|id| id.lane()));
    }

    fn needs(&self, _world: &World, needs: &mut Needs) {
        self.jobs.keys().for_each(|id| needs.jobs.key(*id));
    }

    fn record(&self, cx: &Context<'_>, world: &mut World) {
        for (id, (attempt, end)) in &self.jobs {
            let held = |job: &&Job| job.state == JobState::Queued && job.attempts == *attempt;
            if world.jobs.get(id).as_ref().is_some_and(held) {
                settle(cx, world, *id, end);
            }
        }
    }
}

fn settle(cx: &Context<'_>, world: &mut World, id: JobId, end: &JobEnd) {
    if let JobEnd::Partly { body, .. } = end {
        world.jobs.update(&id, |job| job.body.clone_from(body));
    }
    world.jobs.update(&id, |job| match end {
        JobEnd::Done => {
            job.state = JobState::Done;
            job.last_error = None;
        }
        JobEnd::Retry(error) | JobEnd::Partly { error, .. } | JobEnd::RetryAfter { error, .. } => {
            job.last_error = Some(error.clone());
            match next_try(job.attempts, cx.now) {
                Some(at) => job.run_at = at.max(cx.now + pause(end)),
                None => job.state = JobState::Dead,
            }
        }
        JobEnd::Hopeless(error) => {
            job.last_error = Some(error.clone());
            job.state = JobState::Dead;
        }
    });
    let job = world.jobs.get(&id).expect("just changed").clone();
    if job.state == JobState::Dead {
        let detail = format!("{} {}: {}", job.kind, job.key, job.last_error.unwrap_or_default());
        world.alert(id.lane(), "job_dead", id.raw(), detail, cx.now);
    }
}

/// What was asked for beyond the schedule.
fn pause(end: &JobEnd) -> Span {
    match end {
        JobEnd::RetryAfter { pause, .. } => *pause,
        JobEnd::Done | JobEnd::Retry(_) | JobEnd::Partly { .. } | JobEnd::Hopeless(_) => Span::ZERO,
    }
}

fn next_try(attempts: i64, now: Timestamp) -> Option<Timestamp> {
    let failed = usize::try_from(attempts.max(1) - 1).ok()?;
    PAUSES.get(failed).map(|pause| now + *pause)
}
