//! The listener: HTTP/1.1, or with TLS also HTTP/2; time limits against slow clients, and a graceful stop.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

use crate::config::Config;

use super::peer::Peer;
use super::tls::{self, Certificate, TlsError};

/// The headers of a request and the TLS handshake.
const HEADERS_MAX: Duration = Duration::from_secs(10);
/// What is running when the stop is asked for may finish until then; systems that stop us allow 10.
const STOP_MAX: Duration = Duration::from_secs(9);
/// Requests that one HTTP/2 connection may have under way.
const STREAMS_MAX: u32 = 100;
/// How often a quiet HTTP/2 client is asked whether it is there, and how long it may take to say so.
const PING_EVERY: Duration = Duration::from_secs(30);
const PING_MAX: Duration = Duration::from_secs(10);
/// Beyond it new connections wait in the kernel.
const CONNECTIONS_MAX: usize = 10_000;
/// A failed accept (no file descriptors left) is not retried at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Why the server cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    #[error("cannot listen on {address}: {source}")]
    Bind { address: SocketAddr, source: std::io::Error },
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// A bound socket, with or without TLS.
pub struct Listener {
    socket: TcpListener,
    tls: Option<TlsAcceptor>,
    certificate: Option<Arc<Certificate>>,
}

impl Listener {
    /// Plain HTTP on an address; port 0 takes any.
    pub async fn plain(address: SocketAddr) -> Result<Listener, ListenError> {
        let socket =
            TcpListener::bind(address).await.map_err(|source| ListenError::Bind { address, source })?;
        Ok(Listener { socket, tls: None, certificate: None })
    }

    /// The API's listener: TLS when `server.tls_cert` is set.
    pub async fn open(config: &Config) -> Result<Listener, ListenError> {
        let certificate = Certificate::open(config)?;
        let tls = certificate.as_ref().map(Certificate::acceptor).transpose()?;
        let plain = Listener::plain(config.server.listen).await?;
        Ok(Listener { tls, certificate, ..plain })
    }

    /// What it proves itself with.
    pub fn certificate(&self) -> Option<Arc<Certificate>> {
        self.certificate.clone()
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
            return self.talk(stream, (false, false)).await;
        };
        match tokio::time::timeout(HEADERS_MAX, acceptor.accept(stream)).await {
            Ok(Ok(stream)) => {
                let http_2 = stream.get_ref().1.alpn_protocol() == Some(tls::HTTP_2);
                self.talk(stream, (true, http_2)).await;
            }
            Ok(Err(error)) => tracing::debug!(%error, "TLS handshake failed"),
            Err(_) => tracing::debug!("TLS handshake took too long"),
        }
    }

    async fn talk<S>(self, stream: S, (https, http_2): (bool, bool))
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let peer = Peer { address: self.address.ip().to_canonical(), https };
        let service = self.routes.map_request(move |request: Request<Incoming>| {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(peer);
            request
        });
        let (stream, service) = (TokioIo::new(stream), TowerToHyperService::new(service));
        let ended = if http_2 {
            let connection = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                .timer(TokioTimer::new())
                .max_concurrent_streams(STREAMS_MAX)
                .keep_alive_interval(PING_EVERY)
                .keep_alive_timeout(PING_MAX)
                .serve_connection(stream, service);
            self.watcher.watch(connection).await
        } else {
            let connection = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEADERS_MAX)
                .serve_connection(stream, service);
            self.watcher.watch(connection).await
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "connection ended early");
        }
    }
}

/// The wish to stop, shared by listeners and background work.
#[derive(Clone)]
pub struct Stop(watch::Receiver<bool>);

/// Reads the certificate again at each SIGHUP, until the stop.
pub async fn renew(certificate: Arc<Certificate>, stop: Stop) -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut hangup = signal(SignalKind::hangup())?;
    loop {
        tokio::select! {
            _ = hangup.recv() => {}
            () = stop.asked() => return Ok(()),
        }
        match certificate.reload() {
            Ok(()) => tracing::info!("the certificate was read again"),
            Err(error) => tracing::error!(%error, "the old certificate stays in use"),
        }
    }
}

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
