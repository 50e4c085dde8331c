//! Stripe's objects as they come over the wire, and Stripe's own minor units.
//!
//! Lenient on purpose: only what is needed is named, everything that can be missing or null may be,
//! and a word we do not know reads as "still going on". Nothing here is sent or decided.

use std::collections::BTreeMap;

use domain::gateway::{
    CardFace, CardReport, ChargeReport, ChargeState, Decline, OpTag, RefundReport, RefundReportState,
};
use domain::money::{Currency, MONEY_MAX, Money};
use serde::Deserialize;
use serde_json::Value;

/// Where Stripe counts in other units than ISO 4217: it keeps two decimals for currencies that have
/// given theirs up, and wants the decimals to be zero.
const EXTRA_DECIMALS: &[(&str, i64)] = &[("ISK", 100), ("UGX", 100)];

/// Three-decimal amounts must end in zero: cards know two decimals only.
const THREE_DECIMAL_STEP: i64 = 10;

/// The shortest card number there is.
const CARD_DIGITS_MIN: usize = 12;

/// Codes that other gateways call differently.
const AUTHENTICATION_FAILED: &str = "payment_intent_authentication_failure";

/// An amount in Stripe's smallest unit; `None` where Stripe cannot charge it exactly.
pub(super) fn to_wire(money: Money) -> Option<i64> {
    if money.currency.exponent() == 3 && money.minor % THREE_DECIMAL_STEP != 0 {
        return None;
    }
    money.minor.checked_mul(factor(money.currency))
}

/// The reverse; `None` for a currency we do not know or an amount we cannot hold.
pub(super) fn from_wire(amount: i64, currency: &str) -> Option<Money> {
    let currency = Currency::parse(currency)?;
    let factor = factor(currency);
    let fits = amount % factor == 0 && (amount / factor).abs() <= MONEY_MAX;
    fits.then(|| currency.minor(amount / factor))
}

fn factor(currency: Currency) -> i64 {
    EXTRA_DECIMALS.iter().find(|(code, _)| *code == currency.code()).map_or(1, |(_, factor)| *factor)
}

/// A field that is an id, or the whole object where it was expanded.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Expandable<T> {
    Id(String),
    Object(Box<T>),
}

/// An expanded object of which only the id is wanted.
#[derive(Deserialize)]
pub(super) struct Named {
    pub(super) id: String,
}

impl Expandable<Named> {
    fn into_id(self) -> String {
        match self {
            Expandable::Id(id) => id,
            Expandable::Object(named) => named.id,
        }
    }
}

type Metadata = Option<BTreeMap<String, Value>>;

#[derive(Deserialize)]
pub(super) struct Intent {
    pub(super) id: String,
    amount: i64,
    amount_received: Option<i64>,
    currency: String,
    status: String,
    #[serde(default)]
    pub(super) created: i64,
    client_secret: Option<String>,
    latest_charge: Option<Expandable<Charge>>,
    payment_method: Option<Expandable<Method>>,
    last_payment_error: Option<Failure>,
    metadata: Metadata,
}

#[derive(Deserialize)]
pub(super) struct Charge {
    id: String,
    amount_refunded: Option<i64>,
    payment_method_details: Option<Details>,
}

#[derive(Deserialize)]
struct Details {
    card: Option<Card>,
}

#[derive(Deserialize)]
pub(super) struct Card {
    brand: Option<String>,
    last4: Option<String>,
    exp_month: Option<i64>,
    exp_year: Option<i64>,
}

