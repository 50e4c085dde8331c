//! What processes cost, read from `/proc`: CPU time and resident memory.

use std::fs;

use anyhow::{Context, Result};

/// Linux tells CPU time in hundredths of a second, on every architecture we know.
const MS_PER_TICK: u64 = 10;

/// One line of `/proc/PID/stat`, as far as it is needed.
struct Stat {
    parent: u32,
    /// User and system time, with that of collected children.
    ticks: u64,
}

/// CPU time of a process and of the children it has collected.
pub fn process_ms(process: u32) -> Result<u64> {
    Ok(stat(process)?.ticks * MS_PER_TICK)
}

/// CPU time of a process and of all its children, living or collected.
pub fn family_ms(process: u32) -> Result<u64> {
    let mut ticks = stat(process)?.ticks;
    for entry in fs::read_dir("/proc").context("no /proc")?.flatten() {
        let Some(id) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        // A process may end while we look.
        if let Ok(stat) = stat(id)
            && stat.parent == process
        {
            ticks += stat.ticks;
        }
    }
    Ok(ticks * MS_PER_TICK)
}

/// Resident memory of a process.
pub fn resident_kib(process: u32) -> Result<u64> {
    let text = fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let figure = line.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
    figure.context("no VmRSS")
}

fn stat(process: u32) -> Result<Stat> {
    let text = fs::read_to_string(format!("/proc/{process}/stat"))?;
    Stat::parse(&text).with_context(|| format!("/proc/{process}/stat cannot be read"))
}

impl Stat {
    /// The name stands in parentheses and may hold anything, so fields count from the last one.
    fn parse(text: &str) -> Option<Stat> {
        let (_, rest) = text.rsplit_once(") ")?;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let times = fields.get(11..15)?;
        let ticks: Option<Vec<u64>> = times.iter().map(|ticks| ticks.parse().ok()).collect();
        Some(Stat { parent: fields.get(1)?.parse().ok()?, ticks: ticks?.iter().sum() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_spaces_does_not_shift_the_fields() {
        let text = "77 (a) b) S 12 1 1 0 -1 4194560 900 0 2 0 10 20 3 4 20 0 5 0 99 1 2";
        let stat = Stat::parse(text).unwrap();
        assert_eq!((stat.parent, stat.ticks), (12, 37));
    }

    #[test]
    fn our_own_process_has_a_cost() {
        let own = std::process::id();
        assert!(resident_kib(own).unwrap() > 0);
        assert!(family_ms(own).unwrap() >= process_ms(own).unwrap());
    }
}
