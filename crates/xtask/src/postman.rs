//! `cargo xtask postman`: the walk of `docs/postman.json` through the test cards, run by newman against the
//! shipped binary with its sandbox.

use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};

use crate::bench::Folder;
use crate::bench::node::{self, Setup};
use crate::shell;

/// The collection's folder that checks itself.
const FOLDER: &str = "A walk through the test cards";

/// Who moves the clock of the sandbox.
const EMAIL: &str = "ada@example.org";
const PASSWORD: &str = "a lantern on the bridge";

pub fn run(binary: Option<&Path>) -> Result<()> {
    let binary = node::binary(binary)?;
    let newman = shell::peers().join("node/node_modules/.bin/newman");
    ensure!(newman.exists(), "newman is not installed: cargo xtask install");
    let folder = Folder::new()?;
    let folder = node::new_folder(&folder.0, "postman")?;
    let database = format!("sqlite:{}", folder.join("bursar.db").display());
    let setup = Setup::new(&binary, database, folder);
    let (server, _) = setup.serve()?;
    create_admin(&setup)?;
    let base_url = format!("base_url=http://{}", server.address);
    let mut command = shell::command(newman);
    command.args(["run", "docs/postman.json", "--folder", FOLDER, "--env-var", &base_url]);
    for (variable, value) in [("admin_email", EMAIL), ("admin_password", PASSWORD)] {
        command.args(["--env-var", &format!("{variable}={value}")]);
    }
    command.args(["--reporters", "cli", "--reporter-cli-no-banner", "--color", "off", "--timeout", "120000"]);
    shell::run(&mut command).context("the walk through the test cards")?;
    server.stop().map(drop)
}

/// The command reads the password from standard input.
fn create_admin(setup: &Setup) -> Result<()> {
    let mut command = setup.command(&["admin", "create", "--email", EMAIL])?;
    let mut child = command.stdin(Stdio::piped()).spawn().context("cannot start bursar")?;
    child.stdin.take().context("it reads nothing")?.write_all(PASSWORD.as_bytes())?;
    ensure!(child.wait()?.success(), "no administrator was made\n{}", setup.last_words());
    Ok(())
}
