//! `cargo xtask COMMAND`: the chores of this repository.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};
use xtask::bench;
use xtask::bench::databases::Engine;
use xtask::scale;

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
    /// Measure the release build side by side with pgbench
    Bench {
        /// How often everything is measured
        #[arg(long, default_value_t = 5)]
        pairs: usize,
        /// How long each load lasts
        #[arg(long, default_value_t = 10)]
        seconds: u64,
        /// Three pairs of three seconds, as on the build machine
        #[arg(long)]
        short: bool,
        /// Measure this binary instead of building one
        #[arg(long)]
        binary: Option<PathBuf>,
        /// Where the JSON goes
        #[arg(long, default_value = "target/bench.json")]
        output: PathBuf,
    },
    /// Print every rule of the contract with its tests; fail when one is missing
    Rules,
    /// Write docs/openapi.json, docs/postman.json and the error codes in docs/api.md
    Openapi,
    /// Kill the real server in the middle of its work, again and again, and check the books
    Crash {
        #[arg(long, default_value = "sqlite")]
        engine: EngineWord,
        #[arg(long, default_value_t = 15)]
        rounds: u64,
        /// Decides when the kills come
        #[arg(long)]
        seed: Option<u64>,
        /// Kill this binary instead of building one
        #[arg(long)]
        binary: Option<PathBuf>,
    },
    /// Walk through the test cards with the Postman collection
    Postman {
        /// Run this binary instead of building one
        #[arg(long)]
        binary: Option<PathBuf>,
    },
    /// Fill an empty database with so many payments
    Seed {
        /// sqlite:PATH or postgres://…
        #[arg(long)]
        database: String,
        #[arg(long, default_value_t = 10_000)]
        payments: u64,
        /// Use this binary instead of building one
        #[arg(long)]
        binary: Option<PathBuf>,
    },
    /// Ask reports and histories of a small and of a large database, and compare
    Scale {
        #[arg(long, default_value_t = 10_000)]
        small: u64,
        #[arg(long, default_value_t = 250_000)]
        large: u64,
        /// Only this one; both unless given
        #[arg(long)]
        engine: Option<EngineWord>,
        /// Ask databases that `seed` has made before, of whatever size, instead of making them
        #[arg(long, num_args = 2, value_names = ["SMALL", "LARGE"])]
        #[arg(conflicts_with_all = ["small", "large", "engine"])]
        made: Option<Vec<String>>,
        /// Measure this binary instead of building one
        #[arg(long)]
        binary: Option<PathBuf>,
        /// Where the JSON goes
        #[arg(long, default_value = "target/scale.json")]
        output: PathBuf,
    },
    /// Run the release binary in an empty folder, look at it, stop it
    Smoke {
        /// Run this binary instead of building one
        #[arg(long)]
        binary: Option<PathBuf>,
    },
    /// Simulate marketplaces: --seed N [--trace] [--without RULE], or --seeds N [--from N] [--rules]
    #[command(disable_help_flag = true)]
    Sim {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Install a pre-push hook that runs fmt and tidy
    Hook,
}

#[derive(Clone, Copy, ValueEnum)]
enum EngineWord {
    Sqlite,
    Postgres,
}

impl From<EngineWord> for Engine {
    fn from(word: EngineWord) -> Engine {
        match word {
            EngineWord::Sqlite => Engine::Sqlite,
            EngineWord::Postgres => Engine::Postgres,
        }
    }
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Ci => xtask::ci::run(),
        Command::Install => xtask::install::run(),
        Command::Test { arguments } => xtask::test::run(&arguments),
        Command::Tidy => xtask::tidy::run(),
        Command::Bench { short: true, binary, .. } => {
            bench::run(&bench::Arguments { binary, ..bench::Arguments::short() })
        }
        Command::Bench { pairs, seconds, binary, output, .. } => {
            bench::run(&bench::Arguments { pairs, seconds, binary, output })
        }
        Command::Rules => xtask::rules::run(),
        Command::Openapi => xtask::openapi::run(),
        Command::Crash { engine, rounds, seed, binary } => {
            let engine = engine.into();
            xtask::crash::run(&xtask::crash::Arguments { engine, rounds, seed, binary })
        }
        Command::Postman { binary } => xtask::postman::run(binary.as_deref()),
        Command::Seed { database, payments, binary } => {
            xtask::seed::run(&database, payments, binary.as_deref())
        }
        Command::Scale { small, large, engine, made, binary, output } => {
            let engines = engine.map_or(vec![Engine::Sqlite, Engine::Postgres], |one| vec![one.into()]);
            let made = made.and_then(|urls| <[String; 2]>::try_from(urls).ok());
            let source = made.map_or(scale::Source::Sizes { small, large, engines }, scale::Source::Made);
            scale::run(&scale::Arguments { source, binary, output })
        }
        Command::Smoke { binary } => xtask::smoke::run(binary.as_deref()),
        Command::Sim { arguments } => xtask::sim::run(&arguments),
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
