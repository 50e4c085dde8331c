//! Configuration: `default.toml` < preset < file < environment < command line.
//!
//! Invariants: every setting has its default and its meaning in the embedded `default.toml` and
//! nowhere else; an unknown key or a bad value stops the start and is named; values are never
//! quoted, because one of them is a secret. This is the only place that reads the environment.
//! Deliberately not here: reloading while running, and settings kept in the database.

mod load;
mod secret;
mod secrets;
mod settings;
mod validate;

use std::path::PathBuf;

pub use load::{Sources, load};
pub use secret::{DatabaseUrl, MASK, Secret};
pub use secrets::{Secrets, SecretsError};
pub use settings::*;

/// Why the configuration cannot be used. Messages name keys, never values.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("cannot read {path}: {source}")]
    File { path: PathBuf, source: std::io::Error },
    #[error("{path} line {line} is not valid TOML: {message}")]
    Syntax { path: PathBuf, line: usize, message: String },
    #[error("configuration: {}", .0.join("; "))]
    Invalid(Vec<String>),
}

impl ConfigError {
    fn key(key: &str, message: impl std::fmt::Display) -> ConfigError {
        ConfigError::Invalid(vec![format!("{key}: {message}")])
    }
}

impl Config {
    /// The folder of everything that is not in the database.
    pub fn data_dir(&self) -> PathBuf {
        if !self.server.data_dir.is_empty() {
            return PathBuf::from(&self.server.data_dir);
        }
        let beside_database = self
            .database
            .url
            .sqlite_path()
            .and_then(|path| std::path::Path::new(path).parent().map(PathBuf::from));
        match beside_database {
            Some(folder) if folder.as_os_str().is_empty() => PathBuf::from("."),
            Some(folder) => folder,
            None => PathBuf::from("data"),
        }
    }

    /// Whether real money can move.
    pub fn is_live(&self) -> bool {
        self.gateways.stripe.mode == GatewayMode::Live || self.gateways.paypal.mode == GatewayMode::Live
    }

    /// Whether this process ends TLS itself.
    pub fn has_tls(&self) -> bool {
        !self.server.tls_cert.is_empty()
    }

    /// The address for links to this server, without a trailing slash.
    pub fn public_url(&self) -> String {
        if !self.server.public_url.is_empty() {
            return self.server.public_url.trim_end_matches('/').to_owned();
        }
        let scheme = if self.has_tls() { "https" } else { "http" };
        format!("{scheme}://{}", self.server.listen)
    }

    /// What is in effect, as TOML with every secret masked: what `check-config` prints.
    pub fn to_masked_toml(&self) -> String {
        toml::to_string(self).expect("settings are tables of plain values")
    }
}
