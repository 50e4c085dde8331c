use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use domain::gateway::Notice;
use domain::time::Span;
use gateways::gateway::{Gateway, Inbound};
use gateways::sandbox::{Deliverer, Delivery, Faults, OutgoingWebhook, WebhookFaults};

use super::http::listen;
use super::{Bench, done};

/// What the marketplace makes of a webhook.
pub(super) fn receive(bench: &Bench, webhook: &OutgoingWebhook) -> Notice {
    let header = |name: &str| {
        let mut headers = webhook.headers.iter();
        let found = headers.find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.clone())
    };
    let inbound = Inbound { header: &header, body: webhook.body.as_bytes(), now: bench.now() };
    bench.gateway.receive(inbound).unwrap()
}

async fn due(bench: &Bench) -> Vec<OutgoingWebhook> {
    bench.core.due_webhooks(bench.now()).await.unwrap()
}

async fn misbehave(bench: &Bench, webhooks: WebhookFaults) {
    let script = Faults { webhooks, ..Faults::default() };
    bench.gateway.set_faults(script).await.unwrap();
}

#[tokio::test]
async fn a_webhook_comes_again_until_it_is_taken() {
    let bench = Bench::new();
    done(bench.charge("pm_card_visa").await);
    let first = due(&bench).await;
    assert_eq!(receive(&bench, &first[0]).kind, "payment_intent.succeeded");
    assert!(due(&bench).await.is_empty(), "it is on its way");
    bench.advance(Span::seconds(30));
    let again = due(&bench).await;
    assert_eq!(again[0].event, first[0].event, "its sender never reported back");

    let mut pauses = Vec::new();
    loop {
        let webhook = &again[0];
        bench.core.delivered(webhook.delivery, Delivery::Failed).await.unwrap();
        let mut waited = Span::ZERO;
        while due(&bench).await.is_empty() && waited < Span::days(3) {
            bench.advance(Span::seconds(5));
            waited.0 += Span::seconds(5).0;
        }
        if waited == Span::days(3) {
            break;
        }
        pauses.push(waited.whole_seconds());
    }
    assert_eq!(pauses, [30, 120, 600, 3_600, 21_600, 86_400, 172_800]);
}

#[tokio::test]
async fn what_was_taken_is_gone() {
    let bench = Bench::new();
    done(bench.charge("pm_card_visa").await);
    let webhook = due(&bench).await.remove(0);
    bench.core.delivered(webhook.delivery, Delivery::Accepted).await.unwrap();
    bench.advance(Span::days(9));
    assert!(due(&bench).await.is_empty());
    assert_eq!(bench.gateway.books().await.unwrap().webhooks_waiting, 0);
}

#[tokio::test]
async fn delays_duplicates_and_losses_are_as_scripted() {
    let bench = Bench::new();
    misbehave(&bench, WebhookFaults { delay_seconds: 60, duplicate: true, ..Default::default() }).await;
    done(bench.charge("pm_card_visa").await);
    assert!(due(&bench).await.is_empty());
    bench.advance(Span::seconds(60));
    let twins = due(&bench).await;
    assert_eq!(twins.len(), 2);
    assert_eq!(twins[0].event, twins[1].event);
    assert_eq!(receive(&bench, &twins[0]), receive(&bench, &twins[1]));

    misbehave(&bench, WebhookFaults { drop: true, ..Default::default() }).await;
    done(bench.charge("pm_card_visa").await);
    bench.advance(Span::seconds(10));
    assert!(due(&bench).await.is_empty());
}

#[tokio::test]
async fn reordered_events_overtake_each_other() {
    let bench = Bench::new();
    misbehave(&bench, WebhookFaults { reorder: true, ..Default::default() }).await;
    for _ in 0..4 {
        done(bench.charge("pm_card_visa").await);
    }
    let mut seen = Vec::new();
    while seen.len() < 4 {
        for webhook in due(&bench).await {
            bench.core.delivered(webhook.delivery, Delivery::Accepted).await.unwrap();
            seen.push(webhook.event);
        }
        bench.advance(Span::SECOND);
    }
    assert!(!seen.is_sorted(), "{seen:?}");
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 4, "reordered, not lost");
}

/// Refuses the first POST, takes the others.
#[tokio::test]
async fn the_deliverer_sends_signed_posts_and_repeats_refused_ones() {
    let bench = Bench::new();
    let seen: Arc<Mutex<Vec<OutgoingWebhook>>> = Arc::default();
    let posts = Arc::clone(&seen);
    let take = move |headers: HeaderMap, body: Bytes| async move {
        let mut seen = posts.lock().unwrap();
        let signature = headers["sandbox-signature"].to_str().unwrap().to_owned();
        seen.push(OutgoingWebhook {
            delivery: 0,
            event: String::new(),
            headers: vec![("sandbox-signature", signature)],
            body: String::from_utf8(body.to_vec()).unwrap(),
        });
        if seen.len() == 1 { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK }
    };
    let base = listen(axum::Router::new().route("/hook", post(take))).await;
    let deliverer = Deliverer::new(bench.core.clone(), &format!("{base}/hook")).unwrap();
    done(bench.charge("pm_card_visa").await);
    assert_eq!(deliverer.send_due().await.unwrap(), 1);
    assert_eq!(deliverer.send_due().await.unwrap(), 0);
    bench.advance(Span::seconds(5));
    assert_eq!(deliverer.send_due().await.unwrap(), 1);
    assert_eq!(bench.gateway.books().await.unwrap().webhooks_waiting, 0);
    let seen = seen.lock().unwrap();
    assert_eq!(receive(&bench, &seen[0]), receive(&bench, &seen[1]));
}
