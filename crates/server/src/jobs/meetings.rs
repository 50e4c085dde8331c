//! Meetings at the provider: whoever has claimed one does what is missing there, and tells.
//!
//! Invariants: no call is made without the meeting's lease; what may have been made is looked for
//! before anything is made again, and whatever else carries the mark is dropped, once more when
//! nothing can be on its way any more, so that none is left behind; a wish to be left alone is
//! granted. What is missing is not decided here.

use domain::id::{BookingId, Id};
use domain::meetings::{ClaimMeeting, Errand, LEASE, Ran, RecordMeeting, Session};
use domain::records::{Job, Person};
use domain::time::{Span, Timestamp};
use domain::upkeep::JobEnd;
use serde::Deserialize;
use store::Error;

use super::queue::parse;
use crate::app::App;
use crate::meetings::{Appointment, Kept, No, Provider, Shown};

/// A booking moved or cancelled under our hands needs another errand; more is somebody's game.
const ERRANDS_MAX: usize = 5;
const UNCONFIGURED: &str = "its provider is not configured any more";

#[derive(Deserialize)]
struct MeetingBody {
    booking_id: i64,
}

/// A look at a booking's meeting is due.
pub(super) async fn meeting(app: &App, job: &Job) -> Result<(), JobEnd> {
    let body: MeetingBody = parse(job)?;
    let settled = settle(app, BookingId::from_raw(body.booking_id)).await;
    match settled.map_err(|error| JobEnd::Retry(error.to_string()))? {
        Standing::Settled => Ok(()),
        Standing::Held(pause) => Err(JobEnd::RetryAfter { error: "somebody else is at it".into(), pause }),
        Standing::Later { reason, pause: Some(pause) } => Err(JobEnd::RetryAfter { error: reason, pause }),
        Standing::Later { reason, pause: None } => Err(JobEnd::Retry(reason)),
        Standing::Hopeless(reason) => Err(JobEnd::Hopeless(reason)),
    }
}

/// How a look ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// What should be there is there, and nothing else.
    Settled,
    /// Another node or task calls at this moment.
    Held(Span),
    Later {
        reason: String,
        pause: Option<Span>,
    },
    Hopeless(String),
}

/// Calls the provider until what is there is what should be there.
pub async fn settle(app: &App, booking: BookingId) -> Result<Standing, Error> {
    let Some(provider) = app.rooms.provider() else {
        return Ok(Standing::Hopeless(UNCONFIGURED.into()));
    };
    for _ in 0..ERRANDS_MAX {
        let until = app.clock.now() + LEASE;
        let errand = app.db.record(ClaimMeeting { booking, provider: provider.name() }).await?;
        let (session, fence) = match &errand {
            Errand::Nothing => return Ok(Standing::Settled),
            Errand::Held(until) => return Ok(Standing::Held(*until - app.clock.now())),
            Errand::Make { session, fence, .. }
            | Errand::Move { session, fence, .. }
            | Errand::Drop { session, fence, .. }
            | Errand::Sweep { session, fence, .. } => (session.clone(), *fence),
        };
        let appointment = appointment(app, &session).await?;
        let (ran, failed) = match run(app, until, &errand, &appointment).await {
            Ok(ran) => (ran, None),
            Err(failed) => (failed.ran, Some(failed.no)),
        };
        app.db.record(RecordMeeting { session, fence, ran, provider: provider.name() }).await?;
        if let Some(no) = failed {
            return Ok(standing(no, &errand, &appointment));
        }
    }
    Ok(Standing::Later { reason: "its booking keeps changing".into(), pause: None })
}

async fn appointment(app: &App, session: &Session) -> Result<Appointment, Error> {
    let payee = session.payee;
    let host = app.db.read(move |reads| reads.find::<Person>(&payee)).await?;
    Ok(Appointment {
        mark: format!("bursar:{}:{}", app.policies.instance, session.booking),
        title: session.title.clone(),
        host: host.map_or_else(String::new, |person| person.email),
        starts_at: session.starts_at,
        ends_at: session.ends_at,
    })
}

/// What did not go through, and what it leaves.
struct Failed {
    no: No,
    ran: Ran,
}

