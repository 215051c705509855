//! `cargo xtask bench memory`: the memory engine against its peers, section by section.

mod bytes;
mod collections;
mod hits;
mod instructions;
mod latency;
mod reclaim;
mod throughput;

use std::time::Duration;

pub(crate) use bytes::footprint;
pub(crate) use latency::empty as empty_histogram;

use crate::report::Report;

/// The sections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Section {
    /// Throughput where everything fits, without and with a time to live.
    Fit,
    /// Throughput with room for a tenth of the keys.
    Evict,
    /// Throughput over 1,024 keys.
    Hot,
    /// Bytes per entry.
    Bytes,
    /// Hit ratios of traces.
    Hits,
    /// How fast memory comes back when a million keys are due.
    Reclaim,
    /// Sorted sets and lists.
    Collections,
    /// Latency under a mixed load.
    Latency,
}

impl Section {
    /// All of them.
    pub const ALL: [Section; 8] = [
        Section::Fit,
        Section::Evict,
        Section::Hot,
        Section::Bytes,
        Section::Hits,
        Section::Reclaim,
        Section::Collections,
        Section::Latency,
    ];
}

/// How large the work is.
#[derive(Debug, Clone)]
pub struct Scale {
    /// Different keys.
    pub keys: usize,
    /// Requests in each thread's stream, which it goes through in a circle.
    pub requests: usize,
    /// Numbers of threads.
    pub threads: Vec<usize>,
    /// How long each engine's turn in a round is.
    pub turn: Duration,
    /// Members of the sorted set, elements of the list.
    pub members: usize,
}

impl Scale {
    /// The work of `performance.md`.
    pub fn full() -> Self {
        let turn = Duration::from_millis(150);
        Self { keys: 1_000_000, requests: 1 << 20, threads: vec![1, 2, 4], turn, members: 100_000 }
    }

    /// A tenth of it: to see that everything works, not to be quoted.
    pub fn quick() -> Self {
        let turn = Duration::from_millis(10);
        Self { keys: 100_000, requests: 1 << 17, threads: vec![1, 2], turn, members: 20_000 }
    }
}

/// Runs the sections and, when asked to, counts instructions.
pub fn run(report: &mut Report, scale: &Scale, sections: &[Section], callgrind: bool) {
    for section in sections {
        match section {
            Section::Fit => throughput::fit(report, scale),
            Section::Evict => throughput::evict(report, scale),
            Section::Hot => throughput::hot(report, scale),
            Section::Bytes => bytes::run(report, scale),
            Section::Hits => hits::run(report, scale),
            Section::Reclaim => reclaim::run(report, scale),
            Section::Collections => collections::run(report, scale),
            Section::Latency => latency::run(report, scale),
        }
    }
    if callgrind {
        instructions::run(report);
    }
}
