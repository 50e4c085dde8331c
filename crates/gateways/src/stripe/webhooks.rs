//! Inbound webhooks: verified, read, and turned into a hint about which object to ask for again.
//!
//! Invariant: nothing of an unverified body is looked at. What the event says happened is never
//! used, only which object it is about; so order, delay and duplicates cannot matter.

use domain::gateway::{Hint, Notice};
use serde::Deserialize;

use super::StripeGateway;
use crate::gateway::{Inbound, InboundError};
use crate::signature;

const SIGNATURE_HEADER: &str = "stripe-signature";

#[derive(Deserialize)]
struct Event {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    livemode: Option<bool>,
    data: Option<Payload>,
}

#[derive(Deserialize)]
struct Payload {
    object: Option<Subject>,
}

/// The members that say which object it is; events are sent unexpanded.
#[derive(Deserialize)]
struct Subject {
    id: Option<String>,
    payment_intent: Option<String>,
    charge: Option<String>,
}

impl StripeGateway {
    pub(super) fn read_webhook(&self, inbound: Inbound<'_>) -> Result<Notice, InboundError> {
        let secrets = &self.config.webhook_secrets;
        if secrets.iter().all(String::is_empty) {
            return Err(InboundError::NoSecret);
        }
        let header = (inbound.header)(SIGNATURE_HEADER).ok_or(InboundError::BadSignature)?;
        let tolerance = self.config.webhook_tolerance;
        signature::verify(&header, inbound.body, secrets, inbound.now, tolerance)?;
        let event: Event = serde_json::from_slice(inbound.body).map_err(|_| InboundError::Unparsable)?;
        Ok(Notice {
            hint: hint(&event.kind, event.data.and_then(|data| data.object)),
            event: event.id,
            kind: event.kind,
            live: event.livemode.unwrap_or(false),
        })
    }
}

fn hint(kind: &str, subject: Option<Subject>) -> Hint {
    let Some(Subject { id: Some(id), payment_intent, charge }) = subject else {
        return Hint::Other;
    };
    // Our reference of a charge is the intent; the charge's own id is the second best.
    let parent = payment_intent.or(charge);
    match kind {
        "payment_intent.succeeded" => Hint::Charge { reference: id, succeeded: true },
        "payment_intent.payment_failed"
        | "payment_intent.processing"
        | "payment_intent.canceled"
        | "payment_intent.requires_action" => Hint::Charge { reference: id, succeeded: false },
        "charge.refunded" => Hint::Charge { reference: parent.unwrap_or(id), succeeded: false },
        "refund.created" | "refund.updated" | "refund.failed" | "charge.refund.updated" => {
            Hint::Refund { reference: id, charge: parent }
        }
        "charge.dispute.created"
        | "charge.dispute.updated"
        | "charge.dispute.closed"
        | "charge.dispute.funds_withdrawn"
        | "charge.dispute.funds_reinstated" => Hint::Dispute { reference: id, charge: parent },
        "payment_method.detached" => Hint::CardDetached { token: id },
        // Payouts among them: Stripe's own to our bank, which nothing here waits for.
        _ => Hint::Other,
    }
}
