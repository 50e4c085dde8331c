//! Payments: the money owed for one payable, collected by operations.
//!
//! Invariants: at most one live-or-successful operation a payment (late money excepted); a capture
//! is exact in amount and currency or it is not a completion; the answer, a confirmation, a webhook
//! and recovery all meet in one place ([`RecordCharge`]), and the first wins.

mod begin;
mod complete;
mod confirm;
mod purchase;
mod record;
mod release;

pub use crate::pricing::quote_booking;
pub use begin::{Begun, Method, PayAndShow, PayBooking, Shown};
pub use confirm::ConfirmIntent;
pub use purchase::{PurchaseSession, flat_slot};
pub use record::{Finish, RecordCharge, Render, Settled};
pub use release::Release;

use crate::money::Money;
use crate::policy::Policies;
use crate::refusal::Refusal;

/// Whether a charge of this size is offered.
pub(crate) fn check_amount(policies: &Policies, total: Money) -> Result<(), Refusal> {
    let minor = |minor| total.currency.minor(minor);
    if total.minor < policies.charge_min_minor {
        return Err(Refusal::AmountTooSmall(minor(policies.charge_min_minor)));
    }
    if total.minor > policies.charge_max_minor {
        return Err(Refusal::AmountTooLarge(minor(policies.charge_max_minor)));
    }
    Ok(())
}
