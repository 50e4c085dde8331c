//! `sim`: replays one seed, or runs many on all cores. `cargo xtask sim` is the usual way here.

use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use clap::Parser;
use domain::context::Plants;
use server::clock::Stopwatch;
use sim::market::Opened;
use sim::{Outcome, Plan, rules, run};

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
    /// drain, refetch
    #[arg(long, value_parser = removed)]
    without: Option<Plants>,
    /// Also drop the unique indexes behind the rules
    #[arg(long)]
    drop_nets: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // A panic inside a decision is a finding; its message is in the violation.
    std::panic::set_hook(Box::new(|_| {}));
    let done = match arguments.seed {
        Some(seed) => one(&arguments, seed),
        None => many(&arguments),
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

/// Sums over all seeds.
#[derive(Default)]
struct Totals {
    calls: AtomicU64,
    charges: AtomicU64,
    failed: Mutex<Vec<(u64, Outcome)>>,
}

fn many(arguments: &Arguments) -> Opened<bool> {
    let watch = Stopwatch::start();
    let (next, totals) = (AtomicU64::new(0), Totals::default());
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let worked: Vec<Opened<()>> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(|| work(arguments, &next, &totals))).collect();
        workers.into_iter().map(|worker| worker.join().expect("workers return their errors")).collect()
    });
    worked.into_iter().collect::<Opened<Vec<()>>>()?;
    report(arguments, &totals, watch.elapsed())
}

fn work(arguments: &Arguments, next: &AtomicU64, totals: &Totals) -> Opened<()> {
    loop {
        let index = next.fetch_add(1, Ordering::Relaxed);
        if index >= arguments.seeds {
            return Ok(());
        }
        let seed = arguments.from + index;
        let outcome = run(plan(arguments, seed))?;
        totals.calls.fetch_add(outcome.calls, Ordering::Relaxed);
        let charges = u64::try_from(outcome.charges).expect("few");
        totals.charges.fetch_add(charges, Ordering::Relaxed);
        if outcome.violation.is_some() {
            totals.failed.lock().expect("nothing panics here").push((seed, outcome));
        }
    }
}

fn report(arguments: &Arguments, totals: &Totals, took: Duration) -> Opened<bool> {
    let mut out = std::io::stdout().lock();
    let mut failed = totals.failed.lock().expect("nothing panics here");
    failed.sort_by_key(|(seed, _)| *seed);
    if let Some((_, first)) = failed.first() {
        for line in &first.trace[first.trace.len().saturating_sub(TAIL)..] {
            writeln!(out, "{line}")?;
        }
    }
    for (seed, outcome) in failed.iter() {
        let violation = outcome.violation.as_ref().expect("it failed");
        writeln!(out, "cargo xtask sim --seed {seed} --steps {}   # {violation}", arguments.steps)?;
    }
    let steps = arguments.seeds * u64::from(arguments.steps);
    let millis = u64::try_from(took.as_millis())?.max(1);
    writeln!(
        out,
        "{} seeds, {steps} steps, {} calls and chores, {} charges, {} violations in {}.{:03} s: {} steps/s",
        arguments.seeds,
        totals.calls.load(Ordering::Relaxed),
        totals.charges.load(Ordering::Relaxed),
        failed.len(),
        millis / 1_000,
        millis % 1_000,
        steps * 1_000 / millis,
    )?;
    Ok(failed.is_empty())
}

fn removed(name: &str) -> Result<Plants, String> {
    let known: Vec<&str> = rules::RULES.iter().map(|(name, _)| *name).collect();
    rules::without(name).ok_or_else(|| format!("one of: {}", known.join(", ")))
}
