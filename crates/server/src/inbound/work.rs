//! Working off what was stored: from a hint to the operation it concerns, and what its gateway says
//! of it now.

use std::sync::Arc;

use domain::cards::{self, Deleter};
use domain::context::Plant;
use domain::gateway::{Answer, OpTag, RefundReport};
use domain::id::{Id, OpId};
use domain::inbox::{Settle, Worked};
use domain::operations::{Heard, Step};
use domain::payments::RecordCharge;
use domain::records::{InboxEvent, InboxState, Op, OpKind, Space};
use domain::refunds::{Adopted, RecordRefund};
use domain::refusal::Refusal;
use gateways::gateway::Gateway;
use store::Error;
use tokio::task::JoinSet;

use super::planted;
use crate::app::App;
use crate::protocol::{Driven, Protocol};

/// Events looked at in one round.
const ROUND_MAX: usize = 64;
/// A gateway that does not answer holds up so many, not all.
const AT_ONCE_MAX: usize = 16;

/// Works off the events that are due; how many got on.
pub async fn round(app: App) -> Result<usize, Error> {
    let now = app.clock.now();
    let due = app.db.read(move |reads| reads.due_inbox(now, ROUND_MAX)).await?;
    let mut running = JoinSet::new();
    let mut settled = 0;
    for event in due {
        if running.len() == AT_ONCE_MAX {
            settled += count(running.join_next().await);
        }
        let app = app.clone();
        running.spawn(async move { settle(&app, event).await });
    }
    while !running.is_empty() {
        settled += count(running.join_next().await);
    }
    Ok(settled)
}

fn count(joined: Option<Result<Result<InboxState, Error>, tokio::task::JoinError>>) -> usize {
    match joined {
        Some(Ok(Ok(_))) => 1,
        Some(Ok(Err(error))) => {
            tracing::warn!(%error, "a webhook event could not be settled");
            0
        }
        Some(Err(panic)) => {
            tracing::error!(%panic, "working off a webhook event panicked");
            0
        }
        None => 0,
    }
}

async fn settle(app: &App, event: InboxEvent) -> Result<InboxState, Error> {
    let id = event.id;
    let worked = match work(app, &event).await {
        Ok(worked) => worked,
        Err(error) => Worked::Failed(error.to_string()),
    };
    tracing::debug!(inbox.id = id.0, kind = event.kind, ?worked, "webhook event worked off");
    app.db.record(Settle { id, worked }).await
}

async fn work(app: &App, event: &InboxEvent) -> Result<Worked, Error> {
    let Some(gateway) = app.gateways.get(&event.gateway).map(Arc::clone) else {
        return Ok(Worked::Failed("this gateway is not configured any more".into()));
    };
    match event.hint.as_str() {
        "charge" => money(app, gateway.as_ref(), event, OpKind::Charge).await,
        "refund" => money(app, gateway.as_ref(), event, OpKind::Refund).await,
        "card" => card(app, event).await,
        // A dispute is kept until the books know disputes; it is given up with an alert.
        "dispute" => Ok(Worked::Parked),
        _ => Ok(Worked::Ignored),
    }
}

/// A charge or a refund: ours is told by what we know of its id, or by the mark it carries.
async fn money(app: &App, gateway: &dyn Gateway, event: &InboxEvent, kind: OpKind) -> Result<Worked, Error> {
    let known = claimed(app, &event.gateway, &event.object).await?;
    let op = match known {
        Some(op) => Some(op),
        None => match tag_of(gateway, &event.object, kind).await {
            Asked::Ours(tag) if tag.instance == app.policies.instance => find(app, tag.op).await?,
            // Another installation shares this account.
            Asked::Ours(_) => return Ok(Worked::Ignored),
            Asked::Refund(report) => return adopt(app, gateway, &report).await,
            Asked::Nothing => None,
            Asked::NoAnswer(reason) => return Ok(Worked::Failed(reason)),
        },
    };
    if let Some(op) = op.as_ref().filter(|_| app.plants.removed(Plant::Refetch))
        && let Some(believed) = planted::believe(app, gateway, op, event).await?
    {
        return Ok(believed);
    }
    match op {
        Some(op) => refetch(app, gateway, &op, &event.object).await,
        None => Ok(Worked::Parked),
    }
}

async fn claimed(app: &App, gateway: &str, object: &str) -> Result<Option<Op>, Error> {
    let name = format!("{gateway}:{object}");
    let target = app.db.read(move |reads| reads.claimed(Space::GatewayObject, &name)).await?;
    match target {
        Some(op) => find(app, op).await,
        None => Ok(None),
    }
}

