//! Telling people who watch what has just happened to what is theirs.
//!
//! One reader a node follows the events of all lanes, and only while somebody watches: a payment is no
//! dearer for it. Whoever watches hears his own events only; one that falls behind, or that was away, is
//! told what has changed instead of every step of it. Deliberately not here: the wire (`api`).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use domain::id::PersonId;
use store::Db;
use store::engine::Fault;
use store::reads::changes::{Positions, Told};
use tokio::sync::broadcast::{self, Receiver, Sender};

/// People who watch at once, on this node; and connections of one of them.
const WATCHERS_MAX: usize = 1_000;
const OF_ONE_MAX: usize = 4;
/// Events that wait for the slowest; then it is told to look for itself.
const BACKLOG: usize = 1_024;
/// Events of one lane read together.
const PAGE: usize = 500;
const PAUSE: Duration = Duration::from_millis(250);
const FAULT_PAUSE: Duration = Duration::from_secs(2);

/// Hands out what happens.
pub struct Notices {
    db: Db,
    /// The reader's outlet while it runs.
    outlet: tokio::sync::Mutex<Option<Sender<Arc<Told>>>>,
    watching: Mutex<Watching>,
}

#[derive(Default)]
struct Watching {
    all: usize,
    of: BTreeMap<PersonId, usize>,
    closed: bool,
}

/// One who watches; he counts until he is dropped.
pub struct Watch {
    pub events: Receiver<Arc<Told>>,
    _place: Place,
}

struct Place {
    notices: Arc<Notices>,
    person: PersonId,
}

/// Why somebody cannot watch now.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    #[error("too many watch already")]
    Full,
    #[error(transparent)]
    Store(#[from] Fault),
}

impl Notices {
    pub fn new(db: Db) -> Notices {
        Notices { db, outlet: tokio::sync::Mutex::default(), watching: Mutex::default() }
    }

    /// From now on, whatever is committed after this answer is heard.
    pub async fn watch(self: &Arc<Notices>, person: PersonId) -> Result<Watch, WatchError> {
        let place = self.enter(person)?;
        let mut outlet = self.outlet.lock().await;
        let events = if let Some(sender) = outlet.as_ref() {
            sender.subscribe()
        } else {
            #[expect(
                clippy::redundant_closure_for_method_calls,
                reason = "the method is for one lifetime only"
            )]
            let seen = self.db.read(|reads| reads.positions()).await?;
            let (sender, events) = broadcast::channel(BACKLOG);
            *outlet = Some(sender.clone());
            tokio::spawn(follow(Arc::clone(self), sender, seen));
            events
        };
        Ok(Watch { events, _place: place })
    }

    /// Ends every watch: the server stops.
    pub async fn close(&self) {
        self.watching.lock().expect("nothing panics while counting").closed = true;
        *self.outlet.lock().await = None;
    }

    fn is_closed(&self) -> bool {
        self.watching.lock().expect("nothing panics while counting").closed
    }

    fn enter(self: &Arc<Notices>, person: PersonId) -> Result<Place, WatchError> {
        let mut watching = self.watching.lock().expect("nothing panics while counting");
        let own = watching.of.get(&person).copied().unwrap_or(0);
        if watching.closed || watching.all >= WATCHERS_MAX || own >= OF_ONE_MAX {
            return Err(WatchError::Full);
        }
        watching.all += 1;
        *watching.of.entry(person).or_default() += 1;
        Ok(Place { notices: Arc::clone(self), person })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut watching = self.notices.watching.lock().expect("nothing panics while counting");
        watching.all -= 1;
        let own = watching.of.entry(self.person).or_default();
        *own -= 1;
        if *own == 0 {
            watching.of.remove(&self.person);
        }
    }
}

/// Follows the events until nobody listens any more.
async fn follow(notices: Arc<Notices>, sender: Sender<Arc<Told>>, mut seen: Positions) {
    loop {
        tokio::time::sleep(PAUSE).await;
        if notices.is_closed() {
            return;
        }
        if sender.receiver_count() == 0 {
            let mut outlet = notices.outlet.lock().await;
            // Somebody may have come while we waited for the lock.
            if sender.receiver_count() == 0 {
                *outlet = None;
                return;
            }
        }
        let mut positions = seen.clone();
        let read = notices.db.read(move |reads| {
            let told = reads.events_after(&mut positions, PAGE)?;
            Ok((told, positions))
        });
        match read.await {
            Ok((told, positions)) => {
                seen = positions;
                for told in told {
                    // Nobody there is no reason to stop: the next round finds out.
                    let _listeners = sender.send(Arc::new(told));
                }
            }
            Err(error) => {
                tracing::warn!(%error, "events cannot be followed");
                tokio::time::sleep(FAULT_PAUSE).await;
            }
        }
    }
}
