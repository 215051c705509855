//! What the system says of this process, and lets it have.

use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors besides those of clients: listeners, levels, other nodes, logs, event loops.
const OTHERS: u64 = 128;

/// Sees that so many clients can be connected: raises the limit of descriptors as far as that takes and the system lets
/// it. Gives how many clients there is room for when that is fewer.
pub(crate) fn make_room_for(clients: u64) -> Option<u64> {
    let wanted = clients + OTHERS;
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current.is_none_or(|current| current >= wanted) {
        return None;
    }
    let allowed = maximum.map_or(wanted, |maximum| maximum.min(wanted));
    let raised = setrlimit(Resource::Nofile, Rlimit { current: Some(allowed), maximum });
    let has = if raised.is_ok() { allowed } else { current.unwrap_or(wanted) };
    (has < wanted).then(|| has.saturating_sub(OTHERS))
}

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
