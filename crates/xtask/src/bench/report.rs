//! What was measured, as a table for people and JSON for comparisons. Ratios are hundredths, so that
//! no float is needed to compare them.

use std::fmt::Write;

use serde_json::{Value, json};

/// One load on one engine.
#[derive(Clone, Debug)]
pub struct Run {
    pub payments_per_second: u64,
    pub p50_us: u32,
    pub p99_us: u32,
    /// Payments per second of CPU time of server and database together, the clients apart.
    pub payments_per_cpu_second: u64,
    /// Of the server's process at the end.
    pub resident_kib: u64,
    /// Of the acknowledged payments: whose webhook was worked off, and whose receipt was sent, by the end.
    pub webhooks_percent: u64,
    pub receipts_percent: u64,
}

/// Everything measured side by side, once.
#[derive(Clone, Debug)]
pub struct Pair {
    pub pgbench: u64,
    pub postgres: Run,
    pub postgres_hot: Run,
    pub sqlite: Run,
    pub sqlite_hot: Run,
    /// From the start of the process to its first 200 on an empty SQLite.
    pub cold_start_ms: u64,
}

/// What a figure must reach, or stay below.
enum Bound {
    AtLeast(u64),
    AtMost(u64),
}

struct Row {
    name: &'static str,
    figure: fn(&Pair) -> u64,
    bound: Option<Bound>,
    unit: Unit,
}

#[derive(Clone, Copy)]
enum Unit {
    Count,
    /// Hundredths.
    Ratio,
    Milliseconds,
    Microseconds,
    Kibibytes,
}

/// What design section 10 asks for comes first and has a bound.
const ROWS: &[Row] = &[
    Row {
        name: "PostgreSQL / pgbench",
        figure: |pair| ratio(pair.postgres.payments_per_second, pair.pgbench),
        bound: Some(Bound::AtLeast(150)),
        unit: Unit::Ratio,
    },
    Row {
        name: "SQLite / pgbench",
        figure: |pair| ratio(pair.sqlite.payments_per_second, pair.pgbench),
        bound: Some(Bound::AtLeast(200)),
        unit: Unit::Ratio,
    },
    Row {
        name: "PostgreSQL: one hot payee / spread",
        figure: |pair| ratio(pair.postgres_hot.payments_per_second, pair.postgres.payments_per_second),
        bound: Some(Bound::AtLeast(90)),
        unit: Unit::Ratio,
    },
    Row {
        name: "SQLite: one hot payee / spread",
        figure: |pair| ratio(pair.sqlite_hot.payments_per_second, pair.sqlite.payments_per_second),
        bound: Some(Bound::AtLeast(90)),
        unit: Unit::Ratio,
    },
    Row {
        name: "PostgreSQL p99",
        figure: |pair| pair.postgres.p99_us.into(),
        bound: Some(Bound::AtMost(50_000)),
        unit: Unit::Microseconds,
    },
    Row {
        name: "SQLite p99",
        figure: |pair| pair.sqlite.p99_us.into(),
        bound: Some(Bound::AtMost(50_000)),
        unit: Unit::Microseconds,
    },
    Row {
        name: "cold start, empty SQLite",
        figure: |pair| pair.cold_start_ms,
        bound: Some(Bound::AtMost(300)),
        unit: Unit::Milliseconds,
    },
    plain("pgbench payments/s", |pair| pair.pgbench, Unit::Count),
    plain("PostgreSQL payments/s", |pair| pair.postgres.payments_per_second, Unit::Count),
    plain("SQLite payments/s", |pair| pair.sqlite.payments_per_second, Unit::Count),
    plain("PostgreSQL p50", |pair| pair.postgres.p50_us.into(), Unit::Microseconds),
    plain("SQLite p50", |pair| pair.sqlite.p50_us.into(), Unit::Microseconds),
    plain("PostgreSQL payments per CPU second", |pair| pair.postgres.payments_per_cpu_second, Unit::Count),
    plain("SQLite payments per CPU second", |pair| pair.sqlite.payments_per_cpu_second, Unit::Count),
    plain("PostgreSQL webhooks worked off, %", |pair| pair.postgres.webhooks_percent, Unit::Count),
    plain("SQLite webhooks worked off, %", |pair| pair.sqlite.webhooks_percent, Unit::Count),
    plain("PostgreSQL receipts sent, %", |pair| pair.postgres.receipts_percent, Unit::Count),
    plain("SQLite receipts sent, %", |pair| pair.sqlite.receipts_percent, Unit::Count),
    plain("PostgreSQL server's memory", |pair| pair.postgres.resident_kib, Unit::Kibibytes),
    plain("SQLite server's memory", |pair| pair.sqlite.resident_kib, Unit::Kibibytes),
];

