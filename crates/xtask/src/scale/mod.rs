//! `cargo xtask scale`: does a report or a page of a history cost the same when there are many more
//! payments (design section 10)?
//!
//! Two databases with the same people and the same days are made by `bursar seed`, one small and one
//! large, or two made before are named; both are served, and the same questions are asked of both in
//! turn. A median of the large one over that of the small one is what a row shows. Deliberately not
//! here: whether the answers are right, which the tests know, and writing, which `bench` measures.

mod questions;

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use self::questions::Asked;
use crate::bench::databases::{self, Databases, Engine, POSTGRES_SETTINGS};
use crate::bench::node::{self, Setup};
use crate::bench::{Folder, about_machine};
use crate::postgres::{Cluster, Medium};

/// Hundredths: design section 10.
const RATIO_MAX: u64 = 150;
/// What a busy build machine may add; a scan of everything would multiply by the databases' ratio.
const TOLERANCE_PERCENT: u64 = 20;
/// What the server may hold at five million payments, in KiB.
const RESIDENT_KIB_MAX: u64 = 256 * 1024;

/// What is asked.
pub enum Source {
    /// Databases made for it, with so many payments.
    Sizes { small: u64, large: u64, engines: Vec<Engine> },
    /// Databases that `xtask seed` has made before, the small one first.
    Made([String; 2]),
}

pub struct Arguments {
    pub source: Source,
    pub binary: Option<PathBuf>,
    /// Where the JSON goes.
    pub output: PathBuf,
}

impl Arguments {
    /// What the build machine runs on every change.
    pub fn short() -> Arguments {
        let output = crate::shell::root().join("target/scale.json");
        let engines = vec![Engine::Sqlite, Engine::Postgres];
        let source = Source::Sizes { small: 10_000, large: 250_000, engines };
        Arguments { source, binary: None, output }
    }
}

/// One engine's figures.
struct Measured {
    engine: Engine,
    /// Payments of both databases.
    sizes: [u64; 2],
    rows: Vec<Row>,
    /// Of the server of the large one.
    resident_kib: u64,
    /// Of the large one; unknown where it was made before.
    seeding_seconds: Option<u64>,
}

/// A question's medians, in microseconds.
struct Row {
    name: &'static str,
    small_us: u64,
    large_us: u64,
}

impl Row {
    /// Large over small, in hundredths.
    fn ratio(&self) -> u64 {
        self.large_us * 100 / self.small_us.max(1)
    }
}

/// Measures, prints the tables and fails where a question costs far more than it may.
pub fn run(arguments: &Arguments) -> Result<()> {
    let binary = node::binary(arguments.binary.as_deref())?;
    let folder = Folder::new()?;
    let mut all = Vec::new();
    match &arguments.source {
        Source::Made(urls) => {
            let [small, large] = urls;
            let small = Setup::new(&binary, small.clone(), node::new_folder(&folder.0, "small")?);
            let large = Setup::new(&binary, large.clone(), node::new_folder(&folder.0, "large")?);
            all.push(compare(&small, &large, None)?);
        }
        Source::Sizes { small, large, engines } => {
            let cluster = Cluster::start(Medium::Disk, POSTGRES_SETTINGS)?;
            let databases = Databases { cluster: &cluster, folder: &folder.0, binary: &binary };
            for engine in engines {
                let (small, _) = seeded(&databases, *engine, "small", *small)?;
                let (large, seconds) = seeded(&databases, *engine, "large", *large)?;
                all.push(compare(&small, &large, Some(seconds)).with_context(|| format!("{engine:?}"))?);
            }
        }
    }
    fs::write(&arguments.output, serde_json::to_string_pretty(&report(&all, arguments)?)?)
        .with_context(|| format!("cannot write {}", arguments.output.display()))?;
    let most = RATIO_MAX * (100 + TOLERANCE_PERCENT) / 100;
    let missed: Vec<String> = all.iter().flat_map(|measured| missed(measured, most)).collect();
    ensure!(missed.is_empty(), "more than {TOLERANCE_PERCENT} % off: {}", missed.join(", "));
    Ok(())
}

