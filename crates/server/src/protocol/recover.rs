//! Recovery: whatever a stopped node, a time-out or a waiting payer left behind is looked at again
//! by whichever node comes first.

use domain::records::Op;
use domain::time::Timestamp;
use store::Error;

use super::Protocol;

/// Operations looked at in one round.
const ROUND_MAX: usize = 64;

/// What a round of recovery did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Operations that were due.
    pub due: usize,
    /// Of these, how many this node took in hand.
    pub taken: usize,
}

impl Protocol {
    /// Takes in hand the operations whose time has come. A failure of one does not stop the others.
    pub async fn recover(&self, now: Timestamp) -> Result<Recovered, Error> {
        let due: Vec<Op> = self.db.read(move |reads| reads.due_ops(now, ROUND_MAX)).await?;
        let mut recovered = Recovered { due: due.len(), taken: 0 };
        for op in due {
            match self.take(&op, false, false).await {
                Ok(Some(_)) => recovered.taken += 1,
                Ok(None) => {}
                Err(error) => tracing::warn!(op.id = op.id.0, %error, "an operation could not be recovered"),
            }
        }
        Ok(recovered)
    }
}
