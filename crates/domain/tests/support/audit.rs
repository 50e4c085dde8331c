//! The books and the states, checked after every step: what `bursar verify` checks in a database.

use std::collections::{BTreeMap, BTreeSet};

use domain::id::{EntryId, Id};
use domain::records::{Booking, BookingState, OpKind, OpState, Payment, PaymentState, RefundState, Word};

use super::Memory;

pub fn check(kept: &Memory) {
    entries_balance_and_are_unique(kept);
    balances_are_their_postings(kept);
    payments_agree(kept);
    bookings_agree(kept);
    payees_owe_or_own(kept);
    clearing_is_what_the_gateway_has(kept);
}

fn entries_balance_and_are_unique(kept: &Memory) {
    let mut sums: BTreeMap<EntryId, (i64, i64)> = BTreeMap::new();
    for posting in &kept.postings {
        let sum = sums.entry(posting.entry).or_default();
        sum.0 += posting.posted_minor;
        sum.1 += posting.pending_minor;
    }
    let mut once = BTreeSet::new();
    for entry in &kept.entries {
        assert_eq!(sums.get(&entry.id), Some(&(0, 0)), "I1 {entry:?}");
        let event = (entry.id.lane(), entry.subject.clone(), entry.subject_id, entry.recipe.clone());
        assert!(once.insert(event), "posted twice: {entry:?}");
    }
}

fn balances_are_their_postings(kept: &Memory) {
    let mut sums = BTreeMap::new();
    for posting in &kept.postings {
        let key = (posting.entry.lane(), posting.account.clone(), posting.owner, posting.currency);
        let sum: &mut (i64, i64, i64) = sums.entry(key).or_default();
        sum.0 += posting.posted_minor;
        sum.1 += posting.pending_minor;
        sum.2 += 1;
    }
    let stored: BTreeMap<_, _> = kept
        .balances
        .values()
        .map(|b| {
            let key = (b.key.lane, b.key.account.clone(), b.key.owner, b.key.currency);
            (key, (b.posted_minor, b.pending_minor, b.postings))
        })
        .collect();
    assert_eq!(stored, sums, "I3");
}

fn payments_agree(kept: &Memory) {
    for payment in kept.payments.values() {
        let quote = &payment.quote;
        assert_eq!(quote.total_minor + quote.subsidy_minor, quote.fee_minor + quote.share_minor, "I5");
        assert!([0, quote.total_minor].contains(&payment.captured_minor));
        let of = |op: &&domain::records::Op| op.payment == payment.id && op.kind == OpKind::Charge;
        let one = |op: &&domain::records::Op| op.state.live() || op.state == OpState::Succeeded;
        assert!(kept.ops.values().filter(of).filter(one).count() <= 1, "I8 {payment:?}");
        if payment.state.captured() {
            let op = &kept.ops[&payment.op.unwrap()];
            assert!(matches!(op.state, OpState::Succeeded | OpState::Late), "I9 {op:?}");
            assert_eq!(payment.state, payment.state_from_amounts(), "I12");
        } else {
            assert_eq!(payment.captured_minor, 0, "I12");
        }
        refunds_add_up(kept, payment);
    }
    for op in kept.ops.values() {
        assert!(!op.state.live() || op.wake_at.is_some(), "I13 {op:?}");
    }
}

fn refunds_add_up(kept: &Memory, payment: &Payment) {
    let sum = |state: RefundState| -> i64 {
        let of = kept.refunds.values().filter(|r| r.payment == payment.id && r.state == state);
        of.map(|refund| refund.amount_minor).sum()
    };
    assert_eq!(payment.refunded_minor, sum(RefundState::Processed), "I14 {payment:?}");
    assert_eq!(payment.refund_reserved_minor, sum(RefundState::Processing), "I14 {payment:?}");
    assert!(payment.refunded_minor + payment.refund_reserved_minor <= payment.captured_minor, "I14");
}

fn bookings_agree(kept: &Memory) {
    let mut busy = BTreeSet::new();
    for booking in kept.bookings.values() {
        let open = matches!(booking.state, BookingState::Pending | BookingState::Confirmed);
        if let Some(slot) = booking.slot().filter(|_| open) {
            for party in [booking.payer, booking.payee] {
                for day in slot.starts_at.day()..=domain::time::Timestamp(slot.ends_at.0 - 1).day() {
                    busy.insert((party, day, booking.id));
                }
            }
        }
        assert!(!open || booking.wake_at.is_some(), "nobody looks at {booking:?} again");
        closed_bookings_hold_no_money(kept, booking);
    }
    assert_eq!(kept.busy.keys().copied().collect::<BTreeSet<_>>(), busy, "I20");
}

/// What a cancelled booking's payment has taken is going back, or nothing can be taken any more.
fn closed_bookings_hold_no_money(kept: &Memory, booking: &Booking) {
    let Some(payment) = booking.payment.and_then(|id| kept.payments.get(&id)) else { return };
    if booking.state != BookingState::Cancelled {
        return;
    }
    let live = kept.ops.values().any(|op| op.payment == payment.id && op.state.live());
    let waiting = matches!(payment.state, PaymentState::Pending | PaymentState::Processing);
    assert!(live || !waiting, "{} of a cancelled booking", payment.state.word());
}

fn payees_owe_or_own(kept: &Memory) {
    for balance in kept.balances.values() {
        let sum = balance.posted_minor + balance.pending_minor;
        match balance.key.account.as_str() {
            "payee:pending" | "payee:available" => assert!(sum <= 0, "I6 {balance:?}"),
            "payee:receivable" => assert!(sum >= 0, "I6 {balance:?}"),
            _ => {}
        }
    }
}

/// Clearing is what was captured and not returned or paid out, plus what waits in suspense.
fn clearing_is_what_the_gateway_has(kept: &Memory) {
    let of = |prefix: &str| -> (i64, i64) {
        let rows = kept.balances.values().filter(|b| b.key.account.starts_with(prefix));
        rows.fold((0, 0), |sum, b| (sum.0 + b.posted_minor, sum.1 + b.pending_minor))
    };
    let (cleared, suspense) = (of("clearing:"), of("suspense"));
    let kept_back: i64 = kept.payments.values().map(|p| p.captured_minor - p.refunded_minor).sum();
    let reserved: i64 = kept.payments.values().map(|p| p.refund_reserved_minor).sum();
    assert_eq!(cleared.0, kept_back - suspense.0 - paid_out(kept), "I7");
    assert_eq!(cleared.1, -reserved - suspense.1, "I7, pending");
}

fn paid_out(kept: &Memory) -> i64 {
    let payout = |posting: &&domain::records::Posting| {
        kept.entries.iter().any(|entry| entry.id == posting.entry && entry.recipe == "payout")
    };
    kept.postings.iter().filter(payout).map(|posting| posting.posted_minor.max(0)).sum()
}
