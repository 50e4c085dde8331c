//! Seeds that failed once: they are run again for ever.

use domain::context::Plants;

use crate::run::Plan;

const LINES: &str = include_str!("../seeds.txt");

/// The plans of `seeds.txt`; the error names a line that is none.
pub fn kept() -> Result<Vec<Plan>, String> {
    read(LINES)
}

/// One plan a line: seed, steps, and after a # what was wrong then.
fn read(text: &str) -> Result<Vec<Plan>, String> {
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    lines.filter(|line| !line.is_empty()).map(|line| plan(line).ok_or_else(|| line.to_owned())).collect()
}

fn plan(line: &str) -> Option<Plan> {
    let (seed, steps) = line.split_once(' ')?;
    let (seed, steps) = (seed.parse().ok()?, steps.trim().parse().ok()?);
    Some(Plan { seed, steps, plants: Plants::default(), nets_dropped: false })
}

/// A failure as a line of `seeds.txt`.
pub fn line(plan: &Plan, what: &str) -> String {
    format!("{} {} # {}", plan.seed, plan.steps, what.lines().next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_kept_as_the_line_that_repeats_it() {
        let failed = Plan { seed: 7, steps: 200, plants: Plants::default(), nets_dropped: false };
        let text = format!("# a remark\n\n{}\n", line(&failed, "I7: the ledger\nand more"));
        let plans = read(&text).unwrap();
        assert_eq!(plans.len(), 1);
        assert_eq!((plans[0].seed, plans[0].steps), (7, 200));
    }

    #[test]
    fn every_kept_line_can_be_read() {
        assert!(kept().is_ok());
        assert_eq!(read("7").unwrap_err(), "7");
    }
}
