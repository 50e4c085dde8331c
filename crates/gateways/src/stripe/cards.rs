//! Customers and their cards: payment methods attached, detached, and the published test numbers.
//!
//! A card number gets as far as [`test_token`] and no further; only tokens are ever sent.
//! Attaching and detaching carry no idempotency key: both say what shall be so, and a replay of an
//! older answer would be wrong after the opposite was done in between.

use domain::gateway::{Answer, CardReport};
use serde::Deserialize;
use subtle::{ConditionallySelectable, ConstantTimeEq};

use super::wire::{Method, Named};
use super::{Call, StripeGateway};
use crate::gateway::{CreateCustomer, RawCard};

const METHODS: &str = "payment_methods";
const CUSTOMERS: &str = "customers";

/// The published test numbers and the tokens Stripe made for them.
const TEST_CARDS: &[(&str, &str)] = &[
    ("4242424242424242", "pm_card_visa"),
    ("5555555555554444", "pm_card_mastercard"),
    ("378282246310005", "pm_card_amex"),
    ("4000000000000002", "pm_card_visa_chargeDeclined"),
    ("4000000000009995", "pm_card_visa_chargeDeclinedInsufficientFunds"),
    ("4000000000009987", "pm_card_visa_chargeDeclinedLostCard"),
    ("4000000000009979", "pm_card_visa_chargeDeclinedStolenCard"),
    ("4000000000000069", "pm_card_chargeDeclinedExpiredCard"),
    ("4000000000000127", "pm_card_chargeDeclinedIncorrectCvc"),
    ("4000000000000119", "pm_card_chargeDeclinedProcessingError"),
    ("4000002500003155", "pm_card_authenticationRequiredOnSetup"),
    ("4000002760003184", "pm_card_authenticationRequired"),
    ("4000008400001629", "pm_card_threeDSecureRequiredChargeDeclined"),
    ("4000000000000259", "pm_card_createDispute"),
    ("4000000000005126", "pm_card_refundFail"),
    ("4000000000007726", "pm_card_pendingRefund"),
    ("4000000000000341", "pm_card_chargeCustomerFail"),
];

/// The token of a published test number. Every entry is compared, each in constant time.
pub(super) fn test_token(card: &RawCard) -> Option<String> {
    let mut found = u64::MAX;
    for (index, (number, _)) in (0_u64..).zip(TEST_CARDS) {
        let same = number.as_bytes().ct_eq(card.number.as_bytes());
        found = u64::conditional_select(&found, &index, same);
    }
    let (_, token) = TEST_CARDS.get(usize::try_from(found).ok()?)?;
    Some((*token).to_owned())
}

impl StripeGateway {
    pub(super) async fn customer(&self, request: &CreateCustomer) -> Answer<String> {
        let params = vec![
            ("email", request.email.clone()),
            ("name", request.name.clone()),
            ("metadata[person]", request.person.clone()),
        ];
        let call = Call::post(CUSTOMERS).keyed(&request.key).with(params);
        self.exchange(call, |body| {
            let customer: Named = serde_json::from_slice(body).ok()?;
            Some(customer.id)
        })
        .await
    }

    pub(super) async fn attach(&self, customer: &str, token: &str) -> Answer<CardReport> {
        let call =
            Call::post(METHODS).on(token).doing("attach").with(vec![("customer", customer.to_owned())]);
        self.exchange(call, read_method).await
    }

    /// Whoever is deleted already is refused by Stripe; to us it is done.
    pub(super) async fn forget_customer(&self, customer: &str) -> Answer<()> {
        let refusal = match self.exchange(Call::delete(CUSTOMERS).on(customer), read_deleted).await {
            Answer::Rejected(refusal) => refusal,
            answer => return answer,
        };
        match self.exchange(Call::get(CUSTOMERS).on(customer), read_deleted).await {
            Answer::Done(()) => Answer::Done(()),
            Answer::Rejected(_) | Answer::Declined(_) => Answer::Rejected(refusal),
            answer => answer,
        }
    }

    /// What is already detached is refused by Stripe; to us it is done.
    pub(super) async fn detach(&self, token: &str) -> Answer<()> {
        let call = Call::post(METHODS).on(token).doing("detach");
        let refusal = match self.exchange(call, read_object).await {
            Answer::Rejected(refusal) => refusal,
            answer => return answer,
        };
        match self.exchange(Call::get(METHODS).on(token), read_method).await {
            Answer::Done(report) if report.customer.is_none() => Answer::Done(()),
            Answer::Unknown(why) => Answer::Unknown(why),
            _ => Answer::Rejected(refusal),
        }
    }
}

fn read_method(body: &[u8]) -> Option<CardReport> {
    Some(serde_json::from_slice::<Method>(body).ok()?.report())
}

/// `None`, which is no answer, for a customer who is still there.
fn read_deleted(body: &[u8]) -> Option<()> {
    #[derive(Deserialize)]
    struct Customer {
        deleted: bool,
    }
    serde_json::from_slice::<Customer>(body).ok()?.deleted.then_some(())
}

fn read_object(body: &[u8]) -> Option<()> {
    #[derive(Deserialize)]
    struct Object {}
    serde_json::from_slice::<Object>(body).ok().map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(number: &str) -> Option<String> {
        test_token(&RawCard {
            number: number.to_owned(),
            exp_month: 12,
            exp_year: 2030,
            cvc: "123".to_owned(),
        })
    }

    #[test]
    fn published_numbers_have_tokens() {
        for (number, expected) in TEST_CARDS {
            assert_eq!(token(number).as_deref(), Some(*expected));
        }
    }

    #[test]
    fn no_other_number_has() {
        for number in ["", "4242", "4242424242424241", "42424242424242420", "4111111111111111"] {
            assert_eq!(token(number), None, "{number}");
        }
    }
}
