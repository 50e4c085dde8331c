//! The one table of exceptions: where a rule does not hold, and why that is right.

use super::Rule;

struct Exception {
    rule: Rule,
    /// A path from the root, or the beginning of one.
    path: &'static str,
    reason: &'static str,
}

const EXCEPTIONS: &[Exception] = &[
    Exception { rule: Rule::SqlOutsideStore, path: "crates/store/", reason: "the room of SQL" },
    Exception {
        rule: Rule::SqlOutsideStore,
        path: "crates/gateways/src/sandbox/",
        reason: "keeps books of its own, in a file of its own",
    },
    Exception {
        rule: Rule::SqlOutsideStore,
        path: "crates/xtask/src/bench",
        reason: "the benchmark speaks to its own PostgreSQL, below the store",
    },
    Exception {
        rule: Rule::SqlDialect,
        path: "crates/store/src/engine/",
        reason: "the seams between the two engines",
    },
    Exception {
        rule: Rule::SqlDialect,
        path: "crates/gateways/src/sandbox/",
        reason: "its books know SQLite only",
    },
    Exception { rule: Rule::SqlDialect, path: "crates/xtask/src/bench", reason: "PostgreSQL only" },
    Exception {
        rule: Rule::SqlOutsideStore,
        path: "crates/xtask/src/tidy/sql.rs",
        reason: "has to spell the words it looks for",
    },
    Exception {
        rule: Rule::SqlDialect,
        path: "crates/xtask/src/tidy/sql.rs",
        reason: "has to spell the words it looks for",
    },
    Exception {
        rule: Rule::JournalIsImmutable,
        path: "crates/xtask/src/bench",
        reason: "the baseline creates tables of its own",
    },
    Exception {
        rule: Rule::ProviderWord,
        path: "crates/sim/",
        reason: "its actors are clients of the API, who pay with the sandbox's test tokens",
    },
    Exception {
        rule: Rule::ProviderWord,
        path: "crates/server/src/commands/demo/",
        reason: "a visitor of the API, who pays with the sandbox's test tokens",
    },
    Exception {
        rule: Rule::ProviderWord,
        path: "crates/server/src/commands/outside.rs",
        reason: "the one place that turns settings into gateways",
    },
    Exception {
        rule: Rule::ProviderWord,
        path: "crates/server/src/commands/start.rs",
        reason: "names the gateway whose settings are wrong",
    },
    Exception {
        rule: Rule::ProviderWord,
        path: "crates/gateways/src/stripe",
        reason: "the provider's folder",
    },
    Exception {
        rule: Rule::ProviderWord,
        path: "crates/gateways/src/paypal",
        reason: "the provider's folder",
    },
    Exception {
        rule: Rule::ProviderWord,
        path: "crates/gateways/src/sandbox",
        reason: "follows the test cards and tokens of the contract",
    },
    Exception {
        rule: Rule::ProviderWord,
        path: "crates/gateways/src/lib.rs",
        reason: "the registry: one line a gateway",
    },
    Exception {
        rule: Rule::ProviderWord,
        path: "crates/gateways/src/registry.rs",
        reason: "the registry: one line a gateway",
    },
    Exception {
        rule: Rule::ProviderWord,
        path: "crates/gateways/src/testing.rs",
        reason: "starts the stand-ins of the providers for the tests",
    },
    Exception {
        rule: Rule::ProviderWord,
        path: "crates/server/src/api",
        reason: "wire names are the contract's",
    },
    Exception {
        rule: Rule::ProviderWord,
        path: "crates/server/src/config",
        reason: "the contract names the settings",
    },
    Exception {
        rule: Rule::ProviderWord,
        path: "crates/xtask/",
        reason: "has to spell the words it looks for",
    },
    Exception { rule: Rule::ClockOrDice, path: "crates/server/src/clock.rs", reason: "the one real clock" },
    Exception { rule: Rule::ClockOrDice, path: "crates/server/src/dice.rs", reason: "the one real die" },
    Exception { rule: Rule::ClockOrDice, path: "crates/xtask/", reason: "measures its own steps" },
    Exception {
        rule: Rule::MachinePath,
        path: "crates/server/assets/",
        reason: "vendored: other people's text",
    },
];

/// Why this rule may be broken in this file, if the table says it may.
pub(super) fn reason(rule: Rule, path: &str) -> Option<&'static str> {
    let mut ours = EXCEPTIONS.iter().filter(|exception| exception.rule == rule);
    ours.find(|exception| path.starts_with(exception.path)).map(|exception| exception.reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_exception_has_a_reason_and_no_twin() {
        for (index, exception) in EXCEPTIONS.iter().enumerate() {
            assert!(!exception.reason.is_empty(), "{}", exception.path);
            let earlier = &EXCEPTIONS[..index];
            let covered =
                earlier.iter().any(|e| e.rule == exception.rule && exception.path.starts_with(e.path));
            assert!(!covered, "{} is excused twice", exception.path);
        }
    }

    #[test]
    fn an_exception_holds_for_its_rule_and_path_only() {
        assert!(reason(Rule::SqlOutsideStore, "crates/store/src/a.rs").is_some());
        assert!(reason(Rule::SqlOutsideStore, "crates/server/src/a.rs").is_none());
        assert!(reason(Rule::Float, "crates/store/src/a.rs").is_none());
    }
}
