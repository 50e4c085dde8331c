//! `sim`: replays one seed, or runs many on all cores, those that failed once first. `cargo xtask
//! sim` is the usual way here.

use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use clap::Parser;
use domain::context::Plants;
use server::clock::Stopwatch;
use sim::market::Opened;
use sim::people::SignIns;
use sim::power::{self, FINDS, Missed};
use sim::{Outcome, Plan, kept, rules, run};

/// Lines of a trace that a failure shows unasked.
const TAIL: usize = 25;

#[derive(Parser, Clone, Debug)]
#[command(name = "cargo xtask sim", about = "Simulate marketplaces and audit every step")]
struct Arguments {
    /// Replay this one seed
    #[arg(long)]
    seed: Option<u64>,
    /// Run so many seeds
    #[arg(long, default_value_t = 300, conflicts_with = "seed")]
    seeds: u64,
    /// The first of many
    #[arg(long, default_value_t = 0)]
    from: u64,
    #[arg(long, default_value_t = 200)]
    steps: u32,
    /// Print everything that happens
    #[arg(long)]
    trace: bool,
    /// Remove a rule: intent, same-key, unique, timeout, compare-and-set, window, early-look-up,
    /// drain, refetch, split, give-back, overlap, length-fixed, ended, letter-once
    #[arg(long, value_parser = removed)]
    without: Option<Plants>,
    /// Also drop the unique indexes behind the rules
    #[arg(long)]
    drop_nets: bool,
    /// Afterwards remove each rule in turn and tell how soon it is missed
    #[arg(long, conflicts_with_all = ["seed", "without"])]
    rules: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // A panic inside a decision is a finding; its message is in the violation.
    std::panic::set_hook(Box::new(|_| {}));
    let done = match arguments.seed {
        Some(seed) => one(&arguments, seed),
        None => many(&arguments).and_then(|is_well| Ok(is_well & detection_power(&arguments)?)),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("sim: {error}");
            ExitCode::from(2)
        }
    }
}

fn plan(arguments: &Arguments, seed: u64) -> Plan {
    let plants = arguments.without.unwrap_or_default();
    Plan { seed, steps: arguments.steps, plants, nets_dropped: arguments.drop_nets }
}

fn one(arguments: &Arguments, seed: u64) -> Opened<bool> {
    let outcome = run(plan(arguments, seed))?;
    let shown = if arguments.trace || outcome.violation.is_some() { outcome.trace.len() } else { 0 };
    let mut out = std::io::stdout().lock();
    for line in &outcome.trace[outcome.trace.len() - shown..] {
        writeln!(out, "{line}")?;
    }
    match &outcome.violation {
        Some(violation) => writeln!(out, "seed {seed}: {violation}")?,
        None => writeln!(out, "seed {seed}: {} calls, {} charges, all well", outcome.calls, outcome.charges)?,
    }
    Ok(outcome.violation.is_none())
}

