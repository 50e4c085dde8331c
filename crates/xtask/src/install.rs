//! Installing what the checks need and the machine lacks: Debian packages, cargo tools, peers.
//!
//! Nothing is upgraded and nothing present is touched. Off Debian, or without root, the missing
//! packages are named and the developer installs them.

use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::postgres;
use crate::shell;

struct CargoTool {
    probe: &'static str,
    install: &'static str,
}

const CARGO_TOOLS: &[CargoTool] = &[
    CargoTool { probe: "nextest --version", install: "install --locked cargo-nextest" },
    // Unoptimized: built in a third of the time, and it works for two seconds a run.
    CargoTool { probe: "deny --version", install: "install --locked --debug cargo-deny" },
];

/// Brings the machine to the state the checks expect. Cheap when nothing is missing.
pub fn run() -> Result<()> {
    debian_packages()?;
    cargo_tools()?;
    peers()
}

fn debian_packages() -> Result<()> {
    let missing = missing_packages();
    if missing.is_empty() {
        return Ok(());
    }
    let names = missing.join(" ");
    if !shell::is_root() || !Path::new("/usr/bin/apt-get").exists() {
        bail!("please install: {names} (Debian names)");
    }
    println!("installing {names}");
    shell::run(apt_get().args(["update", "--quiet=2"]))?;
    shell::run(apt_get().args(["install", "--yes", "--quiet=2", "--no-install-recommends"]).args(&missing))
        .with_context(|| format!("cannot install {names}"))
}

fn apt_get() -> std::process::Command {
    let mut apt_get = shell::command("apt-get");
    apt_get.env("DEBIAN_FRONTEND", "noninteractive");
    apt_get
}

fn missing_packages() -> Vec<&'static str> {
    let mut missing = Vec::new();
    if !Path::new(postgres::PROGRAMS).join("initdb").exists() {
        missing.push("postgresql-15");
    }
    if !shell::succeeds(shell::command("python3").args(["-c", "import ensurepip, venv"])) {
        missing.push("python3-venv");
    }
    if !shell::succeeds(shell::command("sqlite3").arg("-version")) {
        missing.push("sqlite3");
    }
    if !shell::succeeds(shell::command("node").arg("--version")) {
        missing.push("nodejs");
    }
    if !shell::succeeds(shell::command("npm").arg("--version")) {
        missing.push("npm");
    }
    if !shell::succeeds(shell::command("hledger").arg("--version")) {
        missing.push("hledger");
    }
    if !shell::succeeds(shell::command("pdftotext").arg("-v")) {
        missing.push("poppler-utils");
    }
    missing
}

fn cargo_tools() -> Result<()> {
    for tool in CARGO_TOOLS {
        if !shell::succeeds(&mut shell::cargo(tool.probe)) {
            println!("cargo {} (minutes, once)", tool.install);
            shell::run(&mut shell::cargo(tool.install))?;
        }
    }
    Ok(())
}

/// The stand-ins for gateways and mail come with a script of their own, which skips what is there.
fn peers() -> Result<()> {
    let script = shell::root().join("e2e/peers/install");
    if !script.exists() {
        return Ok(());
    }
    shell::run(shell::command(&script).env("BURSAR_PEERS", shell::peers()))
        .context("cannot install the peers that the gateways are tested against")
}
