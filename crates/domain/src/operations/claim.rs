//! Taking an operation in hand: by recovery, by whoever wants it ended, by a client's confirmation.

use super::ticket::{Rail, Ticket};
use crate::command::{Command, Lanes};
use crate::context::Context;
use crate::id::{Id, OpId};
use crate::records::{Call, Op, OpKind, OpState};
use crate::refusal::Refusal;
use crate::world::{Needs, World};

/// Takes the lease of an operation and tells which call comes next.
#[derive(Clone, Debug)]
pub struct Claim {
    pub op: OpId,
    pub rail: Rail,
    /// End it at the gateway rather than bring it to success.
    pub cancel: bool,
    /// Look now even if its wake-up is later (a webhook came, somebody asks).
    pub at_once: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Claimed {
    Go(Box<Ticket>),
    /// Another holder's lease is running.
    Busy,
    /// It is final, and nothing is left to do at the gateway.
    Over,
    /// Its time has not come.
    NotYet,
}

impl Command for Claim {
    type Receipt = Claimed;

    fn lanes(&self, lanes: &mut Lanes) {
        lanes.insert(self.op.lane());
    }

    fn needs(&self, _world: &World, needs: &mut Needs) {
        needs.ops.key(self.op);
    }

    fn decide(&self, cx: &Context<'_>, world: &mut World) -> Result<Claimed, Refusal> {
        let op = world.ops.get(&self.op).ok_or(Refusal::NotFound)?.clone();
        if !op.state.live() && op.wake_at.is_none() {
            return Ok(Claimed::Over);
        }
        if op.held(cx.now) {
            return Ok(Claimed::Busy);
        }
        if !self.at_once && !self.cancel && op.wake_at.is_some_and(|at| at > cx.now) {
            return Ok(Claimed::NotYet);
        }
        let overdue = op.deadline.is_some_and(|deadline| deadline <= cx.now) && op.state == OpState::Waiting;
        let mut held = op.clone();
        held.cancel_wanted |= self.cancel || overdue;
        hold(cx, &mut held);
        let call = next_call(cx, &held, &self.rail);
        world.ops.update(&self.op, |op| *op = held.clone());
        Ok(Claimed::Go(Box::new(Ticket::of(cx, &held, call, &self.rail))))
    }
}

/// Gives the lease to the present caller: a higher fence makes older holders stop.
pub(crate) fn hold(cx: &Context<'_>, op: &mut Op) {
    if matches!(op.state, OpState::Intent | OpState::Unknown) {
        op.state = OpState::InFlight;
    }
    let until = cx.now + cx.policies.lease;
    op.fence += 1;
    op.tries += 1;
    op.lease_until = Some(until);
    op.first_sent_at = op.first_sent_at.or(Some(cx.now));
    op.wake_at = Some(until);
    op.updated_at = cx.now;
}

/// With the gateway's id we ask (or end) the object itself, which can never charge twice. Without
/// it the creating call is repeated under its own key, but only while the gateway remembers the key;
/// afterwards only lists tell.
fn next_call(cx: &Context<'_>, op: &Op, rail: &Rail) -> Call {
    let charge = op.kind == OpKind::Charge;
    match (&op.reference, op.cancel_wanted) {
        (Some(_), true) if charge => Call::Cancel,
        // Repeating a call that charges is no way to end it.
        (None, true) if rail.one_call => Call::Find,
        (None, _) if rail.may_repeat(cx, op) => Call::Create,
        (Some(_) | None, _) => Call::Find,
    }
}
