//! What becomes of the gateway's webhooks on their way: lost, late, twice, out of date, or untrue.
//!
//! Invariants: whatever is posted is well signed at the instant of posting, so nothing may be
//! refused; what is held back keeps the words it was written with. Untrue ones stand for a stolen
//! secret and for a gateway's own mistakes: they may cost time and never money.

use std::fmt;

use domain::time::{Span, Timestamp};
use gateways::sandbox::{Delivery, OutgoingWebhook, SIGNATURE_HEADER};
use gateways::signature;
use serde_json::{Value, json};

use crate::call::post;
use crate::chance::Chance;
use crate::market::{Market, WEBHOOK_SECRET};
use crate::swarm::Swarm;

/// Where the gateway sends its webhooks.
const PATH: &str = "/api/payments/webhooks/sandbox/";
/// How long one can be held back; the gateway itself tries for three days.
const HELD_MAX: Span = Span::hours(48);
/// Half of them are only overtaken by what happens meanwhile.
const HELD_SHORTLY: Span = Span::minutes(10);

/// One that was posted, and how it was answered.
#[derive(Clone, PartialEq, Eq)]
pub struct Posted {
    pub why: &'static str,
    /// The gateway's word for what it is about.
    pub kind: String,
    pub status: u16,
}

impl fmt::Debug for Posted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.why, self.kind, self.status)
    }
}

/// Everything between the gateway and us.
pub struct Postbox {
    swarm: Swarm,
    chance: Chance,
    held: Vec<(Timestamp, Value)>,
    /// Events made up so far.
    made_up: u32,
}

impl Postbox {
    pub fn new(swarm: Swarm, chance: Chance) -> Postbox {
        Postbox { swarm, chance, held: Vec::new(), made_up: 0 }
    }

    /// From now on nothing goes wrong any more; what is held back still comes.
    pub fn calm(&mut self) {
        self.swarm = self.swarm.calm();
    }

    /// Posts what is due: the gateway's new ones, and old ones in any order.
    pub async fn round(&mut self, market: &Market) -> Vec<Posted> {
        let now = market.now();
        let mut posted = Vec::new();
        for webhook in market.core.due_webhooks(now).await.unwrap_or_default() {
            let outcome = self.send(market, &webhook, &mut posted).await;
            // In memory nothing can be lost; if it were, the webhook would come again.
            let _written = market.core.delivered(webhook.delivery, outcome).await;
        }
        let (mut due, held): (Vec<_>, Vec<_>) = self.held.drain(..).partition(|(at, _)| *at <= now);
        self.held = held;
        while !due.is_empty() {
            let (_, body) = due.remove(self.chance.below(due.len()));
            posted.push(deliver(market, "late", &body).await);
        }
        posted
    }

    async fn send(
        &mut self,
        market: &Market,
        webhook: &OutgoingWebhook,
        posted: &mut Vec<Posted>,
    ) -> Delivery {
        if self.chance.permille(self.swarm.webhook_lost_permille) {
            return Delivery::Failed;
        }
        let body: Value = serde_json::from_str(&webhook.body).unwrap_or_default();
        if self.chance.permille(self.swarm.webhook_again_permille) {
            let again = self.renamed(&body);
            self.hold(market.now(), again);
        }
        if self.chance.permille(self.swarm.webhook_held_permille) {
            self.hold(market.now(), body);
            return Delivery::Accepted;
        }
        let times = if self.chance.permille(self.swarm.webhook_twice_permille) { 2 } else { 1 };
        for _ in 0..times {
            posted.push(deliver(market, "new", &body).await);
        }
        if self.chance.permille(self.swarm.webhook_lies_permille)
            && let Some(lie) = self.lie(&body)
        {
            posted.push(deliver(market, "untrue", &lie).await);
        }
        if posted.iter().all(|posted| posted.status == 200) { Delivery::Accepted } else { Delivery::Failed }
    }

    fn hold(&mut self, now: Timestamp, body: Value) {
        let most = if self.chance.permille(500) { HELD_SHORTLY } else { HELD_MAX };
        let pause = Span::seconds(self.chance.between(1, most.whole_seconds()));
        self.held.push((now + pause, body));
    }

    /// The same words as an event of its own.
    fn renamed(&mut self, body: &Value) -> Value {
        self.made_up += 1;
        let mut body = body.clone();
        body["id"] = json!(format!("evt_simulated_{}", self.made_up));
        body
    }

    /// An event of the same object that says something else; `None` for kinds nobody lies about.
    fn lie(&mut self, body: &Value) -> Option<Value> {
        let (family, _) = body["type"].as_str()?.split_once('.')?;
        let stories: &[(&str, &str)] = match family {
            "payment_intent" => &[
                ("payment_intent.succeeded", "succeeded"),
                ("payment_intent.payment_failed", "requires_payment_method"),
                ("payment_intent.canceled", "canceled"),
            ],
            "refund" => &[("refund.updated", "succeeded"), ("refund.failed", "failed")],
            _ => return None,
        };
        let (kind, status) = *self.chance.pick(stories)?;
        let mut lie = self.renamed(body);
        lie["type"] = json!(kind);
        lie["data"]["object"]["status"] = json!(status);
        if self.chance.permille(500) {
            lie["data"]["object"]["amount"] = json!(self.chance.between(1, 100_000));
        }
        Some(lie)
    }
}

/// Posts one, signed now.
async fn deliver(market: &Market, why: &'static str, body: &Value) -> Posted {
    let text = body.to_string();
    let signature = signature::sign(WEBHOOK_SECRET, market.now(), text.as_bytes());
    let reply = post(&market.router, PATH, &[(SIGNATURE_HEADER, &signature)], &text).await;
    let kind = body["type"].as_str().unwrap_or_default().to_owned();
    Posted { why, kind, status: reply.status }
}
