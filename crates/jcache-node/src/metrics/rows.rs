//! THE LIST of metrics: a row each, and the figures that rows read.

use jcache::distributed::{self, Counters, Role};
use jcache::{HealthState, Stats};
use jcache_server::Status;
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit;

use crate::cluster::Member;
use crate::histogram::Summary;
use crate::node::View;
use crate::process::{self, Usage};

/// Label names with their values.
pub(super) type Labels = Vec<(&'static str, String)>;

/// Where the figures of a row are.
pub(super) enum Read {
    Counter(fn(&Now) -> u64),
    /// A counter with a fraction.
    Seconds(fn(&Now) -> f64),
    Gauge(fn(&Now) -> f64),
    Counters(fn(&Now) -> Vec<(Labels, u64)>),
    Gauges(fn(&Now) -> Vec<(Labels, f64)>),
    Histograms(fn(&Now) -> Vec<(Labels, Summary)>),
    /// Always 1; what it tells is in the labels.
    Info(fn() -> Labels),
}

/// A metric: its name without `jcache_`, unit and `_total`, its unit, its meaning.
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) unit: Option<Unit>,
    pub(super) help: &'static str,
    pub(super) read: Read,
}

impl Row {
    const fn new(name: &'static str, help: &'static str, read: Read) -> Self {
        Self { name, unit: None, help, read }
    }

    const fn with(name: &'static str, unit: Unit, help: &'static str, read: Read) -> Self {
        Self { name, unit: Some(unit), help, read }
    }

    pub(super) fn kind(&self) -> MetricType {
        match self.read {
            Read::Counter(_) | Read::Seconds(_) | Read::Counters(_) => MetricType::Counter,
            Read::Gauge(_) | Read::Gauges(_) => MetricType::Gauge,
            Read::Histograms(_) => MetricType::Histogram,
            Read::Info(_) => MetricType::Info,
        }
    }
}

/// All figures, read at one moment.
pub(super) struct Now {
    status: Status,
    cache: Stats,
    memories: Vec<(String, jcache_memory::Stats)>,
    member: Option<distributed::Status>,
    commands: Summary,
    calls: Vec<(String, Summary)>,
    usage: Usage,
}

impl Now {
    pub(super) fn of(view: &View) -> Self {
        let built = &view.built;
        Self {
            status: view.handle.status(),
            cache: built.cache.stats(),
            memories: built.memory_stats(),
            member: built.member.as_ref().map(Member::status),
            commands: view.commands.summary(),
            calls: built.calls.iter().map(|(name, calls)| (name.clone(), calls.summary())).collect(),
            usage: process::usage().unwrap_or_default(),
        }
    }
}

fn level(name: &str) -> Labels {
    vec![("level", name.to_owned())]
}

macro_rules! of_levels {
    ($Kind:ident, $level:ident => $figure:expr) => {
        Read::$Kind(|now| now.cache.levels.iter().map(|$level| (level(&$level.name), $figure)).collect())
    };
}

macro_rules! of_memories {
    ($Kind:ident, $stats:ident => $figure:expr) => {
        Read::$Kind(|now| now.memories.iter().map(|(name, $stats)| (level(name), $figure)).collect())
    };
}

/// A figure of the node's place in a cluster; nothing when it is in none.
macro_rules! of_member {
    ($Kind:ident, $status:ident => $figure:expr) => {
        Read::$Kind(|now| now.member.iter().map(|$status| (Vec::new(), $figure)).collect())
    };
}

/// A count of the node's place in a cluster.
macro_rules! of_counters {
    ($counters:ident => $figure:expr) => {
        Read::Counters(|now| {
            let count = |$counters: &Counters| $figure;
            now.member.iter().map(|status| (Vec::new(), count(&status.counters))).collect()
        })
    };
}

