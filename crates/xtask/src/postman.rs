//! `cargo xtask postman`: the walk of `docs/postman.json` through the test cards, run by newman against the
//! shipped binary with its sandbox.

use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::bench::Folder;
use crate::bench::node::{self, Setup};
use crate::shell;

/// The collection's folder that checks itself.
const FOLDER: &str = "A walk through the test cards";

pub fn run(binary: Option<&Path>) -> Result<()> {
    let binary = node::binary(binary)?;
    let newman = shell::peers().join("node/node_modules/.bin/newman");
    ensure!(newman.exists(), "newman is not installed: cargo xtask install");
    let folder = Folder::new()?;
    let folder = node::new_folder(&folder.0, "postman")?;
    let database = format!("sqlite:{}", folder.join("bursar.db").display());
    let (server, _) = Setup { binary, database, folder, settings: Vec::new() }.serve()?;
    let base_url = format!("base_url=http://{}", server.address);
    let mut command = shell::command(newman);
    command.args(["run", "docs/postman.json", "--folder", FOLDER, "--env-var", &base_url]);
    command.args(["--reporters", "cli", "--reporter-cli-no-banner", "--color", "off", "--timeout", "120000"]);
    shell::run(&mut command).context("the walk through the test cards")?;
    server.stop().map(drop)
}
