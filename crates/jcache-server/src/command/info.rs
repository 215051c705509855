//! `INFO`: sections of the server, of the backend, and of who embeds it.

use std::sync::atomic::Ordering;
use std::time::{SystemTime, UNIX_EPOCH};

use jcache_core::{Arg, Reply, Result};

use super::{Step, all};
use crate::buffers::Held;
use crate::channels::Kind;
use crate::session::Session;
use crate::shared::Shared;
use crate::status::Section;

/// The version of Redis whose commands these are: what clients ask for to know what they may send.
pub(super) const REDIS_VERSION: &str = "7.0.15";

/// Sections that are only told when asked for, or with `all`.
const ON_REQUEST: [&str; 2] = ["commandstats", "latencystats"];

pub(super) fn info(session: &mut Session, args: &[Arg<'_>]) -> Result<Step> {
    let wanted: Vec<String> = args[1..].iter().map(|name| String::from_utf8_lossy(name).to_ascii_lowercase()).collect();
    let has = |name: &str| wanted.iter().any(|it| it == name);
    let (everything, default) = (has("all") || has("everything"), wanted.is_empty() || has("default"));
    let mut text = String::new();
    for Section { name, fields } in sections(&session.shared) {
        let lower = name.to_ascii_lowercase();
        if !(everything || has(&lower) || (default && !ON_REQUEST.contains(&&*lower))) {
            continue;
        }
        if !text.is_empty() {
            text.push_str("\r\n");
        }
        text.push_str(&format!("# {name}\r\n"));
        for (field, value) in fields {
            text.push_str(&format!("{field}:{value}\r\n"));
        }
    }
    Ok(Reply::Verbatim(text.into()).into())
}

/// All sections, those of others merged in: a field that is there is not told again.
pub(crate) fn sections(shared: &Shared) -> Vec<Section> {
    let mut sections = vec![server(shared), clients(shared), memory(shared), stats(shared), cpu()];
    sections.extend([command_stats(shared), latency_stats(shared)]);
    for more in shared.embedder.info.iter().flat_map(|source| source()) {
        let same = |section: &&mut Section| section.name.eq_ignore_ascii_case(&more.name);
        match sections.iter_mut().find(same) {
            Some(section) => {
                // Who speaks first is nearer to what it tells of.
                let news = more.fields.into_iter().filter(|(name, _)| !section.fields.iter().any(|(it, _)| it == name));
                let news: Vec<_> = news.collect();
                section.fields.extend(news);
            }
            None => sections.push(more),
        }
    }
    sections.retain(|section| !section.fields.is_empty() || section.name == "Keyspace");
    sections
}

fn server(shared: &Shared) -> Section {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let uptime = shared.started.elapsed().as_secs();
    let port = |address: &String| address.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
    let addresses = shared.addresses.lock().clone();
    Section::new("Server")
        .field("redis_version", REDIS_VERSION)
        .field("jcache_version", env!("CARGO_PKG_VERSION"))
        .field("redis_mode", "standalone")
        .field("os", std::env::consts::OS)
        .field("arch_bits", usize::BITS)
        .field("process_id", std::process::id())
        .field("run_id", &shared.run_id)
        .field("tcp_port", addresses.iter().find_map(port).unwrap_or(0))
        .field("server_time_usec", now.as_micros())
        .field("uptime_in_seconds", uptime)
        .field("uptime_in_days", uptime / 86_400)
        .field("listeners", addresses.join(","))
}

fn clients(shared: &Shared) -> Section {
    let status = shared.status();
    let all = shared.clients.all();
    let largest =
        |bytes: fn(Held) -> usize| all.iter().map(|client| bytes(client.figures.buffers.held())).max().unwrap_or(0);
    Section::new("Clients")
        .field("connected_clients", status.clients)
        .field("maxclients", shared.settings.limits.read().clients)
        .field("client_recent_max_input_buffer", largest(|held| held.query + held.query_free))
        .field("client_recent_max_output_buffer", largest(|held| held.replies + held.large))
        .field("blocked_clients", status.blocked_clients)
        .field("pubsub_clients", status.subscribed_clients)
        .field("client_output_bytes", status.output_bytes)
}

/// What the server knows of memory itself: the rest is for the backend, and who embeds it.
fn memory(shared: &Shared) -> Section {
    let clients = shared.clients.all();
    Section::new("Memory").field("mem_clients_normal", clients.iter().map(|client| client.memory()).sum::<usize>())
}

fn stats(shared: &Shared) -> Section {
    let status = shared.status();
    let (bytes_in, bytes_out) = shared.traffic();
    let kbps = |bytes: u64| format!("{:.2}", bytes as f64 / 1024.0);
    Section::new("Stats")
        .field("total_connections_received", status.connections)
        .field("total_commands_processed", status.commands)
        .field("instantaneous_ops_per_sec", status.commands_per_second)
        .field("total_net_input_bytes", status.bytes_in)
        .field("total_net_output_bytes", status.bytes_out)
        .field("instantaneous_input_kbps", kbps(bytes_in))
        .field("instantaneous_output_kbps", kbps(bytes_out))
        .field("rejected_connections", status.rejected_connections)
        .field("client_output_buffer_limit_disconnections", status.output_limit_disconnections)
        .field("protocol_errors", status.protocol_errors)
        .field("pubsub_channels", status.channels)
        .field("pubsub_patterns", status.patterns)
        .field("pubsubshard_channels", shared.channels.len(Kind::Shard))
        .field("total_error_replies", status.failed_commands)
        .field("slow_commands", status.slow_commands)
}

/// Time that the process used, which the kernel tells in hundredths of a second.
fn cpu() -> Section {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name of the program may hold anything, blanks too; after it come numbers.
    let numbers: Vec<&str> = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace().collect();
    let seconds = |at: usize| numbers.get(at).and_then(|it| it.parse::<f64>().ok()).map(|it| it / 100.0);
    let (Some(user), Some(system)) = (seconds(11), seconds(12)) else { return Section::new("CPU") };
    Section::new("CPU").field("used_cpu_sys", format!("{system:.6}")).field("used_cpu_user", format!("{user:.6}"))
}

fn command_stats(shared: &Shared) -> Section {
    let mut section = Section::new("Commandstats");
    for command in all() {
        let (calls, failed) = shared.calls.of(command.place);
        if calls > 0 {
            let name = format!("cmdstat_{}", command.name);
            // Of those that were measured: the whole time is what they let expect.
            let mean = shared.latencies.of(command.place).map_or(0.0, |measured| measured.mean());
            let usec = (mean * calls as f64).round();
            let text = format!("calls={calls},usec={usec},usec_per_call={mean:.2},failed_calls={failed}");
            section = section.field(name, text);
        }
    }
    section
}

/// Microseconds that half of the measured calls took at most, and so on.
fn latency_stats(shared: &Shared) -> Section {
    let mut section = Section::new("Latencystats");
    for command in all() {
        if let Some(measured) = shared.latencies.of(command.place) {
            let [half, most, all] = [500, 990, 999].map(|per_mille| measured.within(per_mille));
            let name = format!("latency_percentiles_usec_{}", command.name);
            section = section.field(name, format!("p50={half:.3},p99={most:.3},p99.9={all:.3}"));
        }
    }
    section
}

impl Shared {
    /// Sets the counters back that `INFO` tells.
    pub(crate) fn reset_statistics(&self) {
        self.calls.reset();
        self.latencies.reset();
        self.embedder.resets.iter().for_each(|reset| reset());
        self.clients.reset_totals();
        for count in
            [&self.counts.connections, &self.counts.rejected, &self.counts.output_limit, &self.counts.protocol_errors]
        {
            count.store(0, Ordering::Relaxed);
        }
    }
}
