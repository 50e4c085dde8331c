//! Recording what a gateway says of a refund.

use crate::command::{Fact, Lanes};
use crate::context::{Context, Plant};
use crate::gateway::{Answer, Decline, RefundReport, RefundReportState};
use crate::id::{Id, OpId, PersonId};
use crate::ledger::{Phase, recipes};
use crate::money::{Currency, Money};
use crate::operations::{Heard, Rail, Step};
use crate::records::{BookingState, Claim, Op, OpState, Payment, Refund, RefundState, Space};
use crate::schedule;
use crate::time::Span;
use crate::world::{Needs, World};

/// A report about a refund operation, from an answer, a webhook's refetch or a look-up.
#[derive(Clone, Debug)]
pub struct RecordRefund {
    pub op: OpId,
    pub payer: PersonId,
    /// The reporter's fence; `None` when nobody holds the operation.
    pub fence: Option<i64>,
    pub rail: Rail,
    pub heard: Heard<RefundReport>,
}

#[derive(Clone, Debug)]
pub struct SettledRefund {
    pub step: Step,
    pub op: Op,
    pub payment: Payment,
    pub refund: Option<Refund>,
}

impl Fact for RecordRefund {
    type Receipt = SettledRefund;

    fn lanes(&self, lanes: &mut Lanes) {
        lanes.insert(self.op.lane());
        lanes.insert(self.payer.lane());
    }

    fn needs(&self, world: &World, needs: &mut Needs) {
        needs.ops.key(self.op);
        let Some(op) = world.ops.peek(&self.op) else {
            return;
        };
        needs.payments.key(op.payment);
        if let Heard::Answer(Answer::Done(report)) = &self.heard {
            needs.claims.key(claim_key(op, &report.reference));
        }
        let Some(payment) = world.payments.peek(&op.payment) else {
            return;
        };
        super::needs(needs, payment);
        super::needs_of_op(needs, op, payment, self.currency().unwrap_or(op.amount.currency));
        if let Some(booking) = payment.booking.and_then(|id| world.bookings.peek(&id)) {
            schedule::needs_to_free(needs, booking);
        }
    }

    fn record(&self, cx: &Context<'_>, world: &mut World) -> SettledRefund {
        let step = self.apply(cx, world);
        let op = world.ops.get(&self.op).expect("operations are never deleted").clone();
        let payment = world.payments.get(&op.payment).expect("an operation has its payment").clone();
        let refund = op.refund.and_then(|id| world.refunds.get(&id).cloned());
        SettledRefund { step, op, payment, refund }
    }
}

impl RecordRefund {
    /// The currency the gateway speaks of: ours, unless something is very wrong.
    fn currency(&self) -> Option<Currency> {
        match &self.heard {
            Heard::Answer(Answer::Done(report)) => Some(report.amount.currency),
            _ => None,
        }
    }

    fn apply(&self, cx: &Context<'_>, world: &mut World) -> Step {
        let op = world.ops.get(&self.op).expect("operations are never deleted").clone();
        match &self.heard {
            Heard::Answer(Answer::Done(report)) => reported(cx, world, &op, report),
            // A no to somebody who only looked is no word about the refund.
            Heard::Answer(Answer::Declined(Decline { message: text, .. }) | Answer::Rejected(text))
                if self.fence.is_none() =>
            {
                self.unknown(cx, world, &op, text, None)
            }
            Heard::Answer(Answer::Declined(decline)) => fail(cx, world, &op, &decline.message),
            Heard::Answer(Answer::Rejected(text)) => fail(cx, world, &op, text),
            Heard::Answer(Answer::NotSent(text)) => self.unknown(cx, world, &op, text, None),
            Heard::Answer(Answer::Unknown(why)) if cx.plants.removed(Plant::Timeout) => {
                fail(cx, world, &op, &why.reason)
            }
            Heard::Answer(Answer::Unknown(why)) => self.unknown(cx, world, &op, &why.reason, why.retry_after),
            Heard::Absent if self.rail.absence_counts(cx, &op) => fail(cx, world, &op, "it never arrived"),
            Heard::Absent => self.unknown(cx, world, &op, "not found yet", None),
        }
    }

    fn unknown(
        &self,
        cx: &Context<'_>,
        world: &mut World,
        op: &Op,
        reason: &str,
        retry_after: Option<Span>,
    ) -> Step {
        if !op.state.live() {
            return Step::Over;
        }
        match self.fence {
            Some(fence) if fence != op.fence => return Step::Superseded,
            // Whoever holds it will tell; if he does not, recovery comes when his lease ends.
            None if op.held(cx.now) => return Step::Unknown,
            _ => {}
        }
        world.ops.update(&op.id, |op| {
            op.error_message = Some(reason.to_string());
            op.becomes_unknown(retry_after, cx.now);
        });
        Step::Unknown
    }
}

