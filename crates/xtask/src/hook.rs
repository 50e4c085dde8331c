//! `cargo xtask hook`: a pre-push hook that runs what is quick, so that a push is rarely sent back.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use anyhow::{Context, Result, bail};

use crate::shell;

const HOOK: &str = "#!/bin/sh
# Written by `cargo xtask hook`. Quick checks only; `cargo xtask ci` runs the rest.
set -eu
cargo fmt --all --check
cargo xtask tidy
";

/// Writes the hook, but never over one that somebody else wrote.
pub fn run() -> Result<()> {
    let path = shell::output(shell::command("git").args(["rev-parse", "--git-path", "hooks/pre-push"]))?;
    let path = shell::root().join(path.trim());
    if let Ok(present) = fs::read_to_string(&path)
        && !present.contains("cargo xtask hook")
    {
        bail!("{} exists and is not ours: add `cargo xtask tidy` to it by hand", path.display());
    }
    let folder = path.parent().context("a hook lies in a folder")?;
    fs::create_dir_all(folder)?;
    fs::write(&path, HOOK)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    println!("installed {}", path.display());
    Ok(())
}
