//! The tree as a whole: introductions, stray files, the number of crates, traces of one machine.

use super::source::is_identifier;
use super::{File, Rule, Violation};

/// Above this a dependency is a decision, not a habit.
const CRATES_MAX: usize = 300;
const REPORT_ENDINGS: &[&str] = &["_SUMMARY.md", "_COMPLETE.md", "_REPORT.md"];
const REPORT_NAMES: &[&str] = &["TODO.md", "STATUS.md", "NOTES.md"];
const SCRIPT_ENDINGS: &[&str] = &[".sh", ".py", ".js", ".ts", ".rb", ".pl"];
/// In two halves, so that this file does not break its own rule.
const MACHINE_PATHS: &[&str] = &[concat!("/", "work"), concat!("/", "root"), concat!("/", "tmp/bash_jobs")];
const REGISTRY_HOSTS: &[&str] = &[
    concat!("index.", "crates.io"),
    concat!("static.", "crates.io"),
    concat!("registry.", "npmjs.org"),
    concat!("pypi", ".org"),
    concat!("pythonhosted", ".org"),
    concat!("deb.", "debian.org"),
    concat!("proxy.", "golang.org"),
];

pub(super) fn check(files: &[File]) -> Vec<Violation> {
    files.iter().flat_map(check_file).collect()
}

fn check_file(file: &File) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut report = |line, rule, what: String| {
        found.push(Violation { path: file.path.clone(), line, rule, what });
    };
    if lacks_introduction(file) {
        report(1, Rule::ModuleIntroduction, "open with `//!`: what, invariants, what is not here".to_owned());
    }
    if let Some(what) = stray(&file.path) {
        report(0, Rule::StrayFile, what.to_owned());
    }
    if file.path == "Cargo.lock" {
        let crates = file.text.matches("[[package]]").count();
        if crates >= CRATES_MAX {
            report(0, Rule::CrateCount, format!("{crates} crates, fewer than {CRATES_MAX} allowed"));
        }
    }
    for (index, line) in file.text.lines().enumerate() {
        let paths = MACHINE_PATHS.iter().filter(|path| has_path(line, path));
        for word in paths.chain(REGISTRY_HOSTS.iter().filter(|host| line.contains(**host))) {
            report(index + 1, Rule::MachinePath, format!("`{word}` is of one machine or registry"));
        }
    }
    found
}

/// An empty file has nothing to introduce yet.
fn lacks_introduction(file: &File) -> bool {
    let introduces =
        file.path.ends_with("/lib.rs") || (file.path.ends_with("/mod.rs") && file.path.contains("/src/"));
    introduces && !file.text.trim().is_empty() && !file.text.starts_with("//!")
}

fn stray(path: &str) -> Option<&'static str> {
    let name = path.rsplit('/').next().unwrap_or(path);
    let is_report = REPORT_ENDINGS.iter().any(|end| name.ends_with(end)) || REPORT_NAMES.contains(&name);
    let is_script = !path.contains('/') && SCRIPT_ENDINGS.iter().any(|end| name.ends_with(end));
    if is_report {
        Some("a status report: commits and issues say this")
    } else if is_script {
        Some("a script in the root: make it a command of xtask")
    } else {
        None
    }
}

/// Absolute, not the tail of another path.
fn has_path(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + path.len()..].chars().next();
        let joins = |letter: char| is_identifier(letter) || "./-*}".contains(letter);
        !before.is_some_and(joins) && !after.is_some_and(|letter| is_identifier(letter) || letter == '-')
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::rules_broken_by;
    use super::*;

    #[test]
    fn a_module_without_introduction_is_found() {
        assert_eq!(rules_broken_by("crates/a/src/b/mod.rs", "fn a() {}\n"), [Rule::ModuleIntroduction]);
        assert!(rules_broken_by("crates/a/src/b/mod.rs", "//! A room.\n").is_empty());
    }

    #[test]
    fn status_reports_and_scripts_in_the_root_are_found() {
        for path in ["docs/WORK_SUMMARY.md", "crates/a/TODO.md", "fix.py"] {
            assert_eq!(rules_broken_by(path, ""), [Rule::StrayFile], "{path}");
        }
        assert!(rules_broken_by("e2e/peers/serve.py", "").is_empty());
    }

    #[test]
    fn the_three_hundredth_crate_is_found() {
        assert!(rules_broken_by("Cargo.lock", &"[[package]]\n".repeat(299)).is_empty());
        assert_eq!(rules_broken_by("Cargo.lock", &"[[package]]\n".repeat(300)), [Rule::CrateCount]);
    }

    #[test]
    fn traces_of_a_machine_or_a_registry_are_found() {
        for path in MACHINE_PATHS {
            assert_eq!(
                rules_broken_by("docs/a.md", &format!("see {path}/shared")),
                [Rule::MachinePath],
                "{path}"
            );
        }
        let host = REGISTRY_HOSTS[0];
        assert_eq!(rules_broken_by("docs/a.toml", &format!("https://{host}/")), [Rule::MachinePath]);
        let innocent = format!("a bursar{0}er, {0}er, docs{0}", MACHINE_PATHS[0]);
        assert!(rules_broken_by("docs/a.md", &innocent).is_empty());
    }
}
