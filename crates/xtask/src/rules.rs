//! `cargo xtask rules`: every rule of the contract beside the tests that would fail without it.
//!
//! The table is `docs/rules.md`, written by people. Here it is checked: each rule is in it, has tests or
//! the reason why it has none yet, and every named test is one.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::shell;

/// The rules of the contract; their numbers have gaps on purpose.
const BUSINESS: &[u8] = &[
    1, 2, 3, 4, 5, 6, 7, 8, 9, 20, 21, 22, 24, 25, 27, 28, 29, 30, 31, 32, 33, 35, 36, 37, 40, 41, 42, 43,
    44, 45, 46, 47, 48, 49, 50, 51, 52, 54, 56, 57, 60, 61, 63, 65, 66, 67, 70, 71, 72, 73, 80, 81, 82, 83,
    84, 86, 88, 89, 90, 91,
];
const HAZARDS: u8 = 23;
const LATER: &str = "*later*: ";

/// A line of the table.
struct Row<'a> {
    rule: &'a str,
    says: &'a str,
    tests: Vec<&'a str>,
    /// Why there is no test yet.
    later: Option<&'a str>,
}

/// Prints the table; the error lists what is wrong with it.
pub fn run() -> Result<()> {
    let text = fs::read_to_string(shell::root().join("docs/rules.md")).context("docs/rules.md")?;
    let rows: Vec<Row<'_>> = text.lines().filter_map(row).collect();
    for row in &rows {
        println!("{:>6}  {}", row.rule, row.says);
        for test in &row.tests {
            println!("        - {test}");
        }
        if let Some(why) = row.later {
            println!("        later: {why}");
        }
    }
    let mut wrong = complaints(&rows);
    for row in &rows {
        let missing = row.tests.iter().filter(|test| !exists(&shell::root(), test));
        wrong.extend(missing.map(|test| format!("{}: there is no test {test}", row.rule)));
    }
    if !wrong.is_empty() {
        bail!("docs/rules.md:\n{}", wrong.join("\n"));
    }
    let tested = rows.iter().filter(|row| row.later.is_none()).count();
    println!("rules: {tested} tested, {} later", rows.len() - tested);
    Ok(())
}

fn row(line: &str) -> Option<Row<'_>> {
    let cells: Vec<&str> = line.strip_prefix('|')?.split('|').map(str::trim).collect();
    let [rule, says, tests, ""] = cells[..] else { return None };
    let is_rule = rule.starts_with("BR-") || rule.starts_with("H-");
    let named = tests.split('`').skip(1).step_by(2).collect();
    is_rule.then(|| Row { rule, says, tests: named, later: tests.strip_prefix(LATER) })
}

/// What is wrong with the table itself.
fn complaints(rows: &[Row<'_>]) -> Vec<String> {
    let mut wrong = Vec::new();
    let known = BUSINESS.iter().map(|n| format!("BR-{n}")).chain((1..=HAZARDS).map(|n| format!("H-{n}")));
    let known: Vec<String> = known.collect();
    for rule in &known {
        match rows.iter().filter(|row| row.rule == rule).count() {
            1 => {}
            0 => wrong.push(format!("{rule} is missing")),
            _ => wrong.push(format!("{rule} stands there twice")),
        }
    }
    for row in rows {
        if !known.iter().any(|rule| rule == row.rule) {
            wrong.push(format!("{} is no rule", row.rule));
        }
        if row.tests.is_empty() == row.later.is_none_or(str::is_empty) {
            wrong.push(format!("{} needs tests, or the reason why it has none", row.rule));
        }
    }
    wrong
}

/// Whether `crate a::b::test` is a test of that crate.
fn exists(root: &Path, test: &str) -> bool {
    let Some((krate, path)) = test.split_once(' ') else { return false };
    let Some((module, name)) = path.rsplit_once("::") else { return false };
    let inner = module.strip_suffix("::tests");
    let folders = ["tests", "src"].map(|folder| root.join("crates").join(krate).join(folder));
    let modules = [Some(module), inner].into_iter().flatten();
    let places = modules.flat_map(|module| folders.iter().flat_map(|folder| files(folder, module)));
    places.filter_map(|file| fs::read_to_string(file).ok()).any(|source| is_test(&source, name))
}

fn files(folder: &Path, module: &str) -> [PathBuf; 2] {
    let path = folder.join(module.replace("::", "/"));
    [path.with_extension("rs"), path.join("mod.rs")]
}

/// A function with the attribute, or one that runs on both engines.
fn is_test(source: &str, name: &str) -> bool {
    let lines: Vec<&str> = source.lines().map(str::trim).collect();
    let attributed = format!("fn {name}(");
    let engines = format!("fn {name}(db)");
    lines.iter().enumerate().any(|(at, line)| {
        let marked = || {
            let above =
                lines[..at].iter().rev().take_while(|line| line.starts_with("#[") || line.starts_with("//"));
            above.into_iter().any(|line| *line == "#[test]" || *line == "#[tokio::test]")
        };
        line.starts_with(&engines) || (line.trim_start_matches("async ").starts_with(&attributed) && marked())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_has_tests_that_exist_or_a_reason() {
        run().unwrap();
    }

    #[test]
    fn a_missing_an_invented_and_an_empty_rule_are_found() {
        let text = "| BR-1 | x | `domain a::b` |\n| BR-10 | x | `domain a::b` |\n| BR-2 | x | |\n| H-1 | x | *later*: |";
        let rows: Vec<Row<'_>> = text.lines().filter_map(row).collect();
        assert_eq!(rows.len(), 4);
        let wrong = complaints(&rows);
        for complaint in [
            "BR-3 is missing",
            "H-23 is missing",
            "BR-10 is no rule",
            "BR-2 needs tests, or the reason why it has none",
        ] {
            assert!(wrong.iter().any(|found| found == complaint), "{complaint}: {wrong:?}");
        }
        assert!(wrong.iter().any(|found| found.starts_with("H-1 needs")), "{wrong:?}");
        assert!(!wrong.iter().any(|found| found.starts_with("BR-1 ")), "{wrong:?}");
    }

    #[test]
    fn only_a_test_that_runs_counts() {
        assert!(exists(&shell::root(), "xtask rules::tests::only_a_test_that_runs_counts"));
        assert!(exists(
            &shell::root(),
            "server mainjob::many::one_booking_paid_by_many_at_once_is_charged_once"
        ));
        for nothing in
            ["xtask rules::tests::nothing", "xtask rules::exists", "xtask rules", "nowhere a::b", "x"]
        {
            assert!(!exists(&shell::root(), nothing), "{nothing}");
        }
        assert!(is_test("    #[test]\n    // why\n    fn a() {", "a"));
        assert!(!is_test("fn a() {", "a") && !is_test("#[test]\nfn ab() {", "a"));
    }
}
