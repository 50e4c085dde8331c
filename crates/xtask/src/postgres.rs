//! A private PostgreSQL cluster: made, started, stopped and removed by whoever holds it.
//!
//! Invariants: it listens on loopback only, on a port of its own; it lives in one temporary folder;
//! no other cluster is ever touched. fsync stays on, because the server refuses a database without
//! it; tests get their speed from memory (`/dev/shm`) instead.

use std::fmt::Write;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::shell;

/// Where Debian keeps `initdb` and `pg_ctl`; they are not on the path.
pub const PROGRAMS: &str = "/usr/lib/postgresql/15/bin";

const SHARED_MEMORY: &str = "/dev/shm";
const SHARED_MEMORY_KIB_MIN: u64 = 2 * 1024 * 1024;
/// Another process can take the free port between our look and PostgreSQL's.
const STARTS_MAX: u32 = 3;
/// Followed by our process id, so that a later run can clear up after a killed one.
const FOLDER_PREFIX: &str = "bursar-postgres-";

/// Where the cluster's files lie: the difference between a quick test and an honest benchmark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Medium {
    /// Shared memory when there is plenty, else the disk.
    Memory,
    /// The disk of the temporary folder: commits cost what they cost in production.
    Disk,
}

/// A running cluster; dropping it stops the server and removes its files.
pub struct Cluster {
    folder: PathBuf,
    port: u16,
}

impl Cluster {
    /// Room for every test of the suite at once, in memory.
    pub fn for_tests() -> Result<Cluster> {
        Cluster::start(Medium::Memory, &[("max_connections", "300")])
    }

    /// A new cluster with these settings in `postgresql.conf`.
    pub fn start(medium: Medium, settings: &[(&str, &str)]) -> Result<Cluster> {
        let base = base_folder(medium);
        remove_abandoned(&base);
        let mut cluster = Cluster { folder: create_folder(&base)?, port: 0 };
        cluster.initialize()?;
        for attempt in 1..=STARTS_MAX {
            [cluster.port] = free_ports()?;
            cluster.configure(settings)?;
            match cluster.launch() {
                Ok(()) => return Ok(cluster),
                Err(error) if attempt == STARTS_MAX => return Err(error),
                Err(_) => {}
            }
        }
        unreachable!("the last attempt returns")
    }

    /// Superuser, maintenance database; tests make databases of their own from here.
    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// The loopback port the server listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    fn initialize(&self) -> Result<()> {
        let mut initdb = as_postgres("initdb");
        initdb.arg("--pgdata").arg(self.files());
        initdb.args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C"]);
        initdb.args(["--data-checksums", "--no-instructions"]);
        shell::output(&mut initdb).map(drop)
    }

    fn configure(&self, settings: &[(&str, &str)]) -> Result<()> {
        let mut text = format!(
            "listen_addresses = '127.0.0.1'\nport = {}\nunix_socket_directories = '{}'\n\
             timezone = 'UTC'\nlog_timezone = 'UTC'\ndynamic_shared_memory_type = 'mmap'\n",
            self.port,
            self.folder.display(),
        );
        for (name, value) in settings {
            writeln!(text, "{name} = '{value}'").expect("writing to a String does not fail");
        }
        fs::write(self.files().join("postgresql.conf"), text).context("cannot write postgresql.conf")
    }

    /// `pg_ctl --wait` returns when the server answers, or with an error and the log's last words.
    fn launch(&self) -> Result<()> {
        let log = self.folder.join("log");
        let mut start = as_postgres("pg_ctl");
        start.arg("start").args(["--wait", "--silent", "--timeout=60", "--pgdata"]).arg(self.files());
        start.arg("--log").arg(&log);
        // The server inherits what it is given and outlives pg_ctl: a captured pipe would never end.
        let status = start.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).status();
        if status.context("cannot start pg_ctl")?.success() {
            return Ok(());
        }
        bail!("PostgreSQL did not start:\n{}", fs::read_to_string(&log).unwrap_or_default())
    }

    fn files(&self) -> PathBuf {
        self.folder.join("files")
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        stop_and_remove(&self.folder);
    }
}

/// Immediate: nothing in a private cluster is worth a checkpoint.
fn stop_and_remove(folder: &Path) {
    let mut stop = as_postgres("pg_ctl");
    stop.args(["stop", "--mode=immediate", "--wait", "--silent", "--pgdata"]).arg(folder.join("files"));
    // A cluster that never started cannot be stopped: the removal below is what matters.
    let _ = shell::output(&mut stop);
    if let Err(error) = fs::remove_dir_all(folder) {
        eprintln!("cannot remove {}: {error}", folder.display());
    }
}

