//! What goes back: who gives how much of it, refund by refund and in the ledger (I17), that decisions
//! stand (I12), that what was told is so (I29), and that a cancelled lesson's money is settled.

use std::collections::BTreeMap;

use domain::id::{PaymentId, RefundId};
use domain::records::{BookingState, Op, OpState, Payment, PaymentState, Refund, RefundCause, RefundState};

use super::ledger::Place;
use super::states::is_captured;
use super::{Snapshot, Violation, must};
use crate::model::Model;

pub fn check(seen: &Snapshot, model: &Model) -> Result<(), Violation> {
    for payment in seen.payments.values() {
        let refunds: Vec<&Refund> =
            seen.refunds.iter().filter(|refund| refund.payment == payment.id).collect();
        for refund in &refunds {
            parts_add_up(refund)?;
        }
        by_the_policy(seen, payment, &refunds, model.keeps_fee)?;
        ended_by_a_full_refund(seen, payment)?;
    }
    promises(seen, model)
}

/// Its money has gone back or is on its way.
fn counts(refund: &Refund) -> bool {
    matches!(refund.state, RefundState::Processing | RefundState::Processed)
}

/// I17 of one refund: every cent of it is somebody's.
fn parts_add_up(refund: &Refund) -> Result<(), Violation> {
    let adds_up = refund.fee_minor + refund.share_minor == refund.amount_minor + refund.subsidy_minor;
    let fits = adds_up && refund.fee_minor >= 0 && refund.share_minor >= 0 && refund.amount_minor > 0;
    must(fits, "I17", || format!("{refund:?} does not add up"))
}

/// I17 of all refunds of a payment: the fee returned so far is its part of what was returned so far,
/// half up; an attempt that failed in between leaves a cent to the next.
fn by_the_policy(
    seen: &Snapshot,
    payment: &Payment,
    refunds: &[&Refund],
    keeps_fee: bool,
) -> Result<(), Violation> {
    let sum = |part: fn(&Refund) -> i64| -> i64 {
        refunds.iter().filter(|refund| counts(refund)).map(|refund| part(refund)).sum()
    };
    let (amount, fee, share) = (sum(|r| r.amount_minor), sum(|r| r.fee_minor), sum(|r| r.share_minor));
    let quote = &payment.quote;
    let fits = fee <= quote.fee_minor && share <= quote.share_minor;
    must(fits, "I17", || format!("{payment:?}: somebody gives back more than he got: {refunds:?}"))?;
    if amount == quote.total_minor {
        let whole = fee == quote.fee_minor && share == quote.share_minor;
        return must(whole, "I17", || format!("{payment:?} went back whole, and {refunds:?} do not"));
    }
    // What the gateway sent back by itself asks for no policy.
    let undeliverable =
        |refund: &&&Refund| matches!(refund.cause, RefundCause::LateCapture | RefundCause::Gateway);
    if refunds.iter().any(|refund| undeliverable(&refund)) {
        return Ok(());
    }
    let expected = if keeps_fee {
        0
    } else {
        (2 * quote.fee_minor * amount + quote.total_minor) / (2 * quote.total_minor)
    };
    let attempts = seen.ops.values().filter(|op| op.payment == payment.id && op.refund.is_some());
    let failed = attempts.filter(|op| matches!(op.state, OpState::Failed | OpState::Returned)).count();
    let tolerance = i64::try_from(failed).expect("few");
    must((fee - expected).abs() <= tolerance, "I17", || {
        format!("{payment:?}: the fee gives back {fee} instead of {expected} by {refunds:?}")
    })
}

/// BR-44: a lesson whose money went back does not take place.
fn ended_by_a_full_refund(seen: &Snapshot, payment: &Payment) -> Result<(), Violation> {
    let booking = payment.booking.and_then(|id| seen.bookings.get(&id));
    let is_open = booking.is_some_and(|b| matches!(b.state, BookingState::Pending | BookingState::Confirmed));
    let is_free = payment.state == PaymentState::Refunded && is_open;
    must(!is_free, "BR-44", || format!("{payment:?} went back, and {booking:?} is still to take place"))
}

