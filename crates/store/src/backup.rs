//! Copies of a whole database, taken while it is in use, and put back.
//!
//! A copy is one SQLite file whatever it was taken from, so it can be looked at with any tool, recounted
//! by `verify`, and put back into either engine. Invariants: a copy is one snapshot, whole or not there
//! under its name; what is put back gives out ids that nobody has seen, because what happened after
//! the copy was taken is still known to gateways under the ids of then; nothing that exists is
//! overwritten. Deliberately not here: the secrets, which are kept apart, and when copies are taken.

mod rows;

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use domain::time::Timestamp;
use thiserror::Error;

use crate::engine::{Access, Connection, Fault, OpenError, Options, Url};
use crate::migrate::{MigrateError, Status, migrate, status};
use crate::migrations;

/// More ids than any lane gives out between a copy and the day it is put back; a lane has room for two
/// million such leaps.
const LEAP: i64 = 1 << 24;
/// In a copy only: the marketplace it is of.
const ORIGIN: &str = "copy_of";

/// Why there is no copy, or why it was not put back.
#[derive(Debug, Error)]
pub enum CopyError {
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Migrate(#[from] MigrateError),
    #[error("the database or the copy cannot be read or written")]
    Database(#[from] Fault),
    #[error("cannot use {path}: {source}")]
    File { path: PathBuf, source: std::io::Error },
    #[error("{0} exists already")]
    Exists(PathBuf),
    #[error("a database in memory has no copies")]
    Memory,
    #[error("{0} is not a backup")]
    NoCopy(PathBuf),
    #[error("it is of another marketplace (instance {found}); this one's secrets are of {expected}")]
    Another { found: String, expected: String },
    #[error("the database is not empty: create another one and restore into it")]
    NotEmpty,
    #[error("it was taken by another version: restore it with that one, or into SQLite")]
    Version,
}

/// What a copy is of, or put back into.
pub struct Place<'a> {
    pub url: &'a Url,
    pub options: &'a Options,
    /// UUID of the marketplace, part of every key it has sent to a gateway; empty: not known.
    pub instance: &'a str,
    pub now: Timestamp,
}

/// Copies a database that may be in use into a new file.
pub fn back_up(from: &Place<'_>, file: &Path) -> Result<(), CopyError> {
    if file.exists() {
        return Err(CopyError::Exists(file.to_owned()));
    }
    let draft = beside(file, ".partial");
    create(&draft)?;
    let made = write_copy(from, &draft).and_then(|()| sync(&draft));
    if let Err(error) = made {
        remove(&draft);
        return Err(error);
    }
    rename(&draft, file)
}

fn write_copy(from: &Place<'_>, draft: &Path) -> Result<(), CopyError> {
    let (copy, options) = (address(draft)?, from.options.patient());
    if from.url.is_postgres() {
        let mut into = Connection::open(&copy, Access::Write, &options)?;
        migrate(&mut into, migrations(), from.now.0)?;
        let mut source = Connection::open(from.url, Access::Read, &options)?;
        source.begin()?;
        into.begin()?;
        rows::copy(&mut source, &mut into)?;
        source.rollback();
        into.commit()?;
    } else {
        let path = from.url.sqlite_path().ok_or(CopyError::Memory)?;
        if !path.exists() {
            let source = std::io::ErrorKind::NotFound.into();
            return Err(CopyError::File { path: path.to_owned(), source });
        }
        let mut source = Connection::open(from.url, Access::Write, &options)?;
        source.execute("VACUUM INTO $1", &[draft.display().to_string().into()])?;
    }
    let mut into = Connection::open(&copy, Access::Write, &options)?;
    into.begin()?;
    into.execute(
        "INSERT INTO setting (name, value) VALUES ($1, $2)",
        &[ORIGIN.into(), from.instance.into()],
    )?;
    Ok(into.commit()?)
}

/// Puts a copy back: into a server's empty database, or in the place of a file, which is moved aside.
/// Where it was moved to.
pub fn restore(file: &Path, to: &Place<'_>) -> Result<Option<PathBuf>, CopyError> {
    if !file.is_file() {
        return Err(CopyError::NoCopy(file.to_owned()));
    }
    if to.url.is_postgres() {
        return into_server(file, to).map(|()| None);
    }
    let path = to.url.sqlite_path().ok_or(CopyError::Memory)?;
    let draft = beside(path, ".restoring");
    create(&draft)?;
    let made = read_copy(file, &draft, to).and_then(|()| sync(&draft));
    if let Err(error) = made {
        remove(&draft);
        return Err(error);
    }
    let aside = move_aside(path, to)?;
    rename(&draft, path)?;
    Ok(aside)
}

fn read_copy(file: &Path, draft: &Path, to: &Place<'_>) -> Result<(), CopyError> {
    // The mode comes with the copy, and whoever kept it may have been careless.
    let private = || fs::set_permissions(draft, fs::Permissions::from_mode(0o600));
    fs::copy(file, draft)
        .and_then(|_| private())
        .map_err(|source| CopyError::File { path: draft.to_owned(), source })?;
    let mut copy = Connection::open(&address(draft)?, Access::Write, &to.options.patient())
        .map_err(|_| CopyError::NoCopy(file.to_owned()))?;
    check_origin(&mut copy, file, to.instance)?;
    migrate(&mut copy, migrations(), to.now.0)?;
    copy.begin()?;
    leap(&mut copy)?;
    Ok(copy.commit()?)
}

fn into_server(file: &Path, to: &Place<'_>) -> Result<(), CopyError> {
    let options = to.options.patient();
    let mut copy = Connection::open(&address(file)?, Access::Read, &options)
        .map_err(|_| CopyError::NoCopy(file.to_owned()))?;
    check_origin(&mut copy, file, to.instance)?;
    if status(&mut copy, migrations())? != Status::Current {
        return Err(CopyError::Version);
    }
    let mut into = Connection::open(to.url, Access::Write, &options)?;
    migrate(&mut into, migrations(), to.now.0)?;
    into.begin()?;
    if !is_empty(&mut into)? {
        into.rollback();
        return Err(CopyError::NotEmpty);
    }
    copy.begin()?;
    rows::copy(&mut copy, &mut into)?;
    copy.rollback();
    leap(&mut into)?;
    Ok(into.commit()?)
}

/// Whether a file is a copy of this marketplace.
pub fn check(file: &Path, of: &Place<'_>) -> Result<(), CopyError> {
    if !file.is_file() {
        return Err(CopyError::NoCopy(file.to_owned()));
    }
    let mut copy = Connection::open(&address(file)?, Access::Read, &of.options.patient())
        .map_err(|_| CopyError::NoCopy(file.to_owned()))?;
    check_origin(&mut copy, file, of.instance)
}

fn check_origin(copy: &mut Connection, file: &Path, expected: &str) -> Result<(), CopyError> {
    let asked = copy.query("SELECT value FROM setting WHERE name = $1", &[ORIGIN.into()]);
    let row = asked.ok().and_then(|mut rows| rows.pop());
    let found = row.ok_or_else(|| CopyError::NoCopy(file.to_owned()))?.text()?;
    if found == expected || found.is_empty() || expected.is_empty() {
        return Ok(());
    }
    Err(CopyError::Another { found, expected: expected.to_owned() })
}

/// Every change of state leaves an event or a setting.
fn is_empty(into: &mut Connection) -> Result<bool, Fault> {
    let used =
        into.query("SELECT lane FROM lane WHERE next > 1 UNION ALL SELECT 1 FROM setting LIMIT 1", &[])?;
    Ok(used.is_empty())
}

/// Ids given out since the copy was taken are never given out again.
fn leap(copy: &mut Connection) -> Result<(), Fault> {
    copy.execute("UPDATE lane SET next = next + $1", &[LEAP.into()])?;
    copy.execute("DELETE FROM setting WHERE name = $1", &[ORIGIN.into()])?;
    Ok(())
}

/// A file under the first name that is free, with its log.
fn move_aside(path: &Path, to: &Place<'_>) -> Result<Option<PathBuf>, CopyError> {
    if !path.exists() {
        return Ok(None);
    }
    // Closing it copies its log into it. One that cannot be opened any more keeps its log beside it.
    drop(Connection::open(to.url, Access::Write, to.options));
    let mut names = (1..).map(|number| beside(path, &format!(".replaced-{number}")));
    let aside = names.find(|name| !name.exists()).expect("there are enough numbers");
    rename(path, &aside)?;
    for ending in ["-wal", "-shm"] {
        let log = beside(path, ending);
        if log.exists() {
            rename(&log, &beside(&aside, ending))?;
        }
    }
    Ok(Some(aside))
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

fn address(path: &Path) -> Result<Url, CopyError> {
    Ok(Url::parse(&format!("sqlite:{}", path.display()))?)
}

/// Its owner's alone, from the first byte.
fn create(path: &Path) -> Result<(), CopyError> {
    let made = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(path);
    made.map(drop).map_err(|source| CopyError::File { path: path.to_owned(), source })
}

/// Everything is in the file, and the file on the disk.
fn sync(path: &Path) -> Result<(), CopyError> {
    let failed = |source| CopyError::File { path: path.to_owned(), source };
    if beside(path, "-wal").exists() {
        return Err(failed(std::io::Error::other("its log was not copied into it")));
    }
    File::open(path).and_then(|file| file.sync_all()).map_err(failed)
}

/// What is left behind is a draft under a name that nobody takes for a copy.
fn remove(draft: &Path) {
    for ending in ["", "-wal", "-shm", "-journal"] {
        let _ = fs::remove_file(beside(draft, ending));
    }
}

/// The new name lasts.
fn rename(from: &Path, to: &Path) -> Result<(), CopyError> {
    let failed = |source| CopyError::File { path: to.to_owned(), source };
    fs::rename(from, to).map_err(failed)?;
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)
}
