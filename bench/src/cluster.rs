//! `cargo xtask bench cluster`: the distributed memory on three processes and a real etcd, against redis-server with its
//! replicas, process against process on one machine, in interleaved rounds.

mod failover;
mod forward;
mod handover;
mod insync;
mod lag;
mod leader;
mod load;
mod reads;
mod sync;
mod turns;
mod world;

use std::path::PathBuf;
use std::time::Duration;

use crate::report::Report;

/// The sections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Section {
    /// Writes that the leader alone acknowledges, against asynchronous replicas.
    Leader,
    /// Writes that all three acknowledge, against `WAIT 2`.
    Insync,
    /// Writes that both of two acknowledge, against `WAIT 1`.
    Pair,
    /// Writes through a follower, against the leader's own.
    Forward,
    /// Reads of a follower while the leader takes writes.
    Reads,
    /// How far a follower is behind, while the leader takes writes.
    Lag,
    /// A full synchronisation while writes go on.
    Sync,
    /// The leader is killed.
    Failover,
    /// Leadership is handed over.
    Handover,
}

impl Section {
    /// All of them.
    pub const ALL: [Section; 9] = [
        Section::Leader,
        Section::Insync,
        Section::Pair,
        Section::Forward,
        Section::Reads,
        Section::Lag,
        Section::Sync,
        Section::Failover,
        Section::Handover,
    ];
}

/// How large the work is.
#[derive(Debug, Clone)]
pub struct Scale {
    /// The binary `jcache`.
    pub binary: PathBuf,
    /// Rounds in which each has its turn.
    pub rounds: usize,
    /// How long a turn of a load is.
    pub turn: Duration,
    /// Keys of a full synchronisation: a million at full scale.
    pub keys: u64,
    /// Full synchronisations of each.
    pub syncs: usize,
    /// Leaders that are killed.
    pub kills: usize,
    /// Hand-overs.
    pub handovers: usize,
}

impl Scale {
    /// The work of the project's goals.
    pub fn full(binary: PathBuf) -> Self {
        let turn = Duration::from_millis(1_500);
        Self { binary, rounds: crate::rounds::ROUNDS, turn, keys: 1_000_000, syncs: 3, kills: 7, handovers: 50 }
    }

    /// A small part of it: to see that everything works, not to be quoted.
    pub fn quick(binary: PathBuf) -> Self {
        let turn = Duration::from_millis(400);
        Self { binary, rounds: 3, turn, keys: 100_000, syncs: 2, kills: 2, handovers: 5 }
    }
}

/// Runs the sections; says why when a server or a tool is missing, or a cluster does not come together.
pub fn run(report: &mut Report, scale: &Scale, sections: &[Section]) -> Result<(), String> {
    for section in sections {
        match section {
            Section::Leader => leader::run(report, scale)?,
            Section::Insync => insync::all_three(report, scale)?,
            Section::Pair => insync::pair(report, scale)?,
            Section::Forward => forward::run(report, scale)?,
            Section::Reads => reads::run(report, scale)?,
            Section::Lag => lag::run(report, scale)?,
            Section::Sync => sync::run(report, scale)?,
            Section::Failover => failover::run(report, scale)?,
            Section::Handover => handover::run(report, scale)?,
        }
    }
    Ok(())
}
