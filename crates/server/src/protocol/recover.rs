//! Recovery: whatever a stopped node, a time-out or a waiting payer left behind is looked at again
//! by whichever node comes first.

use domain::id::OpId;
use domain::records::Op;
use domain::time::Timestamp;
use store::Error;
use tokio::task::{JoinError, JoinSet};

use super::{Driven, Protocol};

/// Operations looked at in one round.
const ROUND_MAX: usize = 64;

/// A gateway that does not answer holds up so many, not all.
const AT_ONCE_MAX: usize = 32;

/// What a round of recovery did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Operations that were due.
    pub due: usize,
    /// Of these, how many this node took in hand.
    pub taken: usize,
}

type Taken = Result<(OpId, Result<Option<Driven>, Error>), JoinError>;

impl Recovered {
    fn count(&mut self, taken: Option<Taken>) {
        match taken {
            Some(Ok((_, Ok(Some(_))))) => self.taken += 1,
            Some(Ok((_, Ok(None)))) | None => {}
            Some(Ok((op, Err(error)))) => {
                tracing::warn!(op.id = op.0, %error, "an operation could not be recovered");
            }
            Some(Err(panic)) => tracing::error!(%panic, "recovery panicked"),
        }
    }
}

impl Protocol {
    /// Takes in hand the operations whose time has come. A failure of one does not stop the others.
    pub async fn recover(&self, now: Timestamp) -> Result<Recovered, Error> {
        let due: Vec<Op> = self.db.read(move |reads| reads.due_ops(now, ROUND_MAX)).await?;
        let mut recovered = Recovered { due: due.len(), taken: 0 };
        let mut running = JoinSet::new();
        for op in due {
            if running.len() == AT_ONCE_MAX {
                recovered.count(running.join_next().await);
            }
            let protocol = self.clone();
            running.spawn(async move { (op.id, protocol.take(&op, false, false).await) });
        }
        while !running.is_empty() {
            recovered.count(running.join_next().await);
        }
        Ok(recovered)
    }
}
