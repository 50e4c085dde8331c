//! `cargo xtask openapi`: writes `docs/openapi.json`, `docs/postman.json` and the error codes in
//! `docs/api.md`.
//!
//! The tests that compare them with the sources also write them, so there is one source of truth and
//! the ordinary test run says when they are stale.

use anyhow::Result;

use crate::shell;

/// Runs those tests with the wish to write.
pub fn run() -> Result<()> {
    let mut command = shell::cargo("nextest run --package server --test all -E test(/^docs::/)");
    shell::run(command.env("BURSAR_WRITE_DOCS", "1"))
}
