//! Seeded databases: made once per engine and kind of market, copied for every run, so that every run
//! begins with the same rows.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use super::cpu;
use super::market::{Market, Payees};
use super::node::{self, Setup};
use crate::postgres::Cluster;
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
                self.sql(name, "VACUUM ANALYZE")
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
        let said = match setup.database.strip_prefix("sqlite:") {
            Some(file) => shell::output(Command::new("sqlite3").arg(file).arg(question))?,
            None => shell::output(psql(&setup.database).args(["-At", "-c", question]))?,
        };
        said.trim().parse().context("no count")
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

    fn sql(&self, database: &str, statement: &str) -> Result<()> {
        shell::output(psql(&self.url(database)).args(["--quiet", "-c", statement])).map(drop)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.db"))
    }

    fn setup(&self, engine: Engine, name: &str, folder: PathBuf) -> Setup {
        let database = match engine {
            Engine::Postgres => self.url(name),
            Engine::Sqlite => format!("sqlite:{}", self.file(name).display()),
        };
        Setup { binary: self.binary.to_owned(), database, folder, settings: Vec::new() }
    }
}

fn name(payees: Payees) -> &'static str {
    match payees {
        Payees::Spread => "spread",
        Payees::OneHot => "one_hot",
    }
}

fn psql(url: &str) -> Command {
    let mut psql = Command::new("psql");
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
