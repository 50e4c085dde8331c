//! What `bursar` does: one file a command, and the assembly they share.
//!
//! Commands answer an exit code: 0 done, 1 found something wrong; what could not run is an error
//! (2). Deliberately not here: parsing the command line (`cli`), rules, HTTP.

pub mod admin;
mod copies;
mod demo;
mod figures;
mod house;
mod migrate;
mod outside;
mod policies;
mod reconcile;
mod sandbox;
mod seed;
mod serve;
mod smoke;
pub mod start;
mod verify;
mod worker;

pub use copies::{BackupError, back_up, forget, restore};
pub use demo::demo;
pub use figures::{FiguresError, export, report};
pub use house::VisitError;
pub use migrate::migrate;
pub use policies::policies;
pub use reconcile::reconcile;
pub use sandbox::sandbox;
pub use seed::{Size, seed};
pub use serve::serve;
pub use smoke::smoke;
pub use start::{Role, StartError, Started};
pub use verify::{verify, verify_audit};
pub use worker::worker;
