//! The payer's client confirms an open intent through us.

use super::begin::Method;
use crate::command::{Command, Lanes};
use crate::context::Context;
use crate::id::{Id, OpId, PersonId};
use crate::operations::{Claimed, Rail, Ticket};
use crate::records::{Call, OpState};
use crate::refusal::Refusal;
use crate::world::{Needs, World};

/// Claims a waiting charge for its confirmation, perhaps with another method.
#[derive(Clone, Debug)]
pub struct ConfirmIntent {
    pub op: OpId,
    pub payer: PersonId,
    pub rail: Rail,
    pub method: Option<Method>,
}

impl Command for ConfirmIntent {
    type Receipt = Claimed;

    fn lanes(&self, lanes: &mut Lanes) {
        lanes.insert(self.op.lane());
    }

    fn needs(&self, _world: &World, needs: &mut Needs) {
        needs.ops.key(self.op);
    }

    fn decide(&self, cx: &Context<'_>, world: &mut World) -> Result<Claimed, Refusal> {
        let op =
            world.ops.get(&self.op).filter(|op| op.payer == self.payer).ok_or(Refusal::NotFound)?.clone();
        if !op.state.live() {
            return Ok(Claimed::Over);
        }
        if op.held(cx.now) || op.state != OpState::Waiting || op.cancel_wanted {
            return Ok(Claimed::Busy);
        }
        let mut held = op;
        // A confirmation with another card is another request: it needs a key of its own.
        if let Some(method) = &self.method {
            held.method = Some(method.token.clone());
            held.customer.clone_from(&method.customer);
        }
        crate::operations::hold(cx, &mut held);
        held.error = None;
        held.decline_code = None;
        held.error_message = None;
        let mut ticket = Ticket::of(cx, &held, Call::Confirm, &self.rail);
        ticket.key = format!("{}:{}", ticket.key, held.tries);
        world.ops.update(&self.op, |op| *op = held.clone());
        Ok(Claimed::Go(Box::new(ticket)))
    }
}
