//! Our rows against the gateway's own books, the only honest oracle: I7, I10, I15, I16.

use std::collections::BTreeMap;

use domain::id::OpId;
use domain::records::{Op, OpKind, OpState};
use gateways::sandbox::{ChargeLine, Readout, RefundLine};

use super::{Snapshot, Violation, must};

const TAKEN: &str = "succeeded";

pub fn check(seen: &Snapshot, books: &Readout) -> Result<(), Violation> {
    let taken = taken(books);
    for charge in &taken {
        charged_rightly(seen, charge)?;
    }
    one_charge_each(seen, &taken)?;
    let given = given(books);
    for refund in &given {
        let op = operation(seen, refund.op, OpKind::Refund);
        must(op.is_some(), "I15", || format!("{refund:?} was made for nothing we know"))?;
    }
    one_refund_each(&given)?;
    within_captures(books)
}

/// Charges that took money.
fn taken(books: &Readout) -> Vec<&ChargeLine> {
    books.charges.iter().filter(|charge| charge.state == TAKEN).collect()
}

/// Refunds that gave money, or are about to.
fn given(books: &Readout) -> Vec<&RefundLine> {
    books.refunds.iter().filter(|refund| refund.state != "failed").collect()
}

fn operation(seen: &Snapshot, tag: Option<i64>, kind: OpKind) -> Option<&Op> {
    seen.ops.get(&OpId(tag?)).filter(|op| op.kind == kind)
}

/// I10, one way: money is only ever taken for an operation that is committed and not given up.
fn charged_rightly(seen: &Snapshot, charge: &ChargeLine) -> Result<(), Violation> {
    let op = operation(seen, charge.op, OpKind::Charge);
    let Some(op) = op else {
        return Err(Violation::new("I10", format!("{charge:?} was made for nothing we know")));
    };
    must(charge.amount == op.amount.minor, "I11", || format!("{charge:?} is not what {op:?} asked for"))?;
    let given_up = matches!(op.state, OpState::Failed | OpState::Cancelled);
    must(!given_up, "I10", || format!("{charge:?} took money, and {op:?} says it did not"))
}

/// I10, the other way, and the one that matters most: nobody pays twice.
fn one_charge_each(seen: &Snapshot, taken: &[&ChargeLine]) -> Result<(), Violation> {
    let mut by_payment = BTreeMap::new();
    let mut by_op: BTreeMap<OpId, usize> = BTreeMap::new();
    for charge in taken {
        let op = operation(seen, charge.op, OpKind::Charge).expect("looked at above");
        *by_op.entry(op.id).or_default() += 1;
        if let Some(other) = by_payment.insert(op.payment, charge) {
            let detail = format!("{:?} was charged twice: {other:?} and {charge:?}", op.payment);
            return Err(Violation::new("charged twice", detail));
        }
    }
    for op in seen.ops.values().filter(|op| op.kind == OpKind::Charge && op.state == OpState::Succeeded) {
        let charges = by_op.get(&op.id).copied().unwrap_or_default();
        must(charges == 1, "I10", || format!("{op:?} succeeded with {charges} charges"))?;
    }
    Ok(())
}

/// I15.
fn one_refund_each(given: &[&RefundLine]) -> Result<(), Violation> {
    let mut by_op = BTreeMap::new();
    for refund in given {
        if let Some(other) = by_op.insert(refund.op, refund) {
            return Err(Violation::new("I15", format!("refunded twice: {other:?} and {refund:?}")));
        }
    }
    Ok(())
}

/// I16.
fn within_captures(books: &Readout) -> Result<(), Violation> {
    for charge in &books.charges {
        must(charge.refunded <= charge.amount, "I16", || format!("{charge:?} gave back more than it took"))?;
    }
    Ok(())
}

/// I7 at rest, and I35: everything is over, and the ledger knows every unit the gateway holds.
pub fn conclude(seen: &Snapshot, books: &Readout) -> Result<(), Violation> {
    for op in seen.ops.values() {
        must(!op.state.live(), "I35", || format!("{op:?} never ended"))?;
    }
    for charge in taken(books) {
        let op = operation(seen, charge.op, OpKind::Charge);
        let known = op.is_some_and(|op| op.state == OpState::Succeeded);
        must(known, "I10", || format!("{charge:?} is not accounted for by {op:?}"))?;
    }
    for refund in &books.refunds {
        let op = operation(seen, refund.op, OpKind::Refund);
        let gone = op.is_some_and(|op| op.state == OpState::Succeeded);
        must(gone == (refund.state == TAKEN), "I15", || format!("{refund:?} is told as {op:?}"))?;
    }
    let held: i64 = seen
        .balances
        .iter()
        .filter(|balance| balance.key.account.starts_with("clearing:"))
        .map(|balance| balance.posted_minor + balance.pending_minor)
        .sum();
    let theirs: i64 = books.totals.iter().map(|total| total.charged - total.refunded).sum();
    must(held == theirs, "I7", || format!("the ledger says {held}, the gateway {theirs}"))
}
