//! What a node does of itself: recovery, webhooks, wake-ups, reconciliation.

use std::sync::Arc;

use domain::bookings::Tick;
use domain::payments::Release;
use domain::time::{Span, Timestamp};
use gateways::gateway::Gateway;
use gateways::sandbox::Delivery;
use server::app::App;
use server::protocol::reconcile;
use store::Error;

use crate::market::Market;
use crate::stand_in;
use crate::wire::FlakyGateway;

/// Looked at in one round.
const ROUND_MAX: usize = 64;

/// One of the things a node does of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chore {
    Recover,
    /// Bookings and payments whose time has come.
    Wake,
    Inbox,
    Reconcile,
}

impl Chore {
    pub async fn run(self, app: App, gateway: Arc<FlakyGateway>) -> Result<(), Error> {
        match self {
            Chore::Recover => {
                let now = app.clock.now();
                app.protocol.recover(now).await.map(drop)
            }
            Chore::Wake => wake(&app).await,
            Chore::Inbox => stand_in::work_off(app).await,
            Chore::Reconcile => {
                let since = Timestamp(app.clock.now().0 - Span::days(3).0);
                let instance = app.policies.instance.clone();
                reconcile(&app.protocol, gateway.as_ref(), &instance, since).await.map(drop)
            }
        }
    }
}

async fn wake(app: &App) -> Result<(), Error> {
    let now = app.clock.now();
    let bookings = app.db.read(move |reads| reads.due_bookings(now, ROUND_MAX)).await?;
    for booking in bookings {
        app.db.record(Tick { booking: booking.id, payer: booking.payer }).await?;
    }
    let payments = app.db.read(move |reads| reads.due_payments(now, ROUND_MAX)).await?;
    for payment in payments {
        app.db.record(Release { payment: payment.id }).await?;
    }
    Ok(())
}

/// What becomes of one webhook on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Post {
    Arrives,
    Lost,
    Twice,
}

/// The gateway sends what is due. `fate` is asked for each.
pub async fn deliver_webhooks(market: &Market, mut fate: impl FnMut() -> Post) -> Result<usize, Error> {
    let due = market.core.due_webhooks(market.now()).await.unwrap_or_default();
    let count = due.len();
    for webhook in due {
        let times = match fate() {
            Post::Lost => 0,
            Post::Arrives => 1,
            Post::Twice => 2,
        };
        for _ in 0..times {
            stand_in::receive(&market.app, market.gateway.as_ref() as &dyn Gateway, &webhook).await?;
        }
        let outcome = if times == 0 { Delivery::Failed } else { Delivery::Accepted };
        if market.core.delivered(webhook.delivery, outcome).await.is_err() {
            // The books are in memory: this cannot be. It would come again, as a duplicate.
            return Ok(count);
        }
    }
    Ok(count)
}
