//! What PostgreSQL's own load generator reaches with the same rows, one transaction a step.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use super::load::CONNECTIONS;
use super::market::Market;
use crate::postgres::PROGRAMS;
use crate::shell;

/// A kept answer of ours has this many bytes.
const ANSWER_BYTES: usize = 520;
/// The sandbox's webhook of a charge.
const BODY_BYTES: usize = 400;
/// Both the generator and Bursar's clients are given both cores.
const THREADS: &str = "2";
/// A run begins beyond what the run before can have used.
const RUN_STRIDE: i64 = 1_000_000;

/// The first ids of what a payment adds; only their width matters.
const FIRST_IDS: [(&str, i64); 6] = [
    ("first_payment", 200_000_000 * 256),
    ("first_op", 210_000_000 * 256),
    ("first_entry", 220_000_000 * 256),
    ("first_event", 230_000_000 * 256),
    ("first_job", 240_000_000 * 256),
    ("first_inbox", 250_000_000 * 256),
];

/// Payments a second of the whole run, warm-up apart.
pub fn run(folder: &Path, database: &str, market: &Market, now_seconds: i64, time: Duration) -> Result<u64> {
    let script = folder.join("baseline.sql");
    let text = |bytes: usize| format!("'{}'", "a".repeat(bytes));
    let lines = include_str!("baseline.sql").replace(":answer", &text(ANSWER_BYTES));
    std::fs::write(&script, lines.replace(":body", &text(BODY_BYTES)))?;
    let go = |first: i64, seconds: u64| -> Result<String> {
        let mut pgbench = Command::new(Path::new(PROGRAMS).join("pgbench"));
        pgbench.args(["--no-vacuum", "--protocol=prepared", "--jobs", THREADS]);
        pgbench.args(["--client", &CONNECTIONS.to_string(), "--time", &seconds.to_string()]);
        pgbench.arg("--file").arg(&script);
        let named = [("clients", CONNECTIONS), ("i", first / CONNECTIONS), ("now", now_seconds * 1_000_000)];
        for (name, value) in named.into_iter().chain(market.numbers()).chain(FIRST_IDS) {
            pgbench.arg(format!("--define={name}={value}"));
        }
        shell::output(pgbench.arg(database))
    };
    go(RUN_STRIDE, 1)?;
    let said = go(0, time.as_secs())?;
    rate(&said).with_context(|| format!("pgbench tells no rate:\n{said}"))
}

/// `tps = 1234.5 (without initial connection time)`, when nothing failed.
fn rate(said: &str) -> Option<u64> {
    let figure = |name| said.lines().find_map(|line| line.strip_prefix(name));
    let failed = figure("number of failed transactions: ")?;
    if !failed.starts_with("0 ") {
        return None;
    }
    figure("tps = ")?.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_counts_only_when_nothing_failed() {
        let said = |failed| {
            format!(
                "number of failed transactions: {failed} (0.000%)\ntps = 2301.99 (without initial connection time)\n"
            )
        };
        assert_eq!(rate(&said(0)), Some(2_301));
        assert_eq!(rate(&said(3)), None);
    }
}
