//! Beginning a refund: reserve the amount, hold the share, commit the operation. The call comes
//! after the commit.

use crate::context::{Context, Plant};
use crate::id::{Id, OpId, PaymentId, PersonId, RefundId};
use crate::ledger::{Account, Phase, recipes};
use crate::money::{Currency, Money};
use crate::policy::RefundFeePolicy;
use crate::pricing::{self, RefundSplit};
use crate::records::{Confirmer, Op, OpKind, OpState, Payment, Refund, RefundCause, RefundState, Word};
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
    let payment = checked(cx, world, id, amount, asked.cause)?;
    let refund = draft(cx, world, &payment, amount, asked);
    let refund_id = refund.id;
    sign(cx, world, &refund, asked);
    world.refunds.insert(refund);
    Ok((refund_id, launch(cx, world, &payment, refund_id)))
}

/// Sends what was requested, or what failed before, for this amount: with what each party gives
/// back as it is now.
pub(super) fn restart(
    cx: &Context<'_>,
    world: &mut World,
    id: RefundId,
    amount: Money,
) -> Result<OpId, Refusal> {
    let refund = world.refunds.get(&id).ok_or(Refusal::NotFound)?.clone();
    let payment = checked(cx, world, refund.payment, amount, refund.cause)?;
    let parts = Parts::of(cx, world, &payment, amount, refund.cause);
    world.refunds.update(&id, |refund| parts.put(refund));
    Ok(launch(cx, world, &payment, id))
}

/// A request for an administrator: moves nothing, and says what would be moved.
pub(super) fn note(
    cx: &Context<'_>,
    world: &mut World,
    payment: &Payment,
    amount: Money,
    asked: &Asked,
) -> RefundId {
    let refund = draft(cx, world, payment, amount, asked);
    let id = refund.id;
    sign(cx, world, &refund, asked);
    world.refunds.insert(refund);
    told_requested(cx, world, id);
    id
}

/// Who wants how much of what back.
fn sign(cx: &Context<'_>, world: &mut World, refund: &Refund, asked: &Asked) {
    let change = format!(
        r#"{{"payment":{},"amount_minor":{},"cause":"{}"}}"#,
        refund.payment,
        refund.amount_minor,
        refund.cause.word()
    );
    let object = ("refund", refund.id.raw(), refund.id.lane());
    world.audit(cx, asked.by, "refund.begun", object, change);
}

/// Raises a request to this amount; whoever had approved it had approved another one.
pub(super) fn raise(cx: &Context<'_>, world: &mut World, payment: &Payment, id: RefundId, amount: Money) {
    let cause = world.refunds.get(&id).expect("the caller has it").cause;
    let parts = Parts::of(cx, world, payment, amount, cause);
    world.refunds.update(&id, |refund| {
        if refund.amount() != amount {
            parts.put(refund);
            refund.state = RefundState::Requested;
            refund.updated_at = cx.now;
        }
    });
}

fn told_requested(cx: &Context<'_>, world: &mut World, id: RefundId) {
    let refund = world.refunds.get(&id).expect("just inserted").clone();
    super::record::tell(cx, world, &refund, "refund.requested", format!("{id}:requested"));
}

/// The payment, if so much of it can go back for this cause.
fn checked(
    cx: &Context<'_>,
    world: &World,
    id: PaymentId,
    amount: Money,
    cause: RefundCause,
) -> Result<Payment, Refusal> {
    let payment = world.payments.get(&id).ok_or(Refusal::NotFound)?;
    if !payment.state.captured() || amount.minor < 1 {
        return Err(Refusal::NotRefundable);
    }
    let most = match cause {
        // The gateway has decided, or nothing was or can be delivered: no fee is kept.
        RefundCause::LateCapture | RefundCause::Gateway => payment.refundable_left(),
        _ => super::left(cx.policies, payment),
    };
    if amount.minor > most.minor {
        return Err(Refusal::RefundExceedsRemaining);
    }
    Ok(payment.clone())
}

/// Reserves the amount, holds the share and makes the operation of a refund whose parts are set.
fn launch(cx: &Context<'_>, world: &mut World, payment: &Payment, id: RefundId) -> OpId {
    let amount = world.refunds.get(&id).expect("the caller made it").amount();
    let op = refund_op(cx, world, payment, amount, Some(id));
    let op_id = op.id;
    world.ops.insert(op);
    world.refunds.update(&id, |refund| {
        refund.state = RefundState::Processing;
        refund.op = Some(op_id);
        refund.failure = None;
        refund.processed_at = None;
        refund.updated_at = cx.now;
    });
    world.payments.update(&payment.id, |payment| {
        payment.refund_reserved_minor += amount.minor;
        payment.updated_at = cx.now;
    });
    let refund = world.refunds.get(&id).expect("just changed").clone();
    world.post(id.lane(), recipes::refund(payment, &refund, Phase::Pending), cx.now);
    op_id
}

/// Who gives back how much: fee and subsidy by policy, the share from where it now is.
struct Parts {
    amount: Money,
    split: RefundSplit,
    from_pending: Money,
    from_available: Money,
}

impl Parts {
    fn of(cx: &Context<'_>, world: &World, payment: &Payment, amount: Money, cause: RefundCause) -> Parts {
        let zero = payment.quote.currency.zero();
        // For what could never be delivered the platform keeps nothing either.
        let policy = match cause {
            RefundCause::LateCapture => RefundFeePolicy::ProRata,
            _ => cx.policies.refunds.fee,
        };
        let before = if cx.plants.removed(Plant::Split) {
            RefundSplit::none(zero.currency)
        } else {
            super::given_back(world, payment)
        };
        let split = pricing::refund_split(&payment.quote, policy, before, amount);
        if payment.released_at.is_none() {
            return Parts { amount, split, from_pending: split.share, from_available: zero };
        }
        let account = Account::PayeeAvailable(payment.payee);
        let owned = -world.balance(&account, payment.id.lane(), zero.currency);
        Parts { amount, split, from_pending: zero, from_available: split.share.min(owned.max(zero)) }
    }

    fn put(&self, refund: &mut Refund) {
        refund.amount_minor = self.amount.minor;
        refund.fee_minor = self.split.fee.minor;
        refund.share_minor = self.split.share.minor;
        refund.subsidy_minor = self.split.subsidy.minor;
        refund.from_pending_minor = self.from_pending.minor;
        refund.from_available_minor = self.from_available.minor;
    }
}

fn draft(cx: &Context<'_>, world: &mut World, payment: &Payment, amount: Money, asked: &Asked) -> Refund {
    let parts = Parts::of(cx, world, payment, amount, asked.cause);
    let mut refund = Refund {
        id: world.new_id(payment.id.lane()),
        payment: payment.id,
        payer: payment.payer,
        booking: payment.booking,
        requested_by: asked.by,
        cause: asked.cause,
        reason: asked.reason.clone(),
        amount_minor: 0,
        fee_minor: 0,
        share_minor: 0,
        subsidy_minor: 0,
        from_pending_minor: 0,
        from_available_minor: 0,
        currency: payment.quote.currency,
        state: RefundState::Requested,
        op: None,
        failure: None,
        admin_notes: String::new(),
        reviewed_by: None,
        reviewed_at: None,
        processed_at: None,
        created_at: cx.now,
        updated_at: cx.now,
    };
    parts.put(&mut refund);
    refund
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
