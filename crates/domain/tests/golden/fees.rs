//! Reads the cases of `fees.txt` and `refunds.txt` and says what the code makes of them.

use domain::money::{Currency, Money};
use domain::policy::{FeeMode, FeePolicy, PriceUnit, RefundFeePolicy};
use domain::pricing::{RefundSplit, quote, refund_split, refundable, session_price};
use domain::records::{Quote, Word};
use domain::time::Span;

use crate::support::golden;

fn amount(text: &str) -> Money {
    Money::parse(text, Currency::USD).unwrap()
}

/// `on_top 5% min 1.00`
fn policy(words: &[&str]) -> FeePolicy {
    assert_eq!(words[2], "min");
    // A percentage with two decimals is a number of basis points.
    let bps = amount(words[1].strip_suffix('%').unwrap()).minor;
    FeePolicy {
        mode: FeeMode::parse(words[0]).unwrap(),
        rate_bps: u32::try_from(bps).unwrap(),
        min_minor: amount(words[3]).minor,
    }
}

/// `75.00`, or `50.00/h x 01:30:00`
fn price(words: &[&str]) -> Money {
    let Some(rate) = words[0].strip_suffix("/h") else {
        return amount(words[0]);
    };
    let parts: Vec<i64> = words[2].split(':').map(|part| part.parse().unwrap()).collect();
    let length = Span::seconds(parts[0] * 3_600 + parts[1] * 60 + parts[2]);
    session_price(amount(rate), PriceUnit::Hour, length)
}

#[test]
fn fees() {
    golden::table("tests/golden/fees.txt", |words| {
        let quote = quote(price(&words[5..]), policy(&words[1..]));
        let columns = [
            ("base", quote.base()),
            ("fee", quote.fee()),
            ("total", quote.total()),
            ("share", quote.share()),
        ];
        let columns: Vec<String> =
            columns.iter().map(|(name, money)| format!("{name} {:>6}", money.decimal())).collect();
        columns.join("  ")
    });
}

#[test]
fn refunds() {
    golden::table("tests/golden/refunds.txt", |words| {
        let fees = match words[1] {
            "pro_rata" => RefundFeePolicy::ProRata,
            "keep" => RefundFeePolicy::Keep,
            other => panic!("{other}"),
        };
        let quote = quote(price(&words[6..]), policy(&words[2..]));
        let colon = words.iter().position(|word| *word == ":").unwrap();
        parts(&quote, fees, &words[colon + 1..])
    });
}

/// Each part as `fee + share`, and what is left of both.
fn parts(quote: &Quote, fees: RefundFeePolicy, amounts: &[&str]) -> String {
    let mut before = RefundSplit::none(quote.currency);
    let mut told = Vec::new();
    for part in amounts.iter().map(|text| amount(text)) {
        let split = refund_split(quote, fees, before, part);
        before = before.and(split);
        told.push(format!("{} + {}", split.fee.decimal(), split.share.decimal()));
    }
    assert!(before.amount() <= refundable(quote, fees), "more than can go back");
    let (fee, share) = (quote.fee() - before.fee, quote.share() - before.share);
    format!("{}; leaves fee {}, share {}", told.join(", "), fee.decimal(), share.decimal())
}
