//! `bursar`: reads the command line and the configuration, and runs one command.

use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use server::cli::{Cli, Command};
use server::config::{self, Config, Secrets};

/// The command could not run at all.
const COULD_NOT_RUN: u8 = 2;

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("bursar: {}", server::logging::mask_card_numbers(&format!("{error:#}")));
            ExitCode::from(COULD_NOT_RUN)
        }
    }
}

fn run(mut cli: Cli) -> anyhow::Result<ExitCode> {
    let command = cli.command();
    let config = config::load(&cli.sources(&command))?;
    if matches!(command, Command::CheckConfig) {
        return check_config(&config);
    }
    server::logging::start(config.log.format, &config.log.level)?;
    anyhow::bail!("this build has no {command:?}");
}

fn check_config(config: &Config) -> anyhow::Result<ExitCode> {
    print!("{}", config.to_masked_toml());
    Secrets::check(config).context("configuration")?;
    Ok(ExitCode::SUCCESS)
}
