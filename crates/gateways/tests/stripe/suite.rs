//! The one suite, against localstripe.

use domain::money::Currency;
use domain::time::Timestamp;
use gateways::contract::{self, Fixture, Flow, Keys, OverRefunds, SavedCards, SignedWebhook, StatementOf};
use gateways::signature;
use gateways::stripe::StripeGateway;
use gateways::testing::LocalStripe;

use super::{WEBHOOK_SECRET, config};

const EVENT: &[u8] = br#"{"id":"evt_1","object":"event","type":"payment_intent.succeeded","livemode":false,
    "data":{"object":{"id":"pi_1","object":"payment_intent"}}}"#;

/// localstripe ignores keys, lets over-refunds through and charges saved cards for anybody; nothing in
/// it loses an answer.
#[tokio::test]
async fn localstripe_passes() {
    let stripe = LocalStripe::start();
    let mut config = config(&stripe.base);
    config.optional_parameters = false;
    let gateway = StripeGateway::new(config).unwrap();
    let fixture = Fixture {
        run: "suite".to_owned(),
        started_at: Timestamp::from_seconds(1_700_000_000),
        succeeds: "pm_card_visa".to_owned(),
        declines: "pm_card_chargeCustomerFail".to_owned(),
        silent: None,
        currencies: ["USD", "EUR", "JPY", "KWD"].map(|code| Currency::parse(code).unwrap()).to_vec(),
        flow: Flow::TwoCalls,
        keys: Keys::Ignored,
        over_refunds: OverRefunds::Accepted,
        saved_cards: SavedCards::Unguarded,
        statement: StatementOf::Everything,
        webhook: Some(SignedWebhook {
            body: EVENT.to_vec(),
            sign: Box::new(|at, body| {
                ("Stripe-Signature".to_owned(), signature::sign(WEBHOOK_SECRET, at, body))
            }),
        }),
    };
    contract::check(&gateway, &fixture).await;
}