/// `until` is when the right to call ends, at the earliest.
async fn run(app: &App, until: Timestamp, errand: &Errand, appointment: &Appointment) -> Result<Ran, Failed> {
    let undone = |no| Failed { no, ran: Ran::Undone };
    let later = |reason: &str| No::Later { reason: reason.into(), pause: None };
    let provider = app.rooms.provider().ok_or_else(|| undone(later(UNCONFIGURED)))?.as_ref();
    match errand {
        Errand::Make { session, unsure, .. } => {
            let known = if *unsure { adopt(provider, appointment).await? } else { None };
            let shown = match known {
                Some(shown) => shown,
                // Nothing at the provider would stop a second one.
                None if until <= app.clock.now() => {
                    let no = later("the right to call had run out before the call was made");
                    return Err(Failed { no, ran: Ran::NotMade { unsure: *unsure } });
                }
                None => make(provider, appointment, *unsure).await?,
            };
            let room = app.rooms.sealed(session.booking, &shown);
            Ok(Ran::Made { reference: shown.reference, room, unsure: *unsure })
        }
        Errand::Move { reference, .. } => {
            match provider.change(reference, appointment).await.map_err(undone)? {
                Kept::Yes => Ok(Ran::Moved),
                Kept::Gone => Ok(Ran::Gone),
            }
        }
        Errand::Drop { reference, unsure, .. } => {
            let mut all: Vec<String> = reference.iter().cloned().collect();
            if *unsure {
                all.extend(provider.find(appointment).await.map_err(undone)?);
            }
            for reference in &all {
                provider.drop(reference).await.map_err(undone)?;
            }
            Ok(Ran::Dropped)
        }
        Errand::Sweep { reference, .. } => {
            let found = provider.find(appointment).await.map_err(undone)?;
            for other in found.iter().filter(|found| Some(*found) != reference.as_ref()) {
                provider.drop(other).await.map_err(undone)?;
            }
            Ok(Ran::Swept)
        }
        Errand::Nothing | Errand::Held(_) => Ok(Ran::Undone),
    }
}

/// One that an earlier call has made; whatever else carries the mark is dropped.
async fn adopt(provider: &dyn Provider, appointment: &Appointment) -> Result<Option<Shown>, Failed> {
    let before = |no| Failed { no, ran: Ran::NotMade { unsure: true } };
    let mut found = provider.find(appointment).await.map_err(before)?;
    while let Some(reference) = found.pop() {
        let Some(shown) = provider.show(&reference).await.map_err(before)? else { continue };
        for other in &found {
            provider.drop(other).await.map_err(before)?;
        }
        // It was made for the time of then.
        let kept = provider.change(&reference, appointment).await.map_err(before)?;
        if kept == Kept::Yes {
            return Ok(Some(shown));
        }
    }
    Ok(None)
}

async fn make(provider: &dyn Provider, appointment: &Appointment, unsure: bool) -> Result<Shown, Failed> {
    provider.make(appointment).await.map_err(|no| {
        let ran = match no {
            No::Unknown(_) => Ran::Undone,
            No::Refused(_) | No::Later { .. } => Ran::NotMade { unsure },
        };
        Failed { no, ran }
    })
}

/// For the schedule of tries, and for whoever is told when the last one failed.
fn standing(no: No, errand: &Errand, appointment: &Appointment) -> Standing {
    let what = match errand {
        Errand::Make { .. } => "not made",
        Errand::Move { .. } => "not moved",
        Errand::Sweep { .. } => "not the only one",
        Errand::Drop { .. } | Errand::Nothing | Errand::Held(_) => "not dropped",
    };
    let mark = &appointment.mark;
    match no {
        No::Refused(reason) => Standing::Hopeless(format!("the meeting was {what}: {reason}")),
        No::Later { reason, pause } => {
            Standing::Later { reason: format!("the meeting was {what}: {reason}"), pause }
        }
        No::Unknown(reason) => Standing::Later {
            reason: format!("nobody knows whether a meeting of the agenda {mark} was {what}: {reason}"),
            pause: None,
        },
    }
}
