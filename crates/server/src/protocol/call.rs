//! One call to a gateway for one ticket, and what was heard.

use std::sync::Arc;

use domain::gateway::{Answer, ChargeReport, RefundReport, Unknown};
use domain::operations::{Heard, Ticket};
use domain::records::Call;
use gateways::gateway::{CancelCharge, ConfirmCharge, CreateCharge, CreateRefund, Gateway, Statement};

use crate::clock::Clock;

/// A complete search reads at most so many pages; more is "nobody knows".
const PAGES_MAX: usize = 200;
const LATE: &str = "the right to call had run out before the call was made";

pub(super) async fn charge(
    gateway: Option<&Arc<dyn Gateway>>,
    ticket: &Ticket,
    clock: &dyn Clock,
) -> Heard<ChargeReport> {
    let Some(gateway) = gateway else { return not_configured() };
    if is_late(ticket, clock) {
        return unknown(LATE);
    }
    let answer = match (ticket.call, ticket.reference.clone()) {
        (Call::Create, _) => gateway.create_charge(&create(ticket)).await,
        (Call::Confirm, Some(reference)) => {
            let request = ConfirmCharge { key: ticket.key.clone(), reference, method: ticket.method.clone() };
            gateway.confirm_charge(&request).await
        }
        (Call::Cancel, Some(reference)) => {
            let request = CancelCharge { key: ticket.key.clone(), reference };
            asked(gateway.cancel_charge(&request).await)
        }
        (Call::Find, Some(reference)) => asked(gateway.find_charge(&reference).await),
        (Call::Confirm | Call::Cancel | Call::Find, None) => {
            let ours = |statement: Statement| {
                statement.charges.into_iter().find(|report| report.tag.as_ref() == Some(&ticket.tag))
            };
            return search(gateway.as_ref(), ticket, ours).await;
        }
    };
    Heard::Answer(answer)
}

pub(super) async fn refund(
    gateway: Option<&Arc<dyn Gateway>>,
    ticket: &Ticket,
    clock: &dyn Clock,
) -> Heard<RefundReport> {
    let Some(gateway) = gateway else { return not_configured() };
    if is_late(ticket, clock) {
        return unknown(LATE);
    }
    match (ticket.call, &ticket.reference, &ticket.method) {
        (Call::Create, _, Some(charge)) => {
            let request = CreateRefund {
                key: ticket.key.clone(),
                tag: ticket.tag.clone(),
                charge: charge.clone(),
                amount: ticket.amount,
            };
            Heard::Answer(gateway.create_refund(&request).await)
        }
        (_, Some(reference), _) => Heard::Answer(asked(gateway.find_refund(reference).await)),
        (_, None, _) => {
            let ours = |statement: Statement| {
                statement.refunds.into_iter().find(|report| report.tag.as_ref() == Some(&ticket.tag))
            };
            search(gateway.as_ref(), ticket, ours).await
        }
    }
}

/// A node that stood still past its lease must not call: somebody else may be calling already. Nothing
/// was heard, and the next holder asks.
fn is_late(ticket: &Ticket, clock: &dyn Clock) -> bool {
    ticket.until <= clock.now()
}

/// Only calls that create or confirm can be refused for good. A question that was refused, or never
/// sent, has told nothing about its object.
fn asked<T>(answer: Answer<T>) -> Answer<T> {
    let nothing = |reason: String| Answer::Unknown(Unknown { reason, retry_after: None });
    match answer {
        Answer::NotSent(reason) | Answer::Rejected(reason) => nothing(reason),
        Answer::Declined(decline) => nothing(decline.message),
        answer @ (Answer::Done(_) | Answer::Unknown(_)) => answer,
    }
}

fn create(ticket: &Ticket) -> CreateCharge {
    CreateCharge {
        key: ticket.key.clone(),
        tag: ticket.tag.clone(),
        amount: ticket.amount,
        customer: ticket.customer.clone(),
        method: ticket.method.clone(),
        confirm: ticket.confirm,
        description: format!("operation {}", ticket.op),
    }
}

/// Looks for our mark in everything the gateway has made since shortly before the first try.
async fn search<T>(
    gateway: &dyn Gateway,
    ticket: &Ticket,
    ours: impl Fn(Statement) -> Option<T>,
) -> Heard<T> {
    let mut page: Option<String> = None;
    for _ in 0..PAGES_MAX {
        match gateway.list_since(ticket.since, page.as_deref()).await {
            Answer::Done(statement) => {
                page.clone_from(&statement.next);
                if let Some(found) = ours(statement) {
                    return Heard::Answer(Answer::Done(found));
                }
                if page.is_none() {
                    return Heard::Absent;
                }
            }
            Answer::Unknown(why) => return Heard::Answer(Answer::Unknown(why)),
            Answer::Declined(_) | Answer::NotSent(_) | Answer::Rejected(_) => {
                return unknown("the gateway's list could not be read");
            }
        }
    }
    unknown("the gateway's list is too long to search")
}

fn not_configured<T>() -> Heard<T> {
    unknown("this gateway is not configured any more")
}

fn unknown<T>(reason: &str) -> Heard<T> {
    Heard::Answer(Answer::Unknown(Unknown { reason: reason.to_string(), retry_after: None }))
}
