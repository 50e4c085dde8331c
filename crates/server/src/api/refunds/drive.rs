//! Driving refunds at their gateway before an answer: a task of its own, because neither patience
//! nor the client's connection decides whether the money moves.

use std::time::Duration;

use domain::id::OpId;
use tokio::task::JoinSet;

use crate::app::App;
use crate::protocol::Protocol;

/// A call takes eight seconds at most; what is not known by then is processing.
const ANSWER_WITHIN: Duration = Duration::from_secs(12);
/// Together they answer within the twenty seconds of a request.
const ALL_WITHIN: Duration = Duration::from_secs(16);
const AT_ONCE_MAX: usize = 16;

/// Whether the gateway may be asked before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    AtOnce,
    /// Somebody only asks again: nobody can hurry the gateway.
    WhenDue,
}

/// Takes a refund's operation in hand, or waits for who has it.
pub(crate) async fn drive(protocol: &Protocol, op: OpId, pace: Pace) -> Result<(), store::Error> {
    let Some(op) = protocol.find(op).await? else { return Ok(()) };
    if protocol.take(&op, false, pace == Pace::AtOnce).await?.is_none() {
        // Somebody else is at it, or it is over: his outcome is ours.
        protocol.join(op.id).await?;
    }
    Ok(())
}

/// Drives one refund as far as it goes in time.
pub(super) async fn settle(app: &App, op: OpId, pace: Pace) {
    let protocol = app.protocol.clone();
    let task = tokio::spawn(async move { drive(&protocol, op, pace).await });
    match tokio::time::timeout(ANSWER_WITHIN, task).await {
        Ok(Ok(Err(error))) => tracing::warn!(op.id = op.0, %error, "a refund waits for recovery"),
        Ok(Err(error)) => tracing::error!(op.id = op.0, %error, "driving a refund failed"),
        Ok(Ok(Ok(()))) | Err(_) => {}
    }
}

/// Drives many, some at once; whoever is not done in time goes on behind the answer.
pub(super) async fn settle_all(app: &App, ops: Vec<OpId>) {
    let app = app.clone();
    let task = tokio::spawn(async move {
        let mut running = JoinSet::new();
        for op in ops {
            if running.len() == AT_ONCE_MAX {
                running.join_next().await;
            }
            let app = app.clone();
            running.spawn(async move { settle(&app, op, Pace::AtOnce).await });
        }
        running.join_all().await;
    });
    if let Ok(Err(error)) = tokio::time::timeout(ALL_WITHIN, task).await {
        tracing::error!(%error, "driving refunds failed");
    }
}
