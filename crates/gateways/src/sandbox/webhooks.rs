//! Outgoing webhooks: what is told, when it is due, and what becomes of a delivery.
//!
//! Invariants: an event is queued in the same commit as its cause; each delivery is handed out,
//! leased, and comes again until it is reported delivered or its tries are used up; duplicates
//! carry the same event id. Sending them is `deliver`'s business.

use domain::gateway::OpTag;
use domain::time::Span;
use rusqlite::params;
use serde_json::{Value, json};

use super::core::Desk;
use super::tables::{Charge, ChargeAt, Dispute, Payout, Refund, SavedCard, Sql};
use crate::signature;

/// The header that carries the signature.
pub const SIGNATURE_HEADER: &str = "Sandbox-Signature";

/// A delivery that nobody reported back on is due again after this.
const LEASE: Span = Span::seconds(30);
/// The pause after each failed try; after the last the delivery is given up.
const PAUSES: [Span; 8] = [
    Span::seconds(5),
    Span::seconds(30),
    Span::minutes(2),
    Span::minutes(10),
    Span::HOUR,
    Span::hours(6),
    Span::DAY,
    Span::days(2),
];
/// Deliveries handed out at once.
const DUE_MAX: i64 = 100;
/// How long every other event is held back so that its successor overtakes it.
const REORDER_HOLD: Span = Span::seconds(2);

/// One signed POST to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutgoingWebhook {
    /// Names this delivery for [`super::Core::delivered`].
    pub delivery: i64,
    /// The event's id, the same for duplicates.
    pub event: String,
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
}

/// How a delivery went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    Accepted,
    Failed,
}

pub(super) fn of_charge(desk: &Desk<'_>, kind: &str, charge: &Charge) -> Sql<()> {
    let status = match charge.state {
        ChargeAt::NeedsMethod => "requires_payment_method",
        ChargeAt::NeedsConfirmation => "requires_confirmation",
        ChargeAt::NeedsAction => "requires_action",
        ChargeAt::Succeeded => "succeeded",
        ChargeAt::Cancelled => "canceled",
    };
    let object = json!({
        "id": charge.id,
        "object": "payment_intent",
        "amount": charge.amount.minor,
        "currency": charge.amount.currency.code().to_ascii_lowercase(),
        "status": status,
        "latest_charge": charge.movement,
        "metadata": metadata(charge.tag.as_ref()),
    });
    emit(desk, kind, &object)
}

pub(super) fn of_refunded_charge(desk: &Desk<'_>, charge: &Charge) -> Sql<()> {
    let object = json!({
        "id": charge.movement,
        "object": "charge",
        "payment_intent": charge.id,
        "amount": charge.amount.minor,
        "amount_refunded": charge.refunded.minor,
        "currency": charge.amount.currency.code().to_ascii_lowercase(),
        "metadata": metadata(charge.tag.as_ref()),
    });
    emit(desk, "charge.refunded", &object)
}

pub(super) fn of_refund(desk: &Desk<'_>, kind: &str, refund: &Refund) -> Sql<()> {
    let object = json!({
        "id": refund.id,
        "object": "refund",
        "payment_intent": refund.charge,
        "amount": refund.amount.minor,
        "currency": refund.amount.currency.code().to_ascii_lowercase(),
        "status": refund.state.text(),
        "failure_reason": refund.failure,
        "metadata": metadata(refund.tag.as_ref()),
    });
    emit(desk, kind, &object)
}

pub(super) fn of_dispute(desk: &Desk<'_>, kind: &str, dispute: &Dispute) -> Sql<()> {
    let object = json!({
        "id": dispute.id,
        "object": "dispute",
        "payment_intent": dispute.charge,
        "amount": dispute.amount.minor,
        "currency": dispute.amount.currency.code().to_ascii_lowercase(),
        "status": dispute.state.text(),
    });
    emit(desk, kind, &object)
}

