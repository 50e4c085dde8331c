//! Every kind of answer means exactly what the classification table says, for every call.

use domain::gateway::{Answer, ChargeState, Decline, RefundReportState};
use domain::time::Span;
use gateways::gateway::Gateway;
use gateways::stripe::StripeGateway;
use tokio::net::TcpListener;

use super::fake::{Fake, Script};
use super::{SECRET_KEY, cancel, config, confirm, create, done, gateway, refund, usd};

fn intent(status: &str) -> String {
    format!(
        r#"{{"id":"pi_1","object":"payment_intent","amount":7875,"amount_received":7875,
            "currency":"usd","status":"{status}","client_secret":"pi_1_secret_2","created":1,
            "latest_charge":{{"id":"ch_1","amount_refunded":500,"payment_method_details":
            {{"card":{{"brand":"visa","last4":"4242","exp_month":12,"exp_year":2030}}}}}},
            "metadata":{{"op_id":"7","instance":"0b2e"}}}}"#
    )
}

fn error(kind: &str, code: &str) -> String {
    format!(
        r#"{{"error":{{"type":"{kind}","code":"{code}","param":"amount",
            "message":"Echo of 4242424242424242 and {SECRET_KEY}"}}}}"#
    )
}

fn name<T>(answer: &Answer<T>) -> &'static str {
    match answer {
        Answer::Done(_) => "done",
        Answer::Declined(_) => "declined",
        Answer::NotSent(_) => "not sent",
        Answer::Rejected(_) => "rejected",
        Answer::Unknown(_) => "unknown",
    }
}

/// What creating a charge makes of one answer.
async fn created(script: Script) -> Answer<domain::gateway::ChargeReport> {
    // Only silence is waited for to its end.
    let timeout = if matches!(script, Script::Silence) { Span(300_000) } else { Span::seconds(30) };
    let fake = Fake::start([script]).await;
    let mut config = config(&fake.base);
    config.timeout = timeout;
    let gateway = StripeGateway::new(config).unwrap();
    let answer = gateway.create_charge(&create(7, None)).await;
    let text = format!("{answer:?}");
    assert!(!text.contains("4242424242424242"), "{text}");
    assert!(!text.contains(SECRET_KEY), "{text}");
    answer
}

