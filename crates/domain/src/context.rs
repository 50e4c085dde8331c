//! What a decision may look at besides the world: the instant, the settings, where the request came
//! from, and, in the simulator, which rule has been removed on purpose.

use crate::policy::Policies;
use crate::time::Timestamp;

/// What a decision may look at besides the world.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    pub now: Timestamp,
    pub policies: &'a Policies,
    pub plants: Plants,
    /// `<address> <request id>` of the request behind this; nothing for the system's own work. Only the
    /// audit keeps it: no rule depends on it.
    pub origin: Option<&'a str>,
}

/// Rules that the simulator can remove to prove that it would notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plant {
    /// Call the gateway before the intent is committed.
    Intent,
    /// A new key for every try.
    SameKey,
    /// Two live operations for one payable.
    Unique,
    /// A time-out means "failed".
    Timeout,
    /// Apply a result without comparing the state first.
    CompareAndSet,
    /// Repeat a call after the gateway forgot its key.
    Window,
    /// Believe "not found" while the request can still arrive.
    EarlyLookUp,
    /// Believe "not found" at the end of the key's window though a request may still travel.
    Drain,
    /// Believe what a webhook says instead of asking.
    Refetch,
    /// Parts of a refund remember the parts before them, so that their cents add up.
    Split,
    /// Cancelling gives the money back.
    GiveBack,
    /// Nobody is at two places at once.
    Overlap,
    /// What is paid keeps its length.
    LengthFixed,
    /// A lesson is completed when it has ended.
    Ended,
    /// What is told again by the gateway is no news to anybody.
    LetterOnce,
}

/// The removed rules: none, and nothing to switch, in release builds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Plants {
    #[cfg(debug_assertions)]
    removed: Option<Plant>,
}

impl Plants {
    /// Everything in force except one rule.
    #[cfg(debug_assertions)]
    pub fn without(rule: Plant) -> Plants {
        Plants { removed: Some(rule) }
    }

    /// Whether a rule has been removed.
    #[cfg(debug_assertions)]
    pub fn removed(self, rule: Plant) -> bool {
        self.removed == Some(rule)
    }

    #[cfg(not(debug_assertions))]
    #[expect(clippy::unused_self, reason = "the same call in both builds")]
    pub fn removed(self, _rule: Plant) -> bool {
        false
    }
}
