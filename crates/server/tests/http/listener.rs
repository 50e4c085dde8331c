use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::routing::get as on_get;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use server::http::peer::Peer;
use server::http::server::{Listener, Stop, StopSwitch, renew};
use server::http::tls::Certificate;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::signal::unix::SignalKind;
use tokio::sync::Notify;
use tokio_rustls::client::TlsStream;

use super::{config, wrapped};

const REQUEST: &[u8] = b"GET /slow/ HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
const TEST_MAX: Duration = Duration::from_secs(20);

fn loopback() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

#[tokio::test]
async fn a_stop_lets_running_requests_finish_and_takes_no_new_ones() {
    let (started, finish) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (telling, waiting) = (Arc::clone(&started), Arc::clone(&finish));
    let slow = move || async move {
        telling.notify_one();
        waiting.notified().await;
        "done"
    };
    let routes = wrapped(Router::new().route("/slow", on_get(slow)), &[]);
    let listener = Listener::plain(loopback()).await.expect("a free port");
    let address = listener.address().expect("bound");
    let (switch, stop) = Stop::by_hand();
    let serving = tokio::spawn(listener.serve(routes, stop));

    let mut client = TcpStream::connect(address).await.expect("listening");
    client.write_all(REQUEST).await.expect("sent");
    started.notified().await;
    switch.stop();
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert!(!serving.is_finished());
    finish.notify_one();

    let mut answer = String::new();
    let reading = client.read_to_string(&mut answer);
    tokio::time::timeout(TEST_MAX, reading).await.expect("in time").expect("read");
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("done"), "{answer}");
    tokio::time::timeout(TEST_MAX, serving).await.expect("in time").expect("no panic");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_never_finishes_its_headers_is_dropped() {
    let listener = Listener::plain(loopback()).await.expect("a free port");
    let address = listener.address().expect("bound");
    let (switch, stop) = Stop::by_hand();
    let serving = tokio::spawn(listener.serve(wrapped(Router::new(), &[]), stop));
    let mut client = TcpStream::connect(address).await.expect("listening");
    client.write_all(b"GET / HTTP/1.1\r\nx-slow: 1\r\n").await.expect("sent");
    let before = tokio::time::Instant::now();
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).await.expect("closed");
    assert!(before.elapsed() <= Duration::from_secs(11), "{:?}", before.elapsed());
    switch.stop();
    serving.await.expect("no panic");
}

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures");

/// A listener with the pair `one` of the fixtures copied into a folder, that tells who is calling.
struct Served {
    folder: tempfile::TempDir,
    address: SocketAddr,
    certificate: Arc<Certificate>,
    switch: StopSwitch,
    stop: Stop,
    serving: tokio::task::JoinHandle<()>,
}

impl Served {
    async fn start(one: &str) -> Served {
        let folder = tempfile::tempdir().expect("a folder");
        put(folder.path(), one, one);
        let path = |name: &str| folder.path().join(name).display().to_string();
        let config = config(&[
            ("BURSAR_SERVER__LISTEN", "127.0.0.1:0"),
            ("BURSAR_SERVER__TLS_CERT", &path("cert.pem")),
            ("BURSAR_SERVER__TLS_KEY", &path("key.pem")),
        ]);
        let listener = Listener::open(&config).await.expect("a certificate");
        let address = listener.address().expect("bound");
        let certificate = listener.certificate().expect("it has one");
        let tell = |peer: Peer, request: Request<Body>| async move {
            format!("{} {} {:?}", peer.address, peer.https, request.version())
        };
        let routes = wrapped(Router::new().route("/slow", on_get(tell)), &[]);
        let (switch, stop) = Stop::by_hand();
        let serving = tokio::spawn(listener.serve(routes, stop.clone()));
        Served { folder, address, certificate, switch, stop, serving }
    }

