//! Resources through the router, on both engines.

mod availability;
mod bookings;
mod cards;
pub mod market;
mod payments;
mod refunds;
mod reschedules;
mod slot_races;
mod tracking;
