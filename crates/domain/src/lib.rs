//! The rules of the marketplace's money, pure: no I/O, no clock, no dice, no floats.
//!
//! A room may use only rooms written above it.

pub mod time;

pub mod id;

pub mod money;

pub mod gateway;
