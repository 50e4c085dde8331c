//! Sends the sandbox's webhooks to one address.
//!
//! Invariant: a delivery is reported accepted only after a 2xx; everything else comes again later,
//! as the books have it. Order and time of sending are the books' business.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::books::BooksError;
use super::client::loopback_client;
use super::core::Core;
use super::webhooks::{Delivery, OutgoingWebhook};

/// How long the receiver may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often an idle sandbox looks for something to send.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Webhooks on their way at once.
const PARALLEL_MAX: usize = 8;

/// Why webhooks could not be sent.
#[derive(Debug, thiserror::Error)]
pub enum DeliverError {
    #[error("the webhook client cannot be built: {0}")]
    Client(#[from] reqwest::Error),
    #[error(transparent)]
    Books(#[from] BooksError),
}

/// Sends what the books hand out.
pub struct Deliverer {
    core: Arc<Core>,
    client: reqwest::Client,
    url: String,
}

impl Deliverer {
    /// `url` is where the marketplace takes the sandbox's webhooks.
    pub fn new(core: Arc<Core>, url: &str) -> Result<Deliverer, DeliverError> {
        Ok(Deliverer { core, client: loopback_client(PATIENCE)?, url: url.to_owned() })
    }

    /// Sends for ever; drop the future to stop. What was being sent comes again after its lease.
    pub async fn run(self) {
        loop {
            match self.send_due().await {
                Ok(0) => tokio::time::sleep(LOOK_EVERY).await,
                Ok(_) => {}
                Err(error) => {
                    tracing::error!(%error, "the sandbox's webhooks cannot be sent");
                    tokio::time::sleep(PATIENCE).await;
                }
            }
        }
    }

    /// Sends what is due now and says how many that were.
    pub async fn send_due(&self) -> Result<usize, DeliverError> {
        let due = self.core.due_webhooks(self.core.now()).await?;
        let count = due.len();
        let mut sending = JoinSet::new();
        for webhook in due {
            if sending.len() == PARALLEL_MAX {
                self.report(sending.join_next().await).await?;
            }
            sending.spawn(send(self.client.clone(), self.url.clone(), webhook));
        }
        while !sending.is_empty() {
            self.report(sending.join_next().await).await?;
        }
        Ok(count)
    }

    async fn report(&self, sent: Option<Joined>) -> Result<(), BooksError> {
        // A sender that panicked reports nothing: its lease brings the delivery back.
        if let Some(Ok((delivery, outcome))) = sent {
            self.core.delivered(delivery, outcome).await?;
        }
        Ok(())
    }
}

type Joined = Result<(i64, Delivery), tokio::task::JoinError>;

async fn send(client: reqwest::Client, url: String, webhook: OutgoingWebhook) -> (i64, Delivery) {
    let mut request = client.post(url);
    for (name, value) in webhook.headers {
        request = request.header(name, value);
    }
    let outcome = match request.body(webhook.body).send().await {
        Ok(response) if response.status().is_success() => Delivery::Accepted,
        Ok(_) | Err(_) => Delivery::Failed,
    };
    (webhook.delivery, outcome)
}
