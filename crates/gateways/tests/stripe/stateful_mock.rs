//! The HTTP layer against stripe-stateful-mock, which honours idempotency keys and fails on request.
//!
//! It speaks the older Charges interface, so the calls are made here; the client and the reading of
//! answers are ours.

use domain::gateway::Answer;
use gateways::http::Http;
use gateways::stripe::classify;
use gateways::testing::Peer;
use serde_json::Value;

use super::SECRET_KEY;

struct Mock {
    peer: Peer,
    http: Http,
}

impl Mock {
    fn start() -> Mock {
        Mock {
            peer: Peer::start("node", "run_stripe_mock.js"),
            http: Http::new(std::time::Duration::from_secs(8)).unwrap(),
        }
    }

    async fn post(&self, path: &str, key: &str, form: &[(&str, &str)]) -> Answer<Value> {
        let request = self
            .http
            .request(reqwest::Method::POST, &format!("{}/v1/{path}", self.peer.base))
            .bearer_auth(SECRET_KEY)
            .header("Idempotency-Key", key)
            .form(form);
        classify(self.http.send(request).await, |body| serde_json::from_slice(body).ok())
    }

    async fn charge(&self, key: &str, amount: &str, source: &str) -> Answer<Value> {
        let form = [("amount", amount), ("currency", "usd"), ("source", source)];
        self.post("charges", key, &form).await
    }
}

#[tokio::test]
async fn a_key_is_replayed_and_guards_its_parameters() {
    let mock = Mock::start();
    let first = super::done(mock.charge("key:1", "1000", "tok_visa").await);
    let again = super::done(mock.charge("key:1", "1000", "tok_visa").await);
    assert_eq!(first["id"], again["id"], "one charge for one key");
    let other = super::done(mock.charge("key:2", "1000", "tok_visa").await);
    assert_ne!(first["id"], other["id"]);
    let conflict = mock.charge("key:1", "2000", "tok_visa").await;
    assert!(matches!(conflict, Answer::Unknown(_)), "{conflict:?}");
}

#[tokio::test]
async fn declines_limits_and_faults_are_told_apart() {
    let mock = Mock::start();
    let declined = mock.charge("key:1", "1000", "tok_chargeDeclinedInsufficientFunds").await;
    let Answer::Declined(decline) = declined else {
        panic!("{declined:?}");
    };
    assert_eq!(decline.code, "card_declined");
    assert_eq!(decline.decline_code.as_deref(), Some("insufficient_funds"));
    for (index, source) in ["tok_429", "tok_500"].into_iter().enumerate() {
        let answer = mock.charge(&format!("busy:{index}"), "1000", source).await;
        assert!(matches!(answer, Answer::Unknown(_)), "{source}: {answer:?}");
    }
    for (key, code, source) in [
        ("key:2", "expired_card", "tok_chargeDeclinedExpiredCard"),
        ("key:3", "incorrect_cvc", "tok_chargeDeclinedIncorrectCvc"),
        ("key:4", "processing_error", "tok_chargeDeclinedProcessingError"),
    ] {
        let Answer::Declined(decline) = mock.charge(key, "1000", source).await else {
            panic!("{source} is declined");
        };
        assert_eq!(decline.code, code);
    }
    let invalid = mock.charge("key:5", "0", "tok_visa").await;
    assert!(matches!(invalid, Answer::Rejected(_)), "{invalid:?}");
}

#[tokio::test]
async fn more_than_was_paid_is_not_returned() {
    let mock = Mock::start();
    let paid = super::done(mock.charge("key:1", "1000", "tok_visa").await);
    let charge = paid["id"].as_str().unwrap();
    let form = [("charge", charge), ("amount", "600")];
    super::done(mock.post("refunds", "key:2", &form).await);
    let over = mock.post("refunds", "key:3", &form).await;
    assert!(matches!(over, Answer::Rejected(_)), "{over:?}");
}
