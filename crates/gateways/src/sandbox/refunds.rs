//! Refunds, and what becomes of them later.
//!
//! Invariant: refunds that succeeded or are pending never sum to more than the charge.

use domain::gateway::{Answer, Decline, OpTag, RefundReport, RefundReportState};
use domain::money::Money;
use domain::time::Span;
use rusqlite::params;

use super::cards::Behaviour;
use super::charges::card_of;
use super::core::{Desk, Verdict, rejected};
use super::tables::{ChargeAt, Refund, RefundAt, Sql};
use super::webhooks;
use crate::gateway::CreateRefund;

/// How long a bank takes to settle or to return a refund.
pub const REFUND_TAKES: Span = Span::seconds(60);

pub(super) fn create(desk: &Desk<'_>, request: &CreateRefund) -> Sql<Verdict<RefundReport>> {
    give(desk, &request.charge, request.amount, Some(&request.tag))
}

/// Somebody refunds at the gateway itself: nobody's mark is on it.
pub(super) fn by_hand(desk: &Desk<'_>, charge: &str, amount: Money) -> Sql<Answer<RefundReport>> {
    Ok(give(desk, charge, amount, None)?.answer)
}

fn give(desk: &Desk<'_>, charge: &str, amount: Money, tag: Option<&OpTag>) -> Sql<Verdict<RefundReport>> {
    desk.settle()?;
    let Some(mut charge) = desk.tables.charge(charge)? else {
        return Ok(rejected("no such charge"));
    };
    if charge.state != ChargeAt::Succeeded {
        return Ok(rejected("the charge has not succeeded"));
    }
    if amount.currency != charge.amount.currency {
        return Ok(rejected("the charge has another currency"));
    }
    let left = charge.amount - charge.refunded;
    if amount.minor <= 0 || amount.minor > left.minor {
        return Ok(rejected("the amount is not within what is left of the charge"));
    }
    if desk.tables.is_disputed(&charge.id)? {
        return Ok(rejected("the charge is disputed"));
    }
    if desk.bank_declines {
        return Ok(Answer::Declined(refused_by_bank()).into());
    }
    let (state, then) = match card_of(&charge).map(|card| card.behaviour) {
        Some(Behaviour::RefundPends) => (RefundAt::Pending, Some(RefundAt::Succeeded)),
        Some(Behaviour::RefundFails) => (RefundAt::Succeeded, Some(RefundAt::Failed)),
        _ => (RefundAt::Succeeded, None),
    };
    let refund = Refund {
        id: desk.tables.id("re"),
        created_at: desk.now,
        charge: charge.id.clone(),
        state,
        amount,
        failure: None,
        due_at: then.map(|_| desk.now + REFUND_TAKES),
        then,
        tag: tag.cloned(),
    };
    charge.refunded = charge.refunded + refund.amount;
    desk.tables.put_refund(&refund)?;
    desk.tables.put_charge(&charge)?;
    webhooks::of_refund(desk, "refund.created", &refund)?;
    webhooks::of_refunded_charge(desk, &charge)?;
    Ok(done(&refund))
}

pub(super) fn find(desk: &Desk<'_>, reference: &str) -> Sql<Verdict<RefundReport>> {
    desk.settle()?;
    Ok(match desk.tables.refund(reference)? {
        Some(refund) => done(&refund),
        None => rejected("no such refund"),
    })
}

pub(super) fn settle(desk: &Desk<'_>) -> Sql<()> {
    let due = desk.tables.all(
        "SELECT id, created_at, charge, state, amount, currency, failure, due_at, becomes,
                instance, op
         FROM refund WHERE due_at <= $1 ORDER BY due_at, id",
        params![desk.now.0],
        Refund::read,
    )?;
    for mut refund in due {
        refund.due_at = None;
        refund.state = refund.then.take().unwrap_or(refund.state);
        if refund.state == RefundAt::Failed {
            refund.failure = Some("expired_or_canceled_card".to_owned());
            give_back(desk, &refund)?;
        }
        desk.tables.put_refund(&refund)?;
        let kind = match refund.state {
            RefundAt::Failed => "refund.failed",
            RefundAt::Pending | RefundAt::Succeeded => "refund.updated",
        };
        webhooks::of_refund(desk, kind, &refund)?;
    }
    Ok(())
}

/// The money of a failed refund is the charge's again.
fn give_back(desk: &Desk<'_>, refund: &Refund) -> Sql<()> {
    if let Some(mut charge) = desk.tables.charge(&refund.charge)? {
        charge.refunded = charge.refunded - refund.amount;
        desk.tables.put_charge(&charge)?;
    }
    Ok(())
}

fn refused_by_bank() -> Decline {
    Decline {
        code: "refund_declined".to_owned(),
        decline_code: None,
        message: "The payer's bank refused the refund.".to_owned(),
    }
}

fn done(refund: &Refund) -> Verdict<RefundReport> {
    Answer::Done(report(refund)).into()
}

pub(super) fn report(refund: &Refund) -> RefundReport {
    RefundReport {
        reference: refund.id.clone(),
        charge: refund.charge.clone(),
        state: match refund.state {
            RefundAt::Pending => RefundReportState::Pending,
            RefundAt::Succeeded => RefundReportState::Succeeded,
            RefundAt::Failed => RefundReportState::Failed,
        },
        amount: refund.amount,
        failure: refund.failure.clone(),
        tag: refund.tag.clone(),
    }
}
