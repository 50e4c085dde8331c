//! Deleted cards are detached at their gateway, however long that takes.

use domain::gateway::Answer;
use domain::id::{CardId, Id};
use domain::records::{Card, Job};
use domain::upkeep::JobEnd;
use serde::Deserialize;

use super::queue::parse;
use crate::app::App;

#[derive(Deserialize)]
struct DetachBody {
    card_id: i64,
}

/// A card was deleted: its gateway forgets it too. Doing it twice is doing it once.
pub(super) async fn detach(app: &App, job: &Job) -> Result<(), JobEnd> {
    let body: DetachBody = parse(job)?;
    let id = CardId::from_raw(body.card_id);
    let found = app.db.read(move |reads| reads.find::<Card>(&id)).await;
    let found = found.map_err(|fault| JobEnd::Retry(fault.to_string()))?;
    let card = found.ok_or_else(|| JobEnd::Hopeless("its card does not exist".into()))?;
    if card.active {
        // Its owner has saved it again.
        return Ok(());
    }
    let gateway = app.gateways.get(&card.gateway);
    let gateway = gateway.ok_or_else(|| JobEnd::Hopeless("its gateway is not configured any more".into()))?;
    match gateway.detach_card(&card.token).await {
        Answer::Done(()) => Ok(()),
        Answer::NotSent(reason) => Err(JobEnd::Retry(reason)),
        Answer::Unknown(why) => Err(JobEnd::Retry(why.reason)),
        Answer::Declined(decline) => Err(JobEnd::Hopeless(decline.code)),
        Answer::Rejected(reason) => Err(JobEnd::Hopeless(reason)),
    }
}
