use std::sync::Arc;
use std::time::Duration;

use domain::money::Currency;
use gateways::contract::{
    self, Fixture, Flow, Keys, OverRefunds, SavedCards, SignedWebhook, SilentTokens, StatementOf,
};
use gateways::gateway::Gateway;
use gateways::registry::Gateways;
use gateways::sandbox::{Books, SIGNATURE_HEADER, SandboxGateway};
use gateways::signature;

use super::http::listen;
use super::{Bench, SECRET, START, done};

/// A webhook as the sandbox itself made it.
async fn fixture(bench: &Bench, flow: Flow) -> Fixture {
    done(bench.charge("pm_card_visa").await);
    let due = bench.core.due_webhooks(START).await.unwrap();
    Fixture {
        run: "suite".to_owned(),
        started_at: START,
        succeeds: "pm_card_visa".to_owned(),
        declines: "pm_card_declined".to_owned(),
        silent: Some(SilentTokens {
            charged: "pm_card_timeout_charged".to_owned(),
            uncharged: "pm_card_timeout_uncharged".to_owned(),
        }),
        currencies: ["USD", "JPY", "KWD"].map(|code| Currency::parse(code).unwrap()).to_vec(),
        flow,
        keys: Keys::Honoured,
        over_refunds: OverRefunds::Refused,
        saved_cards: SavedCards::Guarded,
        statement: StatementOf::Everything,
        webhook: Some(SignedWebhook {
            body: due[0].body.clone().into_bytes(),
            sign: Box::new(|at, body| {
                let value = signature::sign(SECRET, at, body);
                (SIGNATURE_HEADER.to_ascii_lowercase(), value)
            }),
        }),
    }
}

#[tokio::test(start_paused = true)]
async fn in_memory_in_one_call() {
    let bench = Bench::new();
    let fixture = fixture(&bench, Flow::OneCall).await;
    contract::check(&bench.gateway, &fixture).await;
}

#[tokio::test(start_paused = true)]
async fn in_memory_in_two_calls() {
    let bench = Bench::new();
    let fixture = fixture(&bench, Flow::TwoCalls).await;
    contract::check(&bench.gateway, &fixture).await;
}

#[tokio::test]
async fn in_a_file_over_http() {
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::with(Books::file(&folder.path().join("books"), 7).unwrap());
    let base = listen(gateways::sandbox::router(bench.core.clone())).await;
    let gateway = SandboxGateway::over_http(&base, Duration::from_secs(2), vec![SECRET.to_owned()]).unwrap();
    contract::check(&gateway, &fixture(&bench, Flow::OneCall).await).await;
}

#[test]
fn the_registry_has_a_default_or_is_not_built() {
    let sandbox = || -> Arc<dyn Gateway> { Arc::new(Bench::new().gateway) };
    let gateways = Gateways::new([sandbox()], "sandbox").unwrap();
    assert_eq!(gateways.default().name(), "sandbox");
    assert!(gateways.get("sandbox").is_some() && gateways.get("other").is_none());
    assert_eq!(gateways.iter().count(), 1);
    assert!(Gateways::new([sandbox()], "other").is_none());
}
