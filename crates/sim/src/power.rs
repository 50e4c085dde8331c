//! Detection power: how many seeds it takes until a removed rule is missed. A harness that has
//! never found a planted bug proves nothing.

use crate::market::Opened;
use crate::rules;
use crate::run::{Plan, run};

/// Seeds within which a removed rule must be missed.
pub const SEEDS_MAX: u64 = 300;
/// So many finds make the median.
pub const FINDS: usize = 5;

/// One rule, removed with the database's nets behind it or without them.
#[derive(Clone, Copy, Debug)]
pub struct Trial {
    pub rule: &'static str,
    pub nets_dropped: bool,
}

/// How a trial went.
#[derive(Clone, Debug)]
pub struct Missed {
    pub trial: Trial,
    /// Seeds it took for each find, after the one before; empty when nobody missed the rule.
    pub tries: Vec<u64>,
    /// What the first find was.
    pub first: Option<String>,
}

/// Every rule, with the nets behind it and, where there are any, without.
pub fn trials() -> Vec<Trial> {
    let all = rules::RULES.iter().flat_map(|rule| [(rule, false), (rule, true)]);
    let some = all.filter(|(rule, nets_dropped)| rule.has_nets || !nets_dropped);
    some.map(|(rule, nets_dropped)| Trial { rule: rule.name, nets_dropped }).collect()
}

impl Trial {
    /// Runs seeds from 0 on until the rule was missed so many times, or there are no more seeds.
    pub fn run(self, steps: u32, finds: usize) -> Opened<Missed> {
        let plants = rules::without(self.rule).ok_or("this build has no rules to remove")?;
        let mut missed = Missed { trial: self, tries: Vec::new(), first: None };
        let mut since = 0;
        for seed in 0..SEEDS_MAX {
            since += 1;
            let outcome = run(Plan { seed, steps, plants, nets_dropped: self.nets_dropped })?;
            let Some(violation) = outcome.violation else { continue };
            missed.first.get_or_insert_with(|| violation.invariant.to_owned());
            missed.tries.push(since);
            since = 0;
            if missed.tries.len() == finds {
                break;
            }
        }
        Ok(missed)
    }
}

impl Missed {
    /// Seeds until a find, in the middle of all finds.
    pub fn median(&self) -> Option<u64> {
        let mut tries = self.tries.clone();
        tries.sort_unstable();
        tries.get(tries.len() / 2).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_is_removed_with_its_nets_and_without() {
        for rule in &rules::RULES {
            let of_it: Vec<Trial> = trials().into_iter().filter(|trial| trial.rule == rule.name).collect();
            assert_eq!(of_it.len(), if rule.has_nets { 2 } else { 1 }, "{}", rule.name);
            assert!(!of_it[0].nets_dropped, "{}", rule.name);
        }
    }

    #[test]
    fn the_median_is_a_find_in_the_middle() {
        let trial = trials()[0];
        let missed = |tries: &[u64]| Missed { trial, tries: tries.to_vec(), first: None };
        assert_eq!(missed(&[]).median(), None);
        assert_eq!(missed(&[9]).median(), Some(9));
        assert_eq!(missed(&[30, 1, 2]).median(), Some(2));
    }
}