const fn plain(name: &'static str, figure: fn(&Pair) -> u64, unit: Unit) -> Row {
    Row { name, figure, bound: None, unit }
}

/// The table of medians, with what each must reach.
pub fn table(pairs: &[Pair]) -> String {
    let mut text = format!("| median of {} | measured | must reach |\n|---|--:|--:|\n", pairs.len());
    for row in ROWS {
        let wanted = match row.bound {
            Some(Bound::AtLeast(least)) => format!("≥ {}", row.unit.spell(least)),
            Some(Bound::AtMost(most)) => format!("≤ {}", row.unit.spell(most)),
            None => String::new(),
        };
        let measured = row.unit.spell(row.median(pairs));
        writeln!(text, "| {} | {measured} | {wanted} |", row.name).expect("a String takes everything");
    }
    text
}

/// The ratios that miss their bound by more than a tolerance in percent. Times depend on the machine as
/// much as on us: they are told, and nobody fails by them.
pub fn missed(pairs: &[Pair], tolerance_percent: u64) -> Vec<&'static str> {
    let misses = |row: &&Row| {
        let median = row.median(pairs);
        match row.bound {
            Some(Bound::AtLeast(least)) => median * 100 < least * (100 - tolerance_percent),
            Some(Bound::AtMost(_)) | None => false,
        }
    };
    ROWS.iter().filter(misses).map(|row| row.name).collect()
}

/// Every figure of every pair.
pub fn json(pairs: &[Pair], about: &Value) -> Value {
    let medians: serde_json::Map<String, Value> =
        ROWS.iter().map(|row| (row.name.to_owned(), json!(row.median(pairs)))).collect();
    let all: Vec<Value> = pairs.iter().map(pair_json).collect();
    json!({"about": about, "medians": medians, "ratios_are": "hundredths", "pairs": all})
}

fn pair_json(pair: &Pair) -> Value {
    let run = |run: &Run| {
        json!({
            "payments_per_second": run.payments_per_second,
            "p50_us": run.p50_us,
            "p99_us": run.p99_us,
            "payments_per_cpu_second": run.payments_per_cpu_second,
            "resident_kib": run.resident_kib,
            "webhooks_percent": run.webhooks_percent,
            "receipts_percent": run.receipts_percent,
        })
    };
    json!({
        "pgbench": pair.pgbench,
        "postgres": run(&pair.postgres),
        "postgres_hot": run(&pair.postgres_hot),
        "sqlite": run(&pair.sqlite),
        "sqlite_hot": run(&pair.sqlite_hot),
        "cold_start_ms": pair.cold_start_ms,
    })
}

/// Hundredths, rounded down.
fn ratio(figure: u64, to: u64) -> u64 {
    figure * 100 / to.max(1)
}

impl Row {
    fn median(&self, pairs: &[Pair]) -> u64 {
        let mut figures: Vec<u64> = pairs.iter().map(self.figure).collect();
        figures.sort_unstable();
        figures.get(figures.len() / 2).copied().unwrap_or(0)
    }
}

impl Unit {
    fn spell(self, figure: u64) -> String {
        match self {
            Unit::Count => figure.to_string(),
            Unit::Ratio => format!("{}.{:02}", figure / 100, figure % 100),
            Unit::Milliseconds => format!("{figure} ms"),
            Unit::Microseconds => format!("{}.{} ms", figure / 1_000, figure % 1_000 / 100),
            Unit::Kibibytes => format!("{} MiB", figure / 1_024),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(pgbench: u64, payments_per_second: u64) -> Pair {
        let run = Run {
            payments_per_second,
            p50_us: 5_000,
            p99_us: 20_000,
            payments_per_cpu_second: 1_000,
            resident_kib: 40_960,
            webhooks_percent: 100,
            receipts_percent: 90,
        };
        let (postgres, postgres_hot, sqlite, sqlite_hot) = (run.clone(), run.clone(), run.clone(), run);
        Pair { pgbench, postgres, postgres_hot, sqlite, sqlite_hot, cold_start_ms: 40 }
    }

    #[test]
    fn the_median_of_ratios_is_taken_pair_by_pair() {
        let pairs = [pair(1_000, 1_000), pair(1_000, 2_000), pair(500, 2_000)];
        assert!(table(&pairs).contains("| PostgreSQL / pgbench | 2.00 | ≥ 1.50 |"));
        assert!(missed(&pairs, 0).is_empty());
    }

    #[test]
    fn a_miss_is_named_and_the_tolerance_forgives() {
        let pairs = [pair(1_000, 1_700)];
        assert_eq!(missed(&pairs, 0), ["SQLite / pgbench"]);
        assert!(missed(&pairs, 20).is_empty());
    }
}
