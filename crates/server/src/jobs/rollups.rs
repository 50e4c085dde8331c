//! Adding what commits have changed to the reports' sums.
//!
//! Nobody waits for it, because whoever reads a report adds the waiting changes himself: so little is
//! done at a time, with a pause after it, that payments do not notice. Only a long queue is worked off
//! without pauses.

use domain::rollups::Fold;
use store::Error;

use crate::app::App;

/// Changes looked at in one round; as many are a long queue.
const ROUND: usize = 512;
/// Folded in one commit: about so many bytes, and so some hundred payments. More of them share more of
/// the sums, and keep others waiting for longer.
const BYTES: usize = 256 * 1024;

/// How many were folded, or 0 when the next round may wait.
pub(super) async fn fold(app: App) -> Result<usize, Error> {
    let (folded, waiting) = fold_some(&app).await?;
    Ok(if waiting < ROUND { 0 } else { folded })
}

/// Folds all that waits.
pub async fn fold_all(app: &App) -> Result<(), Error> {
    while fold_some(app).await?.0 > 0 {}
    Ok(())
}

/// How many were folded, and how many had been looked at.
async fn fold_some(app: &App) -> Result<(usize, usize), Error> {
    let waiting = app.db.read(|reads| reads.waiting_deltas(None, ROUND)).await?;
    let mut bytes = 0;
    let some = waiting.iter().take_while(|delta| {
        let begun = bytes < BYTES;
        bytes += delta.body.len();
        begun
    });
    let some = some.count();
    if some == 0 {
        return Ok((0, 0));
    }
    let Some(fold) = Fold::of(&waiting[..some]) else {
        tracing::error!("a change of the reports' sums cannot be read: run `bursar verify`");
        return Ok((0, 0));
    };
    Ok((app.db.record(fold).await?, waiting.len()))
}
