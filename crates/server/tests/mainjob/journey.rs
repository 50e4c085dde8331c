use domain::gateway::Answer;
use domain::time::Span;
use gateways::gateway::ConfirmCharge;
use gateways::testing::LocalStripe;
use serde_json::{Value, json};

use super::house::{Cast, House, WEBHOOK_SECRET, run};

const CONFIRM: &str = "/api/payments/confirm-payment/";

fn stripe(peer: &LocalStripe) -> [(&'static str, String); 6] {
    [
        ("BURSAR_GATEWAYS__DEFAULT", "stripe".into()),
        ("BURSAR_GATEWAYS__STRIPE__API_BASE", peer.base.clone()),
        ("BURSAR_GATEWAYS__STRIPE__SECRET_KEY", "sk_test_peer".into()),
        ("BURSAR_GATEWAYS__STRIPE__PUBLISHABLE_KEY", "pk_test_peer".into()),
        ("BURSAR_GATEWAYS__STRIPE__WEBHOOK_SECRET", WEBHOOK_SECRET.into()),
        ("BURSAR_GATEWAYS__STRIPE__OPTIONAL_PARAMETERS", "false".into()),
    ]
}

/// One peer, one house.
fn with_stripe<F: AsyncFnOnce(&House, &LocalStripe)>(db: &store::testing::TestDb, test: F) {
    let peer = LocalStripe::start();
    let settings = stripe(&peer);
    let settings: Vec<(&str, &str)> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    run(db, &settings, async |house| test(house, &peer).await);
}

async fn intent(house: &House, cast: &Cast, booking: i64) -> String {
    let body = json!({ "session_booking_id": booking, "payment_method_id": "pm_card_visa" });
    let made =
        house.post(Some(&cast.student), "/api/payments/create-payment-intent/", body).await.expect(201);
    assert_eq!(made.body["amount_dollars"], 78.75);
    made.body["payment_intent_id"].as_str().expect("an intent").to_owned()
}

async fn confirm(house: &House, cast: &Cast, reference: &str) -> Value {
    let body = json!({ "payment_intent_id": reference });
    let answer = house.post(Some(&cast.student), CONFIRM, body).await.expect(200);
    assert_eq!(answer.body["status"], "succeeded", "{}", answer.text);
    answer.body
}

/// The payer's client pays the intent at the gateway, and we are not in the room.
async fn pay_there(house: &House, reference: &str) {
    let request = ConfirmCharge {
        key: format!("the client's {reference}"),
        reference: reference.to_owned(),
        method: None,
    };
    let answer = house.gateway().confirm_charge(&request).await;
    assert!(matches!(answer, Answer::Done(_)), "{answer:?}");
}

/// E2 of the contract, and what the ledger makes of so many of them.
const SUMS: [i64; 3] = [7_875, 375, 7_500];

/// The webhook before our own answer, after it, twice, and never.
async fn every_arrival(house: &House) {
    let cast = house.cast("50.00").await;
    let [plain, before, after, twice, never] = [
        house.booking(&cast, 0, 90).await,
        house.booking(&cast, 100, 90).await,
        house.booking(&cast, 200, 90).await,
        house.booking(&cast, 300, 90).await,
        house.booking(&cast, 400, 90).await,
    ];

    let paid = house.pay(&cast, plain, "pm_card_visa").await.expect(200);
    assert_eq!(paid.body["amount_paid"], 78.75);
    assert_eq!((&paid.body["card_brand"], &paid.body["card_last4"]), (&json!("visa"), &json!("4242")));

    let reference = intent(house, &cast, before).await;
    pay_there(house, &reference).await;
    house.tell("evt_before", &reference).await.expect(200);
    house.rest().await;
    assert_eq!(house.state(&cast, before).await, "CONFIRMED PAID", "heard by webhook alone");
    confirm(house, &cast, &reference).await;

    let reference = intent(house, &cast, after).await;
    confirm(house, &cast, &reference).await;
    house.tell("evt_after", &reference).await.expect(200);
    house.rest().await;

    let reference = intent(house, &cast, twice).await;
    confirm(house, &cast, &reference).await;
    for _ in 0..2 {
        let told = house.tell("evt_twice", &reference).await.expect(200);
        assert_eq!(told.body, json!({ "status": "success" }));
        house.rest().await;
    }

    let reference = intent(house, &cast, never).await;
    pay_there(house, &reference).await;
    house.advance(Span::minutes(40)).await;
    assert_eq!(house.state(&cast, never).await, "CONFIRMED PAID", "found without a webhook");
    confirm(house, &cast, &reference).await;

    let all = [plain, before, after, twice, never];
    for booking in all {
        house.agrees(&cast, booking, SUMS).await;
        house.pay(&cast, booking, "pm_card_visa").await.refused(400, "already_paid");
    }
    assert_eq!(house.charged().await, (all.len(), 5 * SUMS[0]));
    let payee = house.payment(plain).await.payee;
    assert_eq!(house.ledger(payee).await, [5 * SUMS[0], -5 * SUMS[1], -5 * SUMS[2]]);
}

store::both! {
    fn from_registering_to_a_paid_booking_with_the_sandbox(db) {
        run(db, &[], every_arrival);
    }

    fn from_registering_to_a_paid_booking_with_stripe(db) {
        with_stripe(db, async |house, _| every_arrival(house).await);
    }

    fn what_stripe_itself_sends_is_understood(db) {
        with_stripe(db, async |house, peer| {
            peer.webhook(&format!("{}/api/payments/webhooks/stripe/", house.base), WEBHOOK_SECRET);
            let cast = house.cast("50.00").await;
            let booking = house.booking(&cast, 0, 90).await;
            let reference = intent(house, &cast, booking).await;
            pay_there(house, &reference).await;
            house.until(&cast, booking, "CONFIRMED PAID").await;
            house.agrees(&cast, booking, SUMS).await;
            assert_eq!(house.charged().await, (1, SUMS[0]));
        });
    }

    fn a_decline_at_stripe_leaves_the_booking_payable(db) {
        with_stripe(db, async |house, peer| {
            let cast = house.cast("50.00").await;
            let booking = house.booking(&cast, 0, 90).await;
            house.pay(&cast, booking, "pm_card_chargeCustomerFail").await.refused(400, "card_declined");
            assert_eq!(house.state(&cast, booking).await, "CONFIRMED UNPAID");
            house.pay(&cast, booking, &peer.card("5555555555554444")).await.expect(200);
            house.agrees(&cast, booking, SUMS).await;
            assert_eq!(house.charged().await, (1, SUMS[0]));
        });
    }

    fn a_challenge_at_stripe_is_finished_by_the_payer(db) {
        with_stripe(db, async |house, peer| {
            let cast = house.cast("50.00").await;
            let [booking, other] = [house.booking(&cast, 0, 90).await, house.booking(&cast, 100, 90).await];
            let card = peer.card("4000002500003155");
            let pay = "/api/payments/process-booking-payment/";
            let body = json!({ "booking_id": booking, "payment_method_id": card, "allow_action": true });
            let asked = house.post(Some(&cast.student), pay, body).await.expect(202);
            let text = |name: &str| asked.body[name].as_str().expect("text").to_owned();
            let (reference, secret) = (text("payment_intent_id"), text("client_secret"));
            peer.authenticate(&reference, &secret, true);
            confirm(house, &cast, &reference).await;
            house.agrees(&cast, booking, SUMS).await;

            let card = peer.card("4000002500003155");
            house.pay(&cast, other, &card).await.refused(400, "authentication_required");
            assert_eq!(house.state(&cast, other).await, "CONFIRMED UNPAID");
            house.pay(&cast, other, "pm_card_visa").await.expect(200);
            house.agrees(&cast, other, SUMS).await;
            assert_eq!(house.charged().await, (2, 2 * SUMS[0]));
        });
    }
}
