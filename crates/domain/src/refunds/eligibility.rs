//! Whether a payment can be refunded, and who decides (BR-40, BR-42). Pure: the status page, the
//! request and the preview ask the same function.

use crate::money::Money;
use crate::policy::Policies;
use crate::pricing;
use crate::records::{Booking, BookingState, Payment};
use crate::time::Timestamp;

/// Where a request for a refund goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// Sent at once.
    Automatic,
    /// An administrator decides.
    Manual(Manual),
    /// Nothing can go back.
    Closed(Closed),
}

/// Why an administrator decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manual {
    /// The marketplace decides every refund by hand.
    Policy,
    /// It decides refunds of this kind by hand.
    Kind,
    /// The lesson has been held.
    Delivered,
    /// Its end, and the grace after it, are over.
    Over,
}

/// Why nothing can go back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closed {
    NotPaid,
    NothingLeft,
}

/// What can still go back to the payer: captured less refunded and under way; a kept fee caps it.
pub fn left(policies: &Policies, payment: &Payment) -> Money {
    let kept = payment.quote.total() - pricing::refundable(&payment.quote, policies.refunds.fee);
    (payment.refundable_left() - kept).max(kept.currency.zero())
}

/// Where a request made now would go. `booking` is the payment's, when it has one.
pub fn route(policies: &Policies, now: Timestamp, payment: &Payment, booking: Option<&Booking>) -> Route {
    if !payment.state.captured() {
        return Route::Closed(Closed::NotPaid);
    }
    if left(policies, payment).is_zero() {
        return Route::Closed(Closed::NothingLeft);
    }
    if !policies.refunds.automatic {
        return Route::Manual(Manual::Policy);
    }
    if !policies.refunds.sends(payment.kind) {
        return Route::Manual(Manual::Kind);
    }
    let Some(booking) = booking else { return Route::Automatic };
    match booking.state {
        BookingState::Completed => Route::Manual(Manual::Delivered),
        BookingState::Cancelled if cancelled_before_end(booking) => Route::Automatic,
        _ if booking.ends_at.is_some_and(|end| end + policies.refunds.grace <= now) => {
            Route::Manual(Manual::Over)
        }
        _ => Route::Automatic,
    }
}

/// Parties can cancel only before the end, the clock only what was never confirmed or paid; only an
/// administrator can cancel a lesson that may have been held.
fn cancelled_before_end(booking: &Booking) -> bool {
    booking.cancelled_by.is_none_or(|by| by == booking.payer || by == booking.payee)
}
