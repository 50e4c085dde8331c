//! What concerns gateways: operations whose time has come, and the sandbox's own webhooks.

use std::sync::Arc;

use axum::http::HeaderMap;
use axum::http::{HeaderName, HeaderValue};
use gateways::gateway::Gateway;
use gateways::sandbox::{Delivery, OutgoingWebhook, SandboxGateway};
use store::Error;
use tokio::task::JoinSet;

use crate::app::App;
use crate::inbound::{self, ReceiveError};

/// Takes in hand the operations that are due.
pub(super) async fn recover(app: App) -> Result<usize, Error> {
    let recovered = app.protocol.recover(app.clock.now()).await?;
    Ok(recovered.taken)
}

/// Hands over the webhooks of a sandbox in this process, signed like everybody's; one that runs
/// alone sends them itself.
pub(super) async fn deliver(app: App) -> Result<usize, Error> {
    let Some(sandbox) = app.sandbox.clone() else { return Ok(0) };
    let Some(core) = sandbox.gateway.core() else { return Ok(0) };
    let due = match core.due_webhooks(app.clock.now()).await {
        Ok(due) => due,
        Err(error) => {
            tracing::error!(%error, "the sandbox's books cannot be read");
            return Ok(0);
        }
    };
    let mut running = JoinSet::new();
    for webhook in due {
        // Side by side, so that they share commits.
        running.spawn(hand_over(app.clone(), Arc::clone(&sandbox.gateway), webhook));
    }
    let mut accepted = 0;
    for outcome in running.join_all().await {
        accepted += outcome?;
    }
    Ok(accepted)
}

async fn hand_over(app: App, gateway: Arc<SandboxGateway>, webhook: OutgoingWebhook) -> Result<usize, Error> {
    let Some(core) = gateway.core() else { return Ok(0) };
    let headers: HeaderMap = webhook
        .headers
        .iter()
        .filter_map(|(name, value)| {
            Some((name.parse::<HeaderName>().ok()?, value.parse::<HeaderValue>().ok()?))
        })
        .collect();
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let (outcome, accepted) =
        match inbound::receive(&app, gateway.name(), &header, webhook.body.as_bytes()).await {
            Ok(()) => (Delivery::Accepted, 1),
            Err(ReceiveError::Store(error)) => return Err(error),
            Err(error) => {
                tracing::error!(%error, "a webhook of our own sandbox was refused");
                (Delivery::Failed, 0)
            }
        };
    if let Err(error) = core.delivered(webhook.delivery, outcome).await {
        // It comes again, as a duplicate.
        tracing::warn!(%error, "the sandbox's books cannot be written");
    }
    Ok(accepted)
}
