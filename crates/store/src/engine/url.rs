//! Where the database is: `sqlite:PATH`, `sqlite::memory:` or `postgres://user@h1,h2/db?...`.
//!
//! Invariant: neither `Debug` nor `Display` nor an error shows a password.
//! `sslmode` and `sslrootcert` are read here, because the driver knows neither the strict modes
//! nor a root file: loopback and sockets default to plain text, everything else to `verify-full`.

use std::fmt;
use std::path::{Path, PathBuf};

use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

use super::fault::OpenError;

/// A parsed database URL.
#[derive(Clone, PartialEq, Eq)]
pub struct Url(Target);

#[derive(Clone, PartialEq, Eq)]
pub(super) enum Target {
    Memory,
    File(PathBuf),
    Server(Box<Server>),
}

#[derive(Clone, PartialEq, Eq)]
pub(super) struct Server {
    pub(super) config: Config,
    pub(super) tls: Tls,
}

/// How the server is spoken to. There is no unverified TLS: it only looks safe.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Tls {
    Off,
    Verified { roots: Option<PathBuf> },
}

impl Url {
    /// Reads a URL; the error says what is wrong without repeating the text.
    pub fn parse(text: &str) -> Result<Url, OpenError> {
        if let Some(path) = text.strip_prefix("sqlite:") {
            return sqlite(path.strip_prefix("//").unwrap_or(path));
        }
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return server(text).map(|server| Url(Target::Server(Box::new(server))));
        }
        Err(OpenError::Url("must begin with sqlite: or postgres://".into()))
    }

    /// The private in-memory database of the simulator: exactly one connection sees it.
    pub fn memory() -> Url {
        Url(Target::Memory)
    }

    pub fn is_memory(&self) -> bool {
        self.0 == Target::Memory
    }

    pub fn is_postgres(&self) -> bool {
        matches!(self.0, Target::Server(_))
    }

    /// The database file of an embedded database; none in memory or on a server.
    pub fn sqlite_path(&self) -> Option<&Path> {
        match &self.0 {
            Target::File(path) => Some(path),
            Target::Memory | Target::Server(_) => None,
        }
    }

    pub(super) fn target(&self) -> &Target {
        &self.0
    }
}

impl fmt::Display for Url {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Target::Memory => out.write_str("sqlite::memory:"),
            Target::File(path) => write!(out, "sqlite:{}", path.display()),
            Target::Server(server) => write_server(out, &server.config),
        }
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Url({self})")
    }
}

fn write_server(out: &mut fmt::Formatter<'_>, config: &Config) -> fmt::Result {
    write!(out, "postgres://{}@", config.get_user().unwrap_or_default())?;
    for (index, host) in config.get_hosts().iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        match host {
            Host::Tcp(name) => write!(out, "{comma}{name}")?,
            Host::Unix(path) => write!(out, "{comma}{}", path.display())?,
        }
        let ports = config.get_ports();
        if let Some(port) = ports.get(index).or(ports.first()) {
            write!(out, ":{port}")?;
        }
    }
    write!(out, "/{}", config.get_dbname().unwrap_or_default())
}

fn sqlite(path: &str) -> Result<Url, OpenError> {
    match path {
        "" => Err(OpenError::Url("sqlite: needs a path".into())),
        ":memory:" => Ok(Url::memory()),
        _ if path.contains('?') => Err(OpenError::Url("sqlite: takes no parameters".into())),
        _ => Ok(Url(Target::File(PathBuf::from(path)))),
    }
}

fn server(text: &str) -> Result<Server, OpenError> {
    let (address, query) = text.split_once('?').unwrap_or((text, ""));
    let (mut mode, mut roots, mut kept) = (None, None, Vec::new());
    for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
        match parameter.split_once('=') {
            Some(("sslmode", value)) => mode = Some(value),
            Some(("sslrootcert", value)) => roots = Some(PathBuf::from(value)),
            _ => kept.push(parameter),
        }
    }
    let mut config: Config = format!("{address}?{}", kept.join("&")).parse().map_err(|_| {
        // The driver's own error may quote a piece of the password.
        OpenError::Url("not a postgres URL (percent-encode special characters in user and password)".into())
    })?;
    if config.get_user().is_none() || config.get_dbname().is_none() || config.get_hosts().is_empty() {
        return Err(OpenError::Url("postgres:// needs user, host and database".into()));
    }
    let tls = match mode {
        Some("disable") => Tls::Off,
        None if config.get_hosts().iter().all(is_local) => Tls::Off,
        None | Some("require" | "verify-ca" | "verify-full") => Tls::Verified { roots },
        Some(_) => {
            return Err(OpenError::Url("sslmode must be verify-full or disable".into()));
        }
    };
    config.ssl_mode(if tls == Tls::Off { SslMode::Disable } else { SslMode::Require });
    Ok(Server { config, tls })
}

fn is_local(host: &Host) -> bool {
    match host {
        Host::Tcp(name) => matches!(name.as_str(), "localhost" | "127.0.0.1" | "::1"),
        Host::Unix(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_shown() {
        let url = Url::parse("postgres://bursar:hunter2@db1:5433,db2/shop?target_session_attrs=read-write")
            .unwrap();
        assert_eq!(url.to_string(), "postgres://bursar@db1:5433,db2:5432/shop");
        assert!(!format!("{url:?}").contains("hunter2"));
        let broken = Url::parse("postgres://bursar:hunter2@db1:port/shop").unwrap_err();
        assert!(!format!("{broken:?} {broken}").contains("hunter2"));
    }

    #[test]
    fn a_remote_server_is_verified_unless_told_otherwise() {
        let tls = |text: &str| match Url::parse(text).unwrap().0 {
            Target::Server(server) => server.tls,
            Target::Memory | Target::File(_) => panic!("not a server"),
        };
        assert_eq!(tls("postgres://u@localhost/db"), Tls::Off);
        assert_eq!(tls("postgres://u@localhost,far/db"), Tls::Verified { roots: None });
        assert_eq!(tls("postgres://u@far/db?sslmode=disable"), Tls::Off);
        let roots = Some(PathBuf::from("/etc/ca.pem"));
        assert_eq!(
            tls("postgres://u@far/db?sslmode=require&sslrootcert=/etc/ca.pem"),
            Tls::Verified { roots }
        );
        assert!(Url::parse("postgres://u@far/db?sslmode=prefer").is_err());
    }

    #[test]
    fn sqlite_paths_are_taken_as_they_are() {
        for text in ["sqlite:/srv/a b.db", "sqlite:///srv/a b.db"] {
            assert_eq!(Url::parse(text).unwrap().sqlite_path(), Some(Path::new("/srv/a b.db")));
        }
        assert!(Url::parse("sqlite::memory:").unwrap().is_memory());
        assert!(Url::parse("sqlite:").is_err());
        assert!(Url::parse("mysql://x").is_err());
    }
}
