//! A bug planted on purpose: what an event says is taken for what is, whatever the gateway's books
//! say now. The simulator removes the rule and must notice; release builds cannot come here.

use domain::gateway::{Answer, ChargeReport, ChargeState, RefundReport, RefundReportState};
use domain::inbox::Worked;
use domain::money::Money;
use domain::operations::Heard;
use domain::payments::RecordCharge;
use domain::records::{InboxEvent, Op, OpKind};
use domain::refunds::RecordRefund;
use gateways::gateway::Gateway;
use serde_json::Value;
use store::Error;

use crate::app::App;
use crate::protocol::Protocol;

/// Records what the event's body says; `None` when it says nothing of a state.
pub(super) async fn believe(
    app: &App,
    gateway: &dyn Gateway,
    op: &Op,
    event: &InboxEvent,
) -> Result<Option<Worked>, Error> {
    let body: Value = serde_json::from_str(&event.body).unwrap_or_default();
    let told = &body["data"]["object"];
    // As one who knows: nobody asks whether somebody else is driving the operation.
    let (rail, fence, payer) = (Protocol::rail(gateway), Some(op.fence), op.payer);
    match op.kind {
        OpKind::Charge => {
            let Some(answer) = charge(op, event, told) else { return Ok(None) };
            let heard = Heard::Answer(answer);
            app.db.record(RecordCharge { op: op.id, payer, fence, rail, heard, finish: None }).await?;
        }
        OpKind::Refund => {
            let Some(answer) = refund(op, event, told) else { return Ok(None) };
            let heard = Heard::Answer(answer);
            app.db.record(RecordRefund { op: op.id, payer, fence, rail, heard }).await?;
        }
    }
    Ok(Some(Worked::Processed))
}

fn charge(op: &Op, event: &InboxEvent, told: &Value) -> Option<Answer<ChargeReport>> {
    let state = match told["status"].as_str()? {
        "succeeded" => ChargeState::Succeeded,
        "canceled" => ChargeState::Cancelled,
        // "It failed", so the operation is taken for failed.
        _ if event.kind.ends_with("failed") => return Some(Answer::Rejected(event.kind.clone())),
        _ => return None,
    };
    Some(Answer::Done(ChargeReport {
        reference: event.object.clone(),
        state,
        amount: amount(op, told),
        client_secret: None,
        movement: told["latest_charge"].as_str().map(str::to_owned),
        card: None,
        tag: None,
        refunded: op.amount.currency.zero(),
    }))
}

fn refund(op: &Op, event: &InboxEvent, told: &Value) -> Option<Answer<RefundReport>> {
    let state = match told["status"].as_str()? {
        "succeeded" => RefundReportState::Succeeded,
        "failed" => RefundReportState::Failed,
        _ => return None,
    };
    Some(Answer::Done(RefundReport {
        reference: event.object.clone(),
        charge: event.charge.clone().unwrap_or_default(),
        state,
        amount: amount(op, told),
        failure: None,
        tag: None,
    }))
}

fn amount(op: &Op, told: &Value) -> Money {
    told["amount"].as_i64().map_or(op.amount, |minor| Money { minor, ..op.amount })
}
