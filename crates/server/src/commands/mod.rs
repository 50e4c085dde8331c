//! What `bursar` does: one file a command, and the assembly they share.
//!
//! Commands answer an exit code: 0 done, 1 found something wrong; what could not run is an error
//! (2). Deliberately not here: parsing the command line (`cli`), rules, HTTP.

pub mod admin;
mod migrate;
mod outside;
mod policies;
mod reconcile;
mod sandbox;
mod serve;
pub mod start;
mod worker;

pub use migrate::migrate;
pub use policies::policies;
pub use reconcile::reconcile;
pub use sandbox::sandbox;
pub use serve::serve;
pub use start::{Role, StartError, Started};
pub use worker::worker;
