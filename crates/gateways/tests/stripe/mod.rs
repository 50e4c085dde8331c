//! Stripe's client against our scripted fake, other people's stand-ins, Stripe's own document and
//! Stripe's own SDK.

mod classification;
mod document;
mod fake;
mod local;
mod parameters;
mod signatures;
mod stateful_mock;
mod suite;
mod webhooks;

use std::fmt::Debug;

use domain::gateway::{Answer, OpTag};
use domain::money::{Currency, Money};
use domain::time::Span;
use gateways::gateway::{CancelCharge, ConfirmCharge, CreateCharge, CreateRefund};
use gateways::stripe::{Mode, StripeConfig, StripeGateway};

pub const SECRET_KEY: &str = "sk_test_canary";
pub const WEBHOOK_SECRET: &str = "whsec_canary";

pub fn config(base: &str) -> StripeConfig {
    StripeConfig {
        secret_key: SECRET_KEY.to_owned(),
        publishable_key: "pk_test_shown".to_owned(),
        webhook_secrets: vec![WEBHOOK_SECRET.to_owned()],
        api_base: base.to_owned(),
        timeout: Span::seconds(8),
        webhook_tolerance: Span::seconds(300),
        mode: Mode::Test,
        optional_parameters: true,
    }
}

pub fn gateway(base: &str) -> StripeGateway {
    StripeGateway::new(config(base)).unwrap()
}

pub fn usd(minor: i64) -> Money {
    Currency::USD.minor(minor)
}

pub fn tag(op: i64) -> OpTag {
    OpTag { instance: "0b2e".to_owned(), op }
}

pub fn create(op: i64, method: Option<&str>) -> CreateCharge {
    CreateCharge {
        key: format!("0b2e:{op}:create"),
        tag: tag(op),
        amount: usd(7_875),
        customer: None,
        method: method.map(str::to_owned),
        confirm: false,
        description: "Session of 90 minutes".to_owned(),
    }
}

pub fn confirm(op: i64, reference: &str) -> ConfirmCharge {
    ConfirmCharge { key: format!("0b2e:{op}:confirm"), reference: reference.to_owned(), method: None }
}

pub fn cancel(op: i64, reference: &str) -> CancelCharge {
    CancelCharge { key: format!("0b2e:{op}:cancel"), reference: reference.to_owned() }
}

pub fn refund(op: i64, charge: &str, minor: i64) -> CreateRefund {
    CreateRefund {
        key: format!("0b2e:{op}:refund"),
        tag: tag(op),
        charge: charge.to_owned(),
        amount: usd(minor),
    }
}

pub fn done<T: Debug>(answer: Answer<T>) -> T {
    match answer {
        Answer::Done(value) => value,
        other => panic!("expected an answer, got {other:?}"),
    }
}
