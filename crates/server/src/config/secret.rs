//! Values that are never shown: not by Debug, not by check-config, not in an error.

use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// What stands where a secret would.
pub const MASK: &str = "***";

/// Text that is wiped when dropped and prints as `***`.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(Zeroizing::new(text.into()))
    }

    /// The secret itself; the only way to it, so that its uses can be searched for.
    pub fn expose(&self) -> &str {
        &self.0
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_empty() { "\"\"" } else { MASK })
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Secret::new)
    }
}

/// Masked: serializing is how check-config prints.
impl Serialize for Secret {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(if self.is_empty() { "" } else { MASK })
    }
}

/// The address of the database, whose password is shown nowhere.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(Zeroizing<String>);

impl DatabaseUrl {
    pub fn new(text: impl Into<String>) -> DatabaseUrl {
        DatabaseUrl(Zeroizing::new(text.into()))
    }

    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The file of an `sqlite:` address; `None` for a server's and for a database in memory.
    pub fn sqlite_path(&self) -> Option<&str> {
        let path = self.0.strip_prefix("sqlite:")?;
        let path = path.strip_prefix("//").unwrap_or(path);
        let path = path.split('?').next().unwrap_or(path);
        (!path.is_empty() && path != ":memory:").then_some(path)
    }

    pub fn is_sqlite(&self) -> bool {
        self.0.starts_with("sqlite:")
    }

    pub fn is_postgres(&self) -> bool {
        self.0.starts_with("postgres://") || self.0.starts_with("postgresql://")
    }

    /// The address without its password, whether it stands before the `@` or in the query.
    pub fn masked(&self) -> String {
        let (head, query) = match self.0.split_once('?') {
            Some((head, query)) => (head, Some(query)),
            None => (self.0.as_str(), None),
        };
        let mut out = match (head.split_once("://"), head.rfind('@')) {
            (Some((scheme, _)), Some(at)) => {
                let user = &head[scheme.len() + 3..at];
                match user.split_once(':') {
                    Some((user, _)) => format!("{scheme}://{user}:{MASK}{}", &head[at..]),
                    None => head.to_owned(),
                }
            }
            _ => head.to_owned(),
        };
        if let Some(query) = query {
            let shown: Vec<String> = query.split('&').map(mask_parameter).collect();
            out.push('?');
            out.push_str(&shown.join("&"));
        }
        out
    }
}

fn mask_parameter(parameter: &str) -> String {
    match parameter.split_once('=') {
        Some((name, _)) if name.to_ascii_lowercase().contains("pass") => format!("{name}={MASK}"),
        _ => parameter.to_owned(),
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

impl<'de> Deserialize<'de> for DatabaseUrl {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(DatabaseUrl::new)
    }
}

impl Serialize for DatabaseUrl {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.masked())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_address_is_shown_without_its_password() {
        let shown = |text: &str| DatabaseUrl::new(text).masked();
        assert_eq!(shown("postgres://a:hunter2@h1,h2/db"), "postgres://a:***@h1,h2/db");
        assert_eq!(shown("postgres://a:p@ss@h/db"), "postgres://a:***@h/db");
        assert_eq!(
            shown("postgres://a@h/db?sslmode=require&password=x"),
            "postgres://a@h/db?sslmode=require&password=***"
        );
        assert_eq!(shown("sqlite:data/bursar.db"), "sqlite:data/bursar.db");
    }

    #[test]
    fn the_file_of_a_database_is_found() {
        let path = |text| DatabaseUrl::new(text).sqlite_path().map(str::to_owned);
        assert_eq!(path("sqlite:a/b.db"), Some("a/b.db".into()));
        assert_eq!(path("sqlite:///tmp/b.db?mode=rwc"), Some("/tmp/b.db".into()));
        assert_eq!(path("sqlite::memory:"), None);
        assert_eq!(path("postgres://h/db"), None);
    }

    #[test]
    fn a_secret_prints_as_a_mask() {
        assert_eq!(format!("{:?}", Secret::new("hunter2")), "***");
    }
}
