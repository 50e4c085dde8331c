//! Every gateway against the one suite, and each against its own promises.

#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod sandbox;
mod stripe;
