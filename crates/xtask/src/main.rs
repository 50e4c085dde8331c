//! `cargo xtask COMMAND`: the chores of this repository.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "The chores of this repository")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Install what is missing, then run every check there is; the first failure ends it
    Ci,
    /// Install what the tests need and the machine lacks
    Install,
    /// Run the tests on both engines; arguments go to nextest (default: --workspace)
    Test {
        /// For example: -p store pool
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Check the rules of STYLE.md that a machine can check
    Tidy,
    /// Install a pre-push hook that runs fmt and tidy
    Hook,
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Ci => xtask::ci::run(),
        Command::Install => xtask::install::run(),
        Command::Test { arguments } => xtask::test::run(&arguments),
        Command::Tidy => xtask::tidy::run(),
        Command::Hook => xtask::hook::run(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nxtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