#[tokio::test]
async fn the_table_holds() {
    let invalid = "invalid_request_error";
    let reply = |status, kind, code| Script::Reply(status, error(kind, code));
    let page = |status| Script::Reply(status, "<html>Bad gateway</html>".to_owned());
    for (what, script, meaning) in [
        ("200", Script::Reply(200, intent("succeeded")), "done"),
        ("402", reply(402, "card_error", "card_declined"), "declined"),
        ("402 by a stand-in", reply(402, invalid, "card_declined"), "declined"),
        ("400", reply(400, invalid, "parameter_missing"), "rejected"),
        ("404", reply(404, invalid, "resource_missing"), "rejected"),
        ("400 idempotency", reply(400, "idempotency_error", "x"), "unknown"),
        ("401", reply(401, invalid, "api_key_expired"), "unknown"),
        ("403", reply(403, invalid, "account_invalid"), "unknown"),
        ("409", reply(409, invalid, "idempotency_key_in_use"), "unknown"),
        ("429", reply(429, invalid, "rate_limit"), "unknown"),
        ("500", reply(500, "api_error", "x"), "unknown"),
        ("502", page(502), "unknown"),
        ("503", reply(503, "api_error", "x"), "unknown"),
        ("a proxy's 400", page(400), "unknown"),
        ("a proxy's 402", page(402), "unknown"),
        ("a proxy's 404", page(404), "unknown"),
        ("empty 200", Script::Reply(200, String::new()), "unknown"),
        ("a list for 200", Script::Reply(200, "[]".to_owned()), "unknown"),
        ("null for 200", Script::Reply(200, "null".to_owned()), "unknown"),
        ("another object", Script::Reply(200, r#"{"id":"x"}"#.to_owned()), "unknown"),
        ("418", reply(418, "teapot_error", "x"), "unknown"),
        ("silence", Script::Silence, "unknown"),
        ("hang-up", Script::HangUp, "unknown"),
        ("reset", Script::Reset, "unknown"),
        ("cut body", Script::Cut, "unknown"),
        ("noise", Script::Noise, "unknown"),
    ] {
        assert_eq!(name(&created(script).await), meaning, "{what}");
    }
}

#[tokio::test]
async fn what_never_left_is_not_sent() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = closed.local_addr().unwrap();
    drop(closed);
    for base in [format!("http://{address}"), "https://stripe.invalid".to_owned()] {
        let answer = gateway(&base).create_charge(&create(7, None)).await;
        assert_eq!(name(&answer), "not sent", "{base}: {answer:?}");
    }
}

#[tokio::test]
async fn a_failed_tls_handshake_proves_nothing() {
    let fake = Fake::start([Script::Noise]).await;
    let base = fake.base.replace("http://", "https://");
    let answer = gateway(&base).find_charge("pi_1").await;
    assert_eq!(name(&answer), "unknown", "{answer:?}");
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let moved = Script::ReplyWith(307, "Location: /elsewhere\r\n", String::new());
    let fake = Fake::start([moved, Script::Reply(200, intent("succeeded"))]).await;
    let answer = gateway(&fake.base).create_charge(&create(7, None)).await;
    assert_eq!(name(&answer), "unknown", "{answer:?}");
    assert_eq!(fake.seen().len(), 1);
}

#[tokio::test]
async fn nothing_is_retried_and_a_wish_to_wait_is_passed_on() {
    let busy = Script::ReplyWith(429, "Retry-After: 7\r\n", error("rate_limit_error", "x"));
    let fake = Fake::start([busy, Script::Reply(200, intent("succeeded"))]).await;
    let Answer::Unknown(why) = gateway(&fake.base).create_charge(&create(7, None)).await else {
        panic!("429 is unknown");
    };
    assert_eq!(why.retry_after, Some(Span::seconds(7)));
    assert!(why.reason.contains("req_1"), "{}", why.reason);
    assert_eq!(fake.seen().len(), 1);
}

#[tokio::test]
async fn a_report_carries_everything() {
    let fake = Fake::start([Script::Reply(200, intent("succeeded"))]).await;
    let report = done(gateway(&fake.base).find_charge("pi_1").await);
    assert_eq!(report.reference, "pi_1");
    assert_eq!(report.state, ChargeState::Succeeded);
    assert_eq!((report.amount, report.refunded), (usd(7_875), usd(500)));
    assert_eq!(report.movement.as_deref(), Some("ch_1"));
    assert_eq!(report.client_secret.as_deref(), Some("pi_1_secret_2"));
    assert_eq!(report.card.unwrap().last_four, "4242");
    assert_eq!(report.tag, Some(super::tag(7)));
}

#[tokio::test]
async fn states_are_told_apart() {
    for (status, state) in [
        ("requires_payment_method", ChargeState::NeedsMethod { last_decline: None }),
        ("requires_confirmation", ChargeState::NeedsConfirmation),
        ("requires_action", ChargeState::NeedsAction),
        ("processing", ChargeState::Processing),
        ("requires_capture", ChargeState::Processing),
        ("invented_tomorrow", ChargeState::Processing),
        ("succeeded", ChargeState::Succeeded),
        ("canceled", ChargeState::Cancelled),
    ] {
        let fake = Fake::start([Script::Reply(200, intent(status))]).await;
        let report = done(gateway(&fake.base).find_charge("pi_1").await);
        assert_eq!(report.state, state, "{status}");
    }
}

#[tokio::test]
async fn a_decline_says_why() {
    let body = r#"{"error":{"type":"card_error","code":"card_declined",
        "decline_code":"insufficient_funds","message":"Your card has insufficient funds.",
        "payment_intent":{"id":"pi_1","status":"requires_payment_method"}}}"#;
    let fake = Fake::start([Script::Reply(402, body.to_owned())]).await;
    let answer = gateway(&fake.base).confirm_charge(&confirm(7, "pi_1")).await;
    let expected = Decline {
        code: "card_declined".to_owned(),
        decline_code: Some("insufficient_funds".to_owned()),
        message: "Your card has insufficient funds.".to_owned(),
    };
    assert_eq!(answer, Answer::Declined(expected));
}

