//! Money adds up: every price to ten thousand, and any sequence of parts.

use domain::id::{Id, Lane, PaymentId};
use domain::money::{Currency, MONEY_MAX, Money, Rate, Rounding};
use domain::policy::{FeeMode, FeePolicy, Policies, RefundFeePolicy};
use domain::pricing::{quote, refund_split, refundable};
use domain::records::{OpState, Quote, Word};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::support::usd;

/// Every fee rule that a preset or a seed asks for.
fn rules() -> Vec<(&'static str, FeePolicy)> {
    let policies = Policies::default();
    let deducted = |rate_bps| FeePolicy { mode: FeeMode::Deducted, rate_bps, min_minor: 0 };
    vec![
        ("linguaflex", policies.fee_booking),
        ("skillstudio", deducted(2_000)),
        ("S0 to the letter", deducted(500)),
        ("S1 deducted", FeePolicy { mode: FeeMode::Deducted, ..policies.fee_booking }),
        ("gig purchase", policies.fee_gig_purchase),
    ]
}

fn sums(quote: &Quote) {
    assert_eq!(quote.total_minor + quote.subsidy_minor, quote.fee_minor + quote.share_minor, "{quote:?}");
    assert!(
        [quote.fee_minor, quote.share_minor, quote.total_minor].iter().all(|part| *part >= 0),
        "{quote:?}"
    );
}

#[test]
fn every_price_to_ten_thousand_adds_up_and_grows() {
    for (name, rule) in rules() {
        let mut before = quote(usd(0), rule);
        assert_eq!((before.total_minor, before.fee_minor), (0, 0), "{name}: nothing costs nothing");
        for price in 1..=1_000_000 {
            let now = quote(usd(price), rule);
            sums(&now);
            let fee = (price * i64::from(rule.rate_bps) + 5_000) / 10_000;
            let expected = match rule.mode {
                FeeMode::OnTop => fee.max(rule.min_minor),
                FeeMode::Deducted => fee.max(rule.min_minor).min(price),
            };
            assert_eq!(now.fee_minor, expected, "{name} {price}");
            assert!(now.total_minor > before.total_minor, "{name} {price}");
            assert!(
                now.share_minor >= before.share_minor && now.fee_minor >= before.fee_minor,
                "{name} {price}"
            );
            before = now;
        }
    }
}

fn rule() -> impl Strategy<Value = FeePolicy> {
    (prop::sample::select(FeeMode::ALL), 0..=Rate::BPS_MAX, 0..100_000_i64)
        .prop_map(|(mode, rate_bps, min_minor)| FeePolicy { mode, rate_bps, min_minor })
}

/// Prices from a cent to the largest amount there is.
fn price() -> impl Strategy<Value = i64> {
    prop_oneof![1..200_i64, 1..100_000_000_i64, MONEY_MAX - 1_000..=MONEY_MAX]
}

proptest! {
    #[test]
    fn any_rule_splits_any_price_exactly(price in price(), rule in rule()) {
        sums(&quote(usd(price), rule));
    }

    #[test]
    fn refunds_in_any_parts_end_at_exactly_the_whole(
        price in price(), rule in rule(), cuts in vec(0..=1_000_i64, 0..12), keep: bool,
    ) {
        let quote = quote(usd(price), rule);
        let policy = if keep { RefundFeePolicy::Keep } else { RefundFeePolicy::ProRata };
        let whole = refundable(&quote, policy).minor;
        let (mut before, mut fee, mut share) = (usd(0), usd(0), usd(0));
        for cut in cuts.iter().map(Some).chain([None]) {
            let left = whole - before.minor;
            let part = cut.map_or(left, |cut| usd(left).times(*cut, 1_000, Rounding::Down).minor);
            if part == 0 {
                continue;
            }
            let split = refund_split(&quote, policy, before, usd(part));
            prop_assert!(split.fee.minor >= 0 && split.share.minor >= 0, "{split:?}");
            prop_assert_eq!(split.fee + split.share, usd(part) + split.subsidy);
            before = before + usd(part);
            fee = fee + split.fee;
            share = share + split.share;
        }
        prop_assert_eq!(share, quote.share());
        prop_assert_eq!(fee, if keep { usd(0) } else { quote.fee() });
    }

    #[test]
    fn parts_of_an_allocation_are_the_whole(whole in 0..=MONEY_MAX, weights in vec(0..10_000_i64, 1..20)) {
        prop_assume!(weights.iter().sum::<i64>() > 0);
        let parts = usd(whole).allocate(&weights);
        prop_assert_eq!(parts.iter().map(|part| part.minor).sum::<i64>(), whole);
        prop_assert!(parts.iter().all(|part| part.minor >= 0));
    }

    #[test]
    fn an_amount_survives_its_text(minor in 0..=MONEY_MAX, code in prop::sample::select(vec!["USD", "JPY", "KWD"])) {
        let money = Currency::parse(code).unwrap().minor(minor);
        prop_assert_eq!(Money::parse(&money.decimal(), money.currency), Ok(money));
    }

    #[test]
    fn no_text_is_a_reason_to_panic(text in ".{0,40}") {
        let _ = Money::parse(&text, Currency::USD);
    }

    #[test]
    fn half_a_unit_goes_up_and_nothing_else(minor in 0..=MONEY_MAX, bps in 0..=Rate::BPS_MAX) {
        let exact = i128::from(minor) * i128::from(bps);
        let rounded = i128::from(Rate::bps(bps).unwrap().of(usd(minor), Rounding::HalfUp).minor) * 10_000;
        prop_assert!(rounded - exact <= 5_000 && exact - rounded < 5_000);
    }

    #[test]
    fn every_text_has_one_lane_and_every_id_its_own(text in ".{0,60}", sequence in 1..(1_i64 << 44), lane: u8) {
        prop_assert_eq!(Lane::of(&text), Lane::of(&text));
        let id = PaymentId::from_raw(sequence * 256 + i64::from(lane));
        prop_assert_eq!(id.lane(), Lane(lane));
    }
}

#[test]
fn every_word_is_read_back() {
    for state in OpState::ALL {
        assert_eq!(OpState::parse(state.word()), Some(*state));
    }
    assert_eq!(OpState::parse("Succeeded"), None, "words are stored exactly");
}
