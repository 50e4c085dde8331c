//! Adding what commits have changed to the reports' sums.

use domain::rollups::Fold;
use store::Error;

use crate::app::App;

/// Folded in one commit.
const BATCH: usize = 64;

pub(super) async fn fold(app: App) -> Result<usize, Error> {
    let waiting = app.db.read(|reads| reads.waiting_deltas(BATCH)).await?;
    if waiting.is_empty() {
        return Ok(0);
    }
    app.db.record(Fold { deltas: waiting.iter().map(|delta| delta.id).collect() }).await
}
