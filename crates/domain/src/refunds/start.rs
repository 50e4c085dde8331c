//! Beginning a refund: reserve the amount, hold the share, commit the operation. The call comes
//! after the commit.

use crate::context::Context;
use crate::id::{Id, OpId, PaymentId, PersonId, RefundId};
use crate::ledger::{Account, Phase, recipes};
use crate::money::{Currency, Money};
use crate::policy::RefundFeePolicy;
use crate::pricing::{self, RefundSplit};
use crate::records::{Confirmer, Op, OpKind, OpState, Payment, Refund, RefundCause, RefundState};
use crate::refusal::Refusal;
use crate::world::{Needs, World};

/// Why and for whom money goes back.
#[derive(Clone, Debug)]
pub struct Asked {
    pub cause: RefundCause,
    /// `None`: the system.
    pub by: Option<PersonId>,
    pub reason: String,
}

/// Asks for what [`start`] and the recording of a refund touch.
pub fn needs(needs: &mut Needs, payment: &Payment) {
    let lane = payment.id.lane();
    for account in recipes::accounts(&payment.gateway, payment.payee) {
        needs.balances.key(account.key(lane, payment.quote.currency));
    }
    needs.refunds.group(payment.id);
    if let Some(booking) = payment.booking {
        needs.bookings.key(booking);
    }
}

/// Asks for the accounts of one operation: its gateway may have been another, and what the gateway
/// tells may be in a currency that nobody asked for.
pub(crate) fn needs_of_op(needs: &mut Needs, op: &Op, payment: &Payment, currency: Currency) {
    for account in recipes::accounts(&op.gateway, payment.payee) {
        needs.balances.key(account.key(op.id.lane(), payment.quote.currency));
        needs.balances.key(account.key(op.id.lane(), currency));
    }
}

/// Commits a refund of `amount` and its operation; recovery or the caller makes the call.
pub fn start(
    cx: &Context<'_>,
    world: &mut World,
    id: PaymentId,
    amount: Money,
    asked: &Asked,
) -> Result<(RefundId, OpId), Refusal> {
    let payment = world.payments.get(&id).ok_or(Refusal::NotFound)?.clone();
    if !payment.state.captured() || amount.minor < 1 {
        return Err(Refusal::NotRefundable);
    }
    if amount.minor > payment.refundable_left().minor {
        return Err(Refusal::RefundExceedsRemaining);
    }
    let refund = plan(cx, world, &payment, amount, asked);
    let op = refund_op(cx, world, &payment, amount, Some(refund.id));
    let refund = Refund { op: Some(op.id), ..refund };
    world.payments.update(&id, |payment| {
        payment.refund_reserved_minor += amount.minor;
        payment.updated_at = cx.now;
    });
    world.post(id.lane(), recipes::refund(&payment, &refund, Phase::Pending), cx.now);
    let (refund_id, op_id) = (refund.id, op.id);
    world.refunds.insert(refund);
    world.ops.insert(op);
    Ok((refund_id, op_id))
}

/// Who gives back how much: fee and subsidy by policy, the share from where it now is.
fn plan(cx: &Context<'_>, world: &mut World, payment: &Payment, amount: Money, asked: &Asked) -> Refund {
    let currency = payment.quote.currency;
    let before = currency.minor(payment.refunded_minor + payment.refund_reserved_minor);
    // For what could never be delivered the platform keeps nothing either.
    let policy = match asked.cause {
        RefundCause::LateCapture => RefundFeePolicy::ProRata,
        _ => cx.policies.refunds.fee,
    };
    let RefundSplit { fee, subsidy, share } = pricing::refund_split(&payment.quote, policy, before, amount);
    let (from_pending, from_available) = if payment.released_at.is_none() {
        (share, currency.zero())
    } else {
        let credit = -world.balance(&Account::PayeeAvailable(payment.payee), payment.id.lane(), currency);
        (currency.zero(), share.min(credit.max(currency.zero())))
    };
    Refund {
        id: world.new_id(payment.id.lane()),
        payment: payment.id,
        payer: payment.payer,
        booking: payment.booking,
        requested_by: asked.by,
        cause: asked.cause,
        reason: asked.reason.clone(),
        amount_minor: amount.minor,
        fee_minor: fee.minor,
        share_minor: share.minor,
        subsidy_minor: subsidy.minor,
        from_pending_minor: from_pending.minor,
        from_available_minor: from_available.minor,
        currency,
        state: RefundState::Processing,
        op: None,
        failure: None,
        processed_at: None,
        created_at: cx.now,
        updated_at: cx.now,
    }
}

/// An operation that returns money of a payment's charge; due at once. Without a refund record it
/// empties the suspense that a late capture left.
pub(crate) fn refund_op(
    cx: &Context<'_>,
    world: &mut World,
    payment: &Payment,
    amount: Money,
    refund: Option<RefundId>,
) -> Op {
    Op {
        id: world.new_id(payment.id.lane()),
        kind: OpKind::Refund,
        payment: payment.id,
        refund,
        payer: payment.payer,
        gateway: payment.gateway.clone(),
        amount,
        customer: None,
        method: payment.reference.clone(),
        confirmer: Confirmer::Server,
        action_allowed: false,
        state: OpState::Intent,
        cancel_wanted: false,
        reference: None,
        movement: None,
        fence: 0,
        lease_until: None,
        first_sent_at: None,
        tries: 0,
        deadline: None,
        wake_at: Some(cx.now),
        error: None,
        decline_code: None,
        error_message: None,
        created_at: cx.now,
        updated_at: cx.now,
    }
}
