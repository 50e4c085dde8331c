//! Waiting for an operation that somebody else drives.

use std::time::Duration;

use domain::id::OpId;
use domain::records::{Op, OpState};
use store::Error;

use super::Protocol;

/// How long a repeated request waits for the first one's answer.
pub const PATIENCE: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(50);

impl Protocol {
    /// The operation once its holder is done with it, or as it stands when patience ends. Looks at
    /// the database, so it does not matter which node drives.
    pub async fn join(&self, id: OpId) -> Result<Option<Op>, Error> {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let op = self.find(id).await?;
            let held = op.as_ref().is_some_and(|op| matches!(op.state, OpState::Intent | OpState::InFlight));
            if !held || tokio::time::Instant::now() >= deadline {
                return Ok(op);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}
