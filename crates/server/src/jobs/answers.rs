//! Forgetting what has a time and is over it: kept answers, logins nobody finished.

use domain::people::ForgetSlips;
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

/// Logins live in real time.
pub(super) async fn forget_slips(app: &App) -> Result<(), Error> {
    let real_now = app.real_clock.now();
    for _ in 0..BATCHES_MAX {
        let names = app.db.read(move |reads| reads.expired_slips(real_now, BATCH)).await?;
        let full = names.len() == BATCH;
        app.db.record(ForgetSlips { names, real_now }).await?;
        if !full {
            break;
        }
    }
    Ok(())
}
