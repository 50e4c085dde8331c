//! `bursar sandbox`: the sandbox gateway alone, for tests in which the marketplace crashes.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

use gateways::sandbox::{Deliverer, router};

use super::{StartError, outside};
use crate::clock::SystemClock;
use crate::config::{Config, Secrets};
use crate::dice::OsDice;
use crate::http::server::{Listener, Stop};

/// Where its webhooks go, below the address of the marketplace.
const WEBHOOKS: &str = "/api/payments/webhooks/sandbox/";

/// Serves the sandbox on an address until the stop; its books are in the data folder.
pub async fn sandbox(config: Config, address: SocketAddr, stop: Stop) -> Result<ExitCode, StartError> {
    let secrets = Secrets::load(&config, &OsDice)?;
    let core = outside::core(&config, &secrets, Arc::new(SystemClock), &OsDice)?;
    let listener = Listener::plain(address).await?;
    println!("The sandbox gateway is at http://{}", listener.address()?);
    let deliverer = Deliverer::new(Arc::clone(&core), &format!("{}{WEBHOOKS}", config.public_url()))?;
    let delivering = tokio::spawn(deliverer.run());
    listener.serve(router(core), stop).await;
    delivering.abort();
    Ok(ExitCode::SUCCESS)
}