async fn find(app: &App, op: i64) -> Result<Option<Op>, Error> {
    app.protocol.find(OpId::from_raw(op)).await
}

/// What a gateway says of an object that we do not know.
enum Asked {
    /// It carries a mark like ours.
    Ours(OpTag),
    /// A refund without a mark: somebody made it at the gateway.
    Refund(Box<RefundReport>),
    /// It has no such object, or a charge without a mark.
    Nothing,
    NoAnswer(String),
}

async fn tag_of(gateway: &dyn Gateway, object: &str, kind: OpKind) -> Asked {
    match kind {
        OpKind::Charge => {
            asked(gateway.find_charge(object).await, |report| report.tag.map_or(Asked::Nothing, Asked::Ours))
        }
        OpKind::Refund => asked(gateway.find_refund(object).await, |report| match report.tag.clone() {
            Some(tag) => Asked::Ours(tag),
            None => Asked::Refund(Box::new(report)),
        }),
    }
}

fn asked<T>(answer: Answer<T>, found: impl FnOnce(T) -> Asked) -> Asked {
    match answer {
        Answer::Done(report) => found(report),
        Answer::Rejected(_) | Answer::Declined(_) => Asked::Nothing,
        Answer::NotSent(reason) => Asked::NoAnswer(reason),
        Answer::Unknown(why) => Asked::NoAnswer(why.reason),
    }
}

/// Somebody refunded at the gateway: posted like any other, once its charge is known here.
async fn adopt(app: &App, gateway: &dyn Gateway, report: &RefundReport) -> Result<Worked, Error> {
    Ok(match app.protocol.adopt(gateway.name(), report).await? {
        Some(Adopted::Known | Adopted::Posted(_) | Adopted::Suspense(_)) => Worked::Processed,
        Some(Adopted::NotYet) | None => Worked::Parked,
    })
}

/// Asks the gateway how the operation's object stands now, and records the answer. A live operation
/// is taken in hand; of one that is over late money and returned refunds are still noticed.
async fn refetch(app: &App, gateway: &dyn Gateway, op: &Op, object: &str) -> Result<Worked, Error> {
    if op.state.live() {
        return Ok(match app.protocol.take(op, false, true).await? {
            Some(driven) if step(&driven) == &Step::Unknown => {
                Worked::Failed("the outcome is unknown".into())
            }
            Some(_) => Worked::Processed,
            // Whoever holds it may have asked before the event: come back when he is done.
            None => Worked::Parked,
        });
    }
    let (rail, fence, payer) = (Protocol::rail(gateway), None, op.payer);
    let reference = op.reference.as_deref().unwrap_or(object);
    match op.kind {
        OpKind::Charge => {
            let heard = gateway.find_charge(reference).await;
            if let Some(failed) = unheard(&heard) {
                return Ok(failed);
            }
            let heard = Heard::Answer(heard);
            app.db.record(RecordCharge { op: op.id, payer, fence, rail, heard, finish: None }).await?;
        }
        OpKind::Refund => {
            let heard = gateway.find_refund(reference).await;
            if let Some(failed) = unheard(&heard) {
                return Ok(failed);
            }
            let heard = Heard::Answer(heard);
            app.db.record(RecordRefund { op: op.id, payer, fence, rail, heard }).await?;
        }
    }
    Ok(Worked::Processed)
}

fn step(driven: &Driven) -> &Step {
    match driven {
        Driven::Charge(settled) => &settled.step,
        Driven::Refund(settled) => &settled.step,
    }
}

/// While the gateway cannot be asked, the event waits.
fn unheard<T>(answer: &Answer<T>) -> Option<Worked> {
    match answer {
        Answer::Done(_) => None,
        Answer::NotSent(reason) | Answer::Rejected(reason) => Some(Worked::Failed(reason.clone())),
        Answer::Unknown(why) => Some(Worked::Failed(why.reason.clone())),
        Answer::Declined(decline) => Some(Worked::Failed(decline.code.clone())),
    }
}

/// The gateway has let go of a card: we forget it as its owner would.
async fn card(app: &App, event: &InboxEvent) -> Result<Worked, Error> {
    let (gateway, token) = (event.gateway.clone(), event.object.clone());
    let Some(card) = app.db.read(move |reads| reads.saved_card(&gateway, &token)).await? else {
        // It was never saved, or its owner was faster and the gateway says so.
        return Ok(Worked::Ignored);
    };
    match app.db.submit(cards::Delete { person: card.person, card: card.id, by: Deleter::Gateway }).await {
        Ok(_) | Err(Error::Refused(Refusal::NotFound)) => Ok(Worked::Processed),
        Err(error) => Err(error),
    }
}
