use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::get as on_get;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use server::http::peer::Peer;
use server::http::server::{Listener, Stop};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;

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

#[tokio::test]
async fn tls_is_ended_here_when_configured() {
    let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures");
    let cert = format!("{fixtures}/localhost.cert.pem");
    let config = config(&[
        ("BURSAR_SERVER__LISTEN", "127.0.0.1:0"),
        ("BURSAR_SERVER__TLS_CERT", &cert),
        ("BURSAR_SERVER__TLS_KEY", &format!("{fixtures}/localhost.key.pem")),
    ]);
    let listener = Listener::open(&config).await.expect("a certificate");
    let address = listener.address().expect("bound");
    let tell = |peer: Peer| async move { format!("{} {}", peer.address, peer.https) };
    let routes = wrapped(Router::new().route("/slow", on_get(tell)), &[]);
    let (switch, stop) = Stop::by_hand();
    let serving = tokio::spawn(listener.serve(routes, stop));

    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(&cert).expect("PEM")).expect("a certificate");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let client = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(client));
    let stream = TcpStream::connect(address).await.expect("listening");
    let name = ServerName::try_from("localhost").expect("a name");
    let mut stream = connector.connect(name, stream).await.expect("a handshake");
    stream.write_all(REQUEST).await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("read");
    assert!(answer.ends_with("127.0.0.1 true"), "{answer}");
    switch.stop();
    serving.await.expect("no panic");
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
