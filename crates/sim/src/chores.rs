//! What a node does of itself: recovery, webhooks, wake-ups, reconciliation.

use server::app::App;
use server::{inbound, jobs};
use store::Error;

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
