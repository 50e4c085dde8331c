//! What a node does of itself: recovery, webhooks, wake-ups, reconciliation.

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use gateways::sandbox::{Delivery, OutgoingWebhook};
use server::app::App;
use server::{inbound, jobs};
use store::Error;
use tower::ServiceExt;

use crate::market::Market;

/// Where the gateway sends its webhooks.
const WEBHOOKS: &str = "/api/payments/webhooks/sandbox/";

/// One of the things a node does of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chore {
    Recover,
    Inbox,
    Reconcile,
    /// One round of all background work there is.
    Everything,
}

impl Chore {
    pub async fn run(self, app: App) -> Result<(), Error> {
        match self {
            Chore::Recover => {
                let now = app.clock.now();
                app.protocol.recover(now).await.map(drop)
            }
            Chore::Inbox => inbound::round(app).await.map(drop),
            Chore::Reconcile => jobs::reconcile_all(&app, None).await.map(drop),
            Chore::Everything => {
                jobs::run_due(&app).await;
                Ok(())
            }
        }
    }
}

/// What becomes of one webhook on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Post {
    Arrives,
    Lost,
    Twice,
}

/// The gateway sends what is due, and `fate` is asked for each. The statuses it was answered.
pub async fn deliver_webhooks(market: &Market, mut fate: impl FnMut() -> Post) -> Vec<u16> {
    let due = market.core.due_webhooks(market.now()).await.unwrap_or_default();
    let mut statuses = Vec::new();
    for webhook in due {
        let times = match fate() {
            Post::Lost => 0,
            Post::Arrives => 1,
            Post::Twice => 2,
        };
        let mut outcome = Delivery::Failed;
        for _ in 0..times {
            let status = post(market.router.clone(), &webhook).await;
            statuses.push(status);
            if status == 200 {
                outcome = Delivery::Accepted;
            }
        }
        // In memory nothing can be lost; if it were, the webhook would come again.
        let _written = market.core.delivered(webhook.delivery, outcome).await;
    }
    statuses
}

async fn post(router: Router, webhook: &OutgoingWebhook) -> u16 {
    let mut request = Request::post(WEBHOOKS);
    for (name, value) in &webhook.headers {
        request = request.header(*name, value);
    }
    let request = request.body(Body::from(webhook.body.clone())).expect("headers are plain");
    router.oneshot(request).await.expect("routers do not fail").status().as_u16()
}
