//! The rules of the marketplace's money, pure: no I/O, no clock, no dice, no floats.
//!
//! A room may use only rooms written above it (`cargo xtask tidy` checks). Records hold state,
//! verbs decide, `ledger` knows where money is. Deliberately not here: SQL, HTTP, provider words,
//! rendering.

pub mod time;

pub mod id;

pub mod money;

pub mod gateway;

pub mod refusal;

pub mod policy;

pub mod rows;

pub mod records;

pub mod ledger;

pub mod context;

pub mod world;

pub mod command;

pub mod audit;

pub mod rollups;

pub(crate) mod letters;

pub mod meetings;

pub mod pricing;

pub mod idempotency;

pub mod operations;

pub mod schedule;

pub mod calendar;

pub mod refunds;

pub mod bookings;

pub mod payments;

pub mod vitals;

pub mod people;

pub mod offers;

pub mod cards;

pub mod inbox;

pub mod upkeep;

#[cfg(test)]
pub(crate) mod testing;
