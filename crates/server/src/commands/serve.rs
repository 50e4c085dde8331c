//! `bursar serve`: the API, the pages and the background work, until it is told to stop.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;

use super::start::{count_people, start};
use super::{Role, StartError};
use crate::app::App;
use crate::config::Config;
use crate::http::metrics;
use crate::http::server::{Listener, Stop, renew};
use crate::http::tls::Certificate;
use crate::http::{Surroundings, wrap};
use crate::notices::Notices;
use crate::{api, jobs};

/// Systems that stop us allow 10 seconds; what still runs then is due again after the next start.
const STOP_MAX: Duration = Duration::from_secs(9);

/// Serves until the stop.
pub async fn serve(mut config: Config, stop: Stop) -> Result<ExitCode, StartError> {
    let listener = Listener::open(&config).await?;
    // Port 0 became a real one, and links must name it.
    config.server.listen = listener.address()?;
    let started = start(config, Role::Server).await?;
    let app = &started.app;
    let around = Surroundings::of(app);
    around.metrics.register(|registry| app.gauges.register(registry));
    let metrics = metrics_listener(&app.config).await?;
    let people = count_people(app).await?;
    print_banner(app, metrics.as_ref().map(Listener::address).transpose()?, people == 0);
    let measured = metrics::router(Arc::clone(&around.metrics));
    let routes = wrap(api::routes(app.clone()), &around);
    let working = tokio::spawn(jobs::run(app.clone(), stop.clone()));
    let watched = end_watches(Arc::clone(&app.notices), stop.clone());
    let measuring = serve_metrics(metrics, measured, stop.clone());
    let renewing = renew_certificate(listener.certificate(), stop.clone());
    let (renewed, ..) = tokio::join!(
        renewing,
        listener.serve(routes, stop.clone()),
        measuring,
        watched,
        finish(working, stop)
    );
    renewed?;
    tracing::info!("stopped");
    Ok(ExitCode::SUCCESS)
}

/// Waits for the stop, and then for background work to end its rounds, but not for ever.
pub(super) async fn finish(working: tokio::task::JoinHandle<()>, stop: Stop) {
    let abort = working.abort_handle();
    stop.asked().await;
    if tokio::time::timeout(STOP_MAX, working).await.is_err() {
        tracing::warn!("some background work was cut off by the stop; it is due again");
        abort.abort();
    }
}

/// People who only watch must not hold up the stop.
async fn end_watches(notices: Arc<Notices>, stop: Stop) {
    stop.asked().await;
    notices.close().await;
}

async fn metrics_listener(config: &Config) -> Result<Option<Listener>, StartError> {
    let address = &config.server.metrics_listen;
    if address.is_empty() {
        return Ok(None);
    }
    let address = address.parse().expect("checked when the configuration was read");
    Ok(Some(Listener::plain(address).await?))
}

async fn serve_metrics(listener: Option<Listener>, routes: Router, stop: Stop) {
    if let Some(listener) = listener {
        listener.serve(routes, stop).await;
    }
}

async fn renew_certificate(certificate: Option<Arc<Certificate>>, stop: Stop) -> std::io::Result<()> {
    match certificate {
        Some(certificate) => renew(certificate, stop).await,
        None => Ok(()),
    }
}

fn print_banner(app: &App, metrics: Option<SocketAddr>, empty: bool) {
    let (config, url) = (&app.config, app.config.public_url());
    let money = if config.is_live() { "LIVE: real money moves" } else { "sandbox: no real money moves" };
    println!("Bursar {} ({money})", env!("CARGO_PKG_VERSION"));
    println!("  API      {url}/api/");
    println!("  Docs     {url}/docs");
    if let Some(address) = metrics {
        println!("  Metrics  http://{address}/metrics");
    }
    println!("  Books    {}", config.database.url.masked());
    println!("  Data     {}", config.data_dir().display());
    if empty {
        println!("Nobody is registered yet. Next: `bursar admin create --email you@example.org`,");
        println!("or stop this and look at a lively marketplace: `bursar demo`.");
    }
}
