//! Resources through the router, on both engines.

mod bookings;
mod cards;
pub mod market;
mod payments;
mod refunds;
