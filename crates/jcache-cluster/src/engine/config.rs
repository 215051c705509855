//! Settings of the engine: every bound with its name and unit, and what cannot work refused.

use std::fmt;

/// Milliseconds that pass between signs of life, and what silence means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// An idle leader sends a heartbeat this often.
    pub heartbeat_ms: u64,
    /// An in-sync member silent for this long is removed from the set (`T_evict`).
    pub evict_ms: u64,
    /// A leader may rely on a follower's grant this long from the sending of the heartbeat (δ).
    pub lease_ms: u64,
    /// A follower keeps its grant this long from the receipt, before it may depose or elect (γ).
    pub grant_ms: u64,
}

impl Timing {
    /// For one rack: a failover in about 0.3 s.
    pub const FAST: Timing = Timing { heartbeat_ms: 30, evict_ms: 150, lease_ms: 200, grant_ms: 260 };
    /// For one site, the default: a failover in about 1 s.
    pub const BALANCED: Timing = Timing { heartbeat_ms: 100, evict_ms: 500, lease_ms: 700, grant_ms: 900 };
    /// For distant sites: a failover in about 5 s.
    pub const WAN: Timing = Timing { heartbeat_ms: 500, evict_ms: 2500, lease_ms: 3500, grant_ms: 4500 };
}

/// How far the rates of two nodes' clocks may differ, in thousandths (ρ = 1 %).
pub const CLOCK_DRIFT_PERMILLE: u64 = 10;

/// No span is longer than ten years, in milliseconds: sums of them do not run over.
const LONGEST_MS: u64 = 10 * 366 * 24 * 3_600_000;

/// Settings of one engine. The fields that must agree in the whole cluster are marked; they are compared at the join.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Commits need an in-sync set of at least this many members. Cluster-wide.
    pub min_insync: usize,
    /// The leader takes members into the in-sync set up to this many; further processes are observers. Cluster-wide.
    pub isr_target: usize,
    /// How many voters the user means to run, when known; only to refuse settings that cannot work.
    pub voters: Option<usize>,
    /// Heartbeats, eviction, leases. Cluster-wide.
    pub timing: Timing,
    /// When all in-sync members seem gone for this long, lead with what is left; `None` never. Losing data is counted
    /// and told.
    pub unclean_after_ms: Option<u64>,
    /// After the coordinator lost its data, in-sync members leave the last leader this long to write it anew.
    pub reseed_wait_ms: u64,
    /// A process that finds nothing at the coordinator waits this long for members that know a cluster, before it founds
    /// one: the coordinator may have lost its data while they live. They appear again within a third of their lease and
    /// what an answer takes, so this should not be below the lease. 0 founds at once.
    pub found_wait_ms: u64,
    /// Time to live of the process's lease at the coordinator.
    pub session_lease_ms: u64,
    /// The coordinator is read whole this often, whatever the watch says.
    pub relist_ms: u64,
    /// A transaction without an answer is sent again after this long.
    pub retry_ms: u64,
    /// Records kept for followers that come back, in bytes.
    pub backlog_bytes: usize,
    /// Executed but not committed records, in bytes; beyond, writes are refused.
    pub max_unreplicated_bytes: usize,
    /// Records of one frame, in bytes; a larger record is a frame of its own.
    pub frame_bytes: usize,
    /// Frames on the way to one follower that it has not acknowledged.
    pub frames_in_flight: usize,
    /// An in-sync member this many bytes behind for `evict_ms` is removed.
    pub isr_max_lag_bytes: usize,
    /// A member this few bytes behind for `rejoin_ms` may join the in-sync set.
    pub rejoin_lag_bytes: usize,
    /// How long it must have kept up.
    pub rejoin_ms: u64,
    /// The first and the longest wait of a member that was removed before it may come back; doubled each time.
    pub hold_off_ms: (u64, u64),
    /// Full synchronisations at a time.
    pub full_syncs: usize,
    /// A call without an answer ends as unknown, or as a definite failure when it was never sent.
    pub call_ms: u64,
    /// Calls of this process on their way.
    pub max_calls: usize,
    /// Results that a session keeps for retries at most (the distance from the first unfinished call to the last).
    pub session_window: u64,
    /// Answers that a session keeps for retries, in bytes; with more, writes are refused until the process has gone on.
    pub session_bytes: usize,
    /// A session ends this long after its member disappeared.
    pub session_ttl_ms: u64,
    /// A session read waits this long here before it goes to the leader.
    pub session_wait_ms: u64,
    /// `Local` reads see what this process wrote before.
    pub read_your_writes: bool,
    /// `Local` reads at the leader wait until what they saw is committed.
    pub committed_reads: bool,
    /// Candidates wait this long for the state of the others, and this long per better candidate.
    pub rank_ms: u64,
    /// A tick this late means that the process was paused.
    pub pause_ms: u64,
    /// A hand-over that takes longer is given up.
    pub handover_ms: u64,
    /// The leader logs the digest of one shard this often; 0 never.
    pub digest_ms: u64,
    /// Keys that the leader lets expire per tick.
    pub expire_per_tick: usize,
    /// Wire versions that this build speaks, lowest and highest.
    pub wire: (u32, u32),
}

impl Default for Config {
    fn default() -> Self {
        Self::new(1, Timing::BALANCED)
    }
}