/// What a report of a refund makes of its operation.
pub(super) fn reported(cx: &Context<'_>, world: &mut World, op: &Op, report: &RefundReport) -> Step {
    if op.reference.is_none() {
        note_reference(cx, world, op, &report.reference);
    }
    match report.state {
        RefundReportState::Succeeded if op.state.live() && report.amount != op.amount => {
            mismatch(cx, world, op, report);
            Step::Over
        }
        RefundReportState::Succeeded if op.state.live() || cx.plants.removed(Plant::CompareAndSet) => {
            succeed(cx, world, op);
            Step::Over
        }
        RefundReportState::Pending if op.state.live() => {
            world.ops.update(&op.id, |op| op.waits(cx.now));
            Step::Waiting
        }
        RefundReportState::Failed if op.state == OpState::Succeeded => {
            come_back(cx, world, op, report.failure.as_deref().unwrap_or("returned by the bank"));
            Step::Over
        }
        RefundReportState::Failed => {
            fail(cx, world, op, report.failure.as_deref().unwrap_or("failed at the gateway"))
        }
        RefundReportState::Succeeded if op.state == OpState::Failed => {
            late(cx, world, op, report.amount);
            Step::Over
        }
        RefundReportState::Succeeded if cx.plants.removed(Plant::LetterOnce) => {
            if let Some(refund) = op.refund.and_then(|id| world.refunds.get(&id).cloned()) {
                tell(cx, world, &refund, "refund.processed", format!("{}:{}", op.id, cx.now.0));
            }
            Step::Over
        }
        // A final state heard again: nothing to do.
        RefundReportState::Succeeded | RefundReportState::Pending => Step::Over,
    }
}

pub(super) fn claim_key(op: &Op, object: &str) -> (Space, String) {
    (Space::GatewayObject, format!("{}:{object}", op.gateway))
}

fn note_reference(cx: &Context<'_>, world: &mut World, op: &Op, reference: &str) {
    let (space, name) = claim_key(op, reference);
    if world.claims.get(&(space, name.clone())).is_none() {
        world.claims.insert(Claim { space, name, target: op.id.raw(), created_at: cx.now });
    }
    world.ops.update(&op.id, |op| op.reference = Some(reference.to_string()));
}

fn succeed(cx: &Context<'_>, world: &mut World, op: &Op) {
    world.ops.update(&op.id, |op| op.end(OpState::Succeeded, cx.now));
    let lane = op.id.lane();
    let Some(refund_id) = op.refund else {
        world.post(lane, recipes::suspense_out(op, op.amount, Phase::Settle), cx.now);
        return;
    };
    let payment = world.payments.get(&op.payment).expect("loaded").clone();
    let refund = world.refunds.get(&refund_id).expect("loaded with its payment").clone();
    world.post(lane, recipes::refund(&payment, &refund, Phase::Settle), cx.now);
    world.refunds.update(&refund_id, |refund| {
        refund.state = RefundState::Processed;
        refund.processed_at = Some(cx.now);
        refund.updated_at = cx.now;
    });
    world.payments.update(&payment.id, |payment| {
        payment.refund_reserved_minor -= refund.amount_minor;
        payment.refunded_minor += refund.amount_minor;
        payment.state = payment.state_from_amounts();
        payment.updated_at = cx.now;
    });
    tell(cx, world, &refund, "refund.processed", format!("{}:processed", op.id));
    cancel_undelivered(cx, world, op);
}

/// A full refund of a lesson that has not been held ends the booking (BR-44). Where the fee is kept,
/// full is all that can go back.
fn cancel_undelivered(cx: &Context<'_>, world: &mut World, op: &Op) {
    let payment = world.payments.get(&op.payment).expect("loaded");
    let gone = payment.refund_reserved_minor == 0 && super::left(cx.policies, payment).is_zero();
    let Some(booking) = payment.booking.filter(|_| gone) else { return };
    let state = world.bookings.get(&booking).expect("loaded with its payment").state;
    if matches!(state, BookingState::Pending | BookingState::Confirmed) {
        schedule::close(world, booking, None, "refunded in full", cx.now);
    }
}

/// A definite no: what was reserved is free again, the payment is untouched, a human is told.
fn fail(cx: &Context<'_>, world: &mut World, op: &Op, reason: &str) -> Step {
    if !op.state.live() {
        return Step::Over;
    }
    give_up(cx, world, op, reason);
    world.alert(op.id.lane(), "refund_failed", op.id.raw(), reason.to_string(), cx.now);
    Step::Over
}

