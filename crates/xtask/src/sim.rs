//! `cargo xtask sim`: builds the simulator, fast and with its planted bugs, and hands it everything
//! that was said. `cargo xtask sim --help` tells what there is.

use anyhow::Result;

use crate::shell;

/// What CI runs: the seeds that failed once, as many others, and every rule removed in turn.
pub fn short() -> Result<()> {
    run(&["--seeds", "300", "--steps", "200", "--rules"].map(str::to_owned))
}

pub fn run(arguments: &[String]) -> Result<()> {
    let mut cargo = shell::cargo("run --quiet --profile sim --package sim --");
    shell::run(cargo.args(arguments))
}