/// An interrupted run leaves its cluster behind; the name tells whose it was.
fn remove_abandoned(base: &Path) {
    for entry in fs::read_dir(base).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let owner = name.strip_prefix(FOLDER_PREFIX).and_then(|rest| rest.split('-').next());
        if let Some(owner) = owner.and_then(|digits| digits.parse::<u32>().ok())
            && !is_alive(owner)
        {
            stop_and_remove(&entry.path());
        }
    }
}

/// A killed process that its parent has not collected yet is still listed, without a command line.
fn is_alive(process: u32) -> bool {
    fs::read(format!("/proc/{process}/cmdline")).is_ok_and(|words| !words.is_empty())
}

fn base_folder(medium: Medium) -> PathBuf {
    let shared = Path::new(SHARED_MEMORY);
    match medium {
        Medium::Memory if free_kib(shared) > SHARED_MEMORY_KIB_MIN => shared.to_owned(),
        Medium::Memory | Medium::Disk => std::env::temp_dir(),
    }
}

/// 0 where the folder does not exist: then it is not used.
fn free_kib(folder: &Path) -> u64 {
    let answer = shell::output(Command::new("df").args(["--output=avail", "-k"]).arg(folder));
    let figure = answer.ok().and_then(|text| text.lines().last().map(str::trim).map(str::parse));
    figure.and_then(Result::ok).unwrap_or(0)
}

/// Private to the user the server runs as: the cluster trusts everyone who reaches its socket.
fn create_folder(base: &Path) -> Result<PathBuf> {
    let pattern = base.join(format!("{FOLDER_PREFIX}{}-XXXXXX", std::process::id()));
    let made = shell::output(Command::new("mktemp").arg("--directory").arg(pattern))?;
    let folder = PathBuf::from(made.trim());
    if shell::is_root() {
        let (user, group) = postgres_ids()?;
        chown(&folder, Some(user), Some(group)).context("cannot give the folder to postgres")?;
    }
    Ok(folder)
}

/// The package creates the user `postgres`, who owns this folder.
fn postgres_ids() -> Result<(u32, u32)> {
    let home =
        fs::metadata("/var/lib/postgresql").context("no home of user postgres: is PostgreSQL installed?")?;
    Ok((home.uid(), home.gid()))
}

fn as_postgres(program: &str) -> Command {
    let program = Path::new(PROGRAMS).join(program);
    let mut command = if shell::is_root() {
        let mut command = Command::new("runuser");
        command.args(["-u", "postgres", "--"]).arg(program);
        command
    } else {
        Command::new(program)
    };
    // PostgreSQL looks at its working directory, which user postgres may not be allowed to see.
    command.current_dir("/");
    command
}

/// Loopback ports that are free for the moment.
pub(crate) fn free_ports<const N: usize>() -> Result<[u16; N]> {
    let mut ports = [0; N];
    // All are held until all are found, so that each is another one.
    let mut held = Vec::new();
    for port in &mut ports {
        let listener = TcpListener::bind(("127.0.0.1", 0)).context("no free loopback port")?;
        *port = listener.local_addr()?.port();
        held.push(listener);
    }
    Ok(ports)
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;

    use super::*;

    #[test]
    fn a_cluster_answers_while_held_and_leaves_nothing_behind() {
        let cluster = Cluster::for_tests().unwrap();
        let (port, folder) = (cluster.port(), cluster.folder.clone());
        assert!(TcpStream::connect(("127.0.0.1", port)).is_ok());
        assert!(cluster.url().ends_with(&format!(":{port}/postgres")));

        drop(cluster);
        assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
        assert!(!folder.exists());
    }
    #[test]
    fn what_a_killed_run_left_behind_is_removed_and_nothing_else() {
        let base = std::env::temp_dir().join(format!("bursar-abandoned-{}", std::process::id()));
        // Above the largest process id that Linux gives out.
        let (abandoned, living) = (4_194_305, std::process::id());
        let folders = [abandoned, living].map(|owner| base.join(format!("{FOLDER_PREFIX}{owner}-x")));
        let foreign = base.join("somebody-elses");
        for folder in folders.iter().chain([&foreign]) {
            fs::create_dir_all(folder).unwrap();
        }

        remove_abandoned(&base);
        assert!(!folders[0].exists());
        assert!(folders[1].exists() && foreign.exists());
        fs::remove_dir_all(&base).unwrap();
    }
}
