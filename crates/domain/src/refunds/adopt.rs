//! Refunds that were made at the gateway by somebody else (BR-48): found by their webhook or by
//! reconciliation, and posted against the payment they belong to, or out of suspense when they
//! cannot belong to it.

use super::record::{claim_key, reported};
use super::{Asked, needs_of_op, refund_op, start};
use crate::command::{Fact, Lanes};
use crate::context::Context;
use crate::gateway::{RefundReport, RefundReportState};
use crate::id::{Id, OpId, PersonId};
use crate::ledger::{Phase, recipes};
use crate::records::{Op, Payment, RefundCause};
use crate::schedule;
use crate::world::{Needs, World};

/// The gateway has a refund that carries no mark of ours.
#[derive(Clone, Debug)]
pub struct Adopt {
    /// The charge it returns money of.
    pub charge: OpId,
    pub payer: PersonId,
    pub report: RefundReport,
}

/// What was made of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Adopted {
    /// We know it already, or it moved nothing.
    Known,
    /// The outcome of its charge is not known here yet: ask again later.
    NotYet,
    /// A refund of the payment like any other.
    Posted(OpId),
    /// More than the payment has left, or none of its money: a human must say whose it was.
    Suspense(OpId),
}

impl Fact for Adopt {
    type Receipt = Adopted;

    fn lanes(&self, lanes: &mut Lanes) {
        lanes.insert(self.charge.lane());
        lanes.insert(self.payer.lane());
    }

    fn needs(&self, world: &World, needs: &mut Needs) {
        needs.ops.key(self.charge);
        let Some(charge) = world.ops.peek(&self.charge) else { return };
        needs.claims.key(claim_key(charge, &self.report.reference));
        needs.payments.key(charge.payment);
        let Some(payment) = world.payments.peek(&charge.payment) else { return };
        super::needs(needs, payment);
        needs_of_op(needs, charge, payment, self.report.amount.currency);
        if let Some(booking) = payment.booking.and_then(|id| world.bookings.peek(&id)) {
            schedule::needs_to_free(needs, booking);
        }
    }

    fn record(&self, cx: &Context<'_>, world: &mut World) -> Adopted {
        let Some(charge) = world.ops.get(&self.charge).cloned() else { return Adopted::NotYet };
        let known = world.claims.get(&claim_key(&charge, &self.report.reference)).is_some();
        if known || self.report.state == RefundReportState::Failed || self.report.amount.minor < 1 {
            return Adopted::Known;
        }
        if charge.state.live() {
            return Adopted::NotYet;
        }
        let payment = world.payments.get(&charge.payment).expect("an operation has its payment").clone();
        let adopted = if self.fits(&charge, &payment) {
            self.against_payment(cx, world, &payment)
        } else {
            self.out_of_suspense(cx, world, &charge, payment)
        };
        let (Adopted::Posted(id) | Adopted::Suspense(id)) = adopted else { return adopted };
        let op = world.ops.get(&id).expect("just made").clone();
        reported(cx, world, &op, &self.report);
        adopted
    }
}

impl Adopt {
    /// Whether the money can be that of the payment.
    fn fits(&self, charge: &Op, payment: &Payment) -> bool {
        payment.state.captured()
            && payment.op == Some(charge.id)
            && self.report.amount.currency == payment.quote.currency
            && self.report.amount.minor <= payment.refundable_left().minor
    }

    fn against_payment(&self, cx: &Context<'_>, world: &mut World, payment: &Payment) -> Adopted {
        let asked = Asked {
            cause: RefundCause::Gateway,
            by: None,
            reason: "refunded at the payment provider".into(),
        };
        let amount = self.report.amount;
        let (_, op) = start(cx, world, payment.id, amount, &asked).expect("it fits what is left");
        let detail = format!("{amount} refunded at the gateway by somebody else");
        world.alert(op.lane(), "gateway_refund", op.raw(), detail, cx.now);
        Adopted::Posted(op)
    }

    fn out_of_suspense(&self, cx: &Context<'_>, world: &mut World, charge: &Op, payment: Payment) -> Adopted {
        let of_charge =
            Payment { reference: charge.reference.clone(), gateway: charge.gateway.clone(), ..payment };
        let op = refund_op(cx, world, &of_charge, self.report.amount, None);
        let id = op.id;
        world.post(id.lane(), recipes::suspense_out(&op, op.amount, Phase::Pending), cx.now);
        world.ops.insert(op);
        let detail = format!("{} refunded at the gateway fits no payment", self.report.amount);
        world.alert(id.lane(), "gateway_refund_unexplained", id.raw(), detail, cx.now);
        Adopted::Suspense(id)
    }
}
