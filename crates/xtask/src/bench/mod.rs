//! `cargo xtask bench`: Bursar side by side with pgbench, on one machine, in one run (design section 10).
//!
//! One payment is what a payer does: a POST over HTTP with an access token and an Idempotency-Key, two
//! durable commits, the sandbox gateway in between. Measurements alternate, every one begins with the
//! same rows, all is kept on disk with fsync, and what was acknowledged is counted in the database
//! afterwards. Deliberately not here: figures of other machines, and tests of correctness.

mod baseline;
mod cpu;
pub mod databases;
pub mod load;
pub mod market;
pub mod node;
mod report;
pub mod token;
pub mod wire;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use self::databases::{Databases, Engine, POSTGRES_SETTINGS};
use self::market::{Market, Payees};
use self::node::{KEY, Setup};
use self::report::{Pair, Run};
use crate::postgres::{Cluster, Medium};
use crate::shell;

/// Bookings seeded for a second of load: more than any engine pays here.
const BOOKINGS_PER_SECOND: i64 = 12_000;
/// How far a short run on a busy build machine may fall behind what must be reached.
const TOLERANCE_PERCENT: u64 = 20;

/// What to measure.
pub struct Arguments {
    pub pairs: usize,
    pub seconds: u64,
    /// Another build than the one of this tree.
    pub binary: Option<PathBuf>,
    /// Where the JSON goes.
    pub output: PathBuf,
}

impl Arguments {
    /// What the build machine runs on every change.
    pub fn short() -> Arguments {
        let output = shell::root().join("target/bench.json");
        Arguments { pairs: 3, seconds: 3, binary: None, output }
    }
}

/// Measures, prints the table and fails where a figure is far below what must be reached.
pub fn run(arguments: &Arguments) -> Result<()> {
    let binary = node::binary(arguments.binary.as_deref())?;
    let cluster = Cluster::start(Medium::Disk, POSTGRES_SETTINGS)?;
    let folder = Folder::new()?;
    let databases = Databases { cluster: &cluster, folder: &folder.0, binary: &binary };
    let bench = Bench::new(databases, Duration::from_secs(arguments.seconds))?;
    let mut pairs = Vec::new();
    while pairs.len() < arguments.pairs || doubtful(&pairs, arguments.pairs) {
        let number = pairs.len() + 1;
        let pair = bench.pair().with_context(|| format!("pair {number}"))?;
        println!(
            "pair {number}: pgbench {}, PostgreSQL {} (hot {}), SQLite {} (hot {}) payments/s",
            pair.pgbench,
            pair.postgres.payments_per_second,
            pair.postgres_hot.payments_per_second,
            pair.sqlite.payments_per_second,
            pair.sqlite_hot.payments_per_second,
        );
        pairs.push(pair);
    }
    println!("\n{}", report::table(&pairs));
    let text = serde_json::to_string_pretty(&report::json(&pairs, &about(arguments)?))?;
    fs::write(&arguments.output, text)
        .with_context(|| format!("cannot write {}", arguments.output.display()))?;
    let missed = report::missed(&pairs, TOLERANCE_PERCENT);
    ensure!(missed.is_empty(), "more than {TOLERANCE_PERCENT} % off: {}", missed.join(", "));
    Ok(())
}

/// Single pairs differ by a third, with the disk and with whoever else the machine works for. What misses
/// in the first ones is measured again, up to three times as often, and judged by all of them.
fn doubtful(pairs: &[Pair], wanted: usize) -> bool {
    pairs.len() < 3 * wanted && !report::missed(pairs, TOLERANCE_PERCENT).is_empty()
}

/// The seeded databases and who pays in them.
struct Bench<'a> {
    databases: Databases<'a>,
    spread: Market,
    hot: Market,
    tokens: Vec<String>,
    now_seconds: i64,
    time: Duration,
}

