//! An administrator decides: approve, reject, process; a failed refund is processed again.

use super::left;
use super::record::tell;
use super::start::restart;
use crate::command::{Command, Lanes};
use crate::context::Context;
use crate::id::{Id, OpId, PersonId, RefundId};
use crate::records::{Refund, RefundState, Word};
use crate::refusal::Refusal;
use crate::world::{Needs, World};

/// Characters.
pub const NOTES_MAX: usize = 2_000;

/// What the administrator wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Moves no money, unless the policy says that approving also sends (BR-46).
    Approve,
    ApproveAndSend,
    Reject,
    /// Sends what is approved, or what failed before.
    Send,
}

#[derive(Clone, Debug)]
pub struct Review {
    pub refund: RefundId,
    pub by: PersonId,
    pub verdict: Verdict,
    /// `None` leaves what was written before.
    pub notes: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Reviewed {
    pub refund: Refund,
    /// The operation to drive, or that was driven before; `None` where no money moves.
    pub op: Option<OpId>,
    /// False when this had been decided before.
    pub changed: bool,
}

impl Command for Review {
    type Receipt = Reviewed;

    fn lanes(&self, lanes: &mut Lanes) {
        lanes.insert(self.refund.lane());
    }

    fn needs(&self, world: &World, needs: &mut Needs) {
        needs.refunds.key(self.refund);
        let Some(refund) = world.refunds.peek(&self.refund) else { return };
        needs.payments.key(refund.payment);
        if let Some(payment) = world.payments.peek(&refund.payment) {
            super::needs(needs, payment);
        }
    }

    fn decide(&self, cx: &Context<'_>, world: &mut World) -> Result<Reviewed, Refusal> {
        use {RefundState as S, Verdict as V};
        let refund = world.refunds.get(&self.refund).ok_or(Refusal::NotFound)?.clone();
        if self.notes.as_ref().is_some_and(|notes| notes.chars().count() > NOTES_MAX) {
            return Err(Refusal::invalid("admin_notes", format!("At most {NOTES_MAX} characters.")));
        }
        match (refund.state, self.verdict) {
            (S::Requested, V::Approve) if !cx.policies.refunds.approve_processes => {
                self.note(cx, world, S::Approved);
                Ok(self.reviewed(world, None))
            }
            (S::Requested, V::Approve | V::ApproveAndSend) => {
                self.note(cx, world, S::Approved);
                self.send(cx, world)
            }
            (S::Approved | S::Failed, V::ApproveAndSend | V::Send) => self.send(cx, world),
            (S::Requested | S::Approved, V::Reject) => {
                self.note(cx, world, S::Rejected);
                Ok(self.reviewed(world, None))
            }
            // Asked for again: what was decided stands.
            (S::Approved, V::Approve) | (S::Rejected, V::Reject) => {
                Ok(Reviewed { refund, op: None, changed: false })
            }
            (S::Processing | S::Processed, V::Approve | V::ApproveAndSend | V::Send) => {
                let op = refund.op;
                Ok(Reviewed { refund, op, changed: false })
            }
            (S::Processing | S::Processed | S::Failed, V::Reject)
            | (S::Rejected, V::Approve | V::ApproveAndSend | V::Send)
            | (S::Requested, V::Send)
            | (S::Failed, V::Approve) => Err(Refusal::WrongState),
        }
    }
}

impl Review {
    fn note(&self, cx: &Context<'_>, world: &mut World, state: RefundState) {
        let before = world.refunds.get(&self.refund).expect("loaded").state;
        world.refunds.update(&self.refund, |refund| {
            refund.state = state;
            refund.reviewed_by = Some(self.by);
            refund.reviewed_at = Some(cx.now);
            refund.updated_at = cx.now;
        });
        self.sign(cx, world, before);
        if state == RefundState::Rejected {
            let refund = world.refunds.get(&self.refund).expect("just changed").clone();
            tell(cx, world, &refund, "refund.rejected", format!("{}:rejected", refund.id));
        }
    }

    fn send(&self, cx: &Context<'_>, world: &mut World) -> Result<Reviewed, Refusal> {
        let refund = world.refunds.get(&self.refund).expect("loaded").clone();
        let payment = world.payments.get(&refund.payment).expect("loaded with its refund");
        if refund.amount_minor > left(cx.policies, payment).minor {
            return Err(Refusal::RefundExceedsRemaining);
        }
        let op = restart(cx, world, refund.id, refund.amount())?;
        self.sign(cx, world, refund.state);
        Ok(self.reviewed(world, Some(op)))
    }

    /// Leaves the notes, and who did what.
    fn sign(&self, cx: &Context<'_>, world: &mut World, before: RefundState) {
        if let Some(notes) = &self.notes {
            world.refunds.update(&self.refund, |refund| refund.admin_notes.clone_from(notes));
        }
        let refund = world.refunds.get(&self.refund).expect("loaded");
        let (after, amount) = (refund.state.word(), refund.amount_minor);
        let change = format!(r#"{{"before":"{}","after":"{after}","amount_minor":{amount}}}"#, before.word());
        let object = ("refund", self.refund.raw(), self.refund.lane());
        world.audit(cx, Some(self.by), "refund.review", object, change);
    }

    fn reviewed(&self, world: &World, op: Option<OpId>) -> Reviewed {
        let refund = world.refunds.get(&self.refund).expect("loaded").clone();
        Reviewed { refund, op, changed: true }
    }
}
