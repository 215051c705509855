//! What the system says of this process.

use std::time::Duration;

/// What a process uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Usage {
    /// Memory that is in RAM.
    pub(crate) resident_bytes: usize,
    /// Time on all processors, in user and kernel mode.
    pub(crate) cpu: Duration,
}

/// Clock ticks in a second: what Linux tells programs on every architecture that Rust runs on.
const TICKS: u64 = 100;

/// What this process uses; `None` where the system has no `/proc`.
pub(crate) fn usage() -> Option<Usage> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: usize = resident.trim().strip_suffix("kB")?.trim().parse().ok()?;
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The name of the process stands in parentheses, and may have anything in it.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<u64>().ok();
    let ticks = ticks()? + ticks()?;
    Some(Usage { resident_bytes: kilobytes * 1024, cpu: Duration::from_millis(ticks * 1000 / TICKS) })
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #[test]
    fn this_process_uses_something() {
        let usage = super::usage().unwrap();
        assert!(usage.resident_bytes > 100_000, "{usage:?}");
    }
}