impl<'a> Bench<'a> {
    fn new(databases: Databases<'a>, time: Duration) -> Result<Bench<'a>> {
        let now_seconds = wall_clock_seconds()?;
        // A second of warm-up, and one for whoever is quick.
        let seconds = i64::try_from(time.as_secs() + 2).context("too long")?;
        let market = |payees| Market { payees, bookings: BOOKINGS_PER_SECOND * seconds };
        let (spread, hot) = (market(Payees::Spread), market(Payees::OneHot));
        for engine in [Engine::Postgres, Engine::Sqlite] {
            for market in [&spread, &hot] {
                databases.seed(engine, market, now_seconds)?;
            }
        }
        let tokens = Market::tokens(&KEY, now_seconds);
        Ok(Bench { databases, spread, hot, tokens, now_seconds, time })
    }

    fn pair(&self) -> Result<Pair> {
        Ok(Pair {
            pgbench: self.baseline()?,
            postgres: self.measure(Engine::Postgres, &self.spread)?,
            sqlite: self.measure(Engine::Sqlite, &self.spread)?,
            postgres_hot: self.measure(Engine::Postgres, &self.hot)?,
            sqlite_hot: self.measure(Engine::Sqlite, &self.hot)?,
            cold_start_ms: self.cold_start()?,
        })
    }

    fn baseline(&self) -> Result<u64> {
        let setup = self.databases.copy(Engine::Postgres, Payees::Spread)?;
        baseline::run(self.databases.folder, &setup.database, &self.spread, self.now_seconds, self.time)
    }

    fn measure(&self, engine: Engine, market: &Market) -> Result<Run> {
        let setup = self.databases.copy(engine, market.payees)?;
        let (node, _) = setup.serve()?;
        let load = load::Load { address: node.address, market, tokens: &self.tokens, time: self.time };
        let cost = || -> Result<u64> {
            let database = if engine == Engine::Postgres { self.databases.cluster_ms()? } else { 0 };
            Ok(node.cpu_ms()? + database)
        };
        let before = cost()?;
        let measured = load::run(load).with_context(|| setup.last_words())?;
        let cpu_ms = (cost()? - before).max(1);
        let resident_kib = node.resident_kib()?;
        let (webhooks, receipts) = self.databases.worked_off(&setup)?;
        node.stop()?;
        let stored = self.databases.completed(&setup)?;
        ensure!(stored == measured.acknowledged, "{} acknowledged, {stored} stored", measured.acknowledged);
        Ok(Run {
            payments_per_second: measured.payments / self.time.as_secs().max(1),
            p50_us: measured.latency(500),
            p99_us: measured.latency(990),
            payments_per_cpu_second: measured.acknowledged * 1_000 / cpu_ms,
            resident_kib,
            webhooks_percent: webhooks * 100 / measured.acknowledged.max(1),
            receipts_percent: receipts * 100 / measured.acknowledged.max(1),
        })
    }

    fn cold_start(&self) -> Result<u64> {
        let folder = node::new_folder(self.databases.folder, "cold")?;
        fs::remove_dir_all(&folder)?;
        let folder = node::new_folder(self.databases.folder, "cold")?;
        let database = format!("sqlite:{}", folder.join("cold.db").display());
        let (node, taken) = Setup::new(self.databases.binary, database, folder).serve()?;
        node.stop()?;
        u64::try_from(taken.as_millis()).context("for ever")
    }
}

/// What the figures depend on besides the code.
fn about(arguments: &Arguments) -> Result<Value> {
    let mut about = about_machine(arguments.binary.as_deref())?;
    about["connections"] = json!(load::CONNECTIONS);
    about["seconds"] = json!(arguments.seconds);
    Ok(about)
}

/// Machine, databases' settings and, where this tree was built, its commit.
pub fn about_machine(binary: Option<&Path>) -> Result<Value> {
    let cpus = fs::read_to_string("/proc/cpuinfo")?;
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("unknown");
    let settings: Vec<String> =
        POSTGRES_SETTINGS.iter().map(|(name, value)| format!("{name} = {value}")).collect();
    let commit = match binary {
        // Whoever names a binary knows where it is from; we do not.
        Some(_) => "unknown: a binary was named".to_owned(),
        None => shell::output(shell::command("git").args(["rev-parse", "HEAD"]))?.trim().to_owned(),
    };
    Ok(json!({
        "commit": commit,
        "cores": std::thread::available_parallelism()?.get(),
        "processor": model.trim_start_matches([':', ' ', '\t']),
        "postgresql": settings,
        "sqlite": "WAL, synchronous = FULL",
    }))
}

/// The folder of everything a run makes; removed with its holder.
pub struct Folder(pub PathBuf);

impl Folder {
    /// Among the machine's temporary files, which lie on its disk.
    pub fn new() -> Result<Folder> {
        let pattern = std::env::temp_dir().join("bursar-bench-XXXXXX");
        let made = shell::output(std::process::Command::new("mktemp").arg("--directory").arg(pattern))?;
        Ok(Folder(Path::new(made.trim()).to_owned()))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            eprintln!("cannot remove {}: {error}", self.0.display());
        }
    }
}

/// Since 1970.
#[expect(clippy::disallowed_methods, reason = "tokens and bookings must fit the server's clock")]
pub fn wall_clock_seconds() -> Result<i64> {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
    i64::try_from(since.as_secs()).context("far in the future")
}