/// I29: what somebody was told had gone back has gone, and comes back only by the bank's doing.
fn promises(seen: &Snapshot, model: &Model) -> Result<(), Violation> {
    for told in &model.told_returned {
        let refund = seen.refunds.iter().find(|refund| refund.id.0 == *told);
        let went = |op: &Op| matches!(op.state, OpState::Succeeded | OpState::Returned);
        let stands =
            refund.is_some_and(|refund| seen.ops.values().any(|op| op.refund == Some(refund.id) && went(op)));
        must(stands, "I29", || format!("refund {told} was told done, and now is {refund:?}"))?;
    }
    Ok(())
}

/// I17 in the ledger: fees and every payee's accounts are what captures brought less what refunds took.
pub fn recount(seen: &Snapshot, sums: &BTreeMap<Place, (i64, i64)>) -> Result<(), Violation> {
    let mut expected: BTreeMap<i64, (i64, i64)> = BTreeMap::new();
    for payment in seen.payments.values().filter(|payment| is_captured(payment.state)) {
        expected.entry(0).or_default().0 -= payment.quote.fee_minor;
        expected.entry(payment.payee.0).or_default().0 -= payment.quote.share_minor;
    }
    for refund in &seen.refunds {
        let payee = seen.payments[&refund.payment].payee.0;
        for (owner, part) in [(0, refund.fee_minor), (payee, refund.share_minor)] {
            let sum = expected.entry(owner).or_default();
            match refund.state {
                RefundState::Processed => sum.0 += part,
                RefundState::Processing => sum.1 += part,
                _ => {}
            }
        }
    }
    let mut found: BTreeMap<i64, (i64, i64)> = BTreeMap::new();
    for ((_, account, owner, _), (posted, pending)) in sums {
        if account == "fees" || account.starts_with("payee:") {
            let sum = found.entry(*owner).or_default();
            *sum = (sum.0 + posted, sum.1 + pending);
        }
    }
    for (owner, sum) in &expected {
        let held = found.get(owner).copied().unwrap_or_default();
        must(held == *sum, "I17", || format!("the ledger has {held:?} for {owner}, and {sum:?} is right"))?;
    }
    Ok(())
}

/// The states seen last.
#[derive(Default)]
pub struct Decisions(BTreeMap<RefundId, RefundState>);

impl Decisions {
    /// I12: what was refused stays refused, and what was sent is never merely asked for again.
    pub fn check(&mut self, seen: &Snapshot) -> Result<(), Violation> {
        use RefundState as S;
        let now: BTreeMap<RefundId, RefundState> =
            seen.refunds.iter().map(|refund| (refund.id, refund.state)).collect();
        for (id, before) in &self.0 {
            let after = now.get(id).copied();
            let fits = match before {
                S::Rejected => after == Some(S::Rejected),
                S::Processing | S::Processed | S::Failed => {
                    matches!(after, Some(S::Processing | S::Processed | S::Failed))
                }
                S::Requested | S::Approved => after.is_some(),
            };
            must(fits, "I12", || format!("{id:?} went from {before:?} to {after:?}"))?;
        }
        self.0 = now;
        Ok(())
    }
}

/// H-9 at rest: what was paid for a cancelled lesson has gone back, or somebody decides, or has.
pub fn conclude(seen: &Snapshot, model: &Model) -> Result<(), Violation> {
    let mut decided: BTreeMap<PaymentId, Vec<RefundState>> = BTreeMap::new();
    for refund in &seen.refunds {
        decided.entry(refund.payment).or_default().push(refund.state);
    }
    for payment in seen.payments.values().filter(|payment| is_captured(payment.state)) {
        let booking = payment.booking.and_then(|id| seen.bookings.get(&id));
        if booking.is_none_or(|booking| booking.state != BookingState::Cancelled) {
            continue;
        }
        let rest = payment.captured_minor - payment.refunded_minor - payment.refund_reserved_minor;
        let kept = if model.keeps_fee { payment.quote.fee_minor } else { 0 };
        let is_decided = decided.get(&payment.id).into_iter().flatten().any(|state| {
            use RefundState as S;
            matches!(state, S::Requested | S::Approved | S::Rejected | S::Failed)
        });
        must(rest <= kept || is_decided, "H-9", || {
            format!("{booking:?} was cancelled, and {rest} of {payment:?} is nobody's business")
        })?;
    }
    Ok(())
}
