//! Resources through the router, on both engines.

mod audit;
mod availability;
mod bookings;
mod cards;
mod customers;
pub mod market;
mod notifications;
mod payments;
mod refunds;
mod reschedules;
mod slot_races;
mod tracking;