/// THE LIST of metrics. `docs/operations.md` has the same, which a test checks.
pub(super) static ROWS: &[Row] = &[
    Row::new("build", "The version of the node", Read::Info(|| vec![("version", env!("CARGO_PKG_VERSION").into())])),
    Row::with("uptime", Unit::Seconds, "Time since the node started", Read::Gauge(|it| it.status.uptime.as_secs_f64())),
    Row::with(
        "process_cpu",
        Unit::Seconds,
        "Processor time of the process",
        Read::Seconds(|it| it.usage.cpu.as_secs_f64()),
    ),
    Row::with(
        "process_resident",
        Unit::Bytes,
        "Memory of the process in RAM",
        Read::Gauge(|it| it.usage.resident_bytes as f64),
    ),
    // Clients.
    Row::new("clients", "Connections that are open", Read::Gauge(|it| it.status.clients as f64)),
    Row::new(
        "clients_blocked",
        "Connections that wait in a blocking command",
        Read::Gauge(|it| it.status.blocked_clients as f64),
    ),
    Row::new(
        "clients_subscribed",
        "Connections that are subscribed to something",
        Read::Gauge(|it| it.status.subscribed_clients as f64),
    ),
    Row::new("connections", "Connections that were accepted", Read::Counter(|it| it.status.connections)),
    Row::new(
        "connections_rejected",
        "Connections that were refused because of a limit",
        Read::Counter(|it| it.status.rejected_connections),
    ),
    Row::new(
        "disconnections_output_limit",
        "Connections that were closed because they did not read their replies",
        Read::Counter(|it| it.status.output_limit_disconnections),
    ),
    Row::new(
        "protocol_errors",
        "Connections that were closed because of their input",
        Read::Counter(|it| it.status.protocol_errors),
    ),
    Row::with("received", Unit::Bytes, "Bytes read from clients", Read::Counter(|it| it.status.bytes_in)),
    Row::with("sent", Unit::Bytes, "Bytes written to clients", Read::Counter(|it| it.status.bytes_out)),
    Row::with(
        "output_waiting",
        Unit::Bytes,
        "Bytes of replies that clients have not read yet",
        Read::Gauge(|it| it.status.output_bytes as f64),
    ),
    Row::new("pubsub_channels", "Channels with subscribers", Read::Gauge(|it| it.status.channels as f64)),
    Row::new("pubsub_patterns", "Patterns with subscribers", Read::Gauge(|it| it.status.patterns as f64)),
    // Commands.
    Row::new(
        "commands",
        "Commands that were carried out, failed ones included",
        Read::Counter(|it| it.status.commands),
    ),
    Row::new(
        "commands_failed",
        "Commands that were answered with an error",
        Read::Counter(|it| it.status.failed_commands),
    ),
    Row::new("commands_slow", "Commands that went to the slow log", Read::Counter(|it| it.status.slow_commands)),
    Row::with(
        "command_duration",
        Unit::Seconds,
        "Time that the cache took for a command, one in 64 measured, blocking ones not",
        Read::Histograms(|it| vec![(Vec::new(), it.commands.clone())]),
    ),
    // Levels.
    Row::new(
        "level_up",
        "Whether the level is up (1) or left out (0)",
        of_levels!(Gauges, it => f64::from(u8::from(it.health == HealthState::Up))),
    ),
    Row::new(
        "level_authority",
        "Whether the level decides writes",
        of_levels!(Gauges, it => f64::from(u8::from(it.authority))),
    ),
    Row::new("level_hits", "Reads that found what they asked for in the level", of_levels!(Counters, it => it.hits)),
    Row::new("level_misses", "Reads that did not", of_levels!(Counters, it => it.misses)),
    Row::new(
        "level_failures",
        "Calls that failed or passed the level's deadline",
        of_levels!(Counters, it => it.failures),
    ),
    Row::new(
        "level_skipped",
        "Calls that left the level out because it was down",
        of_levels!(Counters, it => it.skipped),
    ),
    Row::new("level_writes", "Writes that the level decided", of_levels!(Counters, it => it.writes)),
    Row::new("level_fills", "Keys that reads put into the level", of_levels!(Counters, it => it.fills)),
    Row::new(
        "level_fills_voided",
        "Fills given up because the key was written meanwhile",
        of_levels!(Counters, it => it.voided_fills),
    ),
    Row::new(
        "level_effects",
        "Effects of writes applied to the level as a copy",
        of_levels!(Counters, it => it.effects),
    ),
    Row::new(
        "level_drops",
        "Keys dropped from the level because its copy was not certain",
        of_levels!(Counters, it => it.drops),
    ),
    Row::new(
        "level_marked",
        "Keys that the level has to drop before it answers for them; -1 when that is all",
        of_levels!(Gauges, it => it.marked.map_or(-1.0, |marked| marked as f64)),
    ),
    Row::with(
        "level_call_duration",
        Unit::Seconds,
        "Time that calls of a level over a network took",
        Read::Histograms(|it| it.calls.iter().map(|(name, calls)| (level(name), calls.clone())).collect()),
    ),
    Row::new(
        "repairs_waiting",
        "Keys whose write waits for the level that decides",
        Read::Gauge(|it| it.cache.repairs_queued as f64),
    ),
    Row::new("repairs_done", "Waiting writes that were carried out", Read::Counter(|it| it.cache.repairs_done)),
    Row::new(
        "repairs_given_up",
        "Waiting writes that were given up because too many waited",
        Read::Counter(|it| it.cache.repairs_given_up),
    ),
    Row::new(
        "degraded_misses",
        "Reads that answered \"nothing there\" although the deciding level could not be asked",
        Read::Counter(|it| it.cache.degraded_misses),
    ),
    Row::new(
        "degraded_writes",
        "Writes that the copies took while the deciding level was away",
        Read::Counter(|it| it.cache.degraded_writes),
    ),
    // Memory levels.
    Row::with(
        "memory_used",
        Unit::Bytes,
        "Memory that the data of a memory level takes",
        of_memories!(Gauges, it => it.bytes as f64),
    ),
    Row::with(
        "memory_max",
        Unit::Bytes,
        "The bound of a memory level; 0 for none",
        of_memories!(Gauges, it => it.max_bytes.unwrap_or(0) as f64),
    ),
    Row::new("memory_keys", "Keys in a memory level, by their type", Read::Gauges(keys)),
    Row::new(
        "memory_evictions",
        "Keys that a memory level removed to make room",
        of_memories!(Counters, it => it.evictions),
    ),
    Row::new(
        "memory_expirations",
        "Keys that a memory level removed because they were due",
        of_memories!(Counters, it => it.expirations),
    ),
    // The cluster.
    Row::new("cluster_role", "The part that the node plays in its cluster: 1 for the one it has", Read::Gauges(role)),
    Row::new("cluster_epoch", "The leadership that the node is a part of", of_member!(Gauges, it => it.epoch as f64)),
    Row::new(
        "cluster_in_sync",
        "Members that have every acknowledged write, as the node knows",
        of_member!(Gauges, it => it.isr.len() as f64),
    ),
    Row::new(
        "cluster_committed_offset",
        "Records that every member in step has",
        of_member!(Gauges, it => it.hw as f64),
    ),
    Row::new("cluster_end_offset", "Records that the node has", of_member!(Gauges, it => it.leo as f64)),
    Row::new(
        "cluster_applied_offset",
        "Records that the node has executed",
        of_member!(Gauges, it => it.applied as f64),
    ),
    Row::new(
        "cluster_lag_records",
        "Records that another node has not acknowledged, told by the leader",
        Read::Gauges(|it| lag(it, |lag| lag.records as f64)),
    ),
    Row::with("cluster_lag", Unit::Bytes, "Bytes of these records", Read::Gauges(|it| lag(it, |lag| lag.bytes as f64))),
    Row::with(
        "cluster_lag",
        Unit::Seconds,
        "Time since another node had everything that there was, told by the leader; 0 when it has everything",
        Read::Gauges(|it| lag(it, |lag| lag.ms as f64 / 1e3)),
    ),
    Row::with(
        "cluster_commit_duration",
        Unit::Seconds,
        "Time from a write's execution at the leader until all members in step had it, told by the leader",
        Read::Histograms(commits),
    ),
    Row::with(
        "cluster_log",
        Unit::Bytes,
        "Memory that the records take which are kept",
        of_member!(Gauges, it => it.log_bytes as f64),
    ),
    Row::new(
        "cluster_lease_valid",
        "Whether the node leads and can prove it",
        of_member!(Gauges, it => f64::from(u8::from(it.role == Role::Leader))),
    ),
    Row::new(
        "cluster_readable",
        "Whether the node answers reads",
        of_member!(Gauges, it => f64::from(u8::from(it.readable))),
    ),
    Row::new(
        "cluster_calls_waiting",
        "Calls of this node that have no answer yet",
        of_member!(Gauges, it => it.calls as f64),
    ),
    Row::new(
        "cluster_sessions",
        "Sessions whose results are kept for retries",
        of_member!(Gauges, it => it.sessions as f64),
    ),
    Row::new(
        "cluster_etcd_up",
        "Whether etcd answers the node",
        of_member!(Gauges, it => f64::from(u8::from(it.coordinated))),
    ),
    Row::with(
        "cluster_clock_offset",
        Unit::Seconds,
        "How far cluster time is ahead of the wall clock",
        Read::Gauges(clock_offset),
    ),
    Row::new("cluster_elections", "Times that the node became leader", of_counters!(it => it.elections)),
    Row::new("cluster_depositions", "Times that it ceased to be", of_counters!(it => it.depositions)),
    Row::new("cluster_full_syncs", "Nodes that the leader sent everything", of_counters!(it => it.full_syncs)),
    Row::new("cluster_partial_syncs", "Nodes that it sent what they lacked", of_counters!(it => it.partial_syncs)),
    Row::new("cluster_evictions", "Members that it did not wait for any longer", of_counters!(it => it.evictions)),
    Row::new(
        "cluster_unclean_starts",
        "Times that the node led without having everything",
        of_counters!(it => it.unclean_starts),
    ),
    Row::new(
        "cluster_digest_mismatches",
        "Parts of the copy that differed from the leader's",
        of_counters!(it => it.digest_mismatches),
    ),
    Row::new(
        "cluster_divergences",
        "Nodes that had executed what the cluster has not",
        of_counters!(it => it.beyond_divergence),
    ),
    Row::new("cluster_calls_unknown", "Calls that may have been carried out or not", of_counters!(it => it.unknown)),
    Row::new(
        "cluster_calls_deduplicated",
        "Retries that were answered and not carried out again",
        of_counters!(it => it.deduplicated),
    ),
];

