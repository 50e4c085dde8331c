//! Deleted cards are detached at their gateway, however long that takes, and so are people who were
//! forgotten deleted there.

use domain::cards::ForgetCustomer;
use domain::gateway::Answer;
use domain::id::{CardId, Id, PersonId};
use domain::records::{Card, Customer, Job};
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
    let gateway = app.gateways.get(&card.gateway).ok_or_else(gone)?;
    heard(gateway.detach_card(&card.token).await)
}

#[derive(Deserialize)]
struct ErasureBody {
    person: i64,
}

/// Somebody was forgotten: gateways that know him forget him too. Each that has is remembered, so one that
/// cannot be reached keeps no other waiting.
pub(super) async fn forget_customers(app: &App, job: &Job) -> Result<(), JobEnd> {
    let body: ErasureBody = parse(job)?;
    let person = PersonId::from_raw(body.person);
    let found = app.db.read(move |reads| reads.customers_of(person)).await;
    let mut end = Ok(());
    for customer in found.map_err(|fault| JobEnd::Retry(fault.to_string()))? {
        match (forget(app, customer).await, &end) {
            (Ok(()), _) | (Err(JobEnd::Hopeless(_)), Err(_)) => {}
            (failed, _) => end = failed,
        }
    }
    end
}

async fn forget(app: &App, customer: Customer) -> Result<(), JobEnd> {
    let gateway = app.gateways.get(&customer.gateway).ok_or_else(gone)?;
    heard(gateway.delete_customer(&customer.reference).await)?;
    let Customer { person, gateway, .. } = customer;
    let forgotten = app.db.record(ForgetCustomer { person, gateway }).await;
    forgotten.map_err(|error| JobEnd::Retry(error.to_string()))
}

fn gone() -> JobEnd {
    JobEnd::Hopeless("its gateway is not configured any more".into())
}

/// Until the outcome is known, it is asked again.
fn heard(answer: Answer<()>) -> Result<(), JobEnd> {
    match answer {
        Answer::Done(()) => Ok(()),
        Answer::NotSent(reason) => Err(JobEnd::Retry(reason)),
        Answer::Unknown(why) => Err(JobEnd::Retry(why.reason)),
        Answer::Declined(decline) => Err(JobEnd::Hopeless(decline.code)),
        Answer::Rejected(reason) => Err(JobEnd::Hopeless(reason)),
    }
}
