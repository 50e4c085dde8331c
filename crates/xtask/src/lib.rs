//! The workshop: every chore a developer or the build machine runs, in Rust, one file a command.
//!
//! Invariants: a command finds the repository by itself, whatever the working directory; the first
//! failing step ends it; what it starts (a PostgreSQL cluster, a server) it also stops. Deliberately
//! not here: rules of the marketplace, and anything the shipped binary needs to run.

pub mod bench;
pub mod ci;
pub mod crash;
pub mod hook;
pub mod install;
pub mod openapi;
pub mod postgres;
pub mod scale;
pub mod seed;
pub mod shell;
pub mod sim;
pub mod smoke;
pub mod test;
pub mod tidy;
