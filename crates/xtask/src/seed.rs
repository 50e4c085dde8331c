//! `cargo xtask seed`: a database of any size, made by the release build.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::bench::node;
use crate::shell;

/// Fills an empty database, `sqlite:PATH` or `postgres://…`, with so many payments.
pub fn run(database: &str, payments: u64, binary: Option<&Path>) -> Result<()> {
    let binary = node::binary(binary)?;
    let payments = payments.to_string();
    shell::run(Command::new(binary).args(["--database", database, "seed", "--payments", &payments]))
}
