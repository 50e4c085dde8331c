//! A running `bursar`: started, asked whether it is ready, stopped or killed by whoever holds it.
//!
//! Invariants: it listens on loopback only; dropping it ends it; nobody else's process is touched.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::cpu;
use super::token::Key;
use super::wire::{self, Wire};
use crate::postgres::free_ports;
use crate::shell;

/// A slow machine needs a while for its first start.
const READY_MAX: Duration = Duration::from_secs(30);
/// What the design allows between SIGTERM and the end.
pub const STOP_MAX: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// Known to server and clients of a measurement, and good for nothing else.
pub const KEY: Key = Key {
    secret: "measuring only: this key protects nothing at all",
    instance: "6f1d3c52-7b0e-4f4e-9d2a-2f6f0c8f5b11",
};

/// How a node is started.
pub struct Setup {
    pub binary: PathBuf,
    /// `sqlite:PATH` or `postgres://…`
    pub database: String,
    /// Working directory, and the place of everything that is not in the database.
    pub folder: PathBuf,
    /// Further `BURSAR_…` settings.
    pub settings: Vec<(&'static str, String)>,
}

/// A `bursar` that is ready, until it is stopped.
pub struct Node {
    child: Child,
    pub address: SocketAddr,
}

impl Setup {
    /// With the settings of every measurement and no more.
    pub fn new(binary: &Path, database: String, folder: PathBuf) -> Setup {
        Setup { binary: binary.to_owned(), database, folder, settings: Vec::new() }
    }

    /// A `bursar` command with the secrets and settings of measurements: no limits, quiet logs.
    pub fn command(&self, words: &[&str]) -> Result<Command> {
        let log = fs::File::options().create(true).append(true).open(self.folder.join("log"))?;
        let mut command = Command::new(&self.binary);
        command
            .args(words)
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        let fixed = [
            ("DATABASE__URL", self.database.as_str()),
            ("SECRETS__JWT_KEY", KEY.secret),
            ("SECRETS__KEY_ENCRYPTION_KEY", "bm90IGEgc2VjcmV0OiBmb3IgbWVhc3VyaW5nIG9ubHk"),
            ("SECRETS__SANDBOX_WEBHOOK_SECRET", "another secret for measuring, worth nothing"),
            ("SECRETS__INSTANCE", KEY.instance),
            ("LIMITS__LOGIN_PER_MINUTE", "0"),
            ("LIMITS__PAYMENT_PER_MINUTE", "0"),
            ("LIMITS__OTHER_PER_MINUTE", "0"),
            ("RISK__ENABLED", "false"),
            ("SERVER__METRICS_LISTEN", ""),
            ("LOG__LEVEL", "warn"),
            // A file a receipt measures the file system's inodes, not us.
            ("MAIL__TRANSPORT", "log"),
        ];
        for (name, value) in fixed {
            command.env(format!("BURSAR_{name}"), value);
        }
        command.env("BURSAR_SERVER__DATA_DIR", &self.folder);
        for (name, value) in &self.settings {
            command.env(format!("BURSAR_{name}"), value);
        }
        Ok(command)
    }

    /// Runs a command to its end.
    pub fn run(&self, words: &[&str]) -> Result<()> {
        let status = self.command(words)?.status().context("cannot start bursar")?;
        if !status.success() {
            bail!("bursar {} ended with {status}\n{}", words.join(" "), self.last_words());
        }
        Ok(())
    }

    /// Serves on a free port; the node and how long it took until it was ready.
    pub fn serve(&self) -> Result<(Node, Duration)> {
        self.listen("serve", free_address()?, "/readyz")
    }

    /// Starts a subcommand that listens and waits until `path` answers 200.
    pub fn listen(&self, word: &str, address: SocketAddr, path: &str) -> Result<(Node, Duration)> {
        let mut command = self.command(&[word, "--listen", &address.to_string()])?;
        let begun = now();
        let child = command.spawn().context("cannot start bursar")?;
        let mut node = Node { child, address };
        let ready = |node: &mut Node| node.answers(path);
        while !ready(&mut node) {
            if let Some(status) = node.child.try_wait()? {
                bail!("bursar ended with {status} before it was ready\n{}", self.last_words());
            }
            if begun.elapsed() > READY_MAX {
                bail!("bursar was not ready after {} s\n{}", READY_MAX.as_secs(), self.last_words());
            }
            pause(LOOK_EVERY);
        }
        Ok((node, begun.elapsed()))
    }

    /// The end of the log, for an error.
    pub fn last_words(&self) -> String {
        let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

impl Node {
    fn answers(&self, path: &str) -> bool {
        let Ok(mut wire) = Wire::open(self.address) else { return false };
        wire.call(&wire::get(path, None)).is_ok_and(|answer| answer.status == 200)
    }

    /// CPU time so far, in milliseconds.
    pub fn cpu_ms(&self) -> Result<u64> {
        cpu::process_ms(self.child.id())
    }

    /// Resident memory, in KiB.
    pub fn resident_kib(&self) -> Result<u64> {
        cpu::resident_kib(self.child.id())
    }

    /// SIGKILL, as a crash or the kernel would do it.
    pub fn kill(mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// SIGTERM; how it ended and how long that took. One that does not end in time is an error.
    pub fn stop(mut self) -> Result<(ExitStatus, Duration)> {
        let begun = now();
        shell::output(Command::new("kill").args(["-TERM", &self.child.id().to_string()]))?;
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok((status, begun.elapsed()));
            }
            if begun.elapsed() > STOP_MAX {
                bail!("bursar did not stop within {} s", STOP_MAX.as_secs());
            }
            pause(LOOK_EVERY);
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // It may have ended already: then there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The one that was named, else the one of this tree as it is shipped.
pub fn binary(named: Option<&Path>) -> Result<PathBuf> {
    named.map_or_else(release_binary, |binary| fs::canonicalize(binary).context("no such binary"))
}

fn release_binary() -> Result<PathBuf> {
    shell::run(&mut shell::cargo("build --release --locked -p server --bin bursar"))?;
    Ok(target_folder().join("release/bursar"))
}

fn target_folder() -> PathBuf {
    shell::root().join("target")
}

/// A loopback address that is free for the moment.
pub fn free_address() -> Result<SocketAddr> {
    free_addresses().map(|[address]| address)
}

/// Each another one.
pub fn free_addresses<const N: usize>() -> Result<[SocketAddr; N]> {
    Ok(free_ports()?.map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port))))
}

/// A new folder.
pub fn new_folder(parent: &Path, name: &str) -> Result<PathBuf> {
    let folder = parent.join(name);
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    Ok(folder)
}

#[expect(clippy::disallowed_methods, reason = "the workshop measures")]
pub fn now() -> Instant {
    Instant::now()
}

#[expect(clippy::disallowed_methods, reason = "another process's progress can only be polled")]
pub fn pause(time: Duration) {
    std::thread::sleep(time);
}
