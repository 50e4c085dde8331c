//! The sandbox as a [`Gateway`], in process or over HTTP, and its controls.
//!
//! Invariant: a lost answer looks like one: the caller waits its whole time limit and then hears
//! `Unknown`. Controls (faults, books, challenges) work the same over both transports.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use domain::gateway::{
    Answer, CardFace, CardReport, ChargeReport, DisputeReport, Hint, Notice, PayoutReport, RefundReport,
};
use domain::money::Money;
use domain::time::Timestamp;
use serde::Deserialize;

use super::books::BooksError;
use super::cards::{self, Card};
use super::client::Client;
use super::core::{Core, KEY_WINDOW, Verdict, unknown};
use super::faults::Faults;
use super::readout::Readout;
use super::webhooks::SIGNATURE_HEADER;
use crate::gateway::{
    Abilities, CancelCharge, ConfirmCharge, CreateCharge, CreateCustomer, CreatePayout, CreateRefund,
    Gateway, Inbound, InboundError, KeyWindows, Pending, RawCard, Statement,
};
use crate::signature::{self, TOLERANCE};

/// Why a control did not work.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    #[error(transparent)]
    Books(#[from] BooksError),
    #[error("the sandbox cannot be reached: {0}")]
    Unreachable(#[from] reqwest::Error),
}

/// The sandbox, wherever it runs.
pub struct SandboxGateway {
    transport: Transport,
    webhook_secrets: Vec<String>,
}

enum Transport {
    InProcess { core: Arc<Core>, timeout: Duration },
    Http(Client),
}

impl SandboxGateway {
    /// `timeout` is how long a caller waits for an answer that never comes; `webhook_secrets` are
    /// all that may have signed what [`Gateway::receive`] is shown.
    pub fn in_process(core: Arc<Core>, timeout: Duration, webhook_secrets: Vec<String>) -> SandboxGateway {
        SandboxGateway { transport: Transport::InProcess { core, timeout }, webhook_secrets }
    }

    /// Speaks to the sandbox at `api_base` (`http://127.0.0.1:9000`).
    pub fn over_http(
        api_base: &str,
        timeout: Duration,
        webhook_secrets: Vec<String>,
    ) -> Result<SandboxGateway, ControlError> {
        Ok(SandboxGateway { transport: Transport::Http(Client::new(api_base, timeout)?), webhook_secrets })
    }

    /// The sandbox in this process, when it is here.
    pub fn core(&self) -> Option<&Arc<Core>> {
        match &self.transport {
            Transport::InProcess { core, .. } => Some(core),
            Transport::Http(_) => None,
        }
    }

    /// Replaces the script of faults; the default one is none.
    pub async fn set_faults(&self, faults: Faults) -> Result<(), ControlError> {
        match &self.transport {
            Transport::InProcess { core, .. } => Ok(core.set_faults(faults).await?),
            Transport::Http(client) => Ok(client.set_faults(&faults).await?),
        }
    }

    /// Everything the gateway's own books say.
    pub async fn books(&self) -> Result<Readout, ControlError> {
        match &self.transport {
            Transport::InProcess { core, .. } => Ok(core.readout().await?),
            Transport::Http(client) => Ok(client.readout().await?),
        }
    }

    /// Ends a 3-D Secure challenge in the payer's name.
    pub async fn authenticate(&self, reference: &str, passed: bool) -> Answer<ChargeReport> {
        match &self.transport {
            Transport::InProcess { core, .. } => core.authenticate(reference, passed).await,
            Transport::Http(client) => client.authenticate(reference, passed).await,
        }
    }

    /// Refunds a charge as somebody does who sits at the gateway's own pages.
    pub async fn refund_by_hand(&self, charge: &str, amount: Money) -> Answer<RefundReport> {
        match &self.transport {
            Transport::InProcess { core, .. } => core.refund_by_hand(charge, amount).await,
            Transport::Http(client) => client.refund_by_hand(charge, amount).await,
        }
    }

    /// Lets happen what was to happen by `now`; call it when the test clock was advanced.
    pub async fn settle_due(&self, now: Timestamp) -> Result<(), ControlError> {
        match &self.transport {
            Transport::InProcess { core, .. } => Ok(core.settle_due(now).await?),
            Transport::Http(client) => Ok(client.settle_due(now).await?),
        }
    }
}

/// Waits out a lost answer.
async fn hear<T>(timeout: Duration, verdict: impl Future<Output = Verdict<T>>) -> Answer<T> {
    let verdict = verdict.await;
    if verdict.lost {
        tokio::time::sleep(timeout).await;
        return unknown("no answer within the time limit");
    }
    verdict.answer
}

/// One verb over either transport.
macro_rules! over {
    ($self:ident, $verb:ident($($argument:expr),*)) => {
        match &$self.transport {
            Transport::InProcess { core, timeout } => {
                Box::pin(hear(*timeout, core.$verb($($argument),*)))
            }
            Transport::Http(client) => Box::pin(client.$verb($($argument),*)),
        }
    };
}

impl Gateway for SandboxGateway {
    fn name(&self) -> &'static str {
        "sandbox"
    }

    fn abilities(&self) -> Abilities {
        Abilities { saved_cards: true, client_confirmed: true, one_call_charge: true, raw_test_cards: true }
    }

    fn key_windows(&self) -> KeyWindows {
        KeyWindows { charge: KEY_WINDOW, refund: KEY_WINDOW }
    }

    fn live(&self) -> bool {
        false
    }

    fn create_charge<'a>(&'a self, request: &'a CreateCharge) -> Pending<'a, Answer<ChargeReport>> {
        over!(self, create_charge(request))
    }

    fn confirm_charge<'a>(&'a self, request: &'a ConfirmCharge) -> Pending<'a, Answer<ChargeReport>> {
        over!(self, confirm_charge(request))
    }

    fn cancel_charge<'a>(&'a self, request: &'a CancelCharge) -> Pending<'a, Answer<ChargeReport>> {
        over!(self, cancel_charge(request))
    }

    fn find_charge<'a>(&'a self, reference: &'a str) -> Pending<'a, Answer<ChargeReport>> {
        over!(self, find_charge(reference))
    }

    fn create_refund<'a>(&'a self, request: &'a CreateRefund) -> Pending<'a, Answer<RefundReport>> {
        over!(self, create_refund(request))
    }

    fn find_refund<'a>(&'a self, reference: &'a str) -> Pending<'a, Answer<RefundReport>> {
        over!(self, find_refund(reference))
    }

    fn create_payout<'a>(&'a self, request: &'a CreatePayout) -> Pending<'a, Answer<PayoutReport>> {
        over!(self, create_payout(request))
    }

    fn find_payout<'a>(&'a self, reference: &'a str) -> Pending<'a, Answer<PayoutReport>> {
        over!(self, find_payout(reference))
    }

    fn find_dispute<'a>(&'a self, reference: &'a str) -> Pending<'a, Answer<DisputeReport>> {
        over!(self, find_dispute(reference))
    }

    fn submit_evidence<'a>(
        &'a self,
        reference: &'a str,
        evidence: &'a str,
    ) -> Pending<'a, Answer<DisputeReport>> {
        over!(self, submit_evidence(reference, evidence))
    }

    fn create_customer<'a>(&'a self, request: &'a CreateCustomer) -> Pending<'a, Answer<String>> {
        over!(self, create_customer(request))
    }

    fn attach_card<'a>(&'a self, customer: &'a str, token: &'a str) -> Pending<'a, Answer<CardReport>> {
        over!(self, attach_card(customer, token))
    }

    fn detach_card<'a>(&'a self, token: &'a str) -> Pending<'a, Answer<()>> {
        over!(self, detach_card(token))
    }

    fn delete_customer<'a>(&'a self, customer: &'a str) -> Pending<'a, Answer<()>> {
        over!(self, delete_customer(customer))
    }

    fn test_token(&self, card: &RawCard) -> Option<String> {
        cards::token_of_number(&card.number)
    }

    fn known_face(&self, token: &str) -> Option<CardFace> {
        Card::of_token(token).map(Card::face)
    }

    fn list_since<'a>(&'a self, since: Timestamp, page: Option<&'a str>) -> Pending<'a, Answer<Statement>> {
        over!(self, list_since(since, page))
    }

    fn receive(&self, inbound: Inbound<'_>) -> Result<Notice, InboundError> {
        let header = (inbound.header)(SIGNATURE_HEADER).unwrap_or_default();
        let secrets = &self.webhook_secrets;
        signature::verify(&header, inbound.body, secrets, inbound.now, TOLERANCE)?;
        let event: Event = serde_json::from_slice(inbound.body).map_err(|_| InboundError::Unparsable)?;
        Ok(Notice { hint: event.hint(), event: event.id, kind: event.kind, live: event.livemode })
    }
}

/// What is read of an event; the rest is not believed anyway.
#[derive(Deserialize)]
struct Event {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    livemode: bool,
    #[serde(rename = "data")]
    about: About,
}

#[derive(Deserialize)]
struct About {
    object: Object,
}

#[derive(Deserialize)]
struct Object {
    id: String,
    payment_intent: Option<String>,
}

impl Event {
    fn hint(&self) -> Hint {
        let object = &self.about.object;
        let (reference, charge) = (object.id.clone(), object.payment_intent.clone());
        let family = |prefix: &str| self.kind.starts_with(prefix);
        if family("payment_intent.") {
            Hint::Charge { reference, succeeded: self.kind == "payment_intent.succeeded" }
        } else if family("charge.dispute.") {
            Hint::Dispute { reference, charge }
        } else if family("refund.") {
            Hint::Refund { reference, charge }
        } else if family("payout.") {
            Hint::Payout { reference }
        } else if self.kind == "payment_method.detached" {
            Hint::CardDetached { token: reference }
        } else if let ("charge.refunded", Some(reference)) = (self.kind.as_str(), charge) {
            Hint::Charge { reference, succeeded: false }
        } else {
            Hint::Other
        }
    }
}
