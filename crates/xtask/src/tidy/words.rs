//! Words that belong to one place: a provider's, the clock's, the dice's; and words that never ship.

use super::source::{Source, has_word};
use super::{Rule, Violation};

/// Anywhere inside an identifier or a string, whatever the case.
const PROVIDER_NAMES: &[&str] =
    &["stripe", "paypal", "payment_intent", "paymentintent", "setup_intent", "setupintent"];
/// How the providers' ids and keys begin.
const PROVIDER_PREFIXES: &[&str] =
    &["acct_", "pi_", "pm_", "cus_", "seti_", "evt_", "sk_test_", "sk_live_", "whsec_", "PAYID-"];

const FLOATS: &[&str] = &["f32", "f64"];
const MONEY_CRATES: &[&str] = &["crates/domain/src/", "crates/store/src/", "crates/gateways/src/"];
const CLOCK_AND_DICE: &[&str] = &["SystemTime::now", "Instant::now", "getrandom", "OsRng", "thread_rng"];
/// The domain is pure and its order of iteration fixed: a replay must give the same answer.
const IMPURE: &[&str] =
    &["async", "std::time", "std::fs", "std::net", "std::env", "std::thread", "HashMap", "HashSet"];
const UNFINISHED: &[&str] = &["todo!", "unimplemented!", "dbg!", "#[ignore"];

pub(super) fn check(source: &Source) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut report = |line, rule, word: &str| {
        found.push(Violation { path: source.path.clone(), line, rule, what: word.to_owned() });
    };
    let strings = source.shipped_strings().map(|literal| (literal.line + 1, literal.text.as_str()));
    for (line, text) in source.shipped().chain(strings) {
        provider_words(text).for_each(|word| report(line, Rule::ProviderWord, word));
    }
    let handles_money = MONEY_CRATES.iter().any(|folder| source.path.starts_with(folder));
    let pure = source.path.starts_with("crates/domain/src/");
    for (line, code) in source.shipped() {
        words_in(code, if handles_money { FLOATS } else { &[] })
            .for_each(|word| report(line, Rule::Float, word));
        words_in(code, CLOCK_AND_DICE).for_each(|word| report(line, Rule::ClockOrDice, word));
        words_in(code, if pure { IMPURE } else { &[] }).for_each(|word| report(line, Rule::PureDomain, word));
    }
    // Tests too: an ignored test is one that nobody runs.
    for (index, code) in source.code.iter().enumerate() {
        words_in(code, UNFINISHED).for_each(|word| report(index + 1, Rule::Unfinished, word));
    }
    found
}

fn words_in<'a>(code: &'a str, words: &'a [&'a str]) -> impl Iterator<Item = &'a str> {
    words.iter().copied().filter(|word| has_word(code, word))
}

fn provider_words(text: &str) -> impl Iterator<Item = &'static str> {
    let lower = text.to_lowercase();
    let names = PROVIDER_NAMES.iter().filter(move |name| lower.contains(**name));
    names.chain(PROVIDER_PREFIXES.iter().filter(move |prefix| has_word(text, prefix))).copied()
}

#[cfg(test)]
mod tests {
    use super::super::tests::rules_broken_by;
    use super::*;

    #[test]
    fn a_provider_word_outside_its_folder_is_found() {
        let text = "fn charge(stripe_key: &str) {}\n";
        assert_eq!(rules_broken_by("crates/domain/src/a.rs", text), [Rule::ProviderWord]);
        assert_eq!(
            rules_broken_by("crates/store/src/a.rs", "const A: &str = \"pi_1\";\n"),
            [Rule::ProviderWord]
        );
        assert!(rules_broken_by("crates/gateways/src/stripe/a.rs", text).is_empty());
        assert!(
            rules_broken_by("crates/domain/src/a.rs", "/// Stripe: the intent.\nfn api_key() {}\n")
                .is_empty()
        );
    }

    #[test]
    fn a_float_near_money_is_found() {
        assert_eq!(rules_broken_by("crates/domain/src/a.rs", "fn a(b: f64) {}\n"), [Rule::Float]);
        assert!(rules_broken_by("crates/server/src/a.rs", "fn a(b: f64) {}\n").is_empty());
    }

    #[test]
    fn a_clock_or_die_of_ones_own_is_found() {
        let text = "fn a() {\n    Instant::now();\n    getrandom::fill(&mut b);\n}\n";
        assert_eq!(rules_broken_by("crates/server/src/a.rs", text), [Rule::ClockOrDice]);
        assert!(rules_broken_by("crates/server/src/clock.rs", text).is_empty());
    }

    #[test]
    fn an_impure_domain_is_found() {
        for text in ["async fn a() {}\n", "use std::fs::File;\n", "use std::collections::HashMap;\n"] {
            assert_eq!(rules_broken_by("crates/domain/src/a.rs", text), [Rule::PureDomain], "{text}");
        }
    }

    #[test]
    fn unfinished_work_is_found_in_tests_too() {
        for text in ["fn a() {\n    unimplemented!()\n}\n", "#[test]\n#[ignore = \"slow\"]\nfn a() {}\n"] {
            assert_eq!(rules_broken_by("crates/a/tests/a.rs", text), [Rule::Unfinished], "{text}");
        }
    }
}
