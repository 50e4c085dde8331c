//! Money has arrived: completing a payment once, and what to do with money that comes late.

use crate::context::Context;
use crate::gateway::ChargeReport;
use crate::id::{Id, OpId};
use crate::ledger::{Phase, recipes};
use crate::meetings;
use crate::policy::Release;
use crate::records::{BookingState, Op, OpKind, OpState, Payment, PaymentState, RefundCause, Word};
use crate::refunds::{self, Asked, refund_op};
use crate::world::World;

/// The expected success of a live operation. The refund's operation, when the payable is gone.
pub(super) fn succeeded(cx: &Context<'_>, world: &mut World, op: &Op, report: &ChargeReport) -> Option<OpId> {
    if report.amount != op.amount {
        mismatch(cx, world, op, report);
        return None;
    }
    world.ops.update(&op.id, |op| {
        op.cancel_wanted = false;
        op.end(OpState::Succeeded, cx.now);
    });
    let payment = world.payments.get(&op.payment).expect("an operation has its payment").clone();
    world.post(op.id.lane(), recipes::charge(&payment, op), cx.now);
    complete(cx, world, op, report);
    payable_gone(world, &payment).then(|| give_back(cx, world, op))
}

/// Money for an operation that was over: into suspense first. Then it pays the payment after all if
/// nothing else has or will, otherwise it goes back at once. A human is told either way.
pub(super) fn late(cx: &Context<'_>, world: &mut World, op: &Op, report: &ChargeReport) -> Option<OpId> {
    let lane = op.id.lane();
    world.ops.update(&op.id, |op| {
        op.cancel_wanted = false;
        op.end(OpState::Late, cx.now);
    });
    world.post(lane, recipes::suspense_in(op, report.amount), cx.now);
    world.alert(
        lane,
        "late_capture",
        op.id.raw(),
        format!("{} arrived for a closed attempt", report.amount),
        cx.now,
    );
    let payment = world.payments.get(&op.payment).expect("an operation has its payment").clone();
    let another = world.ops.of(&op.payment).any(|other| {
        other.id != op.id
            && other.kind == OpKind::Charge
            && (other.state.live() || other.state == OpState::Succeeded)
    });
    let usable = !another
        && !payment.state.captured()
        && report.amount == payment.quote.total()
        && report.amount == op.amount;
    if usable && !payable_gone(world, &payment) {
        world.post(lane, recipes::suspense_to_payment(&payment, op), cx.now);
        complete(cx, world, op, report);
        return None;
    }
    let of_this =
        Payment { reference: Some(report.reference.clone()), gateway: op.gateway.clone(), ..payment };
    let refund = refund_op(cx, world, &of_this, report.amount, None);
    world.post(lane, recipes::suspense_out(&refund, refund.amount, Phase::Pending), cx.now);
    let id = refund.id;
    world.ops.insert(refund);
    Some(id)
}

/// The gateway took another amount than we asked for. Nothing is completed; the money waits in
/// suspense for a human.
fn mismatch(cx: &Context<'_>, world: &mut World, op: &Op, report: &ChargeReport) {
    world.ops.update(&op.id, |op| op.end(OpState::Late, cx.now));
    world.post(op.id.lane(), recipes::suspense_in(op, report.amount), cx.now);
    world.payments.update(&op.payment, |payment| {
        payment.state = PaymentState::Failed;
        payment.failure = Some("the amount taken differs from the amount asked for".into());
        payment.updated_at = cx.now;
    });
    let detail = format!("asked for {}, the gateway reports {}", op.amount, report.amount);
    world.alert(op.id.lane(), "amount_mismatch", op.id.raw(), detail, cx.now);
}

/// The one completion: whoever comes first.
fn complete(cx: &Context<'_>, world: &mut World, op: &Op, report: &ChargeReport) {
    world.payments.update(&op.payment, |payment| {
        payment.state = PaymentState::Completed;
        payment.gateway.clone_from(&op.gateway);
        payment.op = Some(op.id);
        payment.reference = Some(report.reference.clone());
        payment.captured_minor = payment.quote.total_minor;
        payment.failure = None;
        payment.paid_at = Some(cx.now);
        payment.updated_at = cx.now;
        if let Some(card) = &report.card {
            payment.card_brand = Some(card.brand.clone());
            payment.card_last_four = Some(card.last_four.clone());
        }
    });
    let payment = world.payments.get(&op.payment).expect("just changed").clone();
    if cx.policies.release(payment.kind) == Release::OnPayment {
        world.payments.update(&op.payment, |payment| payment.wake_at = Some(cx.now + cx.policies.hold));
    }
    if let Some(booking) = payment.booking {
        world.bookings.update(&booking, |booking| {
            booking.last_payment_error = None;
            booking.wake_at = crate::bookings::wake_when_paid(cx, booking);
            booking.updated_at = cx.now;
        });
    }
    announce(cx, world, &payment);
    if let Some(booking) = payment.booking.and_then(|id| world.bookings.get(&id)).cloned() {
        meetings::call_for(cx, world, &booking);
    }
}

fn announce(cx: &Context<'_>, world: &mut World, payment: &Payment) {
    let lane = payment.id.lane();
    let body = format!(
        r#"{{"payment_id":{},"kind":"{}","total_minor":{},"fee_minor":{},"share_minor":{},"currency":"{}"}}"#,
        payment.id,
        payment.kind.word(),
        payment.quote.total_minor,
        payment.quote.fee_minor,
        payment.quote.share_minor,
        payment.quote.currency.code()
    );
    world.tell(lane, "payment.completed", payment.id.raw(), cx.now, body.clone());
    world.queue(lane, "receipt", payment.id.to_string(), body, cx.now);
}

fn payable_gone(world: &World, payment: &Payment) -> bool {
    let booking = payment.booking.and_then(|id| world.bookings.get(&id));
    booking.is_some_and(|booking| booking.state == BookingState::Cancelled)
}

/// The booking was cancelled while its charge was under way: everything goes back.
fn give_back(cx: &Context<'_>, world: &mut World, op: &Op) -> OpId {
    let amount = world.payments.get(&op.payment).expect("loaded").refundable_left();
    let asked = Asked {
        cause: RefundCause::LateCapture,
        by: None,
        reason: "the booking was cancelled before its payment arrived".into(),
    };
    let (_, refund) = refunds::start(cx, world, op.payment, amount, &asked)
        .expect("a payment just captured can be refunded in full");
    refund
}
