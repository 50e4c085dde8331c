//! When the clock next has something to do for a booking that is confirmed.

use crate::context::Context;
use crate::records::{Booking, BookingState};
use crate::schedule::Slot;
use crate::time::{Span, Timestamp};

/// Unpaid: cancelled at the payment deadline. Paid: completed some time after the end.
pub(super) fn wake_when_confirmed(cx: &Context<'_>, slot: Slot, paid: bool) -> Timestamp {
    let policy = &cx.policies.booking;
    if paid {
        return slot.ends_at + policy.auto_complete_after;
    }
    if policy.pay_ttl == Span::ZERO {
        return slot.starts_at;
    }
    slot.starts_at.min(cx.now + policy.pay_ttl)
}

/// A paid, confirmed booking completes itself some time after its end, and a request to move it lapses
/// at its start; a paid pending one still has its confirmation deadline.
pub(crate) fn wake_when_paid(cx: &Context<'_>, booking: &Booking) -> Option<Timestamp> {
    let Some(slot) = booking.slot().filter(|_| booking.state == BookingState::Confirmed) else {
        return booking.wake_at;
    };
    let completes_at = wake_when_confirmed(cx, slot, true);
    let lapses_at = booking.proposal().map(|_| slot.starts_at).filter(|at| *at > cx.now);
    Some(lapses_at.map_or(completes_at, |at| at.min(completes_at)))
}

/// The same for one that has just got another time; deadlines that had nothing to do with the old
/// time stay.
pub(super) fn wake_when_moved(cx: &Context<'_>, old: &Booking, slot: Slot, paid: bool) -> Timestamp {
    let deadline = old.wake_at.filter(|at| old.starts_at.is_some_and(|start| *at < start));
    match (old.state, deadline) {
        (BookingState::Pending, _) => slot.starts_at.min(old.created_at + cx.policies.booking.confirm_ttl),
        (_, Some(deadline)) if !paid => slot.starts_at.min(deadline),
        _ => wake_when_confirmed(cx, slot, paid),
    }
}
