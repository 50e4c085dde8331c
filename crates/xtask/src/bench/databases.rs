//! Seeded databases: made once per engine and kind of market, copied for every run, so that every run
//! begins with the same rows.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use super::cpu;
use super::market::{Market, Payees};
use super::node::{self, Setup};
use crate::postgres::{Cluster, PROGRAMS};
use crate::shell;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    Postgres,
    Sqlite,
}

/// The cluster and the folder that hold the seeded databases.
pub struct Databases<'a> {
    pub cluster: &'a Cluster,
    pub folder: &'a Path,
    pub binary: &'a Path,
}

/// Memory enough for the data, and no checkpoint in the middle of a run. Nothing that durability
/// depends on is touched.
pub const POSTGRES_SETTINGS: &[(&str, &str)] = &[
    ("max_connections", "150"),
    ("shared_buffers", "512MB"),
    ("max_wal_size", "8GB"),
    ("min_wal_size", "1GB"),
    ("checkpoint_timeout", "30min"),
];

impl Databases<'_> {
    /// A migrated database filled with the market.
    pub fn seed(&self, engine: Engine, market: &Market, now_seconds: i64) -> Result<()> {
        let name = name(market.payees);
        if engine == Engine::Postgres {
            self.sql("postgres", &format!("CREATE DATABASE {name}"))?;
        }
        let setup = self.setup(engine, name, self.folder.to_owned());
        setup.run(&["migrate"])?;
        let text = market.seed(now_seconds);
        match engine {
            Engine::Postgres => {
                feed(psql(&self.url(name)).args(["--quiet", "--file", "-"]), &text)?;
                // Not the empty tables: known to be empty, they would be planned for as empty.
                self.sql(name, "VACUUM ANALYZE person, session, offer, booking, lane")
            }
            Engine::Sqlite => {
                let file = self.file(name);
                feed(Command::new("sqlite3").arg("-bail").arg(&file), &format!("BEGIN;\n{text}COMMIT;\n"))?;
                let shorten = "PRAGMA wal_checkpoint(TRUNCATE)";
                shell::output(Command::new("sqlite3").arg(&file).arg(shorten)).map(drop)
            }
        }
    }

    /// A fresh copy for one run, with a folder of its own.
    pub fn copy(&self, engine: Engine, payees: Payees) -> Result<Setup> {
        let folder = node::new_folder(self.folder, "run")?;
        fs::remove_dir_all(&folder)?;
        let folder = node::new_folder(self.folder, "run")?;
        if engine == Engine::Sqlite {
            fs::copy(self.file(name(payees)), folder.join("run.db")).context("cannot copy the database")?;
            let database = format!("sqlite:{}", folder.join("run.db").display());
            return Ok(Setup { database, ..self.setup(engine, "run", folder) });
        }
        self.sql("postgres", "DROP DATABASE IF EXISTS run")?;
        let copy = format!("CREATE DATABASE run TEMPLATE {} STRATEGY file_copy", name(payees));
        self.sql("postgres", &copy)?;
        self.sql("postgres", "CHECKPOINT")?;
        Ok(self.setup(engine, "run", folder))
    }

    /// How many payments the run's database holds as completed.
    pub fn completed(&self, setup: &Setup) -> Result<u64> {
        let question = "SELECT count(*) FROM payment WHERE state = 'completed' AND captured_minor > 0";
        count(&setup.database, question)
    }

    /// How many webhooks the run's database has taken in, and how many receipts' jobs are done.
    pub fn worked_off(&self, setup: &Setup) -> Result<(u64, u64)> {
        let webhooks = count(&setup.database, "SELECT count(*) FROM inbox WHERE state = 'processed'")?;
        let sent = "SELECT count(*) FROM job WHERE kind = 'receipt' AND state = 'done'";
        Ok((webhooks, count(&setup.database, sent)?))
    }

    /// The bookings whose payment is completed.
    pub fn paid_bookings(&self, setup: &Setup) -> Result<BTreeSet<i64>> {
        numbers(&setup.database, "SELECT booking FROM payment WHERE state = 'completed'")
    }

    /// Operations whose end nobody knows yet, a line each.
    pub fn open_operations(&self, setup: &Setup, now_seconds: i64) -> Result<Vec<String>> {
        let question = format!(
            "SELECT id || ' ' || state || ', tries ' || tries || ', wakes in ' \
             || CAST(wake_at / 1000000 - {now_seconds} AS TEXT) || ' s' \
             FROM op WHERE state IN ('intent', 'in_flight', 'waiting', 'unknown')"
        );
        Ok(rows(&setup.database, &question)?.lines().map(str::to_owned).collect())
    }

    /// The payments that hold more than one of these operations.
    pub fn paid_twice(&self, setup: &Setup, charged: &BTreeSet<i64>) -> Result<usize> {
        let pairs = rows(&setup.database, "SELECT id || ' ' || payment FROM op WHERE kind = 'charge'")?;
        let mut payments = BTreeMap::<&str, usize>::new();
        for pair in pairs.lines() {
            let (op, payment) = pair.split_once(' ').context("two numbers a line")?;
            if charged.contains(&op.parse()?) {
                *payments.entry(payment).or_default() += 1;
            }
        }
        Ok(payments.into_values().filter(|charges| *charges > 1).count())
    }

    /// CPU time of the whole cluster so far.
    pub fn cluster_ms(&self) -> Result<u64> {
        let shown = shell::output(psql(&self.cluster.url()).args(["-At", "-c", "SHOW data_directory"]))?;
        let file = Path::new(shown.trim()).join("postmaster.pid");
        let text = fs::read_to_string(file).context("the cluster has no postmaster.pid")?;
        let process = text.lines().next().and_then(|line| line.parse().ok());
        cpu::family_ms(process.context("postmaster.pid holds no process id")?)
    }

    pub fn url(&self, name: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{name}", self.cluster.port())
    }

    pub fn sql(&self, database: &str, statement: &str) -> Result<()> {
        shell::output(psql(&self.url(database)).args(["--quiet", "-c", statement])).map(drop)
    }

    /// An empty database; the one of SQLite lies in `folder`.
    pub fn create(&self, engine: Engine, name: &str, folder: &Path) -> Result<String> {
        match engine {
            Engine::Sqlite => Ok(format!("sqlite:{}", folder.join(format!("{name}.db")).display())),
            Engine::Postgres => {
                self.sql("postgres", &format!("CREATE DATABASE {name}"))?;
                Ok(self.url(name))
            }
        }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.db"))
    }

    fn setup(&self, engine: Engine, name: &str, folder: PathBuf) -> Setup {
        let database = match engine {
            Engine::Postgres => self.url(name),
            Engine::Sqlite => format!("sqlite:{}", self.file(name).display()),
        };
        Setup::new(self.binary, database, folder)
    }
}

