//! A seed says everything.

use domain::context::Plants;
use sim::{Plan, run};

pub fn intact(seed: u64) -> Plan {
    Plan { seed, steps: 200, plants: Plants::default(), nets_dropped: false }
}

#[test]
fn ten_seeds_twice_leave_the_same_traces() {
    for seed in 0..10 {
        let (one, two) = (run(intact(seed)).unwrap(), run(intact(seed)).unwrap());
        let first = one.trace.iter().zip(&two.trace).position(|(one, two)| one != two);
        assert_eq!(first, None, "seed {seed} differs first there");
        assert_eq!(one.trace.len(), two.trace.len(), "seed {seed}");
    }
}

#[test]
fn another_seed_is_another_story() {
    assert_ne!(run(intact(1)).unwrap().trace, run(intact(2)).unwrap().trace);
}
