//! The command line. Other tools rely on its words and exit codes: 0 done, 1 found something wrong,
//! 2 could not run. What a command does is not here.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::config::Sources;

/// `bursar`, without arguments `bursar serve`.
#[derive(Debug, Parser)]
#[command(name = "bursar", version, about = "The money office of a learning marketplace")]
pub struct Cli {
    #[command(flatten)]
    pub common: Common,
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// Options of every subcommand.
#[derive(Args, Debug)]
pub struct Common {
    /// Settings file (TOML); without it ./bursar.toml, if there is one
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Where the books are kept
    #[arg(long, global = true, value_name = "sqlite:PATH | postgres://USER@HOST/DB")]
    pub database: Option<String>,
    /// Form of the log lines
    #[arg(long, global = true, value_name = "FORMAT")]
    pub log: Option<LogWord>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum LogWord {
    Text,
    Json,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve the API, the pages and the background work (the default)
    Serve(Listen),
    /// Do the background work only
    Worker,
    /// Bring the database to this version's schema
    Migrate,
    /// Print the effective configuration, secrets masked
    CheckConfig,
    /// Fill an empty database with a lively marketplace and serve it
    Demo(Listen),
    /// Fill an empty database with so many made-up payments, for measuring
    Seed {
        #[arg(long, default_value_t = 10_000)]
        payments: u64,
        /// The days they are spread over, ending now
        #[arg(long, default_value_t = 400)]
        days: u32,
    },
    /// Look after administrators
    #[command(subcommand)]
    Admin(AdminCommand),
    /// Recompute every balance from the ledger and check the books
    Verify(Against),
    /// Compare the books with the gateways'
    Reconcile,
    /// Print the platform's report, as administrators see it
    Report(Report),
    /// Write payments, or the journal of the books, to standard output
    Export(Export),
    /// Copy the whole database into a new file, while it is in use
    Backup(CopyFile),
    /// Put such a copy back; into PostgreSQL only if the database is empty
    Restore(CopyFile),
    /// Forget in such a copy whoever was forgotten since it was taken
    Forget(CopyFile),
    /// Run a booking, a card payment and a refund against the sandbox
    Smoke,
    /// Run the sandbox gateway alone
    Sandbox(Listen),
}

#[derive(Args, Debug)]
pub struct Listen {
    /// Address to listen on, such as 127.0.0.1:8000 (port 0: any free one)
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<String>,
}

/// As the parameters of the report's endpoint.
#[derive(Args, Debug)]
pub struct Report {
    /// The day it is made for, such as 2026-01-31; today unless given
    #[arg(long, value_name = "DATE")]
    pub as_of: Option<String>,
    /// Only payments of this kind
    #[arg(long, value_name = "KIND")]
    pub kind: Option<String>,
    /// Its currency; the marketplace's unless given
    #[arg(long, value_name = "CODE")]
    pub currency: Option<String>,
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: ReportWord,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum ReportWord {
    Text,
    Json,
    Pdf,
}

/// As the parameters of the export's endpoint.
#[derive(Args, Debug)]
pub struct Export {
    /// The first day, such as 2026-01-31; 30 days unless given
    #[arg(long, value_name = "DATE")]
    pub date_from: Option<String>,
    /// The last day; today unless given
    #[arg(long, value_name = "DATE")]
    pub date_to: Option<String>,
    /// Only payments of this kind
    #[arg(long, value_name = "KIND")]
    pub kind: Option<String>,
    /// csv or json: payments; journal: entries for hledger and beancount
    #[arg(long, value_name = "FORMAT", default_value = "csv")]
    pub format: String,
}

#[derive(Args, Debug)]
pub struct CopyFile {
    /// The copy: an SQLite file, whatever the database is
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
}

#[derive(Args, Debug)]
pub struct Against {
    /// A file of checkpoints (audit.checkpoints) that the audit must still agree with
    #[arg(long, value_name = "FILE")]
    pub against: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub enum AdminCommand {
    /// Create an administrator; the password is read from standard input
    Create {
        #[arg(long, value_name = "ADDRESS")]
        email: String,
    },
}

impl Cli {
    /// The command, `serve` when none was given.
    pub fn command(&mut self) -> Command {
        self.command.take().unwrap_or(Command::Serve(Listen { listen: None }))
    }

    /// The environment and this command line as settings; the command line is the strongest.
    pub fn sources(&self, command: &Command) -> Sources {
        let listen = match command {
            Command::Serve(on) | Command::Demo(on) => on.listen.clone(),
            _ => None,
        };
        let log = self.common.log.map(|word| match word {
            LogWord::Text => "text".to_owned(),
            LogWord::Json => "json".to_owned(),
        });
        let flags =
            [("server.listen", listen), ("database.url", self.common.database.clone()), ("log.format", log)];
        let mut sources = Sources::from_environment();
        sources.file.clone_from(&self.common.config);
        sources.flags = flags.into_iter().filter_map(|(key, value)| Some((key, value?))).collect();
        sources
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_sound() {
        <Cli as CommandFactory>::command().debug_assert();
    }

    #[test]
    fn without_arguments_it_serves() {
        let mut cli = Cli::try_parse_from(["bursar"]).expect("valid");
        assert!(matches!(cli.command(), Command::Serve(_)));
    }

    #[test]
    fn common_options_stand_on_either_side_of_the_command() {
        for line in [
            ["bursar", "--database", "sqlite:x.db", "verify"],
            ["bursar", "verify", "--database", "sqlite:x.db"],
        ] {
            let mut cli = Cli::try_parse_from(line).expect("valid");
            let command = cli.command();
            let flags = cli.sources(&command).flags;
            assert_eq!(flags, [("database.url", "sqlite:x.db".to_owned())]);
        }
    }

    #[test]
    fn flags_become_settings() {
        let line = ["bursar", "serve", "--listen", "127.0.0.1:0", "--log", "json"];
        let mut cli = Cli::try_parse_from(line).expect("valid");
        let command = cli.command();
        let flags = cli.sources(&command).flags;
        assert!(flags.contains(&("server.listen", "127.0.0.1:0".to_owned())));
        assert!(flags.contains(&("log.format", "json".to_owned())));
    }
}