/// Whose database this is.
pub fn engine(database: &str) -> Engine {
    if database.starts_with("sqlite:") { Engine::Sqlite } else { Engine::Postgres }
}

/// How many payments there are, in whatever state.
pub fn payments(database: &str) -> Result<u64> {
    count(database, "SELECT count(*) FROM payment")
}

/// What the gateway's own books say: the operation of every charge that moved money, once a movement.
pub fn charges(books: &Path) -> Result<Vec<i64>> {
    let question = "SELECT op FROM charge WHERE movement IS NOT NULL ORDER BY op";
    let said = rows(&format!("sqlite:{}", books.display()), question)?;
    said.lines().map(|line| line.parse().context("a number a line")).collect()
}

fn numbers(database: &str, question: &str) -> Result<BTreeSet<i64>> {
    rows(database, question)?.lines().map(|line| line.parse().context("a number a line")).collect()
}

fn count(database: &str, question: &str) -> Result<u64> {
    rows(database, question)?.trim().parse().context("no count")
}

/// One column, one line a row.
fn rows(database: &str, question: &str) -> Result<String> {
    match database.strip_prefix("sqlite:") {
        Some(file) => shell::output(Command::new("sqlite3").args(["-readonly", file, question])),
        None => shell::output(psql(database).args(["-At", "-c", question])),
    }
}

fn name(payees: Payees) -> &'static str {
    match payees {
        Payees::Spread => "spread",
        Payees::OneHot => "one_hot",
    }
}

fn psql(url: &str) -> Command {
    let mut psql = Command::new(Path::new(PROGRAMS).join("psql"));
    psql.args(["--no-psqlrc", "--set=ON_ERROR_STOP=1"]).arg(url);
    psql
}

/// Runs a program on a text and returns when it has read it all.
fn feed(command: &mut Command, text: &str) -> Result<()> {
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::inherit());
    let mut child = piped.spawn().with_context(|| format!("cannot start {command:?}"))?;
    let mut input = child.stdin.take().expect("just piped");
    input.write_all(text.as_bytes())?;
    drop(input);
    let status = child.wait()?;
    if !status.success() {
        bail!("{command:?} ended with {status}");
    }
    Ok(())
}