/// Every kept plan, then so many seeds.
fn many(arguments: &Arguments) -> Opened<bool> {
    let watch = Stopwatch::start();
    let mut plans = kept::kept().map_err(|line| format!("seeds.txt has a line that is none: {line}"))?;
    let replayed = plans.len();
    plans.extend((0..arguments.seeds).map(|index| plan(arguments, arguments.from + index)));
    let outcomes = on_all_cores(&plans, |plan| {
        let outcome = run(*plan)?;
        // The traces of thousands of good runs would fill the memory.
        let trace = if outcome.violation.is_some() { outcome.trace } else { Vec::new() };
        Ok(Outcome { trace, ..outcome })
    })?;
    let mut out = std::io::stdout().lock();
    let failed: Vec<(&Plan, &Outcome)> =
        plans.iter().zip(&outcomes).filter(|(_, outcome)| outcome.violation.is_some()).collect();
    if let Some((_, first)) = failed.first() {
        for line in &first.trace[first.trace.len().saturating_sub(TAIL)..] {
            writeln!(out, "{line}")?;
        }
        writeln!(out, "\nto be kept in crates/sim/seeds.txt, and shown by cargo xtask sim --seed:")?;
    }
    for (plan, outcome) in &failed {
        let violation = outcome.violation.as_ref().expect("it failed");
        writeln!(out, "{}", kept::line(plan, &violation.to_string()))?;
    }
    let steps: u64 = plans.iter().map(|plan| u64::from(plan.steps)).sum();
    let (charges, sign_ins) = outcomes.iter().fold((0, SignIns::default()), |(charges, sum), outcome| {
        let one = outcome.sign_ins;
        let sum = SignIns { logins: sum.logins + one.logins, refreshes: sum.refreshes + one.refreshes };
        (charges + outcome.charges, sum)
    });
    let millis = u64::try_from(watch.elapsed().as_millis())?.max(1);
    writeln!(
        out,
        "{replayed} kept and {} new seeds, {steps} steps, {} calls and chores, {charges} charges, {} logins, \
         {} refreshes, {} violations in {} s: {} steps/s",
        arguments.seeds,
        outcomes.iter().map(|outcome| outcome.calls).sum::<u64>(),
        sign_ins.logins,
        sign_ins.refreshes,
        failed.len(),
        millis / 1_000,
        steps * 1_000 / millis,
    )?;
    Ok(failed.is_empty())
}

/// Removes each rule in turn; false when one is not missed.
fn detection_power(arguments: &Arguments) -> Opened<bool> {
    if !arguments.rules {
        return Ok(true);
    }
    let watch = Stopwatch::start();
    let missed = on_all_cores(&power::trials(), |trial| trial.run(arguments.steps, FINDS))?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "\n{:>16} {:>8} {:>6} {:>6}  first seen as", "rule removed", "nets", "median", "worst")?;
    for missed in &missed {
        writeln!(out, "{}", row(missed))?;
    }
    writeln!(
        out,
        "seeds until a removed rule is missed: medians of up to {FINDS} finds, in {} s",
        watch.elapsed().as_secs()
    )?;
    Ok(missed.iter().all(|missed| !missed.tries.is_empty()))
}

fn row(missed: &Missed) -> String {
    let nets = if missed.trial.nets_dropped { "dropped" } else { "kept" };
    let number = |number: Option<u64>| number.map_or_else(|| "NEVER".to_owned(), |number| number.to_string());
    let (median, worst) = (number(missed.median()), number(missed.tries.iter().max().copied()));
    let first = missed.first.as_deref().unwrap_or("nothing");
    format!("{:>16} {nets:>8} {median:>6} {worst:>6}  {first}", missed.trial.rule)
}

/// Does each piece of work on whichever core is free; the answers are in the order of the work.
fn on_all_cores<T: Sync, U: Send>(work: &[T], one: impl Fn(&T) -> Opened<U> + Sync) -> Opened<Vec<U>> {
    let next = AtomicUsize::new(0);
    let done: Mutex<Vec<(usize, Opened<U>)>> = Mutex::new(Vec::with_capacity(work.len()));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some((index, piece)) = take(work, &next) {
                    let answer = one(piece);
                    done.lock().expect("nothing panics while it holds the answers").push((index, answer));
                }
            });
        }
    });
    let mut done = done.into_inner().expect("nothing panics while it holds the answers");
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, answer)| answer).collect()
}

fn take<'a, T>(work: &'a [T], next: &AtomicUsize) -> Option<(usize, &'a T)> {
    let index = next.fetch_add(1, Ordering::Relaxed);
    work.get(index).map(|piece| (index, piece))
}

fn removed(name: &str) -> Result<Plants, String> {
    let known: Vec<&str> = rules::RULES.iter().map(|rule| rule.name).collect();
    rules::without(name).ok_or_else(|| format!("one of: {}", known.join(", ")))
}
