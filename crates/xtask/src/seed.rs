//! `cargo xtask seed`: a database of any size, made by the release build.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::bench::node;
use crate::shell;

/// Fills an empty database, `sqlite:PATH` or `postgres://…`, with so many payments.
pub fn run(database: &str, payments: u64, binary: Option<PathBuf>) -> Result<()> {
    let binary = binary.map_or_else(node::release_binary, Ok)?;
    let payments = payments.to_string();
    shell::run(Command::new(binary).args(["--database", database, "seed", "--payments", &payments]))
}