/// What was reserved for a refund is free again.
fn give_up(cx: &Context<'_>, world: &mut World, op: &Op, reason: &str) {
    world.ops.update(&op.id, |op| {
        op.error_message = Some(reason.to_string());
        op.end(OpState::Failed, cx.now);
    });
    let lane = op.id.lane();
    if let Some(refund_id) = op.refund {
        let payment = world.payments.get(&op.payment).expect("loaded").clone();
        let refund = world.refunds.get(&refund_id).expect("loaded with its payment").clone();
        world.post(lane, recipes::refund(&payment, &refund, Phase::Void), cx.now);
        restore_payee(cx, world, op, &payment, &refund);
        world.payments.update(&payment.id, |payment| {
            payment.refund_reserved_minor -= refund.amount_minor;
            payment.updated_at = cx.now;
        });
        set_failed(cx, world, op, reason);
        tell(cx, world, &refund, "refund.failed", format!("{}:failed", op.id));
    } else {
        world.post(lane, recipes::suspense_out(op, op.amount, Phase::Void), cx.now);
    }
}

/// The gateway sent back another amount than it was asked to. The refund that was asked for was not
/// made; what left instead is taken from suspense, and a human must say whose it was.
fn mismatch(cx: &Context<'_>, world: &mut World, op: &Op, report: &RefundReport) {
    let detail = format!("asked to return {}, the gateway reports {}", op.amount, report.amount);
    give_up(cx, world, op, &detail);
    went_out(cx, world, op, report.amount);
    world.alert(op.id.lane(), "amount_mismatch", op.id.raw(), detail, cx.now);
}

/// The bank returned a refund that had been confirmed: the money is ours again to give.
fn come_back(cx: &Context<'_>, world: &mut World, op: &Op, reason: &str) {
    world.ops.update(&op.id, |op| {
        op.error_message = Some(reason.to_string());
        op.end(OpState::Returned, cx.now);
    });
    let lane = op.id.lane();
    if let Some(refund_id) = op.refund {
        let payment = world.payments.get(&op.payment).expect("loaded").clone();
        let refund = world.refunds.get(&refund_id).expect("loaded with its payment").clone();
        world.post(lane, recipes::refund_returned(&payment, &refund), cx.now);
        restore_payee(cx, world, op, &payment, &refund);
        world.payments.update(&payment.id, |payment| {
            payment.refunded_minor -= refund.amount_minor;
            payment.state = payment.state_from_amounts();
            payment.updated_at = cx.now;
        });
        set_failed(cx, world, op, reason);
        tell(cx, world, &refund, "refund.failed", format!("{}:returned", op.id));
    } else {
        world.post(lane, recipes::suspense_in(op, op.amount), cx.now);
    }
    world.alert(lane, "refund_returned", op.id.raw(), reason.to_string(), cx.now);
}

/// What a refund had taken of a share that has since been released is due to the payee at once; so
/// is what he has repaid meanwhile of a debt that turned out not to exist.
fn restore_payee(cx: &Context<'_>, world: &mut World, op: &Op, payment: &Payment, refund: &Refund) {
    let subject = ("op", op.id.raw());
    if payment.released_at.is_some() {
        super::release(cx, world, subject, payment, refund.from_pending());
    }
    super::set_off(cx, world, subject, payment);
}

/// A refund that had definitely failed went out after all: the money is gone, and a human must say
/// whose it was.
fn late(cx: &Context<'_>, world: &mut World, op: &Op, amount: Money) {
    went_out(cx, world, op, amount);
    let detail = format!("{amount} left after the refund had failed");
    world.alert(op.id.lane(), "late_refund", op.id.raw(), detail, cx.now);
}

/// Money left that no refund accounts for.
fn went_out(cx: &Context<'_>, world: &mut World, op: &Op, amount: Money) {
    world.ops.update(&op.id, |op| op.end(OpState::Late, cx.now));
    world.post(op.id.lane(), recipes::suspense_out(op, amount, Phase::Posted), cx.now);
}

fn set_failed(cx: &Context<'_>, world: &mut World, op: &Op, reason: &str) {
    let Some(refund) = op.refund else { return };
    world.refunds.update(&refund, |refund| {
        refund.state = RefundState::Failed;
        refund.failure = Some(reason.to_string());
        refund.updated_at = cx.now;
    });
}

/// Tells subscribers, and queues the letters that follow; `once` names the event among all others of
/// refunds.
pub(super) fn tell(cx: &Context<'_>, world: &mut World, refund: &Refund, kind: &'static str, once: String) {
    let body = format!(
        r#"{{"payment_id":{},"refund_id":{},"amount_minor":{},"currency":"{}"}}"#,
        refund.payment,
        refund.id,
        refund.amount_minor,
        refund.currency.code()
    );
    let lane = refund.id.lane();
    world.tell(lane, kind, refund.id.raw(), cx.now, body);
    let letter = format!(r#"{{"refund_id":{},"event":"{kind}"}}"#, refund.id);
    world.queue(lane, "refund_letter", once, letter, cx.now);
}
