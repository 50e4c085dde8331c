//! Disputes: opened by the payer's bank, decided by the words in the evidence.
//!
//! `winning_evidence` wins, `losing_evidence` loses, anything else is under review until the time
//! for evidence is over, and then lost.

use domain::gateway::{Answer, DisputeReport, DisputeReportState};
use domain::time::Span;
use rusqlite::params;

use super::core::{Desk, Verdict, rejected};
use super::tables::{Charge, Dispute, DisputeAt, Sql};
use super::webhooks;

/// How long a payee has to answer.
pub const EVIDENCE_TIME: Span = Span::days(7);

/// The bank's word for every sandbox dispute.
const REASON: &str = "fraudulent";

pub(super) fn open(desk: &Desk<'_>, charge: &Charge) -> Sql<()> {
    let dispute = Dispute {
        id: desk.tables.id("dp"),
        created_at: desk.now,
        charge: charge.id.clone(),
        state: DisputeAt::NeedsEvidence,
        amount: charge.amount,
        due_at: desk.now + EVIDENCE_TIME,
    };
    desk.tables.put_dispute(&dispute)?;
    webhooks::of_dispute(desk, "charge.dispute.created", &dispute)
}

pub(super) fn find(desk: &Desk<'_>, reference: &str) -> Sql<Verdict<DisputeReport>> {
    desk.settle()?;
    Ok(match desk.tables.dispute(reference)? {
        Some(dispute) => done(&dispute),
        None => rejected("no such dispute"),
    })
}

/// Evidence for a closed dispute changes nothing.
pub(super) fn submit_evidence(
    desk: &Desk<'_>,
    reference: &str,
    evidence: &str,
) -> Sql<Verdict<DisputeReport>> {
    desk.settle()?;
    let Some(mut dispute) = desk.tables.dispute(reference)? else {
        return Ok(rejected("no such dispute"));
    };
    if is_open(&dispute) {
        let state = if evidence.contains("winning_evidence") {
            DisputeAt::Won
        } else if evidence.contains("losing_evidence") {
            DisputeAt::Lost
        } else {
            DisputeAt::UnderReview
        };
        change(desk, &mut dispute, state)?;
    }
    Ok(done(&dispute))
}

pub(super) fn settle(desk: &Desk<'_>) -> Sql<()> {
    let due = desk.tables.all(
        "SELECT id, created_at, charge, state, amount, currency, due_at
         FROM dispute
         WHERE due_at <= $1 AND state IN ('needs_evidence', 'under_review')
         ORDER BY due_at, id",
        params![desk.now.0],
        Dispute::read,
    )?;
    for mut dispute in due {
        change(desk, &mut dispute, DisputeAt::Lost)?;
    }
    Ok(())
}

fn change(desk: &Desk<'_>, dispute: &mut Dispute, state: DisputeAt) -> Sql<()> {
    if dispute.state == state {
        return Ok(());
    }
    dispute.state = state;
    desk.tables.put_dispute(dispute)?;
    let kind = if is_open(dispute) { "charge.dispute.updated" } else { "charge.dispute.closed" };
    webhooks::of_dispute(desk, kind, dispute)
}

fn is_open(dispute: &Dispute) -> bool {
    matches!(dispute.state, DisputeAt::NeedsEvidence | DisputeAt::UnderReview)
}

fn done(dispute: &Dispute) -> Verdict<DisputeReport> {
    Answer::Done(DisputeReport {
        reference: dispute.id.clone(),
        charge: dispute.charge.clone(),
        state: match dispute.state {
            DisputeAt::NeedsEvidence => DisputeReportState::NeedsEvidence,
            DisputeAt::UnderReview => DisputeReportState::UnderReview,
            DisputeAt::Won => DisputeReportState::Won,
            DisputeAt::Lost => DisputeReportState::Lost,
        },
        amount: dispute.amount,
        reason: REASON.to_owned(),
        evidence_due_at: dispute.due_at,
    })
    .into()
}
