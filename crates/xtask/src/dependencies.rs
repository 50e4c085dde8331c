//! Every crate in the lock file against deny.toml: its licence, where it comes from, and the bans.
//!
//! The same file and the same meaning as cargo-deny's `bans licenses sources`, which is used when it
//! is installed. It takes minutes to build on a new machine, longer than all other checks together,
//! so the build machine asks these few lines instead. Advisories need a database from the network
//! and are deliberately not here.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use toml::Table;

use crate::shell;

struct Policy {
    licences: Vec<String>,
    /// Crate by crate, what is allowed beyond the common list.
    exceptions: BTreeMap<String, Vec<String>>,
    banned: Vec<String>,
}

struct Package {
    name: String,
    licence: Option<String>,
    source: Option<String>,
}

/// cargo-deny where it is installed, else our own reading of the same policy.
pub fn run() -> Result<()> {
    if shell::succeeds(&mut shell::cargo("deny --version")) {
        return shell::run(&mut shell::cargo(
            "deny --locked check bans licenses sources",
        ));
    }
    let policy = fs::read_to_string(shell::root().join("deny.toml")).context("no deny.toml")?;
    let policy = parse_policy(&policy)?;
    let metadata = shell::output(&mut shell::cargo("metadata --locked --format-version 1"))?;
    let packages = parse_packages(&serde_json::from_str(&metadata)?);
    let complaints: Vec<_> = packages
        .iter()
        .filter_map(|package| complaint(package, &policy))
        .collect();
    if complaints.is_empty() {
        println!(
            "dependencies: {} crates, licences, sources and bans as in deny.toml",
            packages.len()
        );
        return Ok(());
    }
    bail!(
        "dependencies: {} crates against deny.toml\n{}",
        complaints.len(),
        complaints.join("\n")
    )
}

fn complaint(package: &Package, policy: &Policy) -> Option<String> {
    // No source: a crate of this workspace.
    let source = package.source.as_deref()?;
    let name = &package.name;
    if !source.starts_with("registry+") {
        return Some(format!(
            "{name}: comes from {source}, not from the registry"
        ));
    }
    if policy.banned.contains(name) {
        return Some(format!("{name}: banned"));
    }
    let Some(expression) = &package.licence else {
        return Some(format!("{name}: states no licence"));
    };
    let own = policy.exceptions.get(name).map_or(&[][..], Vec::as_slice);
    let allowed = |licence: &str| {
        policy
            .licences
            .iter()
            .chain(own)
            .any(|known| known == licence)
    };
    (!satisfied(expression, &allowed)).then(|| format!("{name}: licence {expression}"))
}

/// SPDX in the forms crates use: OR (also `/`), AND, WITH, parentheses.
fn satisfied(expression: &str, allowed: &impl Fn(&str) -> bool) -> bool {
    let expression = strip_parentheses(expression.trim());
    let alternatives = split_outside(expression, &[" OR ", "/"]);
    if alternatives.len() > 1 {
        return alternatives.iter().any(|part| satisfied(part, allowed));
    }
    let together = split_outside(expression, &[" AND "]);
    if together.len() > 1 {
        return together.iter().all(|part| satisfied(part, allowed));
    }
    allowed(expression)
}

fn strip_parentheses(expression: &str) -> &str {
    let inner = expression
        .strip_prefix('(')
        .and_then(|rest| rest.strip_suffix(')'));
    let balanced = |text: &str| {
        let mut depth = 0;
        text.chars().all(|letter| {
            depth += i32::from(letter == '(') - i32::from(letter == ')');
            depth >= 0
        })
    };
    inner.filter(|inner| balanced(inner)).unwrap_or(expression)
}

fn split_outside<'a>(expression: &'a str, separators: &[&str]) -> Vec<&'a str> {
    let (mut parts, mut depth, mut begin) = (Vec::new(), 0, 0);
    for (at, letter) in expression.char_indices() {
        depth += i32::from(letter == '(') - i32::from(letter == ')');
        let separator = separators
            .iter()
            .find(|separator| expression[at..].starts_with(**separator));
        if let Some(separator) = separator.filter(|_| depth == 0) {
            parts.push(&expression[begin..at]);
            begin = at + separator.len();
        }
    }
    parts.push(&expression[begin..]);
    parts
}

