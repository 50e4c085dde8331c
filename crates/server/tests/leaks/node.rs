//! The binary, serving from a folder of its own, with everything it says kept.

use std::cell::RefCell;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use reqwest::RequestBuilder;
use serde_json::Value;
use store::engine::Access;
use store::testing::TestDb;

pub const ADMIN_PASSWORD: &str = "zebra-crossing-admin";
/// What only the configuration knows.
pub const SECRETS: [(&str, &str); 3] = [
    ("JWT_KEY", "a-key-for-tests-that-is-long-enough-to-sign-with-0123456789abcdef"),
    ("KEY_ENCRYPTION_KEY", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"),
    ("SANDBOX_WEBHOOK_SECRET", "whsec_0123456789abcdef0123456789abcdef"),
];
/// Whoever waits for something longer than this waits for nothing.
const PATIENCE: Duration = Duration::from_secs(30);

pub struct Node<'a> {
    db: &'a TestDb,
    folder: tempfile::TempDir,
    child: Child,
    base: String,
    client: reqwest::Client,
    errors: RefCell<Vec<String>>,
}

pub struct Reply {
    pub status: u16,
    text: String,
}

impl Reply {
    pub fn expect_success(self) -> Value {
        assert!((200..300).contains(&self.status), "{} {}", self.status, self.text);
        serde_json::from_str(&self.text).expect("JSON")
    }
}

fn bursar(db: &TestDb, folder: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bursar"));
    command.args(words).current_dir(folder).env_clear();
    for (name, secret) in SECRETS {
        command.env(format!("BURSAR_SECRETS__{name}"), secret);
    }
    command
        .env("BURSAR_SECRETS__INSTANCE", "6f0e7c1a-3b52-4d0e-9a55-0c8a52f1d001")
        .env("BURSAR_DATABASE__URL", &db.text)
        .env("BURSAR_SERVER__DATA_DIR", folder)
        .env("BURSAR_SERVER__METRICS_LISTEN", "")
        .env("BURSAR_PAYMENTS__RAW_CARD", "test_cards")
        .env("BURSAR_LIMITS__LOGIN_PER_MINUTE", "0")
        .env("BURSAR_LIMITS__PAYMENT_PER_MINUTE", "0")
        .env("BURSAR_LOG__FORMAT", "json")
        // Everything that we write, and what our libraries tell their operators.
        .env("BURSAR_LOG__LEVEL", "info,server=trace,store=trace,gateways=trace,domain=trace");
    command
}

