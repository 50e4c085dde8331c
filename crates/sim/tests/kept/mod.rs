//! Seeds that failed once, and a handful that never did.

use domain::context::Plants;
use sim::{Plan, run};

use super::repeatable::intact;

fn kept() -> Vec<Plan> {
    let lines = include_str!("../../seeds.txt").lines();
    let lines = lines.map(|line| line.split('#').next().unwrap_or_default().trim());
    lines
        .filter(|line| !line.is_empty())
        .map(|line| {
            let mut words = line.split_whitespace();
            let mut number = || words.next().and_then(|word| word.parse::<u64>().ok()).expect("two numbers");
            let (seed, steps) = (number(), u32::try_from(number()).expect("steps are few"));
            Plan { seed, steps, plants: Plants::default(), nets_dropped: false }
        })
        .collect()
}

#[test]
fn seeds_that_failed_once_fail_no_more() {
    for plan in kept() {
        let outcome = run(plan).unwrap();
        assert_eq!(outcome.violation, None, "cargo xtask sim --seed {} --steps {}", plan.seed, plan.steps);
    }
}

#[test]
fn nothing_is_found_where_nothing_is_wrong() {
    for seed in 1_000..1_020 {
        let outcome = run(intact(seed)).unwrap();
        assert_eq!(outcome.violation, None, "cargo xtask sim --seed {seed}");
    }
}

/// A simulation in which nobody pays proves nothing.
#[test]
fn money_moves() {
    let charges: usize = (0..10).map(|seed| run(intact(seed)).unwrap().charges).sum();
    assert!(charges >= 10, "{charges} charges in ten runs");
}
