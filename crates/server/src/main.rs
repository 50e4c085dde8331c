//! `bursar`: reads the command line and the configuration, and runs one command.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::Parser;
use server::cli::{AdminCommand, Against, Cli, Command, Listen};
use server::commands;
use server::commands::admin::{AdminError, Made};
use server::config::{self, Config, Secrets};
use server::http::server::Stop;
use server::http::tls::Certificate;

/// SQLite's memory as well as ours: a batch makes and drops many small texts, on several threads.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The command could not run at all.
const COULD_NOT_RUN: u8 = 2;
/// What blocks when everything else has ended is left behind.
const LEAVE_AFTER: Duration = Duration::from_millis(500);

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
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let outcome = runtime.block_on(perform(command, config));
    runtime.shutdown_timeout(LEAVE_AFTER);
    outcome
}

async fn perform(command: Command, config: Config) -> anyhow::Result<ExitCode> {
    let stop = Stop::on_signal()?;
    let code = match command {
        Command::Serve(_) => commands::serve(config, stop).await?,
        Command::Worker => commands::worker(config, stop).await?,
        Command::Migrate => tokio::task::spawn_blocking(move || commands::migrate(&config)).await??,
        Command::Reconcile => commands::reconcile(config).await?,
        Command::Sandbox(listen) => commands::sandbox(config, sandbox_address(&listen)?, stop).await?,
        Command::Report(asked) => commands::report(config, asked).await?,
        Command::Export(asked) => commands::export(config, asked).await?,
        Command::Backup(copy) => {
            tokio::task::spawn_blocking(move || commands::back_up(&config, &copy.file)).await??
        }
        Command::Restore(copy) => {
            tokio::task::spawn_blocking(move || commands::restore(&config, &copy.file)).await??
        }
        Command::Forget(copy) => {
            tokio::task::spawn_blocking(move || commands::forget(config, &copy.file)).await??
        }
        Command::Verify(Against { against }) => {
            tokio::task::spawn_blocking(move || commands::verify(&config, against.as_deref())).await??
        }
        Command::Admin(AdminCommand::Create { email }) => {
            tokio::task::spawn_blocking(move || create_admin(&config, &email)).await??
        }
        Command::Smoke => commands::smoke().await?,
        Command::Seed { payments, days } => commands::seed(config, commands::Size { payments, days }).await?,
        Command::Demo(_) => commands::demo(config, stop).await?,
        Command::CheckConfig => unreachable!("it needs no runtime and is done before"),
    };
    Ok(code)
}

fn sandbox_address(listen: &Listen) -> anyhow::Result<std::net::SocketAddr> {
    let address = listen.listen.as_deref().unwrap_or("127.0.0.1:9000");
    address.parse().context("--listen must be an address such as 127.0.0.1:9000")
}

/// What the person at the keyboard did wrong is 1; what could not be done at all is 2.
fn create_admin(config: &Config, email: &str) -> anyhow::Result<ExitCode> {
    match commands::admin::create(config, email, std::io::stdin()) {
        Ok(Made::Created) => println!("{email} is an administrator now."),
        Ok(Made::Promoted) => println!("{email} was registered already and is an administrator now."),
        Err(error @ (AdminError::Email(_) | AdminError::Password(_))) => {
            eprintln!("bursar: {error}");
            return Ok(ExitCode::FAILURE);
        }
        Err(error) => return Err(error.into()),
    }
    Ok(ExitCode::SUCCESS)
}

fn check_config(config: &Config) -> anyhow::Result<ExitCode> {
    print!("{}", config.to_masked_toml());
    Secrets::check(config).context("configuration")?;
    Certificate::open(config).context("configuration")?;
    Ok(ExitCode::SUCCESS)
}
