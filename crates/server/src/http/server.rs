//! The listener: HTTP/1.1 or TLS, time limits against slow clients, and a graceful stop.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

use crate::config::Config;

use super::peer::Peer;

/// The headers of a request and the TLS handshake.
const HEADERS_MAX: Duration = Duration::from_secs(10);
/// What is running when the stop is asked for may finish until then; systems that stop us allow 10.
const STOP_MAX: Duration = Duration::from_secs(9);
/// Beyond it new connections wait in the kernel.
const CONNECTIONS_MAX: usize = 10_000;
/// A failed accept (no file descriptors left) is not retried at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Why the server cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    #[error("cannot listen on {address}: {source}")]
    Bind { address: SocketAddr, source: std::io::Error },
    #[error("{key}: {reason}")]
    Tls { key: &'static str, reason: String },
}

/// A bound socket, with or without TLS.
pub struct Listener {
    socket: TcpListener,
    tls: Option<TlsAcceptor>,
}

impl Listener {
    /// Plain HTTP on an address; port 0 takes any.
    pub async fn plain(address: SocketAddr) -> Result<Listener, ListenError> {
        let socket =
            TcpListener::bind(address).await.map_err(|source| ListenError::Bind { address, source })?;
        Ok(Listener { socket, tls: None })
    }

    /// The API's listener: TLS when `server.tls_cert` is set.
    pub async fn open(config: &Config) -> Result<Listener, ListenError> {
        let mut listener = Listener::plain(config.server.listen).await?;
        if config.has_tls() {
            listener.tls = Some(acceptor(config)?);
        }
        Ok(listener)
    }

    /// Where it really listens: the port that 0 became.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Serves until the signal, then stops accepting, lets running requests finish and returns.
    pub async fn serve(self, routes: Router, stop: Stop) {
        let graceful = GracefulShutdown::new();
        let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        loop {
            let (stream, address, permit) = tokio::select! {
                accepted = self.accept(&room) => accepted,
                () = stop.asked() => break,
            };
            let connection = Connection {
                address,
                tls: self.tls.clone(),
                watcher: graceful.watcher(),
                routes: routes.clone(),
            };
            tokio::spawn(async move {
                connection.run(stream).await;
                drop(permit);
            });
        }
        drop(self.socket);
        if tokio::time::timeout(STOP_MAX, graceful.shutdown()).await.is_err() {
            tracing::warn!("some requests were cut off by the stop");
        }
    }

    async fn accept(&self, room: &Arc<Semaphore>) -> (TcpStream, SocketAddr, OwnedSemaphorePermit) {
        let permit = Arc::clone(room).acquire_owned().await;
        let permit = permit.expect("the semaphore is never closed");
        loop {
            match self.socket.accept().await {
                Ok((stream, address)) => return (stream, address, permit),
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

/// One connection and what answers it.
struct Connection {
    address: SocketAddr,
    tls: Option<TlsAcceptor>,
    watcher: Watcher,
    routes: Router,
}

impl Connection {
    async fn run(mut self, stream: TcpStream) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "cannot switch off delays");
        }
        let Some(acceptor) = self.tls.take() else {
            return self.talk(stream, false).await;
        };
        match tokio::time::timeout(HEADERS_MAX, acceptor.accept(stream)).await {
            Ok(Ok(stream)) => self.talk(stream, true).await,
            Ok(Err(error)) => tracing::debug!(%error, "TLS handshake failed"),
            Err(_) => tracing::debug!("TLS handshake took too long"),
        }
    }

    async fn talk<S: AsyncRead + AsyncWrite + Send + Unpin + 'static>(self, stream: S, https: bool) {
        let peer = Peer { address: self.address.ip().to_canonical(), https };
        let service = self.routes.map_request(move |request: Request<Incoming>| {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(peer);
            request
        });
        let connection = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADERS_MAX)
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
        if let Err(error) = self.watcher.watch(connection).await {
            tracing::debug!(%error, "connection ended early");
        }
    }
}

fn acceptor(config: &Config) -> Result<TlsAcceptor, ListenError> {
    let failed = |key, reason: String| ListenError::Tls { key, reason };
    let cert_path = PathBuf::from(&config.server.tls_cert);
    let key_path = PathBuf::from(&config.server.tls_key);
    let certs = CertificateDer::pem_file_iter(cert_path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| failed("server.tls_cert", error.to_string()))?;
    let key = PrivateKeyDer::from_pem_file(key_path)
        .map_err(|error| failed("server.tls_key", error.to_string()))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| failed("server.tls_cert", error.to_string()))?
        .with_no_client_auth()
        .with_single_cert(certs, key)
        .map_err(|error| failed("server.tls_cert", error.to_string()))?;
    Ok(TlsAcceptor::from(Arc::new(tls)))
}

/// The wish to stop, shared by listeners and background work.
#[derive(Clone)]
pub struct Stop(watch::Receiver<bool>);

/// Asks for the stop.
pub struct StopSwitch(watch::Sender<bool>);

impl Stop {
    /// A stop that somebody else asks for (tests, a command that ends).
    pub fn by_hand() -> (StopSwitch, Stop) {
        let (sender, receiver) = watch::channel(false);
        (StopSwitch(sender), Stop(receiver))
    }

    /// A stop that SIGTERM or SIGINT asks for.
    pub fn on_signal() -> std::io::Result<Stop> {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let (switch, stop) = Stop::by_hand();
        tokio::spawn(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            tracing::info!("stopping");
            switch.stop();
        });
        Ok(stop)
    }

    /// Waits until the stop is asked for.
    pub async fn asked(&self) {
        let mut receiver = self.0.clone();
        // A switch that was dropped without being used can never ask: wait for ever then.
        if receiver.wait_for(|stop| *stop).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    pub fn is_asked(&self) -> bool {
        *self.0.borrow()
    }
}

impl StopSwitch {
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}
