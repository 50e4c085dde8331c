//! Reconciliation: what the gateway has against what we have.
//!
//! What is missing here is adopted by its mark; everything else is told. Nothing is guessed.

use domain::gateway::{Answer, ChargeReport, ChargeState, RefundReport, RefundReportState};
use domain::id::{Id, OpId};
use domain::operations::Heard;
use domain::records::{Op, OpKind, OpState};
use domain::refunds::{Adopted, RecordRefund};
use domain::time::Timestamp;
use gateways::gateway::{Gateway, Statement};
use store::Error;

use super::Protocol;

/// Something that does not agree, in words for a human.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    pub gateway: String,
    pub reference: String,
    pub problem: String,
}

/// Compares everything a gateway has made since an instant; differences are answered, and what we
/// simply had not heard of is recorded on the way.
pub async fn reconcile(
    protocol: &Protocol,
    gateway: &dyn Gateway,
    instance: &str,
    since: Timestamp,
) -> Result<Vec<Difference>, Error> {
    let mut differences = Vec::new();
    let mut page: Option<String> = None;
    loop {
        let answer = gateway.list_since(since, page.as_deref()).await;
        let Answer::Done(statement) = answer else {
            differences.push(difference(gateway, "", "the gateway's list could not be read"));
            return Ok(differences);
        };
        page.clone_from(&statement.next);
        compare(protocol, gateway, instance, statement, &mut differences).await?;
        if page.is_none() {
            return Ok(differences);
        }
    }
}

async fn compare(
    protocol: &Protocol,
    gateway: &dyn Gateway,
    instance: &str,
    statement: Statement,
    differences: &mut Vec<Difference>,
) -> Result<(), Error> {
    for report in statement.charges {
        let ours = report.tag.as_ref().filter(|tag| tag.instance == instance).map(|tag| tag.op);
        if let Some(problem) = charge(protocol, gateway, ours, &report).await? {
            differences.push(difference(gateway, &report.reference, &problem));
        }
    }
    for report in statement.refunds {
        let ours = report.tag.as_ref().filter(|tag| tag.instance == instance).map(|tag| tag.op);
        if let Some(problem) = refund(protocol, gateway, ours, &report).await? {
            differences.push(difference(gateway, &report.reference, &problem));
        }
    }
    Ok(())
}

async fn charge(
    protocol: &Protocol,
    gateway: &dyn Gateway,
    ours: Option<i64>,
    report: &ChargeReport,
) -> Result<Option<String>, Error> {
    let taken = report.state == ChargeState::Succeeded;
    let Some(op) = op(protocol, ours, OpKind::Charge).await? else {
        return Ok(taken.then(|| format!("{} was taken for nothing we know", report.amount)));
    };
    let heard = Heard::Answer(Answer::Done(report.clone()));
    let fact = protocol.charge_report(op.id, op.payer, None, gateway.name(), heard);
    let op = protocol.db.record(fact).await?.op;
    let known = matches!(op.state, OpState::Succeeded | OpState::Late);
    Ok(match (taken, known) {
        (true, true) if report.amount != op.amount => {
            Some(format!("{} taken, {} asked for", report.amount, op.amount))
        }
        (true, false) => Some("taken there, not here".into()),
        (false, true) => Some("taken here, not there".into()),
        _ => None,
    })
}

async fn refund(
    protocol: &Protocol,
    gateway: &dyn Gateway,
    ours: Option<i64>,
    report: &RefundReport,
) -> Result<Option<String>, Error> {
    let given = report.state == RefundReportState::Succeeded;
    let Some(op) = op(protocol, ours, OpKind::Refund).await? else {
        return stranger(protocol, gateway, report, given).await;
    };
    let heard = Heard::Answer(Answer::Done(report.clone()));
    let rail = Protocol::rail(gateway);
    let fact = RecordRefund { op: op.id, payer: op.payer, fence: None, rail, heard };
    let op = protocol.db.record(fact).await?.op;
    let known = op.state == OpState::Succeeded;
    Ok((given != known).then(|| format!("refunded there: {given}, here: {known}")))
}

/// A refund without our mark is adopted; what cannot be is told once.
async fn stranger(
    protocol: &Protocol,
    gateway: &dyn Gateway,
    report: &RefundReport,
    given: bool,
) -> Result<Option<String>, Error> {
    let adopted = match report.tag {
        None => protocol.adopt(gateway.name(), report).await?,
        Some(_) => None,
    };
    Ok(match adopted {
        Some(Adopted::Known | Adopted::Posted(_)) => None,
        Some(Adopted::Suspense(_)) => {
            Some(format!("{} was refunded without us and fits no payment", report.amount))
        }
        Some(Adopted::NotYet) | None => given.then(|| format!("{} was refunded without us", report.amount)),
    })
}

async fn op(protocol: &Protocol, id: Option<i64>, kind: OpKind) -> Result<Option<Op>, Error> {
    let Some(id) = id else { return Ok(None) };
    Ok(protocol.find(OpId::from_raw(id)).await?.filter(|op| op.kind == kind))
}

fn difference(gateway: &dyn Gateway, reference: &str, problem: &str) -> Difference {
    Difference { gateway: gateway.name().into(), reference: reference.into(), problem: problem.into() }
}
