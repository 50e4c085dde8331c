//! Background work: a list of parts, each asked again and again for what is due, on every node.
//!
//! Invariants: there is no leader, because whatever is due is taken under a lease or by
//! compare-and-set; a part that fails or panics is logged and goes on, and disturbs no other; what a
//! stopped node leaves behind is due again. Deliberately not here: what became of the work.

mod alerting;
mod answers;
mod booking_letters;
mod cards;
mod clockwork;
mod erasing;
mod gateways;
mod letters;
mod meetings;
mod queue;
mod refund_letters;
mod rollups;
mod schedules;
mod sealing;

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use store::Error;
use tokio::task::JoinSet;

use crate::app::App;
use crate::http::server::Stop;
use crate::inbound;

pub use clockwork::{advance, elapse};
pub(crate) use erasing::{forget_again, settle_erasures};
pub use meetings::{Standing, settle};
pub use rollups::fold_all;
pub use schedules::reconcile_all;

/// More rounds than a jump of the clock over any real marketplace needs.
const ROUNDS_MAX: usize = 1_000;
/// After a failure: the database is away, or something is wrong.
const FAULT_PAUSE: Duration = Duration::from_secs(1);
const OFTEN: Duration = Duration::from_millis(200);
const SELDOM: Duration = Duration::from_secs(2);

type Round = Pin<Box<dyn Future<Output = Result<usize, Error>> + Send>>;

/// One kind of background work.
#[derive(Clone, Copy)]
struct Part {
    name: &'static str,
    /// The pause after a round that found nothing.
    idle: Duration,
    /// Does what is due, at most a bounded number of things; how many it did.
    round: fn(App) -> Round,
}

const PARTS: [Part; 9] = [
    Part { name: "clock", idle: OFTEN, round: |app| Box::pin(clockwork::follow(app)) },
    Part { name: "sandbox webhooks", idle: OFTEN, round: |app| Box::pin(gateways::deliver(app)) },
    Part { name: "inbox", idle: OFTEN, round: |app| Box::pin(inbound::round(app)) },
    Part { name: "operations", idle: OFTEN, round: |app| Box::pin(gateways::recover(app)) },
    Part { name: "bookings", idle: OFTEN, round: |app| Box::pin(schedules::bookings(app)) },
    Part { name: "payments", idle: OFTEN, round: |app| Box::pin(schedules::payments(app)) },
    Part { name: "jobs", idle: OFTEN, round: |app| Box::pin(queue::round(app)) },
    Part { name: "rollups", idle: OFTEN, round: |app| Box::pin(rollups::fold(app)) },
    Part { name: "housekeeping", idle: SELDOM, round: |app| Box::pin(schedules::housekeeping(app)) },
];

/// Does background work until the stop; running rounds are finished.
pub async fn run(app: App, stop: Stop) {
    let mut parts = JoinSet::new();
    for part in PARTS {
        parts.spawn(part.repeat(app.clone(), stop.clone()));
    }
    parts.join_all().await;
}

/// One round of everything that is due now; how many things were done.
pub async fn run_due(app: &App) -> usize {
    let mut done = 0;
    for part in PARTS {
        match (part.round)(app.clone()).await {
            Ok(count) => done += count,
            Err(error) => tracing::warn!(part = part.name, %error, "background work failed"),
        }
    }
    done
}

/// Everything that is due now, and what becomes due by doing it.
pub async fn run_until_idle(app: &App) {
    for _ in 0..ROUNDS_MAX {
        if run_due(app).await == 0 {
            return;
        }
    }
    tracing::warn!("background work did not come to rest");
}

impl Part {
    async fn repeat(self, app: App, stop: Stop) {
        while !stop.is_asked() {
            let pause = match tokio::spawn((self.round)(app.clone())).await {
                Ok(Ok(0)) => self.idle,
                Ok(Ok(_)) => Duration::ZERO,
                Ok(Err(error)) => {
                    tracing::warn!(part = self.name, %error, "background work failed");
                    FAULT_PAUSE
                }
                Err(panic) => {
                    tracing::error!(part = self.name, %panic, "background work panicked");
                    FAULT_PAUSE
                }
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = stop.asked() => {}
            }
        }
    }
}
