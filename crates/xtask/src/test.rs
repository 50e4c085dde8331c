//! `cargo xtask test`: nextest with a PostgreSQL server of its own, so that both engines are tested.

use std::process::Command;

use anyhow::{Context, Result};

use crate::postgres::Cluster;
use crate::shell;

/// Runs nextest with the given arguments; without a package among them, on the whole workspace.
pub fn run(arguments: &[String]) -> Result<()> {
    let cluster = Cluster::for_tests().context("cannot start a PostgreSQL for the tests")?;
    shell::run(&mut nextest(&cluster, arguments))
}

/// The command itself, for `ci`. The cluster must live as long as the tests run.
pub fn nextest(cluster: &Cluster, arguments: &[String]) -> Command {
    let mut command = shell::cargo("nextest run");
    if !arguments.iter().any(|argument| selects_packages(argument)) {
        command.arg("--workspace");
    }
    command.args(arguments).env("BURSAR_TEST_POSTGRES", cluster.url()).env("BURSAR_PEERS", shell::peers());
    command
}

fn selects_packages(argument: &str) -> bool {
    let flag = argument.split('=').next().unwrap_or(argument);
    flag.starts_with("-p") || ["--package", "--workspace", "--all"].contains(&flag)
}
