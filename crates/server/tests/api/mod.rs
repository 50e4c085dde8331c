//! Resources through the router, on both engines.

mod bookings;
mod cards;
mod market;