fn keys(now: &Now) -> Vec<(Labels, f64)> {
    let of = |(name, it): &(String, jcache_memory::Stats)| {
        let types = [
            ("string", it.strings),
            ("hash", it.hashes),
            ("list", it.lists),
            ("set", it.sets),
            ("zset", it.sorted_sets),
        ];
        types.map(|(kind, count)| (vec![("level", name.clone()), ("type", kind.to_owned())], count as f64))
    };
    now.memories.iter().flat_map(of).collect()
}

fn role(now: &Now) -> Vec<(Labels, f64)> {
    let roles = [
        Role::Joining,
        Role::Seeking,
        Role::Syncing,
        Role::Observer,
        Role::Follower,
        Role::Candidate,
        Role::Fenced,
        Role::Leader,
        Role::Left,
    ];
    let of = |status: &distributed::Status| {
        let own = status.role;
        roles.map(|role| (vec![("role", role.to_string())], f64::from(u8::from(role == own))))
    };
    now.member.iter().flat_map(of).collect()
}

fn lag(now: &Now, of: fn(&distributed::Lag) -> f64) -> Vec<(Labels, f64)> {
    let lags = now.member.iter().flat_map(|status| &status.lag);
    lags.map(|(node, lag)| (vec![("node", node.to_string())], of(lag))).collect()
}

fn commits(now: &Now) -> Vec<(Labels, Summary)> {
    let of = |status: &distributed::Status| {
        let commits = &status.counters.commits;
        let (count, total, buckets) = (commits.count(), commits.total(), commits.buckets().collect());
        (Vec::new(), Summary { count, total, buckets })
    };
    now.member.iter().map(of).collect()
}

fn clock_offset(now: &Now) -> Vec<(Labels, f64)> {
    let wall = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let ahead = |status: &distributed::Status| status.time_ms as f64 / 1000.0 - wall.as_secs_f64();
    now.member.iter().map(|status| (Vec::new(), ahead(status))).collect()
}
