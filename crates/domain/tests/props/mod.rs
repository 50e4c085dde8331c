//! Money adds up: every price to ten thousand, and any sequence of parts.

use domain::id::{Id, Lane, PaymentId};
use domain::money::{Currency, MONEY_MAX, Money, Rate, Rounding};
use domain::policy::{FeeMode, FeePolicy, Policies, RefundFeePolicy};
use domain::pricing::{RefundSplit, quote, refund_split, refundable};
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

/// The platform pays a part of the price in the payer's stead.
fn subsidised(quote: Quote, permille: i64) -> Quote {
    let paid = usd(quote.base_minor.min(quote.total_minor)).times(permille, 1_000, Rounding::Down).minor;
    Quote {
        discount_minor: paid,
        base_minor: quote.base_minor - paid,
        subsidy_minor: paid,
        total_minor: quote.total_minor - paid,
        ..quote
    }
}

fn sum(parts: &[RefundSplit]) -> RefundSplit {
    parts.iter().fold(RefundSplit::none(Currency::USD), |sum, part| sum.and(*part))
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

    /// Parts go back, some of them fail later in any order, and a coupon may have paid a part.
    #[test]
    fn refunds_in_any_parts_end_at_exactly_the_whole(
        price in price(), rule in rule(), coupon in 0..=1_000_i64, keep: bool,
        steps in vec((0..=1_000_i64, prop::option::weighted(0.3, any::<prop::sample::Index>())), 0..12),
    ) {
        let quote = subsidised(quote(usd(price), rule), coupon);
        let policy = if keep { RefundFeePolicy::Keep } else { RefundFeePolicy::ProRata };
        let whole = refundable(&quote, policy);
        let mut live: Vec<RefundSplit> = Vec::new();
        for (cut, fails) in steps.into_iter().chain([(1_000, None)]) {
            if let Some(fails) = fails.filter(|_| !live.is_empty()) {
                live.remove(fails.index(live.len()));
            }
            let before = sum(&live);
            let part = (whole - before.amount()).times(cut, 1_000, Rounding::Down);
            if part.is_zero() {
                continue;
            }
            let split = refund_split(&quote, policy, before, part);
            let parts = [split.fee, split.share, split.subsidy];
            prop_assert!(parts.iter().all(|part| part.minor >= 0), "{split:?}");
            prop_assert_eq!(split.amount(), part);
            live.push(split);
        }
        let back = sum(&live);
        if !whole.is_zero() {
            prop_assert_eq!(back.share, quote.share());
            prop_assert_eq!(back.subsidy, quote.subsidy());
            prop_assert_eq!(back.fee, if keep { usd(0) } else { quote.fee() });
        }
    }

    /// What a gateway gave back goes beyond what a kept fee allows: the share first, then the fee.
    #[test]
    fn a_kept_fee_goes_back_when_nothing_else_is_left(
        price in price(), rule in rule(), cut in 0..=1_000_i64,
    ) {
        let quote = quote(usd(price), rule);
        let first = quote.total().times(cut, 1_000, Rounding::Down);
        let mut back = RefundSplit::none(quote.currency);
        for part in [first, quote.total() - first] {
            if !part.is_zero() {
                back = back.and(refund_split(&quote, RefundFeePolicy::Keep, back, part));
            }
            prop_assert!(back.share <= quote.share() && back.fee <= quote.fee());
        }
        prop_assert_eq!((back.share, back.fee), (quote.share(), quote.fee()));
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
