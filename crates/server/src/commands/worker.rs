//! `bursar worker`: the background work alone, beside nodes that serve.

use std::process::ExitCode;

use super::serve::finish;
use super::{Role, StartError, start::start};
use crate::config::Config;
use crate::http::server::Stop;
use crate::jobs;

/// Works until the stop.
pub async fn worker(config: Config, stop: Stop) -> Result<ExitCode, StartError> {
    let started = start(config, Role::Server).await?;
    println!("Bursar {} works in the background.", env!("CARGO_PKG_VERSION"));
    let working = tokio::spawn(jobs::run(started.app.clone(), stop.clone()));
    stop.asked().await;
    finish(working).await;
    Ok(ExitCode::SUCCESS)
}