/// Serves both and asks them.
fn compare(small: &Setup, large: &Setup, seeding_seconds: Option<u64>) -> Result<Measured> {
    let sizes = [databases::payments(&small.database)?, databases::payments(&large.database)?];
    let engine = databases::engine(&large.database);
    let (small, large) = (small.serve()?.0, large.serve()?.0);
    let asked = [Asked::new(small.address)?, Asked::new(large.address)?];
    let rows = questions::compare(asked)?;
    let resident_kib = large.resident_kib()?;
    for node in [small, large] {
        node.stop()?;
    }
    let measured = Measured { engine, sizes, rows, resident_kib, seeding_seconds };
    print(&measured);
    Ok(measured)
}

/// A database with so many payments, and how long it took to make.
fn seeded(databases: &Databases<'_>, engine: Engine, name: &str, payments: u64) -> Result<(Setup, u64)> {
    let folder = node::new_folder(databases.folder, &format!("{engine:?}-{name}"))?;
    let database = databases.create(engine, name, &folder)?;
    let setup = Setup::new(databases.binary, database, folder);
    let begun = node::now();
    setup.run(&["seed", "--payments", &payments.to_string()])?;
    let seconds = begun.elapsed().as_secs();
    if engine == Engine::Postgres {
        databases.sql(name, "VACUUM ANALYZE")?;
    }
    println!("{engine:?}: {payments} payments made in {seconds} s");
    Ok((setup, seconds))
}

fn missed(measured: &Measured, most: u64) -> Vec<String> {
    let name = |row: &Row| format!("{:?} {} {}", measured.engine, row.name, hundredths(row.ratio()));
    let mut missed: Vec<String> = measured.rows.iter().filter(|row| row.ratio() > most).map(name).collect();
    if measured.resident_kib > RESIDENT_KIB_MAX {
        missed.push(format!("{:?} holds {} KiB", measured.engine, measured.resident_kib));
    }
    missed
}

fn print(measured: &Measured) {
    println!("\n{:<44}{:>12}{:>12}{:>9}", format!("{:?}", measured.engine), "small µs", "large µs", "ratio");
    for row in &measured.rows {
        println!("{:<44}{:>12}{:>12}{:>9}", row.name, row.small_us, row.large_us, hundredths(row.ratio()));
    }
    println!("{:<44}{:>24}\n", "memory of the server, KiB", measured.resident_kib);
}

fn hundredths(ratio: u64) -> String {
    format!("{}.{:02}", ratio / 100, ratio % 100)
}

fn report(all: &[Measured], arguments: &Arguments) -> Result<Value> {
    let engines = all.iter().map(|measured| {
        let rows = measured.rows.iter().map(|row| {
            json!({
                "question": row.name, "small_us": row.small_us, "large_us": row.large_us,
                "ratio_hundredths": row.ratio(),
            })
        });
        json!({
            "engine": format!("{:?}", measured.engine),
            "small": measured.sizes[0],
            "large": measured.sizes[1],
            "rows": rows.collect::<Vec<_>>(),
            "resident_kib": measured.resident_kib,
            "seeding_seconds": measured.seeding_seconds,
        })
    });
    Ok(json!({
        "about": about_machine(arguments.binary.as_deref())?,
        "engines": engines.collect::<Vec<_>>(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_costs_too_much_is_named() {
        let row = |name, small_us, large_us| Row { name, small_us, large_us };
        let rows = vec![row("flat", 200, 210), row("a scan", 200, 5_000), row("at the bound", 100, 180)];
        let mut measured = Measured {
            engine: Engine::Sqlite,
            sizes: [10, 250],
            rows,
            resident_kib: RESIDENT_KIB_MAX,
            seeding_seconds: None,
        };
        assert_eq!(missed(&measured, 180), ["Sqlite a scan 25.00"]);
        measured.resident_kib += 1;
        assert_eq!(missed(&measured, 180).len(), 2);
    }
}
