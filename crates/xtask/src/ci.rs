//! `cargo xtask ci`: the one test command, the same for a developer and for the build machine.
//!
//! Steps run in order of price: what fails in a second fails first. A step whose subject is not in
//! the tree is not listed, so that the list never claims what was not run.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::postgres::Cluster;
use crate::shell;
use crate::{bench, crash, install, postman, rules, scale, sim, smoke, test, tidy};

/// A check and the name it is reported under.
struct Step {
    name: &'static str,
    run: fn() -> Result<()>,
}

const STEPS: &[Step] = &[
    Step { name: "install what is missing", run: install::run },
    Step { name: "format", run: || shell::run(&mut shell::cargo("fmt --all --check")) },
    Step {
        name: "clippy",
        run: || shell::run(&mut shell::cargo("clippy --workspace --all-targets --locked -- -D warnings")),
    },
    Step { name: "tidy", run: tidy::run },
    Step { name: "rules and their tests", run: rules::run },
    Step { name: "build", run: || shell::run(&mut shell::cargo("build --workspace --locked")) },
    Step { name: "tests on both engines", run: tests },
    Step { name: "simulation", run: sim::short },
    Step { name: "documentation", run: documentation },
    Step {
        name: "dependencies",
        run: || shell::run(&mut shell::cargo("deny --locked check bans licenses sources")),
    },
    Step {
        name: "release build",
        run: || shell::run(&mut shell::cargo("build --release --locked -p server")),
    },
    Step { name: "smoke", run: || smoke::run(None) },
    Step { name: "walk through the test cards", run: || postman::run(None) },
    Step { name: "speed beside pgbench", run: || bench::run(&bench::Arguments::short()) },
    Step {
        name: "reports at 10 and at 250 thousand payments",
        run: || scale::run(&scale::Arguments::short()),
    },
    Step { name: "crashes on both engines", run: crash::short },
];

/// Runs every step; the error names the first that failed and what was not run because of it.
pub fn run() -> Result<()> {
    let started = now();
    let mut times = Vec::new();
    for (position, step) in STEPS.iter().enumerate() {
        println!("\n=== {}/{} {}", position + 1, STEPS.len(), step.name);
        let begun = now();
        let outcome = (step.run)();
        times.push((step.name, begun.elapsed()));
        if let Err(error) = outcome {
            print_times(&times);
            return Err(error.context(failure(position)));
        }
    }
    print_times(&times);
    let counted = test_counts()?;
    println!("\nci: {} steps passed in {}, {counted}", STEPS.len(), seconds(started.elapsed()));
    Ok(())
}

fn failure(position: usize) -> String {
    let rest: Vec<_> = STEPS[position + 1..].iter().map(|step| step.name).collect();
    let not_run = if rest.is_empty() { "nothing".to_owned() } else { rest.join(", ") };
    format!("step {}/{} FAILED: {} (not run: {not_run})", position + 1, STEPS.len(), STEPS[position].name)
}

fn print_times(times: &[(&str, Duration)]) {
    println!();
    for (name, time) in times {
        println!("{:>9}  {name}", seconds(*time));
    }
}

fn tests() -> Result<()> {
    let cluster = Cluster::for_tests().context("cannot start a PostgreSQL for the tests")?;
    let arguments = ["--workspace", "--locked", "--profile=ci"].map(str::to_owned);
    shell::run(&mut test::nextest(&cluster, &arguments))
}

fn documentation() -> Result<()> {
    shell::run(shell::cargo("doc --workspace --no-deps --locked").env("RUSTDOCFLAGS", "-D warnings"))
}

/// From the file nextest writes, so that the last line says how much the green light covers.
fn test_counts() -> Result<String> {
    let path = shell::root().join("target/nextest/ci/junit.xml");
    let report = fs::read_to_string(&path).with_context(|| format!("no {}", path.display()))?;
    let count = |name| attribute(&report, name).with_context(|| format!("the test report counts no {name}"));
    Ok(format!("{} tests, {} skipped", count("tests")?, count("skipped")?))
}

/// The first one in the text belongs to the outermost element, which counts the whole run.
fn attribute(report: &str, name: &str) -> Option<u32> {
    let (_, rest) = report.split_once(&format!(" {name}=\""))?;
    rest.split('"').next()?.parse().ok()
}

fn seconds(time: Duration) -> String {
    format!("{} s", time.as_secs())
}

#[expect(clippy::disallowed_methods, reason = "the workshop measures its own steps")]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_names_the_step_and_what_was_not_run() {
        let last = STEPS.len() - 1;
        assert!(failure(last).contains(STEPS[last].name));
        assert!(failure(last).ends_with("(not run: nothing)"));
        assert!(failure(last - 1).contains(&format!("(not run: {})", STEPS[last].name)));
    }

    #[test]
    fn the_count_is_that_of_the_whole_run() {
        let report = r#"<testsuites name="run" tests="36" failures="1"><testsuite tests="4" failures="0">"#;
        assert_eq!(attribute(report, "tests"), Some(36));
        assert_eq!(attribute(report, "failures"), Some(1));
        assert_eq!(attribute(report, "skipped"), None, "absent is not zero");
    }
}
