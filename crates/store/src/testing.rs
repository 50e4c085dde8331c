//! Test support: a database of one's own on either engine, gone when the test ends.
//!
//! Part of the library so that every crate's tests can use it; the program never does.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::engine::{Access, Connection, Fault, Options, Url};
use crate::reads::Reads;

/// A fresh, empty database.
pub struct TestDb {
    pub url: Url,
    /// The same as a setting has it.
    pub text: String,
    kept: Kept,
}

enum Kept {
    Directory(PathBuf),
    /// The server's URL without a database, its parameters, and the database's name.
    Database {
        server: Url,
        name: String,
    },
}

static COUNT: AtomicU32 = AtomicU32::new(0);

impl TestDb {
    /// A file in a new directory under the system's temporary one.
    pub fn sqlite() -> TestDb {
        let directory = loop {
            let directory = std::env::temp_dir().join(unique_name());
            match std::fs::create_dir(&directory) {
                Ok(()) => break directory,
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => panic!("cannot create {}: {error}", directory.display()),
            }
        };
        let text = format!("sqlite:{}", directory.join("test.db").display());
        let url = Url::parse(&text).expect("a plain path");
        TestDb { url, text, kept: Kept::Directory(directory) }
    }

    /// A database on the server of `BURSAR_TEST_POSTGRES`; it panics when there is none, because
    /// a test that silently does not run is worse than one that fails.
    pub fn postgres() -> TestDb {
        let text = postgres_url();
        let server = Url::parse(&text).expect("BURSAR_TEST_POSTGRES holds a postgres URL");
        let name = unique_name();
        let mut connection = open(&server);
        let create =
            [format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"), format!("CREATE DATABASE {name}")];
        for sql in create {
            connection.batch(&sql).expect("BURSAR_TEST_POSTGRES may create databases");
        }
        let (address, parameters) = text.split_once('?').unwrap_or((&text, ""));
        let (host, _) = address.rsplit_once('/').expect("the URL names a database");
        let text = format!("{host}/{name}?{parameters}");
        let url = Url::parse(&text).expect("only the database differs");
        TestDb { url, text, kept: Kept::Database { server, name } }
    }

    /// The same database with more parameters in its URL, such as `options=-c%20work_mem%3D8MB`.
    pub fn postgres_url_with(&self, parameters: &str) -> Url {
        let Kept::Database { name, .. } = &self.kept else {
            panic!("not a PostgreSQL database");
        };
        let text = postgres_url();
        let (address, given) = text.split_once('?').unwrap_or((&text, ""));
        let (host, _) = address.rsplit_once('/').expect("the URL names a database");
        Url::parse(&format!("{host}/{name}?{given}&{parameters}")).expect("parameters of a URL")
    }

    /// A connection with the default options.
    pub fn open(&self, access: Access) -> Connection {
        Connection::open(&self.url, access, &Options::default()).expect("the test database opens")
    }
}

impl TestDb {
    /// Every value of every table as text: to look for what must not be there.
    pub fn dump(&self) -> String {
        let mut connection = self.open(Access::Read);
        let mut lines = Vec::new();
        for (table, columns) in crate::migrations().iter().flat_map(|step| tables(step.sql)) {
            let texts: Vec<String> = columns.iter().map(|column| format!("CAST({column} AS TEXT)")).collect();
            let rows = connection.query(&format!("SELECT {} FROM {table}", texts.join(", ")), &[]);
            for mut row in rows.expect("a table of the schema") {
                let values = columns.iter().map(|_| row.opt_text().expect("text").unwrap_or_default());
                let values: Vec<String> = values.collect();
                lines.push(format!("{table}: {}", values.join(" | ")));
            }
        }
        lines.join("\n")
    }
}

/// The tables that a migration makes, each with its columns.
fn tables(sql: &'static str) -> impl Iterator<Item = (&'static str, Vec<&'static str>)> {
    sql.split("CREATE TABLE ").skip(1).map(|made| {
        let (name, rest) = made.split_once(" (").expect("a name and a body");
        let (body, _) = rest.split_once("\n)").expect("a body ends");
        let columns = body.lines().filter_map(|line| line.trim().split_once(' ')).filter(|(name, rest)| {
            name.chars().all(|c| c.is_ascii_lowercase() || c == '_')
                && (rest.starts_with("BIGINT") || rest.starts_with("TEXT"))
        });
        (name, columns.map(|(name, _)| name).collect())
    })
}

impl Drop for TestDb {
    fn drop(&mut self) {
        match &self.kept {
            Kept::Directory(directory) => {
                // What is left behind is a temporary file, not a reason to fail a passed test.
                let _ = std::fs::remove_dir_all(directory);
            }
            Kept::Database { server, name } => {
                if let Ok(mut connection) = Connection::open(server, Access::Write, &Options::default()) {
                    let _ = connection.batch(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
                }
            }
        }
    }
}

/// How the engine goes about the queries of `ask`, one line a step.
pub fn plans<T>(
    connection: &mut Connection,
    ask: impl FnOnce(&mut Reads<'_>) -> Result<T, Fault>,
) -> Result<Vec<String>, Fault> {
    let mut reads = Reads::planning(connection);
    ask(&mut reads)?;
    Ok(reads.into_plans())
}

/// One test body, two engines: `both! { fn name(db) { … } }` makes `name::sqlite` and
/// `name::postgres`, each with a `TestDb` of its own.
#[macro_export]
macro_rules! both {
    ($($(#[doc = $doc:literal])* fn $name:ident($db:ident) $body:block)+) => {$(
        mod $name {
            use super::*;

            $(#[doc = $doc])*
            fn check($db: &$crate::testing::TestDb) $body

            #[test]
            fn sqlite() {
                check(&$crate::testing::TestDb::sqlite());
            }

            #[test]
            fn postgres() {
                check(&$crate::testing::TestDb::postgres());
            }
        }
    )+};
}

#[expect(
    clippy::disallowed_methods,
    reason = "the test runner names the server; the program never comes here"
)]
fn postgres_url() -> String {
    std::env::var("BURSAR_TEST_POSTGRES").expect(
        "BURSAR_TEST_POSTGRES is not set: run the tests with `cargo xtask test`, which starts a PostgreSQL",
    )
}

fn open(server: &Url) -> Connection {
    Connection::open(server, Access::Write, &Options::default())
        .expect("the server of BURSAR_TEST_POSTGRES answers")
}

fn unique_name() -> String {
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("bursar_test_{}_{count}", std::process::id())
}