/// The error of an answer, and the last one of an intent.
#[derive(Deserialize)]
pub(super) struct Failure {
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
    pub(super) code: Option<String>,
    decline_code: Option<String>,
    message: Option<String>,
    pub(super) param: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Refund {
    pub(super) id: String,
    amount: i64,
    currency: String,
    status: Option<String>,
    #[serde(default)]
    pub(super) created: i64,
    charge: Option<Expandable<Named>>,
    payment_intent: Option<Expandable<Named>>,
    failure_reason: Option<String>,
    metadata: Metadata,
}

#[derive(Deserialize)]
pub(super) struct Method {
    id: String,
    customer: Option<Expandable<Named>>,
    #[serde(rename = "type")]
    kind: Option<String>,
    card: Option<Card>,
}

#[derive(Deserialize)]
pub(super) struct Page<T> {
    pub(super) data: Vec<T>,
    #[serde(default)]
    pub(super) has_more: bool,
}

impl Intent {
    /// `None` when the amount cannot be told in our units.
    pub(super) fn report(self) -> Option<ChargeReport> {
        let state = state(&self.status, self.last_payment_error);
        let taken = match state {
            ChargeState::Succeeded => self.amount_received.unwrap_or(self.amount),
            _ => self.amount,
        };
        let (movement, refunded, card) = match self.latest_charge {
            None => (None, 0, None),
            Some(Expandable::Id(id)) => (Some(id), 0, None),
            Some(Expandable::Object(charge)) => (
                Some(charge.id),
                charge.amount_refunded.unwrap_or(0),
                charge.payment_method_details.and_then(|d| d.card),
            ),
        };
        // The charge tells the card as it was charged; before there is one, the method tells it.
        let card = card.or(match self.payment_method {
            Some(Expandable::Object(method)) => method.card,
            _ => None,
        });
        Some(ChargeReport {
            reference: self.id,
            state,
            amount: from_wire(taken, &self.currency)?,
            client_secret: self.client_secret,
            movement,
            card: card.map(Card::face),
            tag: tag(self.metadata),
            refunded: from_wire(refunded, &self.currency)?,
        })
    }
}

/// A word we do not know, and money that is only reserved, mean: not over, ask again.
fn state(status: &str, error: Option<Failure>) -> ChargeState {
    match status {
        "requires_payment_method" => ChargeState::NeedsMethod { last_decline: error.map(Failure::decline) },
        "requires_confirmation" => ChargeState::NeedsConfirmation,
        "requires_action" => ChargeState::NeedsAction,
        "succeeded" => ChargeState::Succeeded,
        "canceled" => ChargeState::Cancelled,
        _ => ChargeState::Processing,
    }
}

impl Refund {
    /// `None` when the amount cannot be told in our units or the refund is of nothing.
    pub(super) fn report(self) -> Option<RefundReport> {
        let charge = self.payment_intent.or(self.charge)?;
        Some(RefundReport {
            reference: self.id,
            charge: charge.into_id(),
            state: match self.status.as_deref() {
                Some("succeeded") => RefundReportState::Succeeded,
                Some("failed" | "canceled") => RefundReportState::Failed,
                _ => RefundReportState::Pending,
            },
            amount: from_wire(self.amount, &self.currency)?,
            failure: self.failure_reason,
            tag: tag(self.metadata),
        })
    }
}

impl Failure {
    pub(super) fn decline(self) -> Decline {
        let code = match self.code {
            Some(code) if code == AUTHENTICATION_FAILED => "authentication_required".to_owned(),
            Some(code) => code,
            None => "card_declined".to_owned(),
        };
        Decline {
            code,
            decline_code: self.decline_code,
            message: self
                .message
                .filter(|message| !could_hold_a_number(message))
                .unwrap_or_else(|| "Your card was declined.".to_owned()),
        }
    }
}

impl Method {
    pub(super) fn report(self) -> CardReport {
        let face = self.card.map_or_else(
            || CardFace {
                brand: self.kind.unwrap_or_else(|| "unknown".to_owned()),
                last_four: String::new(),
                exp_month: 0,
                exp_year: 0,
            },
            Card::face,
        );
        CardReport { token: self.id, customer: self.customer.map(Expandable::into_id), face }
    }
}

impl Card {
    fn face(self) -> CardFace {
        CardFace {
            brand: self.brand.filter(|brand| !brand.is_empty()).unwrap_or_else(|| "unknown".to_owned()),
            last_four: self.last4.unwrap_or_default(),
            exp_month: self.exp_month.unwrap_or(0),
            exp_year: self.exp_year.unwrap_or(0),
        }
    }
}

/// Nothing that could repeat a card number is passed on to be shown and stored.
fn could_hold_a_number(message: &str) -> bool {
    message.bytes().filter(u8::is_ascii_digit).count() >= CARD_DIGITS_MIN
}

/// Both halves of our mark, or it is not ours.
fn tag(metadata: Metadata) -> Option<OpTag> {
    let metadata = metadata?;
    let text = |key| metadata.get(key).and_then(Value::as_str);
    Some(OpTag { instance: text("instance")?.to_owned(), op: text("op_id")?.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn money(minor: i64, code: &str) -> Money {
        Currency::parse(code).unwrap().minor(minor)
    }

    #[test]
    fn amounts_are_in_stripes_own_units() {
        for (ours, wire) in [
            (money(1_999, "USD"), 1_999),
            (money(500, "JPY"), 500),
            (money(500, "VND"), 500),
            (money(5, "ISK"), 500),
            (money(1_230, "KWD"), 1_230),
            (money(2_000, "HUF"), 2_000),
        ] {
            assert_eq!(to_wire(ours), Some(wire), "{ours}");
            assert_eq!(from_wire(wire, ours.currency.code()), Some(ours), "{ours}");
        }
    }

    #[test]
    fn what_cannot_be_charged_exactly_is_refused() {
        assert_eq!(to_wire(money(1_234, "KWD")), None);
        assert_eq!(to_wire(money(i64::MAX, "ISK")), None);
        assert_eq!(from_wire(550, "isk"), None);
        assert_eq!(from_wire(1, "xxx"), None);
        assert_eq!(from_wire(i64::MAX, "usd"), None);
    }

    #[test]
    fn nulls_unknown_words_and_unexpanded_objects_are_read() {
        let body = r#"{"id":"pi_1","amount":100,"currency":"usd","status":"requires_telepathy",
            "latest_charge":"ch_1","last_payment_error":null,"metadata":null,"new":{"x":[1]}}"#;
        let report = serde_json::from_str::<Intent>(body).unwrap().report().unwrap();
        assert_eq!(report.state, ChargeState::Processing);
        assert_eq!(report.movement.as_deref(), Some("ch_1"));
        assert_eq!((report.card, report.tag), (None, None));
    }

    #[test]
    fn half_a_tag_is_not_ours() {
        let read = |text: &str| tag(serde_json::from_str(text).unwrap());
        assert_eq!(read(r#"{"op_id":"7"}"#), None);
        assert_eq!(read(r#"{"op_id":"x","instance":"i"}"#), None);
        assert_eq!(read(r#"{"op_id":7,"instance":"i"}"#), None);
        let ours = OpTag { instance: "i".to_owned(), op: 7 };
        assert_eq!(read(r#"{"op_id":"7","instance":"i"}"#), Some(ours));
    }

    #[test]
    fn a_brand_is_never_empty() {
        let card: Card = serde_json::from_str(r#"{"brand":null,"last4":"4242"}"#).unwrap();
        assert_eq!(card.face().brand, "unknown");
        let link: Method = serde_json::from_str(r#"{"id":"pm_1","type":"link"}"#).unwrap();
        assert_eq!(link.report().face.brand, "link");
    }
}