/// Confirming and cancelling are refused alike when somebody else was first.
#[tokio::test]
async fn a_refused_confirm_or_cancel_reports_the_present_state() {
    let refused = || {
        let body = error("invalid_request_error", "payment_intent_unexpected_state");
        Script::Reply(400, body)
    };
    for (status, confirmed, cancelled) in [
        ("succeeded", "done", "done"),
        ("processing", "done", "done"),
        ("requires_action", "done", "done"),
        ("canceled", "done", "done"),
        ("requires_confirmation", "rejected", "done"),
        ("requires_payment_method", "rejected", "done"),
    ] {
        let script = || [refused(), Script::Reply(200, intent(status))];
        let fake = Fake::start(script()).await;
        let answer = gateway(&fake.base).confirm_charge(&confirm(7, "pi_1")).await;
        assert_eq!(name(&answer), confirmed, "confirm, then {status}");
        let fake = Fake::start(script()).await;
        let answer = gateway(&fake.base).cancel_charge(&cancel(7, "pi_1")).await;
        assert_eq!(name(&answer), cancelled, "cancel, then {status}");
    }
    let fake = Fake::start([refused(), Script::Reply(200, intent("succeeded"))]).await;
    let report = done(gateway(&fake.base).cancel_charge(&cancel(7, "pi_1")).await);
    assert_eq!(report.state, ChargeState::Succeeded);
}

#[tokio::test]
async fn a_refused_confirm_whose_look_up_fails_is_unknown() {
    let refused = error("invalid_request_error", "payment_intent_unexpected_state");
    for second in [Script::Reset, Script::Reply(500, "{}".to_owned())] {
        let fake = Fake::start([Script::Reply(400, refused.clone()), second]).await;
        let answer = gateway(&fake.base).confirm_charge(&confirm(7, "pi_1")).await;
        assert_eq!(name(&answer), "unknown");
    }
}

#[tokio::test]
async fn refunds_are_read_in_every_state() {
    for (status, state) in [
        ("succeeded", RefundReportState::Succeeded),
        ("pending", RefundReportState::Pending),
        ("requires_action", RefundReportState::Pending),
        ("failed", RefundReportState::Failed),
        ("canceled", RefundReportState::Failed),
        ("invented_tomorrow", RefundReportState::Pending),
    ] {
        let body = format!(
            r#"{{"id":"re_1","amount":2000,"currency":"usd","status":"{status}","charge":"ch_1",
                "payment_intent":{{"id":"pi_1"}},"failure_reason":null,
                "metadata":{{"op_id":"9","instance":"0b2e"}}}}"#
        );
        let fake = Fake::start([Script::Reply(200, body)]).await;
        let answer = gateway(&fake.base).create_refund(&refund(9, "pi_1", 2_000)).await;
        let report = done(answer);
        assert_eq!(report.state, state, "{status}");
        assert_eq!((report.charge.as_str(), report.amount), ("pi_1", usd(2_000)));
        assert_eq!(report.tag, Some(super::tag(9)));
    }
}

#[tokio::test]
async fn detaching_twice_is_done_once() {
    let refused = || Script::Reply(400, error("invalid_request_error", "payment_method_unexpected_state"));
    for (customer, meaning) in [("null", "done"), ("\"cus_1\"", "rejected")] {
        let method = format!(r#"{{"id":"pm_1","type":"card","customer":{customer}}}"#);
        let fake = Fake::start([refused(), Script::Reply(200, method)]).await;
        let answer = gateway(&fake.base).detach_card("pm_1").await;
        assert_eq!(name(&answer), meaning, "{customer}");
    }
}

#[tokio::test]
async fn deleting_a_customer_twice_is_done_once() {
    let gone = r#"{"id":"cus_1","object":"customer","deleted":true}"#.to_owned();
    let there = r#"{"id":"cus_1","object":"customer"}"#.to_owned();
    let refused = || Script::Reply(404, error("invalid_request_error", "resource_missing"));
    let cases = [
        (vec![Script::Reply(200, gone.clone())], "done"),
        (vec![refused(), Script::Reply(200, gone)], "done"),
        (vec![refused(), refused()], "rejected"),
        (vec![Script::Reply(200, there)], "unknown"),
        (vec![Script::HangUp], "unknown"),
    ];
    for (index, (scripts, meaning)) in cases.into_iter().enumerate() {
        let fake = Fake::start(scripts).await;
        let answer = gateway(&fake.base).delete_customer("cus_1").await;
        assert_eq!(name(&answer), meaning, "case {index}");
    }
}

#[tokio::test]
async fn an_id_that_is_none_is_refused_here() {
    let fake = Fake::start([]).await;
    let answer = gateway(&fake.base).find_charge("../customers").await;
    assert_eq!(name(&answer), "rejected");
    let answer = gateway(&fake.base).detach_card("pm_1/detach").await;
    assert_eq!(name(&answer), "rejected");
    assert!(fake.seen().is_empty());
}
