//! `cargo xtask smoke`: the shipped binary, in an empty folder, as its first user meets it.

use std::env;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::bench::Folder;
use crate::bench::node::{self, Setup};
use crate::bench::wire::{self, Wire};
use crate::shell;

/// Runs `bursar smoke`, then starts the server with nothing configured, looks at it and stops it.
pub fn run(binary: Option<&Path>) -> Result<()> {
    let binary = node::binary(binary)?;
    let folder = Folder::new()?;
    let empty = node::new_folder(&folder.0, "smoke")?;
    shell::run(Command::new(&binary).arg("smoke").current_dir(&empty).env_clear().envs(harmless()))
        .context("bursar smoke")?;

    let folder = node::new_folder(&folder.0, "serve")?;
    let database = format!("sqlite:{}", folder.join("bursar.db").display());
    let setup = Setup::new(&binary, database, folder);
    let (node, taken) = setup.serve()?;
    let mut wire = Wire::open(node.address)?;
    for path in ["/healthz", "/readyz"] {
        let status = wire.call(&wire::get(path, None))?.status;
        ensure!(status == 200, "{path} answered {status}");
    }
    let status = wire.call(&wire::get("/api/payments/payments/", None))?.status;
    ensure!(status == 401, "an anonymous caller was answered {status}");
    let said = setup.last_words();
    ensure!(
        said.contains("Bursar") && said.contains("sandbox"),
        "the banner does not say what runs:\n{said}"
    );
    let (ended, stopping) = node.stop()?;
    ensure!(ended.code() == Some(0), "after SIGTERM the server ended with {ended}");
    println!("smoke: ready after {} ms, stopped within {} ms", taken.as_millis(), stopping.as_millis());
    Ok(())
}

/// A first start has no settings; a path and a home are all it may need.
fn harmless() -> impl Iterator<Item = (String, String)> {
    env::vars().filter(|(name, _)| matches!(name.as_str(), "PATH" | "HOME" | "TMPDIR"))
}