    /// A handshake as a client who believes this one certificate.
    async fn connect(&self, trusted: &str, protocol: &str) -> std::io::Result<TlsStream<TcpStream>> {
        let mut roots = rustls::RootCertStore::empty();
        let cert = CertificateDer::from_pem_file(format!("{FIXTURES}/{trusted}.cert.pem")).expect("PEM");
        roots.add(cert).expect("a certificate");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut client = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        client.alpn_protocols = vec![protocol.as_bytes().to_vec()];
        let connector = tokio_rustls::TlsConnector::from(Arc::new(client));
        let stream = TcpStream::connect(self.address).await.expect("listening");
        connector.connect(ServerName::try_from("localhost").expect("a name"), stream).await
    }

    async fn close(self) {
        self.switch.stop();
        self.serving.await.expect("no panic");
    }
}

/// Certificate and key of the fixtures' pairs, over what is there.
fn put(folder: &Path, cert: &str, key: &str) {
    std::fs::copy(format!("{FIXTURES}/{cert}.cert.pem"), folder.join("cert.pem")).expect("a fixture");
    std::fs::copy(format!("{FIXTURES}/{key}.key.pem"), folder.join("key.pem")).expect("a fixture");
}

#[tokio::test]
async fn tls_is_ended_here_when_configured() {
    let served = Served::start("localhost").await;
    let mut stream = served.connect("localhost", "http/1.1").await.expect("a handshake");
    stream.write_all(REQUEST).await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("read");
    assert!(answer.ends_with("127.0.0.1 true HTTP/1.1"), "{answer}");
    assert!(served.connect("next", "http/1.1").await.is_err(), "only what it is");
    served.close().await;
}

#[tokio::test]
async fn who_speaks_http_2_is_answered_in_it_and_a_stop_ends_it() {
    let served = Served::start("localhost").await;
    let stream = served.connect("localhost", "h2").await.expect("a handshake");
    let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.expect("HTTP/2");
    let talking = tokio::spawn(connection);
    for _ in 0..2 {
        let request = Request::get("https://localhost/slow").body(Body::empty()).expect("valid");
        let answer = sender.send_request(request).await.expect("an answer");
        let body = axum::body::to_bytes(Body::new(answer.into_body()), 1_000).await.expect("a body");
        assert_eq!(body, "127.0.0.1 true HTTP/2.0");
    }
    served.close().await;
    // The client still held its connection open.
    let ended = tokio::time::timeout(TEST_MAX, talking).await.expect("in time").expect("no panic");
    assert!(ended.is_ok(), "{ended:?}");
}

#[tokio::test]
async fn a_hangup_reads_a_new_certificate_and_keeps_the_old_when_it_is_none() {
    // Installed first, because without it the signal would end the tests.
    let _handler = tokio::signal::unix::signal(SignalKind::hangup()).expect("a handler");
    let served = Served::start("localhost").await;
    let renewing = tokio::spawn(renew(Arc::clone(&served.certificate), served.stop.clone()));
    put(served.folder.path(), "next", "next");
    let renewed = async {
        while served.connect("next", "http/1.1").await.is_err() {
            let me = std::process::id().to_string();
            let sent = std::process::Command::new("kill").args(["-HUP", &me]).status();
            assert!(sent.expect("kill is there").success());
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(TEST_MAX, renewed).await.expect("in time");
    put(served.folder.path(), "localhost", "next");
    let error = served.certificate.reload().expect_err("a key of another certificate");
    assert!(error.to_string().starts_with("server.tls_key: "), "{error}");
    std::fs::write(served.folder.path().join("cert.pem"), "").expect("writable");
    let error = served.certificate.reload().expect_err("an empty file");
    assert!(error.to_string().starts_with("server.tls_cert: "), "{error}");
    assert!(served.connect("next", "http/1.1").await.is_ok(), "what worked goes on");
    served.close().await;
    renewing.await.expect("no panic").expect("it ends with the stop");
}

#[tokio::test]
async fn a_wrong_certificate_stops_the_start_and_names_the_key() {
    let config = config(&[
        ("BURSAR_SERVER__LISTEN", "127.0.0.1:0"),
        ("BURSAR_SERVER__TLS_CERT", "/nowhere.pem"),
        ("BURSAR_SERVER__TLS_KEY", "/nowhere.key"),
    ]);
    let error = Listener::open(&config).await.err().expect("no such file");
    assert!(error.to_string().contains("server.tls_cert"), "{error}");
}
