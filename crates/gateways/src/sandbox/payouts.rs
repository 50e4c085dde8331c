//! Payouts: the last four characters of the account say how they end.
//!
//! `0001` is refused, `0002` is paid and returned later, every other account is paid. Where the
//! money comes from is not asked: the sandbox's treasury is bottomless.

use domain::gateway::{Answer, Decline, PayoutReport, PayoutReportState};
use domain::time::Span;
use rusqlite::params;

use super::core::{Desk, Verdict, rejected};
use super::tables::{Payout, PayoutAt, Sql};
use super::webhooks;
use crate::gateway::CreatePayout;

/// How long a bank takes to return a payout.
pub const RETURN_TAKES: Span = Span::seconds(60);

pub(super) fn create(desk: &Desk<'_>, request: &CreatePayout) -> Sql<Verdict<PayoutReport>> {
    if request.amount.minor <= 0 {
        return Ok(rejected("the amount must be positive"));
    }
    if desk.bank_declines {
        return Ok(Answer::Declined(refused()).into());
    }
    let account = request.account.trim();
    let fails = account.ends_with("0001");
    let payout = Payout {
        id: desk.tables.id("po"),
        created_at: desk.now,
        state: if fails { PayoutAt::Failed } else { PayoutAt::Paid },
        amount: request.amount,
        account_ending: last_four(account),
        failure: fails.then(|| "account_closed".to_owned()),
        returns_at: account.ends_with("0002").then(|| desk.now + RETURN_TAKES),
        tag: Some(request.tag.clone()),
    };
    desk.tables.put_payout(&payout)?;
    announce(desk, &payout)?;
    Ok(done(&payout))
}

pub(super) fn find(desk: &Desk<'_>, reference: &str) -> Sql<Verdict<PayoutReport>> {
    desk.settle()?;
    Ok(match desk.tables.payout(reference)? {
        Some(payout) => done(&payout),
        None => rejected("no such payout"),
    })
}

pub(super) fn settle(desk: &Desk<'_>) -> Sql<()> {
    let due = desk.tables.all(
        "SELECT id, created_at, state, amount, currency, account_ending, failure, returns_at,
                instance, op
         FROM payout WHERE returns_at <= $1 ORDER BY returns_at, id",
        params![desk.now.0],
        Payout::read,
    )?;
    for mut payout in due {
        payout.state = PayoutAt::Failed;
        payout.failure = Some("returned".to_owned());
        payout.returns_at = None;
        desk.tables.put_payout(&payout)?;
        announce(desk, &payout)?;
    }
    Ok(())
}

fn announce(desk: &Desk<'_>, payout: &Payout) -> Sql<()> {
    let kind = match payout.state {
        PayoutAt::Paid => "payout.paid",
        PayoutAt::Failed => "payout.failed",
    };
    webhooks::of_payout(desk, kind, payout)
}

fn last_four(account: &str) -> String {
    let skipped = account.chars().count().saturating_sub(4);
    account.chars().skip(skipped).collect()
}

fn refused() -> Decline {
    Decline {
        code: "payout_declined".to_owned(),
        decline_code: None,
        message: "The payee's bank refused the payout.".to_owned(),
    }
}

fn done(payout: &Payout) -> Verdict<PayoutReport> {
    Answer::Done(PayoutReport {
        reference: payout.id.clone(),
        state: match payout.state {
            PayoutAt::Paid => PayoutReportState::Paid,
            PayoutAt::Failed => PayoutReportState::Failed,
        },
        amount: payout.amount,
        failure: payout.failure.clone(),
        tag: payout.tag.clone(),
    })
    .into()
}
