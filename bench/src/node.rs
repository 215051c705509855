//! `cargo xtask bench node`: the protocol server against redis-server, process against process, in interleaved rounds.

mod bytes;
mod connections;
mod latency;
mod near;
mod relay;
mod servers;
mod throughput;

use std::path::PathBuf;

use crate::report::Report;

/// The sections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Section {
    /// Throughput and processor time of commands, by redis-benchmark.
    Throughput,
    /// Latency at half of redis-server's peak.
    Latency,
    /// Resident bytes after loading data.
    Bytes,
    /// A near cache in front of redis-server.
    Near,
    /// Many connections, idle and active.
    Connections,
}

impl Section {
    /// All of them.
    pub const ALL: [Section; 5] =
        [Section::Throughput, Section::Latency, Section::Bytes, Section::Near, Section::Connections];
}

/// How large the work is.
#[derive(Debug, Clone)]
pub struct Scale {
    /// The binary `jcache`.
    pub binary: PathBuf,
    /// Rounds in which each server has its turn.
    pub rounds: usize,
    /// Sizes of pipelines, with the commands of one turn.
    pub pipelines: Vec<(u32, u64)>,
    /// Entries of the data sets: a million at full scale.
    pub entries: u64,
    /// Seconds of one turn of a timed load.
    pub seconds: u32,
    /// Connections that do nothing, and connections that are loaded.
    pub connections: (u32, u32),
}

impl Scale {
    /// The work of the project's goals.
    pub fn full(binary: PathBuf) -> Self {
        let pipelines = vec![(1, 60_000), (16, 400_000), (128, 800_000)];
        Self { binary, rounds: crate::rounds::ROUNDS, pipelines, entries: 1_000_000, seconds: 3, connections: (10_000, 1_000) }
    }

    /// A small part of it: to see that everything works, not to be quoted.
    pub fn quick(binary: PathBuf) -> Self {
        let pipelines = vec![(1, 5_000), (16, 50_000), (128, 100_000)];
        Self { binary, rounds: 3, pipelines, entries: 50_000, seconds: 1, connections: (1_000, 100) }
    }
}

/// Runs the sections; says why when a server or a tool is missing.
pub fn run(report: &mut Report, scale: &Scale, sections: &[Section]) -> Result<(), String> {
    for section in sections {
        match section {
            Section::Throughput => throughput::run(report, scale)?,
            Section::Latency => latency::run(report, scale)?,
            Section::Bytes => bytes::run(report, scale)?,
            Section::Near => near::run(report, scale)?,
            Section::Connections => connections::run(report, scale)?,
        }
    }
    Ok(())
}
