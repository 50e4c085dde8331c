//! What is sent: keys, marks, the pinned version, and amounts in Stripe's units.

use domain::money::Currency;
use domain::time::Timestamp;
use gateways::gateway::{CreateCustomer, Gateway};
use gateways::stripe::{API_VERSION, StripeGateway};

use super::fake::{Fake, Script, Seen};
use super::{SECRET_KEY, cancel, config, confirm, create, done, gateway, refund, tag};

/// Makes every call once against a fake that refuses them all, and returns what was sent.
pub async fn every_call() -> Vec<Seen> {
    let fake = Fake::start((0..32).map(|_| Script::Reply(500, "{}".to_owned()))).await;
    let gateway = gateway(&fake.base);
    let mut charge = create(7, Some("pm_1"));
    charge.customer = Some("cus_1".to_owned());
    let mut confirmation = confirm(7, "pi_1");
    confirmation.method = Some("pm_1".to_owned());
    let customer = CreateCustomer {
        key: "0b2e:8:customer".to_owned(),
        person: "5f9a".to_owned(),
        email: "payer@example.com".to_owned(),
        name: "Ada".to_owned(),
    };
    let since = Timestamp::from_seconds(1_700_000_000);
    gateway.create_charge(&charge).await;
    gateway.confirm_charge(&confirmation).await;
    gateway.cancel_charge(&cancel(7, "pi_1")).await;
    gateway.find_charge("pi_1").await;
    gateway.create_refund(&refund(9, "pi_1", 2_000)).await;
    gateway.find_refund("re_1").await;
    gateway.create_customer(&customer).await;
    gateway.attach_card("cus_1", "pm_1").await;
    gateway.detach_card("pm_1").await;
    gateway.delete_customer("cus_1").await;
    gateway.list_since(since, None).await;
    gateway.list_since(since, Some("charges:pi_1")).await;
    gateway.list_since(since, Some("refunds:")).await;
    gateway.list_since(since, Some("refunds:re_1")).await;
    let seen = fake.seen();
    assert_eq!(seen.len(), 14, "one exchange a call");
    seen
}

#[tokio::test]
async fn every_call_is_authorised_and_pinned() {
    for seen in every_call().await {
        let bearer = format!("Bearer {SECRET_KEY}");
        assert_eq!(seen.header("authorization"), Some(bearer.as_str()));
        assert_eq!(seen.header("stripe-version"), Some(API_VERSION));
    }
}

#[tokio::test]
async fn what_creates_carries_its_key() {
    let keys: Vec<String> = every_call()
        .await
        .iter()
        .filter(|seen| seen.method == "POST")
        .map(|seen| {
            let key = seen.header("idempotency-key").unwrap_or("none");
            format!("{} {key}", seen.path)
        })
        .collect();
    assert_eq!(
        keys,
        [
            "/v1/payment_intents 0b2e:7:create",
            "/v1/payment_intents/pi_1/confirm 0b2e:7:confirm",
            "/v1/payment_intents/pi_1/cancel 0b2e:7:cancel",
            "/v1/refunds 0b2e:9:refund",
            "/v1/customers 0b2e:8:customer",
            "/v1/payment_methods/pm_1/attach none",
            "/v1/payment_methods/pm_1/detach none",
        ]
    );
}

#[tokio::test]
async fn charges_and_refunds_carry_our_mark() {
    let seen = every_call().await;
    let created = seen.iter().find(|seen| seen.path == "/v1/payment_intents").unwrap();
    assert_eq!(created.field("metadata[op_id]"), Some("7"));
    assert_eq!(created.field("metadata[instance]"), Some(tag(7).instance.as_str()));
    assert_eq!(created.field("amount"), Some("7875"));
    assert_eq!(created.field("currency"), Some("usd"));
    assert_eq!(created.field("confirm"), None, "harmless until confirmed");
    let refunded = seen.iter().find(|seen| seen.path == "/v1/refunds").unwrap();
    assert_eq!(refunded.field("metadata[op_id]"), Some("9"));
    assert_eq!(refunded.field("payment_intent"), Some("pi_1"));
}

