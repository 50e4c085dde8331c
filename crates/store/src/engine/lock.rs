//! One server process per SQLite file: the lock file beside it.
//!
//! The lock is the operating system's, so it ends with the process that held it, however it ends.

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use super::fault::OpenError;
use super::sqlite::create_parent;
use super::url::Url;

/// Held by `serve`, `demo`, `migrate` and `restore` for as long as it lives.
#[derive(Debug)]
pub struct ServerLock {
    _file: Option<File>,
}

impl ServerLock {
    /// Takes the lock or answers `OpenError::Held`; databases that are no files need none.
    pub fn hold(url: &Url) -> Result<ServerLock, OpenError> {
        let Some(database) = url.sqlite_path() else {
            return Ok(ServerLock { _file: None });
        };
        let mut name = database.as_os_str().to_owned();
        name.push(".lock");
        let path = PathBuf::from(name);
        let opened = create_parent(database).and_then(|()| {
            OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path)
        });
        let file = opened.map_err(|source| OpenError::Path { path: path.clone(), source })?;
        match file.try_lock() {
            Ok(()) => Ok(ServerLock { _file: Some(file) }),
            Err(TryLockError::WouldBlock) => Err(OpenError::Held(path)),
            Err(TryLockError::Error(source)) => Err(OpenError::Path { path, source }),
        }
    }
}
