//! What `INFO` tells of the cache: memory, hits, keys, and the levels.

use std::sync::{Arc, Mutex, PoisonError};

use jcache::HealthState;
use jcache::distributed::Lag;
use jcache_memory::Eviction;
use jcache_server::Section;

use crate::cluster::Member;
use crate::levels::Built;

/// What there is to tell, counted since somebody said `CONFIG RESETSTAT`.
#[derive(Debug, Clone)]
pub(crate) struct About {
    built: Built,
    since: Arc<Mutex<Counts>>,
}

/// What Redis counts of keys.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    hits: u64,
    misses: u64,
    evicted: u64,
    expired: u64,
}

impl About {
    pub(crate) fn new(built: Built) -> Self {
        Self { built, since: Arc::default() }
    }

    /// Sections with more fields for those of the server, and one of our own: `# Levels`, which goes on counting.
    pub(crate) fn sections(&self) -> Vec<Section> {
        let built = &self.built;
        let since = *self.since.lock().unwrap_or_else(PoisonError::into_inner);
        let mut sections = vec![memory(built), stats(Counts::of(built), since), keyspace(built), levels(built)];
        sections.extend(built.member.as_ref().map(distributed));
        sections
    }

    /// Counts from zero again.
    pub(crate) fn reset(&self) {
        *self.since.lock().unwrap_or_else(PoisonError::into_inner) = Counts::of(&self.built);
    }
}

/// The node's place in its cluster. Offsets count records, lags what their names say or else records.
fn distributed(member: &Member) -> Section {
    let status = member.status();
    let isr: Vec<&str> = status.isr.iter().map(|member| member.node.as_str()).collect();
    let lag = |of: fn(&Lag) -> u64| {
        let lags: Vec<String> = status.lag.iter().map(|(node, lag)| format!("{node}={}", of(lag))).collect();
        lags.join(",")
    };
    let counters = &status.counters;
    Section::new("Distributed")
        .field("cluster", member.cluster())
        .field("cluster_node", &status.member.node)
        .field("cluster_role", status.role)
        .field("cluster_epoch", status.epoch)
        .field("cluster_leader", status.leader.as_ref().map_or("", |node| node.as_str()))
        .field("cluster_in_sync", isr.join(","))
        .field("cluster_committed", status.hw)
        .field("cluster_end", status.leo)
        .field("cluster_applied", status.applied)
        .field("cluster_readable", u8::from(status.readable))
        .field("cluster_lag", lag(|lag| lag.records))
        .field("cluster_lag_bytes", lag(|lag| lag.bytes))
        .field("cluster_lag_ms", lag(|lag| lag.ms))
        .field("cluster_calls", status.calls)
        .field("cluster_sessions", status.sessions)
        .field("cluster_log_bytes", status.log_bytes)
        .field("cluster_etcd", if status.coordinated { "up" } else { "down" })
        .field("cluster_elections", counters.elections)
        .field("cluster_full_syncs", counters.full_syncs)
        .field("cluster_partial_syncs", counters.partial_syncs)
        .field("cluster_evictions", counters.evictions)
        .field("cluster_unclean_starts", counters.unclean_starts)
        .field("cluster_digest_mismatches", counters.digest_mismatches)
        .field("cluster_beyond_divergence", counters.beyond_divergence)
        .field("cluster_unknown", counters.unknown)
        .field("cluster_deduplicated", counters.deduplicated)
}

fn memory(built: &Built) -> Section {
    let policy = built.memories.iter().find_map(|(_, memory)| memory.eviction()).unwrap_or(Eviction::NoEviction);
    let stats: Vec<_> = built.memory_stats().into_iter().map(|(_, stats)| stats).collect();
    let used: usize = stats.iter().map(|it| it.bytes).sum();
    let bound: Option<usize> = stats.iter().map(|it| it.max_bytes).sum();
    let resident = crate::process::usage().map_or(0, |usage| usage.resident_bytes);
    Section::new("Memory")
        .field("used_memory", used)
        .field("used_memory_human", human(used))
        .field("used_memory_rss", resident)
        .field("used_memory_rss_human", human(resident))
        .field("maxmemory", bound.unwrap_or(0))
        .field("maxmemory_human", human(bound.unwrap_or(0)))
        .field("maxmemory_policy", policy)
}

impl Counts {
    fn of(built: &Built) -> Self {
        let stats = built.cache.stats();
        let memories = built.memory_stats();
        let memories = || memories.iter().map(|(_, stats)| stats);
        Self {
            hits: stats.levels.iter().map(|level| level.hits).sum(),
            // A key that is in no level is a miss at each: the last one asked says how often nothing was there.
            misses: stats.levels.last().map_or(0, |level| level.misses),
            evicted: memories().map(|it| it.evictions).sum(),
            expired: memories().map(|it| it.expirations).sum(),
        }
    }
}

