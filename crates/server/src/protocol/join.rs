//! Waiting for an operation that somebody else drives.

use std::time::Duration;

use domain::id::OpId;
use domain::records::{Op, OpState};
use store::Error;

use super::Protocol;

const LOOK_EVERY: Duration = Duration::from_millis(50);
/// A repeated request waits ten seconds for the first one's answer.
const LOOKS: u32 = 200;

impl Protocol {
    /// The operation once its holder is done with it, or as it stands when patience ends. Looks at
    /// the database, so it does not matter which node drives.
    pub async fn join(&self, id: OpId) -> Result<Option<Op>, Error> {
        for _ in 0..LOOKS {
            let op = self.find(id).await?;
            let held = op.as_ref().is_some_and(|op| matches!(op.state, OpState::Intent | OpState::InFlight));
            if !held {
                return Ok(op);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        self.find(id).await
    }
}
