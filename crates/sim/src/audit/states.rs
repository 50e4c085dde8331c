//! Rows against each other (I8, I9, I11, I13, I14, I20) and against what they were before (I12).

use std::collections::BTreeMap;

use domain::id::{OpId, PaymentId, PersonId};
use domain::records::{Booking, BookingState, Op, OpKind, OpState, PaymentState};

use super::{Snapshot, Violation, must};
use crate::model::Model;

pub fn check(seen: &Snapshot, model: &Model) -> Result<(), Violation> {
    operations(seen)?;
    payments(seen)?;
    prices(seen, model)?;
    promises(seen, model)?;
    slots(seen)
}

/// I8, I9, I13.
fn operations(seen: &Snapshot) -> Result<(), Violation> {
    let mut claims: BTreeMap<PaymentId, Vec<&Op>> = BTreeMap::new();
    for op in seen.ops.values() {
        let is_live =
            matches!(op.state, OpState::Intent | OpState::InFlight | OpState::Waiting | OpState::Unknown);
        must(!is_live || op.wake_at.is_some(), "I13", || format!("nobody will look at {op:?}"))?;
        if op.kind == OpKind::Charge && (is_live || op.state == OpState::Succeeded) {
            claims.entry(op.payment).or_default().push(op);
        }
    }
    for (payment, ops) in claims {
        must(ops.len() == 1, "I8", || format!("{payment:?} has {ops:?}"))?;
    }
    // The line loses, delays and repeats requests only as the protocol expects: no money may surprise.
    let late = seen.ops.values().find(|op| op.state == OpState::Late);
    must(late.is_none(), "late", || format!("money moved for an operation that was over: {late:?}"))
}

/// I5, I9, I14.
fn payments(seen: &Snapshot) -> Result<(), Violation> {
    for payment in seen.payments.values() {
        let quote = &payment.quote;
        let explained = quote.total_minor + quote.subsidy_minor == quote.fee_minor + quote.share_minor;
        must(explained, "I5", || format!("{quote:?} does not add up"))?;
        let paying = seen.ops.values().filter(|op| {
            op.payment == payment.id && op.kind == OpKind::Charge && op.state == OpState::Succeeded
        });
        let captured = is_captured(payment.state);
        must(captured == (paying.count() == 1), "I9", || format!("{payment:?} and its charges disagree"))?;
        let taken = if captured { quote.total_minor } else { 0 };
        must(payment.captured_minor == taken, "I9", || format!("{payment:?} took another amount"))?;
        let (refunded, reserved) = (payment.refunded_minor, payment.refund_reserved_minor);
        let fits = refunded >= 0 && reserved >= 0 && refunded + reserved <= payment.captured_minor;
        must(fits, "I14", || format!("{payment:?} gives back too much"))?;
    }
    Ok(())
}

/// I11: what is charged is what the price list says, by the simulation's own reckoning.
fn prices(seen: &Snapshot, model: &Model) -> Result<(), Violation> {
    for payment in seen.payments.values() {
        let booking = payment.booking.and_then(|id| seen.bookings.get(&id));
        let known = booking.and_then(|booking| model.known(booking.id.0));
        let minutes = booking.and_then(|b| Some((b.ends_at? - b.starts_at?).whole_seconds() / 60));
        let total = payment.quote.total_minor;
        let right = known.is_none_or(|known| known.price.total(minutes.unwrap_or_default()) == total);
        must(right, "I11", || format!("{known:?} is charged {total} for {minutes:?} minutes"))?;
    }
    Ok(())
}

/// Whoever was told "paid" has paid, for ever.
fn promises(seen: &Snapshot, model: &Model) -> Result<(), Violation> {
    for told in model.told_paid_for() {
        let booking = seen.bookings.values().find(|booking| booking.id.0 == told);
        let payment = booking.and_then(|booking| seen.payments.get(&booking.payment?));
        let stands = payment.is_some_and(|payment| is_captured(payment.state));
        must(stands, "I29", || format!("booking {told} was told paid, and now is {payment:?}"))?;
    }
    Ok(())
}

/// I20: nobody is at two places.
fn slots(seen: &Snapshot) -> Result<(), Violation> {
    let mut taken: BTreeMap<PersonId, Vec<&Booking>> = BTreeMap::new();
    let open = |booking: &&Booking| {
        matches!(booking.state, BookingState::Pending | BookingState::Confirmed)
            && booking.starts_at.is_some()
    };
    for booking in seen.bookings.values().filter(open) {
        for party in [booking.payer, booking.payee] {
            let others = taken.entry(party).or_default();
            let clash = others
                .iter()
                .find(|other| booking.starts_at < other.ends_at && other.starts_at < booking.ends_at);
            must(clash.is_none(), "I20", || format!("{booking:?} and {clash:?} overlap"))?;
            others.push(booking);
        }
    }
    Ok(())
}

pub(super) fn is_captured(state: PaymentState) -> bool {
    use PaymentState as S;
    matches!(state, S::Completed | S::PartiallyRefunded | S::Refunded | S::Disputed)
}

/// The states seen last.
#[derive(Default)]
pub struct History {
    ops: BTreeMap<OpId, OpState>,
    payments: BTreeMap<PaymentId, PaymentState>,
}

impl History {
    /// I12: states move forward only, and nothing disappears.
    pub fn check(&mut self, seen: &Snapshot) -> Result<(), Violation> {
        for (id, before) in &self.ops {
            let after = seen.ops.get(id).map(|op| op.state);
            let fits = after.is_some_and(|after| may_follow(*before, after));
            must(fits, "I12", || format!("{id:?} went from {before:?} to {after:?}"))?;
        }
        for (id, before) in &self.payments {
            let after = seen.payments.get(id).map(|payment| payment.state);
            let fits = after.is_some_and(|after| !is_captured(*before) || is_captured(after));
            must(fits, "I12", || format!("{id:?} went from {before:?} to {after:?}"))?;
        }
        self.ops = seen.ops.values().map(|op| (op.id, op.state)).collect();
        self.payments = seen.payments.values().map(|payment| (payment.id, payment.state)).collect();
        Ok(())
    }
}

fn may_follow(before: OpState, after: OpState) -> bool {
    use OpState as S;
    let was_live = matches!(before, S::Intent | S::InFlight | S::Waiting | S::Unknown);
    was_live || before == after || (before == S::Succeeded && after == S::Returned)
}
