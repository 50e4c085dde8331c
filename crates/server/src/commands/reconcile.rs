//! `bursar reconcile`: everything the gateways have against everything we have.

use std::process::ExitCode;

use domain::time::Timestamp;

use super::{Role, StartError, start::start};
use crate::config::Config;
use crate::jobs;

/// Prints every difference; 1 when there is one. What was only not heard of yet is recorded.
pub async fn reconcile(config: Config) -> Result<ExitCode, StartError> {
    let started = start(config, Role::Beside).await?;
    let differences = jobs::reconcile_all(&started.app, Some(Timestamp(0))).await?;
    for difference in &differences {
        println!("{} {}: {}", difference.gateway, difference.reference, difference.problem);
    }
    if differences.is_empty() {
        println!("The gateways' books and ours agree.");
        return Ok(ExitCode::SUCCESS);
    }
    Ok(ExitCode::from(1))
}
