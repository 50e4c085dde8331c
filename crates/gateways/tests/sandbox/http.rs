use std::time::Duration;

use domain::gateway::Answer;
use domain::time::Span;
use gateways::gateway::Gateway;
use gateways::sandbox::{Call, CallFault, Fault, Faults, SandboxGateway, router};
use tokio::net::TcpListener;

use super::{Bench, SECRET, done};

/// Serves on a free port of this machine; ends with the test's runtime.
pub(super) async fn listen(app: axum::Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    base
}

fn client(base: &str, timeout: Duration) -> SandboxGateway {
    SandboxGateway::over_http(base, timeout, vec![SECRET.to_owned()]).unwrap()
}

#[tokio::test]
async fn nobody_there_means_not_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let bench = Bench::new();
    let gateway = client(&base, Duration::from_secs(5));
    let answer = gateway.create_charge(&bench.request("pm_card_visa")).await;
    assert!(matches!(answer, Answer::NotSent(_)), "{answer:?}");
}

#[tokio::test]
async fn a_connection_that_breaks_means_unknown() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        // Accepted, and closed without a word.
        while listener.accept().await.is_ok() {}
    });
    let bench = Bench::new();
    let gateway = client(&base, Duration::from_secs(5));
    let answer = gateway.create_charge(&bench.request("pm_card_visa")).await;
    assert!(matches!(answer, Answer::Unknown(_)), "{answer:?}");
}

#[tokio::test]
async fn controls_and_pauses_cross_the_wire() {
    let bench = Bench::new();
    let base = listen(router(bench.core.clone())).await;
    let gateway = client(&base, Duration::from_secs(5));
    let fault = CallFault { call: Call::Any, fault: Fault::RateLimited, count: 1 };
    let script = Faults { calls: vec![fault], ..Faults::default() };
    gateway.set_faults(script).await.unwrap();
    let request = bench.request("pm_card_three_ds");
    let Answer::Unknown(unknown) = gateway.create_charge(&request).await else {
        panic!("a rate limit leaves it open");
    };
    assert_eq!(unknown.retry_after.map(Span::whole_seconds), Some(1));

    let open = done(gateway.create_charge(&request).await);
    assert_eq!(done(bench.gateway.find_charge(&open.reference).await), open);
    done(gateway.authenticate(&open.reference, true).await);
    let refund = Bench::refund(&open, 500);
    let refund = done(gateway.create_refund(&refund).await);
    assert_eq!(done(gateway.find_refund(&refund.reference).await), refund);
    let advanced = bench.now() + Span::DAY;
    gateway.settle_due(advanced).await.unwrap();
    assert_eq!(bench.core.now(), advanced, "it follows the test clock");
    gateway.settle_due(bench.now()).await.unwrap();
    assert_eq!(bench.core.now(), advanced, "and never goes back");
    assert_eq!(gateway.books().await.unwrap(), bench.gateway.books().await.unwrap());
    let answer = gateway.find_charge("pi_ of nobody & nothing").await;
    assert!(matches!(answer, Answer::Rejected(_)), "{answer:?}");
}