fn stats(now: Counts, since: Counts) -> Section {
    Section::new("Stats")
        .field("keyspace_hits", now.hits.saturating_sub(since.hits))
        .field("keyspace_misses", now.misses.saturating_sub(since.misses))
        .field("evicted_keys", now.evicted.saturating_sub(since.evicted))
        .field("expired_keys", now.expired.saturating_sub(since.expired))
}

/// The keys of the node's own memory, and how many of them expire: an estimate where there are many. What a shared level
/// has is that server's to tell.
fn keyspace(built: &Built) -> Section {
    let section = Section::new("Keyspace");
    match built.deadlines() {
        Some(it) if it.entries > 0 => {
            let ttl = it.mean_left.as_millis();
            section.field("db0", format!("keys={},expires={},avg_ttl={ttl}", it.entries, it.timed))
        }
        _ => section,
    }
}

fn levels(built: &Built) -> Section {
    let (stats, memories) = (built.cache.stats(), built.memory_stats());
    let mut section = Section::new("Levels").field("levels", stats.levels.len());
    for (number, level) in stats.levels.iter().enumerate() {
        let marked = level.marked.map_or_else(|| "all".to_owned(), |marked| marked.to_string());
        let mut text = format!(
            "name={},role={},health={},hits={},misses={},failures={},skipped={},writes={},fills={},voided_fills={},\
             effects={},drops={},marked={marked}",
            level.name,
            if level.authority { "authority" } else { "copy" },
            health(level.health),
            level.hits,
            level.misses,
            level.failures,
            level.skipped,
            level.writes,
            level.fills,
            level.voided_fills,
            level.effects,
            level.drops,
        );
        if let Some((_, memory)) = memories.iter().find(|(name, _)| *name == level.name) {
            text += &format!(
                ",keys={},bytes={},max_bytes={},evicted={},expired={}",
                memory.entries,
                memory.bytes,
                memory.max_bytes.unwrap_or(0),
                memory.evictions,
                memory.expirations,
            );
        }
        if let Some((_, calls)) = built.calls.iter().find(|(name, _)| *name == level.name) {
            let calls = calls.summary();
            text += &format!(
                ",calls={},usec_per_call={:.1},p99_usec_at_most={}",
                calls.count,
                calls.mean_micros(),
                calls.quantile_micros(0.99),
            );
        }
        section = section.field(format!("level{number}"), text);
    }
    section
        .field("repairs_waiting", stats.repairs_queued)
        .field("repairs_done", stats.repairs_done)
        .field("repairs_given_up", stats.repairs_given_up)
        .field("degraded_misses", stats.degraded_misses)
        .field("degraded_writes", stats.degraded_writes)
}

/// The word for a level's health.
pub(crate) fn health(state: HealthState) -> &'static str {
    match state {
        HealthState::Up => "up",
        HealthState::Down => "down",
        HealthState::Probing => "probing",
        _ => "unknown",
    }
}

/// Bytes for people, as Redis writes them.
fn human(bytes: usize) -> String {
    let units = [(1u64 << 40, 'T'), (1 << 30, 'G'), (1 << 20, 'M'), (1 << 10, 'K')];
    match units.into_iter().find(|(unit, _)| bytes as u64 >= *unit) {
        Some((unit, letter)) => format!("{:.2}{letter}", bytes as f64 / unit as f64),
        None => format!("{bytes}B"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn bytes_for_people() {
        for (bytes, text) in [(0, "0B"), (1023, "1023B"), (1536, "1.50K"), (5 << 20, "5.00M"), (3 << 30, "3.00G")] {
            assert_eq!(human(bytes), text);
        }
    }

    #[tokio::test]
    async fn sections_tell_what_happened() {
        use jcache::prelude::*;

        let built = crate::levels::build(&Config::default()).await.unwrap();
        built.cache.set("a", "1").await.unwrap();
        let _: Option<String> = built.cache.get("a").await.unwrap();
        let _: Option<String> = built.cache.get("b").await.unwrap();
        let text: Vec<String> = About::new(built)
            .sections()
            .into_iter()
            .flat_map(|section| section.fields.into_iter().map(|(name, value)| format!("{name}:{value}")))
            .collect();
        let text = text.join("\n");
        for part in [
            "keyspace_hits:1\nkeyspace_misses:1\n",
            "db0:keys=1,",
            "level0:name=memory,role=authority,health=up,hits=1,misses=1,failures=0,skipped=0,writes=1,",
            ",keys=1,bytes=",
            "repairs_waiting:0\n",
        ] {
            assert!(text.contains(part), "{part} is not in\n{text}");
        }
    }
}
