//! The gateways of this installation, from settings.

use std::sync::Arc;
use std::time::Duration;

use domain::time::Span;
use gateways::gateway::Gateway;
use gateways::registry::Gateways;
use gateways::sandbox::{Books, Core, SandboxGateway};
use gateways::stripe::{Mode, StripeConfig, StripeGateway};

use super::StartError;
use crate::app::Sandbox;
use crate::clock::{Clock, OffsetClock};
use crate::config::{Config, GatewayMode, GatewayName, Secrets};
use crate::dice::Dice;

/// The file of the sandbox's own books, in the data folder.
pub(super) const SANDBOX_BOOKS: &str = "sandbox.db";

/// All gateways that are configured; the sandbox among them as long as no real money can move.
pub(super) fn gateways(
    config: &Config,
    secrets: &Secrets,
    clock: &Arc<OffsetClock>,
    dice: &dyn Dice,
) -> Result<(Gateways, Option<Sandbox>), StartError> {
    let mut all: Vec<Arc<dyn Gateway>> = Vec::new();
    let mut controls = None;
    if !config.is_live() {
        let gateway = Arc::new(sandbox(config, secrets, clock, dice)?);
        all.push(Arc::clone(&gateway) as Arc<dyn Gateway>);
        controls = Some(Sandbox { gateway, clock: Arc::clone(clock) });
    }
    if !config.gateways.stripe.secret_key.is_empty() {
        all.push(Arc::new(stripe(config)?));
    }
    let default = match config.gateways.default {
        GatewayName::Sandbox => "sandbox",
        GatewayName::Stripe => "stripe",
        GatewayName::Paypal => "paypal",
    };
    let gateways = Gateways::new(all, default).ok_or(StartError::DefaultGateway(default))?;
    Ok((gateways, controls))
}

fn sandbox(
    config: &Config,
    secrets: &Secrets,
    clock: &Arc<OffsetClock>,
    dice: &dyn Dice,
) -> Result<SandboxGateway, StartError> {
    let secret = secrets.sandbox_webhook_secret.expose();
    let timeout = Duration::from_secs(config.gateways.timeout_seconds);
    let api_base = &config.gateways.sandbox.api_base;
    if !api_base.is_empty() {
        return Ok(SandboxGateway::over_http(api_base, timeout, vec![secret.to_owned()])?);
    }
    let clock = Arc::clone(clock) as Arc<dyn Clock>;
    let core = core(config, secrets, clock, dice)?;
    Ok(SandboxGateway::in_process(core, timeout, vec![secret.to_owned()]))
}

/// The sandbox itself, with its books in the data folder.
pub(super) fn core(
    config: &Config,
    secrets: &Secrets,
    clock: Arc<dyn Clock>,
    dice: &dyn Dice,
) -> Result<Arc<Core>, StartError> {
    let mut seed = [0; 4];
    dice.fill(&mut seed);
    let folder = config.data_dir();
    std::fs::create_dir_all(&folder)
        .map_err(|source| StartError::Folder { folder: folder.clone(), source })?;
    let books = Books::file(&folder.join(SANDBOX_BOOKS), u32::from_be_bytes(seed))?;
    let now = Arc::new(move || clock.now());
    Ok(Arc::new(Core::new(books, now, secrets.sandbox_webhook_secret.expose())))
}

fn stripe(config: &Config) -> Result<StripeGateway, StartError> {
    let settings = &config.gateways.stripe;
    let secrets = settings.webhook_secret.expose().split(',').map(str::trim);
    let timeout = i64::try_from(config.gateways.timeout_seconds).unwrap_or(i64::MAX / Span::SECOND.0);
    Ok(StripeGateway::new(StripeConfig {
        secret_key: settings.secret_key.expose().to_owned(),
        publishable_key: settings.publishable_key.clone(),
        webhook_secrets: secrets.filter(|secret| !secret.is_empty()).map(str::to_owned).collect(),
        api_base: settings.api_base.clone(),
        timeout: Span::seconds(timeout),
        webhook_tolerance: Span::seconds(config.webhooks.tolerance_seconds),
        mode: match settings.mode {
            GatewayMode::Test => Mode::Test,
            GatewayMode::Live => Mode::Live,
        },
        optional_parameters: settings.optional_parameters,
    })?)
}
