//! What an engine shows of itself: for `status`, metrics, and the simulator's checks.

use std::collections::BTreeMap;
use std::fmt;

use super::latency::CommitTimes;
use super::member::{Epoch, MemberId, NodeId, Offset};

/// The part that a process plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// It has not registered yet.
    Joining,
    /// It knows of no leader to follow.
    Seeking,
    /// It takes everything anew from the leader.
    Syncing,
    /// It follows, and is not in the in-sync set.
    Observer,
    /// It follows, in the in-sync set.
    Follower,
    /// It asks the coordinator for leadership.
    Candidate,
    /// It leads, and its lease is void: `Leader` acknowledgements and reads are refused.
    Fenced,
    /// It leads.
    Leader,
    /// It has left.
    Left,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Role::Joining => "joining",
            Role::Seeking => "seeking",
            Role::Syncing => "syncing",
            Role::Observer => "observer",
            Role::Follower => "follower",
            Role::Candidate => "candidate",
            Role::Fenced => "fenced",
            Role::Leader => "leader",
            Role::Left => "left",
        })
    }
}

/// A view of one engine at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Who.
    pub member: MemberId,
    /// Its part.
    pub role: Role,
    /// The epoch that it leads or follows in; 0 for none.
    pub epoch: Epoch,
    /// The highest epoch that it has seen.
    pub promised: Epoch,
    /// Who leads, as far as it knows.
    pub leader: Option<NodeId>,
    /// Commit point.
    pub hw: Offset,
    /// Last record of the log.
    pub leo: Offset,
    /// The epoch in which that was written; 0 for none.
    pub last_epoch: Epoch,
    /// Last executed record.
    pub applied: Offset,
    /// Whether `Local` reads may be answered here (R10).
    pub readable: bool,
    /// The in-sync set as it knows it.
    pub isr: Vec<MemberId>,
    /// The proposed in-sync set, at a leader.
    pub pending: Option<Vec<MemberId>>,
    /// At a leader: how far each follower is behind.
    pub lag: BTreeMap<NodeId, Lag>,
    /// Cluster time in milliseconds.
    pub time_ms: u64,
    /// Bytes of records that are kept.
    pub log_bytes: usize,
    /// Bytes of records that a full synchronisation keeps besides, while it runs.
    pub loading_bytes: usize,
    /// First record that is kept.
    pub log_first: Offset,
    /// Calls of this process that have no answer yet.
    pub calls: usize,
    /// Callers waiting for an element, at a leader.
    pub blocked: usize,
    /// Sessions.
    pub sessions: usize,
    /// Bytes of answers that they keep for retries.
    pub session_bytes: usize,
    /// Whether this process stands at the coordinator, under its node id.
    pub registered: bool,
    /// Whether the coordinator answers.
    pub coordinated: bool,
    /// What was counted since the start.
    pub counters: Counters,
}

/// How far a follower is behind, as its leader sees it: by what it has acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Lag {
    /// Records that it has not acknowledged.
    pub records: u64,
    /// Bytes of these records; of what is not kept any more nothing is counted.
    pub bytes: u64,
    /// Milliseconds since it had everything that there was; 0 when it has everything.
    pub ms: u64,
}

/// What an engine counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Times that this process became leader.
    pub elections: u64,
    /// Times that it stepped down.
    pub depositions: u64,
    /// Joins that it answered with the missing records.
    pub partial_syncs: u64,
    /// Joins that it answered with everything.
    pub full_syncs: u64,
    /// Members that it removed from the in-sync set.
    pub evictions: u64,
    /// Members that it took into the in-sync set.
    pub additions: u64,
    /// Records that it dropped at a join.
    pub truncated: u64,
    /// Joins of members that had executed what the cluster has not. Must stay 0 without unclean starts.
    pub beyond_divergence: u64,
    /// Digests that differed.
    pub digest_mismatches: u64,
    /// Digests that were compared.
    pub digests: u64,
    /// Unclean starts of this process.
    pub unclean_starts: u64,
    /// Keys that expired.
    pub expired: u64,
    /// Retries that were answered from the session table.
    pub deduplicated: u64,
    /// Calls whose result is unknown.
    pub unknown: u64,
    /// Ticks that came so late that the process must have been paused.
    pub pauses: u64,
    /// Jumps of the wall clock.
    pub clock_jumps: u64,
    /// At leaders: how long writes waited for the in-sync set.
    pub commits: CommitTimes,
}
