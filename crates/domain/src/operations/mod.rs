//! Operations: one attempt at one gateway each, driven by the protocol for unknown outcomes.
//!
//! Invariants: an operation is committed before its first call; every call has one fixed key; only
//! the holder of the newest fence may go on; a time-out is `Unknown`, never failed; a live operation
//! always has a wake-up. Deliberately not here: what an outcome means for payment or refund.

mod claim;
mod ticket;

pub(crate) use claim::hold;
pub use claim::{Claim, Claimed};
pub use ticket::{Rail, Ticket, retry_at};

pub use crate::gateway::DRAIN;
use crate::gateway::{Answer, Decline};
use crate::id::OpId;
use crate::records::{Op, OpState};
use crate::time::{Span, Timestamp};
use crate::world::World;

/// What was heard of an operation's object.
#[derive(Clone, Debug, PartialEq)]
pub enum Heard<T> {
    Answer(Answer<T>),
    /// A complete list of what the gateway has does not contain it. Proves nothing while a request
    /// can still arrive.
    Absent,
}

/// What follows from what was heard.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Go on with this call.
    Next(Box<Ticket>),
    /// The operation is final.
    Over,
    /// Somebody else must act before its deadline.
    Waiting,
    /// Nobody knows; recovery will ask again.
    Unknown,
    /// A newer holder has taken over; what was reported is recorded, and that is all.
    Superseded,
    /// It was not sent and never will be; nothing was charged.
    NotSent,
}

/// Why a charge ended whose only call never left.
const UNREACHABLE: &str = "gateway_unavailable";

impl Op {
    /// It ended because its gateway could not be reached, not because somebody ended it.
    pub fn was_never_sent(&self) -> bool {
        self.state == OpState::Cancelled && self.error.as_deref() == Some(UNREACHABLE)
    }

    /// Its only call never left: nothing can have happened.
    pub(crate) fn never_left(&mut self, reason: &str, now: Timestamp) {
        self.error = Some(UNREACHABLE.into());
        self.error_message = Some(reason.to_string());
        self.end(OpState::Cancelled, now);
    }

    /// Ends the operation: nothing is left to wait for.
    pub fn end(&mut self, state: OpState, now: Timestamp) {
        self.state = state;
        self.lease_until = None;
        self.wake_at = None;
        self.updated_at = now;
    }

    /// Somebody is calling the gateway right now, or died trying.
    pub fn held(&self, now: Timestamp) -> bool {
        self.lease_until.is_some_and(|until| until > now)
    }

    /// Nobody knows: recovery asks again after a while, or when the gateway said.
    pub fn becomes_unknown(&mut self, retry_after: Option<Span>, now: Timestamp) {
        self.state = OpState::Unknown;
        self.lease_until = None;
        let scheduled = retry_at(self.tries, now);
        self.wake_at = Some(retry_after.map_or(scheduled, |span| scheduled.max(now + span)));
        self.updated_at = now;
    }

    /// Somebody else must act; we look again at the deadline, or sooner by schedule.
    pub fn waits(&mut self, now: Timestamp) {
        self.state = OpState::Waiting;
        self.lease_until = None;
        let scheduled = retry_at(self.tries, now);
        self.wake_at = Some(self.deadline.map_or(scheduled, |deadline| deadline.max(now)));
        self.updated_at = now;
    }

    pub fn note_decline(&mut self, decline: &Decline) {
        self.error = Some(decline.code.clone());
        self.decline_code.clone_from(&decline.decline_code);
        self.error_message = Some(decline.message.clone());
    }

    /// Asks for its end at the gateway as soon as somebody can look.
    pub fn want_cancel(&mut self, now: Timestamp) {
        self.cancel_wanted = true;
        if self.lease_until.is_none() {
            self.wake_at = Some(now);
        }
    }
}

/// Asks that a live operation be ended at its gateway. Its outcome still counts if money moved.
pub fn want_cancel(world: &mut World, op: OpId, now: Timestamp) {
    world.ops.update(&op, |op| {
        if op.state.live() {
            op.want_cancel(now);
        }
    });
}
