//! Forgetting kept answers whose time is over.

use domain::upkeep::ForgetAnswers;
use store::Error;

use crate::app::App;

/// Forgotten in one commit.
const BATCH: usize = 256;
/// What is left after so many batches waits for the next turn.
const BATCHES_MAX: usize = 200;

pub(super) async fn forget(app: &App) -> Result<(), Error> {
    for _ in 0..BATCHES_MAX {
        let now = app.clock.now();
        let keys = app.db.read(move |reads| reads.expired_answers(now, BATCH)).await?;
        let full = keys.len() == BATCH;
        let gone = app.db.record(ForgetAnswers { keys }).await?;
        if !full || gone == 0 {
            break;
        }
    }
    Ok(())
}
