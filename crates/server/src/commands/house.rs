//! A marketplace that is its own visitor: everything started on loopback, and a client that speaks
//! to it over HTTP. For `smoke` and for filling the demo.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use domain::time::Span;
use gateways::http::{BuildError, Http, Lost};
use reqwest::Method;
use serde_json::Value;
use tokio::task::JoinHandle;

use super::{Role, StartError, Started, start};
use crate::app::App;
use crate::clock::OffsetClock;
use crate::config::{Config, ConfigError, Sources, load};
use crate::http::server::{Listener, Stop, StopSwitch};
use crate::http::{Surroundings, wrap};
use crate::{api, jobs};

/// For one request.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why a visit did not go as it should.
#[derive(Debug, thiserror::Error)]
pub enum VisitError {
    #[error(transparent)]
    Start(#[from] StartError),
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Client(#[from] BuildError),
    #[error("{0}")]
    Lost(#[from] Lost),
    #[error("{method} {path} answered {status}: {body}")]
    Answer { method: Method, path: String, status: u16, body: Value },
    #[error("{0} is missing in an answer")]
    Missing(&'static str),
    #[error("{0}")]
    Wrong(String),
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error(transparent)]
    Admin(#[from] super::admin::AdminError),
    #[error("a thread ended early")]
    Thread(#[from] tokio::task::JoinError),
}

/// Settings of a marketplace in a folder, with the sandbox only and nothing of anybody's own.
pub(super) fn private_config(folder: &Path) -> Result<Config, ConfigError> {
    let database = format!("sqlite:{}", folder.join("bursar.db").display());
    let flags = [
        ("database.url", database),
        ("server.data_dir", folder.display().to_string()),
        ("server.listen", "127.0.0.1:0".to_owned()),
    ];
    load(&Sources { flags: flags.to_vec(), ..Sources::default() })
}

/// A started marketplace that listens on loopback. Background work is done when it is asked for.
pub(super) struct House {
    started: Started,
    address: SocketAddr,
    switch: StopSwitch,
    serving: JoinHandle<()>,
    http: Http,
}

impl House {
    /// Opens on a clock of its own.
    pub(super) async fn open(mut config: Config, clock: Arc<OffsetClock>) -> Result<House, VisitError> {
        let own = SocketAddr::from(([127, 0, 0, 1], 0));
        let listener = Listener::plain(own).await.map_err(StartError::from)?;
        let address = listener.address().map_err(StartError::from)?;
        // A visitor that does everything at once is no attack.
        config.limits.login_per_minute = 0;
        config.limits.payment_per_minute = 0;
        config.limits.other_per_minute = 0;
        // And one that stays for the whole story is no stale login.
        config.auth.access_ttl_minutes = 24 * 60;
        let started = start::start_at(config, Role::Server, clock).await?;
        let app = &started.app;
        let around = Surroundings::of(app);
        let routes = wrap(api::routes(app.clone()), &around);
        let (switch, stop) = Stop::by_hand();
        let serving = tokio::spawn(listener.serve(routes, stop));
        Ok(House { http: Http::new(PATIENCE)?, started, address, switch, serving })
    }

    pub(super) fn app(&self) -> &App {
        &self.started.app
    }

    /// Lets time pass and does all that becomes due; nothing of it is remembered as an advance.
    pub(super) async fn elapse(&self, by: Span) {
        if let Some(sandbox) = &self.app().sandbox {
            jobs::elapse(self.app(), sandbox, by).await;
        }
    }

    /// Closes everything, so that the same folder can be opened again.
    pub(super) async fn close(self) -> Result<(), VisitError> {
        self.switch.stop();
        Ok(self.serving.await?)
    }

    /// One request; any answer.
    pub(super) async fn ask(
        &self,
        token: Option<&str>,
        method: Method,
        path: &str,
        body: &Value,
    ) -> Result<(u16, Value), VisitError> {
        let mut request = self.http.request(method, &format!("http://{}{path}", self.address));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if !body.is_null() {
            request = request.json(body);
        }
        let reply = self.http.send(request).await?;
        Ok((reply.status, serde_json::from_slice(&reply.body).unwrap_or(Value::Null)))
    }

    /// One POST that must work.
    pub(super) async fn post(
        &self,
        token: Option<&str>,
        path: &str,
        body: &Value,
    ) -> Result<Value, VisitError> {
        let (status, answer) = self.ask(token, Method::POST, path, body).await?;
        if (200..300).contains(&status) {
            return Ok(answer);
        }
        Err(VisitError::Answer { method: Method::POST, path: path.to_owned(), status, body: answer })
    }
}

/// A member of an answer that must be text.
pub(super) fn text(answer: &Value, name: &'static str) -> Result<String, VisitError> {
    answer[name].as_str().map(str::to_owned).ok_or(VisitError::Missing(name))
}

/// A member of an answer that must be an id.
pub(super) fn id(answer: &Value, name: &'static str) -> Result<i64, VisitError> {
    answer[name].as_i64().ok_or(VisitError::Missing(name))
}