#[tokio::test]
async fn the_same_request_is_the_same_bytes() {
    let first: Vec<_> = every_call().await.into_iter().map(|seen| seen.form).collect();
    let second: Vec<_> = every_call().await.into_iter().map(|seen| seen.form).collect();
    assert_eq!(first, second);
}

#[tokio::test]
async fn a_stand_in_is_sent_only_what_is_required() {
    let fake = Fake::start((0..3).map(|_| Script::Reply(500, "{}".to_owned()))).await;
    let mut config = config(&fake.base);
    config.optional_parameters = false;
    let gateway = StripeGateway::new(config).unwrap();
    gateway.create_charge(&create(7, Some("pm_1"))).await;
    gateway.confirm_charge(&confirm(7, "pi_1")).await;
    gateway.list_since(Timestamp::from_seconds(1), None).await;
    let seen = fake.seen();
    assert_eq!(seen[0].field("description"), None);
    assert_eq!(seen[0].field("payment_method"), Some("pm_1"));
    assert_eq!(seen[1].field("use_stripe_sdk"), None);
    assert!(seen[2].query.iter().all(|(name, _)| name != "created[gte]"));
}

/// The amount survives the wire in every kind of currency.
#[tokio::test]
async fn amounts_survive_the_round_trip() {
    for (code, minor, wire) in
        [("USD", 7_875, "7875"), ("JPY", 500, "500"), ("ISK", 500, "50000"), ("KWD", 1_230, "1230")]
    {
        let body = format!(
            r#"{{"id":"pi_1","amount":{wire},"currency":"{}","status":"requires_confirmation"}}"#,
            code.to_lowercase()
        );
        let fake = Fake::start([Script::Reply(200, body)]).await;
        let mut request = create(7, None);
        request.amount = Currency::parse(code).unwrap().minor(minor);
        let report = done(gateway(&fake.base).create_charge(&request).await);
        assert_eq!(report.amount, request.amount);
        assert_eq!(fake.seen()[0].field("amount"), Some(wire));
    }
}

#[tokio::test]
async fn lists_are_walked_to_their_end() {
    let page = |more: bool, ids: &[&str]| {
        let object = |id: &&str| {
            format!(
                r#"{{"id":"{id}","amount":100,"currency":"usd","status":"succeeded",
                    "created":1700000000,"payment_intent":"pi_1"}}"#
            )
        };
        let objects: Vec<String> = ids.iter().map(object).collect();
        Script::Reply(200, format!(r#"{{"data":[{}],"has_more":{more}}}"#, objects.join(",")))
    };
    let fake = Fake::start([
        page(true, &["pi_3", "pi_2"]),
        page(false, &["pi_1"]),
        page(true, &["re_2"]),
        page(false, &["re_1"]),
    ])
    .await;
    let gateway = gateway(&fake.base);
    let (mut found, mut next) = (Vec::new(), None);
    loop {
        let since = Timestamp::from_seconds(1_700_000_000);
        let statement = done(gateway.list_since(since, next.as_deref()).await);
        found.extend(statement.charges.into_iter().map(|charge| charge.reference));
        found.extend(statement.refunds.into_iter().map(|refund| refund.reference));
        next = statement.next;
        if next.is_none() {
            break;
        }
    }
    assert_eq!(found, ["pi_3", "pi_2", "pi_1", "re_2", "re_1"]);
}

#[tokio::test]
async fn what_is_older_is_left_out() {
    let body = r#"{"data":[{"id":"pi_1","amount":1,"currency":"usd","status":"succeeded",
        "created":5}],"has_more":false}"#;
    let fake = Fake::start([Script::Reply(200, body.to_owned())]).await;
    let statement = done(gateway(&fake.base).list_since(Timestamp::from_seconds(6), None).await);
    assert!(statement.charges.is_empty());
}
