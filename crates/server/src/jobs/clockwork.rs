//! The sandbox's clock: durable, shared by all nodes, and moved only forward.

use domain::records::Setting;
use domain::time::{Span, Timestamp};
use domain::upkeep::{AdvanceClock, CLOCK_OFFSET};
use store::Error;

use super::run_until_idle;
use crate::app::{App, Sandbox};

/// Takes over what another node, or this one before its restart, has advanced.
pub(super) async fn follow(app: App) -> Result<usize, Error> {
    let Some(sandbox) = &app.sandbox else { return Ok(0) };
    let stored = app.db.read(|reads| reads.find::<Setting>(&CLOCK_OFFSET.to_owned())).await?;
    let offset = stored.and_then(|setting| setting.value.parse().ok()).map_or(Span::ZERO, Span);
    sandbox.clock.catch_up(offset);
    Ok(0)
}

/// Moves the clock forward and does all that has become due. What time it is then.
pub async fn advance(app: &App, sandbox: &Sandbox, by: Span) -> Result<Timestamp, Error> {
    let offset = app.db.record(AdvanceClock { by }).await?;
    sandbox.clock.catch_up(offset);
    let now = app.clock.now();
    if let Err(error) = sandbox.gateway.settle_due(now).await {
        tracing::warn!(%error, "the sandbox could not follow the clock");
    }
    run_until_idle(app).await;
    Ok(now)
}
