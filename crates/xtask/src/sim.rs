//! `cargo xtask sim`: builds the simulator, fast and with its planted bugs, and hands it everything
//! that was said. `cargo xtask sim --help` tells what there is.

use anyhow::Result;

use crate::shell;

pub fn run(arguments: &[String]) -> Result<()> {
    let mut cargo = shell::cargo("run --quiet --profile sim --package sim --");
    shell::run(cargo.args(arguments))
}