impl Node<'_> {
    pub fn start(db: &TestDb) -> Node<'_> {
        let folder = tempfile::tempdir().expect("a folder");
        let log =
            || File::options().create(true).append(true).open(folder.path().join("log")).expect("a log");
        let mut admin = bursar(db, folder.path(), &["admin", "create", "--email", "admin@example.org"])
            .stdin(Stdio::piped())
            .stdout(log())
            .stderr(log())
            .spawn()
            .expect("it runs");
        let mut input = admin.stdin.take().expect("piped");
        input.write_all(ADMIN_PASSWORD.as_bytes()).expect("it reads");
        drop(input);
        let ended = admin.wait().expect("it ends");
        assert!(ended.success(), "{}", fs::read_to_string(folder.path().join("log")).expect("text"));
        // What it printed for its caller is no line of the log.
        fs::write(folder.path().join("log"), "").expect("a log");
        let mut child = bursar(db, folder.path(), &["serve", "--listen", "127.0.0.1:0"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log())
            .spawn()
            .expect("it runs");
        let banner = BufReader::new(child.stdout.take().expect("piped")).lines();
        let mut addresses = banner.map_while(Result::ok).filter_map(|line| {
            let address = line.trim().strip_prefix("API")?.trim().strip_suffix("/api/")?;
            Some(address.to_owned())
        });
        let base = addresses.next().expect("the banner names the address");
        // Nobody reads the rest, and nobody may stumble over that.
        std::thread::spawn(move || addresses.for_each(drop));
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().expect("a client");
        Node { db, folder, child, base, client, errors: RefCell::default() }
    }

    pub async fn post(&self, token: Option<&str>, path: &str, body: &Value) -> Reply {
        self.send(token, path, "application/json", body.to_string()).await
    }

    pub async fn send(&self, token: Option<&str>, path: &str, kind: &str, body: String) -> Reply {
        self.call(self.client.post(format!("{}{path}", self.base)).header("content-type", kind), token, body)
            .await
    }

    pub async fn patch(&self, token: &str, path: &str, body: &Value) -> Reply {
        let request = self.client.patch(format!("{}{path}", self.base));
        self.call(request.header("content-type", "application/json"), Some(token), body.to_string()).await
    }

    /// A POST that may be repeated.
    pub async fn keyed(&self, token: &str, path: &str, body: &Value) -> Reply {
        let request = self.client.post(format!("{}{path}", self.base)).header("idempotency-key", path);
        self.call(request.header("content-type", "application/json"), Some(token), body.to_string()).await
    }

    async fn call(&self, mut request: RequestBuilder, token: Option<&str>, body: String) -> Reply {
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let response = request.body(body).send().await.expect("the server answers");
        let status = response.status().as_u16();
        let text = response.text().await.expect("a whole body");
        if status >= 400 {
            self.errors.borrow_mut().push(text.clone());
        }
        Reply { status, text }
    }

    /// Every error body so far.
    pub fn errors(&self) -> Vec<String> {
        self.errors.borrow().clone()
    }

    pub fn logs(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).expect("text")
    }

    fn letters(&self) -> Vec<String> {
        let Ok(folder) = fs::read_dir(self.folder.path().join("mail")) else { return Vec::new() };
        let files = folder.filter_map(Result::ok).filter(|file| file.path().extension().is_some());
        files.filter_map(|file| fs::read_to_string(file.path()).ok()).collect()
    }

    /// Waits until so many links have been mailed.
    pub async fn links(&self, count: usize) {
        let waiting = async {
            while self.mailed_tokens().len() < count {
                self.client.get(format!("{}/healthz", self.base)).send().await.expect("it is alive");
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.expect("mails are written in time");
    }

    /// Waits until no job is left to be done.
    pub async fn rest(&self) {
        let open = || {
            let mut connection = self.db.open(Access::Read);
            let jobs = connection.query("SELECT id FROM job WHERE state = 'queued' LIMIT 1", &[]);
            !jobs.expect("a table").is_empty()
        };
        let waiting = async {
            while std::thread::scope(|scope| scope.spawn(open).join().expect("readable")) {
                self.client.get(format!("{}/healthz", self.base)).send().await.expect("it is alive");
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.expect("jobs are done in time");
    }

    /// The secrets of the links that were mailed.
    pub fn mailed_tokens(&self) -> Vec<String> {
        let plain = |letter: &String| letter.replace("=\r\n", "").replace("=3D", "=");
        let token = |letter: String| {
            let (_, rest) = letter.split_once("token=")?;
            rest.split_whitespace().next().map(str::to_owned)
        };
        self.letters().iter().map(plain).filter_map(token).collect()
    }

    /// Ends the server where it stands; what it has stored.
    pub fn stop(mut self) -> Vec<u8> {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ends");
        stored(self.db)
    }
}

/// A test that fails leaves no server behind.
impl Drop for Node<'_> {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Everything in the database: SQLite's files as they are, PostgreSQL's rows as text.
pub fn stored(db: &TestDb) -> Vec<u8> {
    let Some(path) = db.url.sqlite_path() else { return rows(db) };
    let mut bytes = Vec::new();
    for suffix in ["", "-wal"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        // The log is gone once everything of it is in the file.
        bytes.extend(fs::read(&name).unwrap_or_default());
        bytes.push(b'\n');
    }
    bytes
}

fn rows(db: &TestDb) -> Vec<u8> {
    let mut connection = db.open(Access::Read);
    let tables =
        "SELECT CAST(table_name AS TEXT) FROM information_schema.tables WHERE table_schema = 'public'";
    let mut tables = connection.query(tables, &[]).expect("a catalogue");
    let mut bytes = Vec::new();
    for table in &mut tables {
        let table = table.text().expect("a name");
        let rows = connection.query(&format!("SELECT CAST(t AS TEXT) FROM {table} AS t"), &[]);
        for mut row in rows.expect("a table") {
            bytes.extend(row.text().expect("a row").into_bytes());
            bytes.push(b'\n');
        }
    }
    bytes
}
