//! Values on the wire: money exact to the cent, instants as RFC 3339 in UTC.
//!
//! Output is built as text and put into the document as it is; input keeps its text until the
//! currency is known. No float is involved in either direction.

use std::fmt;

use domain::money::{Currency, Money, MoneyError};
use domain::time::Timestamp;
use jiff::tz::TimeZone;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use super::Problem;
use crate::logging::mask_card_numbers;

/// An amount as a JSON number with exactly the currency's decimals: `78.75`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MoneyNumber(pub Money);

impl Serialize for MoneyNumber {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        decimal_number(self.0.decimal()).serialize(serializer)
    }
}

/// An amount as a JSON string: `"78.75"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MoneyString(pub Money);

impl Serialize for MoneyString {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.decimal())
    }
}

/// What people write about themselves, their gigs and their lessons. A card number among it, typed where
/// none belongs, is masked before anybody keeps it.
#[derive(Clone, PartialEq, Eq)]
pub struct FreeText(String);

impl<'de> Deserialize<'de> for FreeText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<FreeText, D::Error> {
        let text = String::deserialize(deserializer)?;
        Ok(FreeText(mask_card_numbers(&text).into_owned()))
    }
}

impl From<FreeText> for String {
    fn from(text: FreeText) -> String {
        text.0
    }
}

/// A JSON number from its digits.
pub fn decimal_number(digits: String) -> Box<RawValue> {
    RawValue::from_string(digits).expect("decimals are JSON numbers")
}

/// A ratio as a JSON number with `places` decimals, half up: percentages, hours, averages.
/// Zero when there is nothing to divide by.
pub fn ratio(numerator: i64, denominator: i64, places: u32) -> Box<RawValue> {
    let scale = 10_i128.pow(places);
    let (numerator, denominator) = (i128::from(numerator), i128::from(denominator));
    let scaled = if denominator == 0 {
        0
    } else {
        let doubled = 2 * numerator * scale + denominator;
        doubled.div_euclid(2 * denominator)
    };
    let sign = if scaled < 0 { "-" } else { "" };
    let (whole, rest) = (scaled.abs() / scale, scaled.abs() % scale);
    let width = places as usize;
    decimal_number(if places == 0 {
        format!("{sign}{whole}")
    } else {
        format!("{sign}{whole}.{rest:0>width$}")
    })
}

/// A decimal in a request, number or string, until its currency is known.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct MoneyText(String);

impl MoneyText {
    /// The amount, or a validation problem that names the field.
    pub fn money(&self, field: &str, currency: Currency) -> Result<Money, Problem> {
        Money::parse(&self.0, currency).map_err(|error| {
            let message = match error {
                MoneyError::NotANumber => "must be an amount such as 12.50",
                MoneyError::Negative => "must not be negative",
                MoneyError::TooManyDecimals => "has more decimals than the currency",
                MoneyError::TooLarge => "is too large",
            };
            Problem::field(field, message)
        })
    }

    /// The digits as they were sent, for decimals that are not money.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Amounts are personal; what somebody typed there may be anything.
impl fmt::Debug for MoneyText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MoneyText")
    }
}

/// Minor units in a request: a whole number from zero, as number or string.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Cents(pub i64);

impl<'de> Deserialize<'de> for Cents {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let minor = i64::deserialize(deserializer)?;
        match minor {
            ..0 => Err(D::Error::custom("must not be negative")),
            0..=domain::money::MONEY_MAX => Ok(Cents(minor)),
            _ => Err(D::Error::custom("is too large")),
        }
    }
}

/// An instant: out as RFC 3339 UTC with `Z`, in with any offset but not without one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instant(pub Timestamp);

impl Instant {
    /// `None` for anything that is not an RFC 3339 instant with an offset.
    pub fn parse(text: &str) -> Option<Instant> {
        let text = text.trim();
        if text.contains(['[', ']']) {
            return None;
        }
        let instant: jiff::Timestamp = text.parse().ok()?;
        Some(Instant(Timestamp(instant.as_microsecond())))
    }

