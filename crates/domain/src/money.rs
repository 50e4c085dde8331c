//! Money: an amount in minor units of one currency, and nothing else.
//!
//! Invariant: `|minor| <= MONEY_MAX`, checked where money enters the system, so that no sum of fewer
//! than `SUM_MAX` amounts can overflow and arithmetic in the middle needs no error path. There are
//! no floats anywhere near here. Exchange between currencies is deliberately absent.

use std::fmt;
use std::ops::{Add, Neg, Sub};

/// One trillion major units of a two-decimal currency. Larger amounts are refused at the edge.
pub const MONEY_MAX: i64 = 100_000_000_000_000;
/// How many amounts can be summed without overflow.
pub const SUM_MAX: i64 = i64::MAX / MONEY_MAX;
const _: () = assert!(SUM_MAX > 90_000);

/// An ISO 4217 code with a known exponent.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency {
    code: [u8; 3],
    exponent: u8,
}

#[rustfmt::skip]
/// Every currency the product knows, with its number of decimals (ISO 4217).
const CURRENCIES: &[(&str, u8)] = &[
    ("AED", 2), ("ARS", 2), ("AUD", 2), ("BGN", 2), ("BHD", 3), ("BRL", 2), ("CAD", 2), ("CHF", 2),
    ("CLP", 0), ("CNY", 2), ("COP", 2), ("CZK", 2), ("DKK", 2), ("EGP", 2), ("EUR", 2), ("GBP", 2),
    ("GEL", 2), ("HKD", 2), ("HUF", 2), ("IDR", 2), ("ILS", 2), ("INR", 2), ("ISK", 0), ("JOD", 3),
    ("JPY", 0), ("KES", 2), ("KRW", 0), ("KWD", 3), ("KZT", 2), ("MAD", 2), ("MXN", 2), ("MYR", 2),
    ("NGN", 2), ("NOK", 2), ("NZD", 2), ("OMR", 3), ("PEN", 2), ("PHP", 2), ("PKR", 2), ("PLN", 2),
    ("QAR", 2), ("RON", 2), ("RSD", 2), ("SAR", 2), ("SEK", 2), ("SGD", 2), ("THB", 2), ("TND", 3),
    ("TRY", 2), ("TWD", 2), ("UAH", 2), ("USD", 2), ("UYU", 2), ("VND", 0), ("ZAR", 2),
];

impl Currency {
    pub const USD: Currency = Currency { code: *b"USD", exponent: 2 };
    pub const EUR: Currency = Currency { code: *b"EUR", exponent: 2 };
    pub const JPY: Currency = Currency { code: *b"JPY", exponent: 0 };

    /// A code in either case; `None` when it is not a currency we know the decimals of.
    pub fn parse(code: &str) -> Option<Currency> {
        let upper = code.to_ascii_uppercase();
        let (known, exponent) = CURRENCIES.iter().find(|(known, _)| *known == upper)?;
        let code = known.as_bytes().try_into().expect("codes have three letters");
        Some(Currency { code, exponent: *exponent })
    }

    /// The ISO code in upper case.
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.code).expect("codes are ASCII")
    }

    /// Digits after the decimal point.
    pub fn exponent(self) -> u32 {
        u32::from(self.exponent)
    }

    pub fn zero(self) -> Money {
        Money { minor: 0, currency: self }
    }

    pub fn minor(self, minor: i64) -> Money {
        Money { minor, currency: self }
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Money {
    pub minor: i64,
    pub currency: Currency,
}

/// Who keeps the half cent is a business decision, so it is spelled at every call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounding {
    Down,
    HalfUp,
}

/// A share of an amount in basis points: 5 % is `Rate::bps(500)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate(u32);

impl Rate {
    pub const BPS_MAX: u32 = 10_000;

    /// `None` above 100 %.
    pub fn bps(bps: u32) -> Option<Rate> {
        (bps <= Rate::BPS_MAX).then_some(Rate(bps))
    }

    pub fn of(self, money: Money, rounding: Rounding) -> Money {
        money.times(i64::from(self.0), i64::from(Rate::BPS_MAX), rounding)
    }
}

/// Why a piece of text is not an amount of money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MoneyError {
    NotANumber,
    Negative,
    TooManyDecimals,
    TooLarge,
}

impl Money {
    pub fn is_zero(self) -> bool {
        self.minor == 0
    }

    /// `self * numerator / denominator` for non-negative values.
    pub fn times(self, numerator: i64, denominator: i64, rounding: Rounding) -> Money {
        assert!(self.minor >= 0 && numerator >= 0 && denominator > 0, "shares are of non-negative amounts");
        let product = i128::from(self.minor) * i128::from(numerator);
        let (whole, rest) = (product / i128::from(denominator), product % i128::from(denominator));
        let up = match rounding {
            Rounding::Down => false,
            Rounding::HalfUp => rest * 2 >= i128::from(denominator),
        };
        let minor = i64::try_from(whole).expect("bounded by MONEY_MAX") + i64::from(up);
        Money { minor, ..self }
    }

    pub fn min(self, other: Money) -> Money {
        self.same_currency(other);
        Money { minor: self.minor.min(other.minor), ..self }
    }