pub(super) fn of_payout(desk: &Desk<'_>, kind: &str, payout: &Payout) -> Sql<()> {
    let object = json!({
        "id": payout.id,
        "object": "payout",
        "amount": payout.amount.minor,
        "currency": payout.amount.currency.code().to_ascii_lowercase(),
        "status": payout.state.text(),
        "failure_code": payout.failure,
        "metadata": metadata(payout.tag.as_ref()),
    });
    emit(desk, kind, &object)
}

pub(super) fn of_detached_card(desk: &Desk<'_>, card: &SavedCard) -> Sql<()> {
    let object = json!({ "id": card.id, "object": "payment_method" });
    emit(desk, "payment_method.detached", &object)
}

/// The deliveries due at this desk's `now`, leased.
pub(super) fn due(desk: &Desk<'_>) -> Sql<Vec<OutgoingWebhook>> {
    let mut due = desk.tables.all(
        "SELECT id, event, body FROM delivery WHERE due_at <= $1 ORDER BY due_at, id LIMIT $2",
        params![desk.now.0, DUE_MAX],
        |row| {
            let body: String = row.get(2)?;
            let signature = signature::sign(desk.secret, desk.now, body.as_bytes());
            Ok(OutgoingWebhook {
                delivery: row.get(0)?,
                event: row.get(1)?,
                headers: vec![("Content-Type", "application/json".to_owned()), (SIGNATURE_HEADER, signature)],
                body,
            })
        },
    )?;
    for webhook in &due {
        desk.tables.write(
            "UPDATE delivery SET due_at = $1, attempts = attempts + 1 WHERE id = $2",
            params![(desk.now + LEASE).0, webhook.delivery],
        )?;
    }
    if desk.tables.faults.borrow().webhooks.reorder {
        due.reverse();
    }
    Ok(due)
}

pub(super) fn delivered(desk: &Desk<'_>, delivery: i64, outcome: Delivery) -> Sql<()> {
    if outcome == Delivery::Accepted {
        desk.tables.write("DELETE FROM delivery WHERE id = $1", [delivery])?;
        return Ok(());
    }
    let sql = "SELECT attempts FROM delivery WHERE id = $1";
    let attempts: Option<i64> = desk.tables.one(sql, [delivery], |row| row.get(0))?;
    let pause = attempts
        .and_then(|attempts| usize::try_from(attempts - 1).ok())
        .and_then(|failed| PAUSES.get(failed));
    desk.tables.write(
        "UPDATE delivery SET due_at = $1 WHERE id = $2",
        params![pause.map(|pause| (desk.now + *pause).0), delivery],
    )?;
    Ok(())
}

/// Queues an event as the script of faults has it.
fn emit(desk: &Desk<'_>, kind: &str, object: &Value) -> Sql<()> {
    let faults = desk.tables.faults.borrow().webhooks;
    if faults.drop {
        return Ok(());
    }
    let event = desk.tables.id("evt");
    let body = json!({
        "id": event,
        "object": "event",
        "type": kind,
        "created": desk.now.seconds(),
        "livemode": false,
        "data": { "object": object },
    })
    .to_string();
    let held = faults.reorder && event.ends_with(['0', '2', '4', '6', '8', 'a', 'c', 'e']);
    let hold = if held { REORDER_HOLD } else { Span::ZERO };
    let due_at = desk.now + Span::seconds(i64::from(faults.delay_seconds)) + hold;
    let copies = if faults.duplicate { 2 } else { 1 };
    for _ in 0..copies {
        desk.tables.write(
            "INSERT INTO delivery (event, kind, body, created_at, due_at, attempts)
             VALUES ($1, $2, $3, $4, $5, 0)",
            params![event, kind, body, desk.now.0, due_at.0],
        )?;
    }
    Ok(())
}

fn metadata(tag: Option<&OpTag>) -> Value {
    match tag {
        Some(tag) => json!({ "instance": tag.instance, "op_id": tag.op.to_string() }),
        None => json!({}),
    }
}
