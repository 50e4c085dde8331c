//! The simulator: a marketplace in one thread, driven by a seed, watched by an auditor.
//!
//! Invariants: a seed says everything, so a failure is repeated by one line; the code under test is
//! the real router, writer and rules; the auditor knows the world only through rows, the gateway's
//! own books and what people were told. Deliberately not here: PostgreSQL, threads and processes
//! that are killed (the crash tests do that), and anything a release build needs.

pub mod actors;
pub mod audit;
pub mod call;
pub mod chance;
pub mod chores;
mod ear;
pub mod kept;
mod lessons;
pub mod market;
pub mod model;
pub mod people;
pub mod postbox;
pub mod power;
pub mod rules;
pub mod run;
pub mod swarm;
pub mod wire;

pub use run::{Outcome, Plan, run};