impl Config {
    /// Settings for commits by at least `min_insync` members.
    pub fn new(min_insync: usize, timing: Timing) -> Self {
        let wan = timing.heartbeat_ms >= Timing::WAN.heartbeat_ms;
        Self {
            min_insync,
            isr_target: min_insync.max(3),
            voters: None,
            timing,
            unclean_after_ms: (min_insync <= 1).then_some(30_000),
            reseed_wait_ms: 5_000,
            found_wait_ms: 2_000,
            session_lease_ms: 2_000,
            relist_ms: 5_000,
            retry_ms: 300,
            backlog_bytes: 64 << 20,
            max_unreplicated_bytes: 64 << 20,
            frame_bytes: 256 << 10,
            frames_in_flight: if wan { 32 } else { 4 },
            isr_max_lag_bytes: 8 << 20,
            rejoin_lag_bytes: 64 << 10,
            rejoin_ms: 1_000,
            hold_off_ms: (1_000, 60_000),
            full_syncs: 1,
            call_ms: 5_000,
            max_calls: 65_536,
            session_window: 4_096,
            session_bytes: 16 << 20,
            session_ttl_ms: 600_000,
            session_wait_ms: 50,
            read_your_writes: true,
            committed_reads: false,
            rank_ms: 50,
            pause_ms: 200,
            handover_ms: timing.grant_ms,
            digest_ms: 1_000,
            expire_per_tick: 64,
            wire: (1, 1),
        }
    }

    /// How often the coordinator is read whole: where an unclean start is allowed the lease needs the leader's key to have
    /// been seen within that time, so it is looked at more often than that.
    pub(crate) fn relist_every_ms(&self) -> u64 {
        self.unclean_after_ms.map_or(self.relist_ms, |after| self.relist_ms.min(after / 3))
    }

    /// Refuses what cannot work.
    ///
    /// # Errors
    /// The first setting that contradicts another, with the reason.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let Timing { heartbeat_ms, evict_ms, lease_ms, grant_ms } = self.timing;
        let refuse = |why: String| Err(ConfigError(why));
        // Two may be as long as there are numbers: the time of a call, and that before an unclean start.
        let spans = [
            ("heartbeat", heartbeat_ms),
            ("evict", evict_ms),
            ("lease", lease_ms),
            ("grant", grant_ms),
            ("reseed_wait", self.reseed_wait_ms),
            ("found_wait", self.found_wait_ms),
            ("session_lease", self.session_lease_ms),
            ("relist", self.relist_ms),
            ("retry", self.retry_ms),
            ("rejoin", self.rejoin_ms),
            ("hold_off", self.hold_off_ms.0.max(self.hold_off_ms.1)),
            ("session_ttl", self.session_ttl_ms),
            ("session_wait", self.session_wait_ms),
            ("rank", self.rank_ms),
            ("pause", self.pause_ms),
            ("handover", self.handover_ms),
            ("digest", self.digest_ms),
        ];
        if let Some((name, _)) = spans.iter().find(|(_, span)| *span > LONGEST_MS) {
            return refuse(format!("{name} is above ten years"));
        }
        if self.min_insync == 0 {
            return refuse("min_insync is 0: nobody would hold what is acknowledged".into());
        }
        if self.isr_target < self.min_insync {
            return refuse(format!("isr_target {} is below min_insync {}", self.isr_target, self.min_insync));
        }
        if let Some(voters) = self.voters.filter(|voters| *voters < self.min_insync) {
            return refuse(format!("min_insync {} is above the number of voters {voters}", self.min_insync));
        }
        if heartbeat_ms == 0 || heartbeat_ms * 2 > evict_ms {
            return refuse(format!("evict {evict_ms} ms leaves no room for two heartbeats of {heartbeat_ms} ms"));
        }
        if evict_ms >= lease_ms {
            return refuse(format!(
                "evict {evict_ms} ms is not below the lease {lease_ms} ms: a silent follower could depose its leader before it is removed"
            ));
        }
        if lease_ms * (1000 + CLOCK_DRIFT_PERMILLE) > grant_ms * (1000 - CLOCK_DRIFT_PERMILLE) {
            return refuse(format!(
                "lease {lease_ms} ms is too close to grant {grant_ms} ms: with clocks that differ by 1 % it could outlive it"
            ));
        }
        if self.unclean_after_ms.is_some_and(|after| after <= grant_ms) {
            return refuse(format!("unclean_after is not above grant {grant_ms} ms: it would overtake an election"));
        }
        let bounds = [
            ("session_lease", self.session_lease_ms),
            ("relist", self.relist_ms),
            ("retry", self.retry_ms),
            ("call", self.call_ms),
            ("session_window", self.session_window),
            ("session_bytes", self.session_bytes as u64),
            ("frames_in_flight", self.frames_in_flight as u64),
            ("full_syncs", self.full_syncs as u64),
            ("frame", self.frame_bytes as u64),
            ("max_calls", self.max_calls as u64),
            ("max_unreplicated", self.max_unreplicated_bytes as u64),
        ];
        if let Some((name, _)) = bounds.iter().find(|(_, bound)| *bound == 0) {
            return refuse(format!("{name} is 0"));
        }
        if self.wire.0 > self.wire.1 {
            return refuse(format!("the lowest wire version {} is above the highest {}", self.wire.0, self.wire.1));
        }
        Ok(())
    }
}

/// Settings that cannot work, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError(String);

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ConfigError {}
