//! Every event type of the contract leads to the object to ask for, and nothing unsigned is read.

use domain::gateway::Hint;
use domain::time::{Span, Timestamp};
use gateways::gateway::{Gateway, Inbound, InboundError};
use gateways::signature;
use gateways::stripe::StripeGateway;

use super::{WEBHOOK_SECRET, config};

const NOW: Timestamp = Timestamp(1_700_000_000_000_000);

fn receive(
    secrets: &[&str],
    header: Option<&str>,
    body: &str,
    now: Timestamp,
) -> Result<domain::gateway::Notice, InboundError> {
    let mut config = config("https://api.stripe.com");
    config.webhook_secrets = secrets.iter().map(ToString::to_string).collect();
    let gateway = StripeGateway::new(config).unwrap();
    let look_up = |name: &str| {
        let same = name.eq_ignore_ascii_case("Stripe-Signature");
        header.filter(|_| same).map(str::to_owned)
    };
    gateway.receive(Inbound { header: &look_up, body: body.as_bytes(), now })
}

fn hint(kind: &str, object: &str) -> Hint {
    let body = format!(
        r#"{{"id":"evt_1","object":"event","type":"{kind}","livemode":false,
            "data":{{"object":{object}}}}}"#
    );
    let header = signature::sign(WEBHOOK_SECRET, NOW, body.as_bytes());
    let notice = receive(&[WEBHOOK_SECRET], Some(&header), &body, NOW).unwrap();
    assert_eq!((notice.event.as_str(), notice.kind.as_str()), ("evt_1", kind));
    notice.hint
}

#[test]
fn every_type_of_the_contract_names_its_object() {
    let text = str::to_owned;
    for kind in ["succeeded", "payment_failed", "processing", "canceled", "requires_action"] {
        let hint = hint(&format!("payment_intent.{kind}"), r#"{"id":"pi_1","charge":null}"#);
        let expected = Hint::Charge { reference: text("pi_1"), succeeded: kind == "succeeded" };
        assert_eq!(hint, expected, "{kind}");
    }
    let charge = r#"{"id":"ch_1","payment_intent":"pi_1","refunds":{"data":[]}}"#;
    let reference = text("pi_1");
    assert_eq!(hint("charge.refunded", charge), Hint::Charge { reference, succeeded: false });
    for kind in ["created", "updated", "failed"] {
        let refund = r#"{"id":"re_1","charge":"ch_1","payment_intent":"pi_1"}"#;
        let expected = Hint::Refund { reference: text("re_1"), charge: Some(text("pi_1")) };
        assert_eq!(hint(&format!("refund.{kind}"), refund), expected, "{kind}");
    }
    for kind in ["created", "updated", "closed", "funds_withdrawn", "funds_reinstated"] {
        let dispute = r#"{"id":"dp_1","charge":"ch_1","payment_intent":null,"evidence":{"x":1}}"#;
        let expected = Hint::Dispute { reference: text("dp_1"), charge: Some(text("ch_1")) };
        assert_eq!(hint(&format!("charge.dispute.{kind}"), dispute), expected, "{kind}");
    }
    let detached = hint("payment_method.detached", r#"{"id":"pm_1","customer":null}"#);
    assert_eq!(detached, Hint::CardDetached { token: text("pm_1") });
}

#[test]
fn what_means_nothing_to_us_is_still_a_notice() {
    for kind in ["payout.paid", "payout.failed", "customer.created", "invented.tomorrow"] {
        assert_eq!(hint(kind, r#"{"id":"x_1"}"#), Hint::Other, "{kind}");
    }
    for object in ["null", "{}", r#"{"id":null}"#] {
        assert_eq!(hint("payment_intent.succeeded", object), Hint::Other, "{object}");
    }
}

#[test]
fn the_world_an_event_belongs_to_is_told() {
    for (member, live) in [(r#""livemode":true"#, true), (r#""livemode":null"#, false)] {
        let body = format!(r#"{{"id":"evt_1","type":"payout.paid",{member},"data":null}}"#);
        let header = signature::sign(WEBHOOK_SECRET, NOW, body.as_bytes());
        let notice = receive(&[WEBHOOK_SECRET], Some(&header), &body, NOW).unwrap();
        assert_eq!(notice.live, live);
    }
}

#[test]
fn what_is_not_proven_is_not_read() {
    let body = r#"{"id":"evt_1","type":"payment_intent.succeeded"}"#;
    let good = signature::sign(WEBHOOK_SECRET, NOW, body.as_bytes());
    let forged = signature::sign("whsec_other", NOW, body.as_bytes());
    let known = [WEBHOOK_SECRET];
    let late = NOW + Span::seconds(301);
    for (secrets, header, now, refusal) in [
        (&[][..], Some(&good), NOW, InboundError::NoSecret),
        (&[""][..], Some(&good), NOW, InboundError::NoSecret),
        (&known[..], None, NOW, InboundError::BadSignature),
        (&known[..], Some(&forged), NOW, InboundError::BadSignature),
        (&known[..], Some(&good), late, InboundError::Stale),
    ] {
        let answer = receive(secrets, header.map(String::as_str), body, now);
        assert_eq!(answer, Err(refusal));
    }
    assert!(receive(&["whsec_old", WEBHOOK_SECRET], Some(&good), body, NOW).is_ok());
}

#[test]
fn signed_noise_is_unparsable() {
    for body in ["", "null", "{}", "[]", "{\"id\":1,\"type\":\"x\"}", "\u{0}"] {
        let header = signature::sign(WEBHOOK_SECRET, NOW, body.as_bytes());
        let answer = receive(&[WEBHOOK_SECRET], Some(&header), body, NOW);
        assert_eq!(answer, Err(InboundError::Unparsable), "{body:?}");
    }
}
