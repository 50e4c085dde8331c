//! `cargo xtask tidy`: the rules of STYLE.md that a machine can check, as a command and as a test.
//!
//! Invariants: every rule has a test that plants a violation and sees it found; an exception stands
//! in one table (`exceptions.rs`) with its reason. Deliberately not here: what rustfmt, clippy or
//! the compiler already keep, and a full Rust parser: the tree is formatted by rustfmt, so counting
//! braces outside strings and comments is enough.

mod exceptions;
mod migrations;
mod names;
mod rooms;
mod size;
mod source;
mod sql;
mod tree;
mod words;

use std::fmt;
use std::fs;

use anyhow::{Result, bail};

use crate::shell;
use source::Source;

/// What is wrong where; printed as `path:line: rule: what`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Violation {
    path: String,
    /// Counted from 1; 0 when the file as a whole is meant.
    line: usize,
    rule: Rule,
    what: String,
}

/// The rules, for messages and for the table of exceptions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rule {
    FunctionLength,
    FileLength,
    LineLength,
    RoomOrder,
    EngineKnowsNoDomain,
    SqlOutsideStore,
    SqlDialect,
    JournalIsImmutable,
    ProviderWord,
    Float,
    ClockOrDice,
    PureDomain,
    BannedName,
    Unfinished,
    ModuleIntroduction,
    Migration,
    StrayFile,
    CrateCount,
    MachinePath,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Violation { path, line, rule, what } = self;
        match line {
            0 => write!(f, "{path}: {rule:?}: {what}"),
            line => write!(f, "{path}:{line}: {rule:?}: {what}"),
        }
    }
}

/// A file of the tree: its path from the root with `/`, and its text when it is UTF-8.
struct File {
    path: String,
    text: String,
}

/// Checks the whole tree; the error lists every violation.
pub fn run() -> Result<()> {
    let files = tracked_files()?;
    let violations = check(&files);
    if violations.is_empty() {
        println!("tidy: {} files, nothing to complain about", files.len());
        return Ok(());
    }
    let lines: Vec<_> = violations.iter().map(ToString::to_string).collect();
    bail!("tidy: {} violations\n{}", lines.len(), lines.join("\n"))
}

fn check(files: &[File]) -> Vec<Violation> {
    let mut found = tree::check(files);
    found.extend(migrations::check(files));
    for file in files {
        found.extend(size::check_prose(file));
        found.extend(sql::check_file(file));
    }
    let sources: Vec<_> =
        files.iter().filter(|file| has_extension(&file.path, "rs")).map(Source::read).collect();
    for source in &sources {
        found.extend(size::check_source(source));
        found.extend(sql::check_source(source));
        found.extend(words::check(source));
        found.extend(names::check(source));
    }
    found.extend(rooms::check(&sources));
    found.retain(|violation| exceptions::reason(violation.rule, &violation.path).is_none());
    found.sort();
    found
}

fn has_extension(path: &str, extension: &str) -> bool {
    path.rsplit_once('.').is_some_and(|(_, end)| end == extension)
}

/// What git tracks or would track: build results and installed peers are not ours to judge.
fn tracked_files() -> Result<Vec<File>> {
    let arguments = ["ls-files", "--cached", "--others", "--exclude-standard", "-z"];
    let listed = shell::output(shell::command("git").args(arguments))?;
    let paths = listed.split('\0').filter(|path| !path.is_empty());
    // A path that git lists and the disk lacks is being deleted; one that is not UTF-8 is a picture.
    Ok(paths
        .filter(|path| shell::root().join(path).is_file())
        .map(|path| File {
            path: path.to_owned(),
            text: fs::read_to_string(shell::root().join(path)).unwrap_or_default(),
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What each rule's own tests use: the rules that one planted file breaks.
    pub(super) fn rules_broken_by(path: &str, text: &str) -> Vec<Rule> {
        let file = File { path: path.to_owned(), text: text.to_owned() };
        let mut rules: Vec<_> = check(&[file]).into_iter().map(|violation| violation.rule).collect();
        rules.dedup();
        rules
    }

    #[test]
    fn the_tree_is_tidy() {
        let found = check(&tracked_files().unwrap());
        let lines: Vec<_> = found.iter().map(ToString::to_string).collect();
        assert!(found.is_empty(), "{}", lines.join("\n"));
    }

    #[test]
    fn a_violation_names_its_place() {
        let file =
            File { path: "crates/store/src/a.rs".to_owned(), text: "fn a() {\n    todo!()\n}\n".to_owned() };
        let found = check(&[file]);
        assert_eq!(found[0].to_string(), "crates/store/src/a.rs:2: Unfinished: todo!");
    }
}