    pub fn max(self, other: Money) -> Money {
        self.same_currency(other);
        Money { minor: self.minor.max(other.minor), ..self }
    }

    /// Parts in proportion to the weights whose sum is exactly the whole: every part but the last is
    /// rounded half up (never beyond what is left), the last is the difference.
    pub fn allocate(self, weights: &[i64]) -> Vec<Money> {
        let total: i64 = weights.iter().sum();
        assert!(total > 0 && weights.iter().all(|w| *w >= 0), "weights are not negative and not all zero");
        let mut left = self;
        let last = weights.len() - 1;
        weights
            .iter()
            .enumerate()
            .map(|(index, weight)| {
                let part =
                    if index == last { left } else { self.times(*weight, total, Rounding::HalfUp).min(left) };
                left = left - part;
                part
            })
            .collect()
    }

    /// Reads a decimal such as `12`, `12.3` or `12.30`: no sign, no exponent, no grouping, no more
    /// decimals than the currency has (trailing zeros excepted).
    pub fn parse(text: &str, currency: Currency) -> Result<Money, MoneyError> {
        let text = text.trim();
        if text.starts_with('-') && text[1..].starts_with(|c: char| c.is_ascii_digit()) {
            return Err(MoneyError::Negative);
        }
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty()
            || !digits(whole)
            || !digits(fraction)
            || (fraction.is_empty() && text.contains('.'))
        {
            return Err(MoneyError::NotANumber);
        }
        let fraction = fraction.trim_end_matches('0');
        let places = currency.exponent() as usize;
        if fraction.len() > places {
            return Err(MoneyError::TooManyDecimals);
        }
        let minor =
            format!("{whole}{fraction:0<places$}").parse::<i64>().map_err(|_| MoneyError::TooLarge)?;
        if minor > MONEY_MAX { Err(MoneyError::TooLarge) } else { Ok(currency.minor(minor)) }
    }

    /// The decimal form with exactly the currency's places: `78.75`, `-0.05`, `500` (JPY).
    pub fn decimal(self) -> String {
        let places = self.currency.exponent() as usize;
        let sign = if self.minor < 0 { "-" } else { "" };
        let digits = format!("{:0>width$}", self.minor.unsigned_abs(), width = places + 1);
        let (whole, fraction) = digits.split_at(digits.len() - places);
        if places == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
    }

    fn same_currency(self, other: Money) {
        assert_eq!(self.currency, other.currency, "two currencies never meet in one sum");
    }
}

impl Add for Money {
    type Output = Money;
    fn add(self, other: Money) -> Money {
        self.same_currency(other);
        Money { minor: self.minor + other.minor, ..self }
    }
}

impl Sub for Money {
    type Output = Money;
    fn sub(self, other: Money) -> Money {
        self.same_currency(other);
        Money { minor: self.minor - other.minor, ..self }
    }
}

impl Neg for Money {
    type Output = Money;
    fn neg(self) -> Money {
        Money { minor: -self.minor, ..self }
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.decimal(), self.currency.code())
    }
}

impl fmt::Debug for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usd(minor: i64) -> Money {
        Currency::USD.minor(minor)
    }

    #[test]
    fn half_a_cent_rounds_up() {
        let five = Rate::bps(500).expect("5 %");
        assert_eq!(five.of(usd(1_010), Rounding::HalfUp), usd(51));
        assert_eq!(five.of(usd(1_010), Rounding::Down), usd(50));
    }

    #[test]
    fn amounts_are_read_exactly_or_refused() {
        let read = |text| Money::parse(text, Currency::USD);
        assert_eq!(read("78.75"), Ok(usd(7_875)));
        assert_eq!(read("78.7500"), Ok(usd(7_875)));
        assert_eq!(read("0"), Ok(usd(0)));
        assert_eq!(read("1.005"), Err(MoneyError::TooManyDecimals));
        assert_eq!(read("-1"), Err(MoneyError::Negative));
        assert_eq!(read("99999999999999999999"), Err(MoneyError::TooLarge));
        for junk in ["", ".", "1.", ".5", "1e3", "NaN", "inf", "0x10", "1,000", "--1", "٣"] {
            assert_eq!(read(junk), Err(MoneyError::NotANumber), "{junk}");
        }
    }

    #[test]
    fn decimals_follow_the_currency() {
        assert_eq!(usd(5).decimal(), "0.05");
        assert_eq!(usd(-7_875).decimal(), "-78.75");
        assert_eq!(Currency::JPY.minor(500).decimal(), "500");
        let dinar = Currency::parse("kwd").expect("known");
        assert_eq!(dinar.minor(1_234).decimal(), "1.234");
        assert_eq!(Money::parse("1.234", dinar), Ok(dinar.minor(1_234)));
    }

    #[test]
    fn parts_sum_to_the_whole() {
        assert_eq!(usd(100).allocate(&[1, 1, 1]), [usd(33), usd(33), usd(34)]);
        assert_eq!(usd(1).allocate(&[1, 1, 1]), [usd(0), usd(0), usd(1)]);
        assert_eq!(usd(3).allocate(&[1, 1, 1, 1]), [usd(1), usd(1), usd(1), usd(0)]);
    }
}
