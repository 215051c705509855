//! What a seed decides before a run: how large the cluster is, how it is set up, and how rough it will be treated.

use fastrand::Rng;
use jcache_cluster::engine::{Config, Timing};

/// Milliseconds before a cluster is founded, where the coordinator does not forget.
const FOUND_WAIT_MS: u64 = 300;
/// Milliseconds without a leader until anybody may lead with what it has, where that is allowed.
const UNCLEAN_AFTER_MS: u64 = 3_000;

/// A run as drawn from its seed.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Nodes that start at once.
    pub nodes: usize,
    /// Nodes that may join later.
    pub spare: usize,
    /// Shards of every store.
    pub shards: usize,
    /// Settings of every engine.
    pub config: Config,
    /// Clients, each with one call at a time.
    pub clients: usize,
    /// How long faults happen, in simulated seconds.
    pub fault_seconds: u64,
    /// The mean time between two faults, in milliseconds.
    pub fault_every_ms: u64,
    /// The longest time that a client thinks, in milliseconds.
    pub think_ms: u64,
    /// The coordinator loses its data or goes back in time, and processes end only where the in-sync set lives on.
    pub amnesia: bool,
    /// Followers are synchronised again and again while clients write what depends on what is there.
    pub syncs: bool,
    /// Each node's preference in elections.
    pub prios: Vec<u32>,
    /// A node that never leads, and is in no in-sync set.
    pub observer: Option<usize>,
}

impl Plan {
    /// Anybody may lead with what it has, after a while; the coordinator forgets nothing then.
    pub(super) fn allow_unclean_starts(&mut self) {
        self.amnesia = false;
        self.config.found_wait_ms = FOUND_WAIT_MS;
        self.config.unclean_after_ms = Some(UNCLEAN_AFTER_MS);
    }

    /// Draws the plan of a run; `nodes` and `fault_seconds` can be given.
    pub fn draw(random: &mut Rng, nodes: Option<usize>, fault_seconds: Option<u64>) -> Self {
        let nodes = nodes.unwrap_or_else(|| [3, 3, 3, 3, 4, 5, 5, 7][random.usize(..8)]);
        let min_insync = match random.u8(..10) {
            0..4 => 1,
            4..9 => 2.min(nodes),
            _ => 3.min(nodes),
        };
        let timing = if random.bool() { Timing::FAST } else { Timing::BALANCED };
        let mut config = Config::new(min_insync, timing);
        config.backlog_bytes = [1 << 10, 8 << 10, 64 << 10, 4 << 20][random.usize(..4)];
        config.max_unreplicated_bytes = [8 << 10, 64 << 10, 4 << 20][random.usize(..3)];
        config.frame_bytes = [256, 4 << 10, 64 << 10][random.usize(..3)];
        config.rejoin_ms = [100, 1_000][random.usize(..2)];
        config.hold_off_ms = [(100, 2_000), (1_000, 8_000)][random.usize(..2)];
        config.call_ms = [1_000, 3_000][random.usize(..2)];
        config.session_ttl_ms = [3_000, 600_000][random.usize(..2)];
        config.relist_ms = [1_000, 5_000][random.usize(..2)];
        config.reseed_wait_ms = 2_000;
        config.committed_reads = random.bool();
        config.digest_ms = [100, 1_000][random.usize(..2)];
        let (amnesia, syncs) = (random.u8(..10) == 0, random.u8(..8) == 0);
        let syncs = syncs && !amnesia;
        // Only a coordinator that forgets makes the wait count; others have their cluster sooner.
        config.found_wait_ms = if amnesia { config.session_lease_ms } else { FOUND_WAIT_MS };
        config.unclean_after_ms = (random.u8(..10) == 0 && !amnesia).then_some(UNCLEAN_AFTER_MS);
        if syncs {
            config.backlog_bytes = 256;
            config.frame_bytes = 256;
            // One message at a time: a synchronisation that takes its time meets more changes.
            config.frames_in_flight = 1 + 3 * random.usize(..2);
        }
        // A caller that waits without end fills the smallest window soon.
        config.session_window = [8, 64, 4_096][random.usize(..3)];
        config.session_bytes = [4 << 10, 16 << 20][random.usize(..2)];
        config.isr_max_lag_bytes = [2 << 10, 64 << 10, 8 << 20][random.usize(..3)];
        config.rejoin_lag_bytes = config.rejoin_lag_bytes.min(config.isr_max_lag_bytes / 2);
        config.full_syncs = 1 + random.usize(..2);
        let target = min_insync.max(2).min(nodes);
        config.isr_target = target + random.usize(..=nodes - target);
        let spare = random.usize(..2);
        let prios = (0..nodes + spare).map(|_| if random.bool() { 0 } else { random.u32(..4) }).collect();
        // One more than the minimum can vote without it.
        let observer = (random.u8(..4) == 0 && nodes > min_insync + 1).then(|| random.usize(..nodes));
        Self {
            nodes,
            spare,
            shards: 1 + random.usize(..8),
            config,
            clients: 4 + random.usize(..5),
            fault_seconds: fault_seconds.unwrap_or_else(|| 8 + random.u64(..12)),
            fault_every_ms: [250, 700, 1_500][random.usize(..3)],
            think_ms: if syncs { 4 } else { [10, 40, 80][random.usize(..3)] },
            amnesia,
            syncs,
            prios,
            observer,
        }
    }
}