    /// Whether it has a text form: a sum of one that has and a span may have none.
    pub fn is_in_calendar(self) -> bool {
        jiff::Timestamp::from_microsecond(self.0.0).is_ok()
    }

    /// The text form: whole seconds without a fraction, else six digits.
    pub fn text(self) -> String {
        let instant = jiff::Timestamp::from_microsecond(self.0.0)
            .expect("instants of the product lie within the calendar");
        let form = if self.0.0 % 1_000_000 == 0 { "%Y-%m-%dT%H:%M:%SZ" } else { "%Y-%m-%dT%H:%M:%S.%6fZ" };
        instant.to_zoned(TimeZone::UTC).strftime(form).to_string()
    }
}

impl Serialize for Instant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text())
    }
}

impl<'de> Deserialize<'de> for Instant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Instant::parse(&text)
            .ok_or_else(|| D::Error::custom("must be a time with an offset, such as 2026-01-31T10:00:00Z"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::Node;

    #[test]
    fn money_is_written_exactly() {
        let json = |value: &dyn Fn() -> String| value();
        let usd = Currency::USD.minor(7_870);
        let number = json(&|| serde_json::to_string(&MoneyNumber(usd)).expect("valid"));
        assert_eq!(number, "78.70");
        let most = Currency::USD.minor(99_999_999_999_999);
        let number = serde_json::to_string(&MoneyNumber(most)).expect("valid");
        assert_eq!(number, "999999999999.99");
        let string = serde_json::to_string(&MoneyString(usd)).expect("valid");
        assert_eq!(string, "\"78.70\"");
    }

    #[test]
    fn ratios_round_half_up() {
        let cases = [
            (1, 3, 2, "0.33"),
            (1, 8, 2, "0.13"),
            (-1, 8, 2, "-0.12"),
            (5, 0, 2, "0.00"),
            (5, 2, 0, "3"),
            (100, 1, 2, "100.00"),
        ];
        for (numerator, denominator, places, text) in cases {
            assert_eq!(ratio(numerator, denominator, places).get(), text);
        }
    }

    #[test]
    fn amounts_are_read_from_numbers_and_strings() {
        let read = |json: &str| -> MoneyText {
            Node::from_json(json.as_bytes()).expect("valid").read().expect("text")
        };
        let usd = |json: &str| read(json).money("amount", Currency::USD);
        assert_eq!(usd("78.75").expect("valid").minor, 7_875);
        assert_eq!(usd("\"78.75\"").expect("valid").minor, 7_875);
        for bad in ["10.0000000000000000001", "-1", "1e2", "\"NaN\"", "\"\"", "\"1,5\""] {
            let problem = usd(bad).expect_err(bad);
            assert_eq!(problem.code(), "validation_failed");
        }
    }

    #[test]
    fn cents_are_whole_and_bounded() {
        let read = |json: &str| Node::from_json(json.as_bytes()).expect("valid").read::<Cents>();
        assert_eq!(read("100"), Ok(Cents(100)));
        assert_eq!(read("\"100\""), Ok(Cents(100)));
        for bad in ["-1", "1.5", "\"x\"", "100000000000001"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn instants_are_read_with_any_offset_and_written_in_utc() {
        let text = |input| Instant::parse(input).map(Instant::text);
        assert_eq!(text("2026-01-31T10:00:00Z"), Some("2026-01-31T10:00:00Z".into()));
        assert_eq!(text("2026-01-31T10:00:00+02:00"), Some("2026-01-31T08:00:00Z".into()));
        assert_eq!(text("2026-01-31T10:00:00.5-05:30"), Some("2026-01-31T15:30:00.500000Z".into()));
        for naive in ["2026-01-31T10:00:00", "2026-01-31", "now", "", "2026-02-30T10:00:00Z"] {
            assert_eq!(text(naive), None, "{naive}");
        }
    }
}