fn parse_policy(text: &str) -> Result<Policy> {
    let table: Table = text.parse().context("deny.toml")?;
    let licences = table.get("licenses").context("deny.toml: no [licenses]")?;
    let exceptions = array(licences.get("exceptions")).iter();
    let exceptions = exceptions
        .map(|entry| (crate_name(entry), strings(entry.get("allow"))))
        .collect();
    let banned = array(table.get("bans").and_then(|bans| bans.get("deny")))
        .iter()
        .map(crate_name)
        .collect();
    Ok(Policy {
        licences: strings(licences.get("allow")),
        exceptions,
        banned,
    })
}

fn array(value: Option<&toml::Value>) -> &[toml::Value] {
    value
        .and_then(toml::Value::as_array)
        .map_or(&[], Vec::as_slice)
}

fn strings(value: Option<&toml::Value>) -> Vec<String> {
    array(value)
        .iter()
        .filter_map(|entry| entry.as_str().map(str::to_owned))
        .collect()
}

/// cargo-deny writes a crate as a string or as a table with its name under `crate`.
fn crate_name(entry: &toml::Value) -> String {
    let name = entry
        .as_str()
        .or_else(|| entry.get("crate").and_then(toml::Value::as_str));
    name.unwrap_or_default().to_owned()
}

fn parse_packages(metadata: &Value) -> Vec<Package> {
    let text = |package: &Value, key: &str| package[key].as_str().map(str::to_owned);
    let packages = metadata["packages"].as_array().into_iter().flatten();
    packages
        .map(|package| Package {
            name: text(package, "name").unwrap_or_default(),
            licence: text(package, "license"),
            source: text(package, "source"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: &str = r#"
        [licenses]
        allow = ["MIT", "Apache-2.0", "Apache-2.0 WITH LLVM-exception"]
        exceptions = [{ crate = "roots", allow = ["CDLA-Permissive-2.0"] }]
        [bans]
        deny = [{ crate = "openssl", reason = "rustls" }]
    "#;

    fn said(name: &str, licence: Option<&str>, source: Option<&str>) -> Option<String> {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let package = Package {
            name: name.to_owned(),
            licence: owned(licence),
            source: owned(source),
        };
        complaint(&package, &parse_policy(POLICY).unwrap())
    }

    #[test]
    fn licence_expressions_are_understood() {
        let allowed = |licence: &str| ["MIT", "Apache-2.0", "Unicode-3.0"].contains(&licence);
        for good in [
            "MIT",
            "MIT/Apache-2.0",
            "GPL-3.0 OR MIT",
            "(MIT OR GPL-3.0) AND Unicode-3.0",
            "(MIT) AND (MIT)",
        ] {
            assert!(satisfied(good, &allowed), "{good}");
        }
        for bad in [
            "GPL-3.0",
            "MIT AND GPL-3.0",
            "(GPL-3.0 OR AGPL-3.0) AND MIT",
            "",
        ] {
            assert!(!satisfied(bad, &allowed), "{bad}");
        }
    }

    #[test]
    fn foreign_sources_bans_and_licences_are_complained_about() {
        let registry = Some("registry+https://example.org/index");
        assert_eq!(said("good", Some("MIT OR Apache-2.0"), registry), None);
        assert_eq!(said("roots", Some("CDLA-Permissive-2.0"), registry), None);
        assert_eq!(said("ours", None, None), None);
        assert!(
            said("git", Some("MIT"), Some("git+https://example.org/x"))
                .unwrap()
                .contains("not from the registry")
        );
        assert!(
            said("openssl", Some("MIT"), registry)
                .unwrap()
                .contains("banned")
        );
        assert!(
            said("other", Some("CDLA-Permissive-2.0"), registry)
                .unwrap()
                .contains("licence")
        );
        assert!(said("none", None, registry).unwrap().contains("no licence"));
    }
}
