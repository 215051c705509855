//! `CONFIG`: the settings, one row each: the name, how it is read, and how it is changed, where it can be.

use std::sync::atomic::Ordering;
use std::time::Duration;

use jcache_core::{Arg, Error, Reply, Result, glob};

use super::Step;
use crate::session::Session;
use crate::settings::OutputLimit;
use crate::shared::Shared;

/// Changes a setting, or says why not.
type Change = fn(&Shared, &str) -> Result<(), String>;

/// A setting: its name, how it is read, and how it is changed, where it can be.
struct Setting {
    name: &'static str,
    get: fn(&Shared) -> String,
    set: Option<Change>,
}

const fn fixed(name: &'static str, get: fn(&Shared) -> String) -> Setting {
    Setting { name, get, set: None }
}

const fn open(name: &'static str, get: fn(&Shared) -> String, set: Change) -> Setting {
    Setting { name, get, set: Some(set) }
}

/// What cannot be otherwise here and is often set by who expects a Redis may be set to what it is.
const SETTINGS: &[Setting] = &[
    open("appendonly", |_| "no".into(), |_, text| nothing_on_disk(text, "no")),
    fixed("bind", |shared| addresses(shared, |address| address.rsplit_once(':').map(|(host, _)| host))),
    open("client-output-buffer-limit", get_output, set_output),
    open(
        "client-query-buffer-limit",
        |shared| shared.settings.limits.read().query.to_string(),
        |shared, text| bytes(text).map(|bytes| shared.settings.limits.write().query = bytes),
    ),
    fixed("cluster-enabled", |_| "no".into()),
    fixed("daemonize", |_| "no".into()),
    fixed("databases", |_| "1".into()),
    open(
        "latency-monitor-threshold",
        |shared| shared.settings.spike_millis.load(Ordering::Relaxed).to_string(),
        |shared, text| integer(text).map(|millis| shared.settings.spike_millis.store(millis, Ordering::Relaxed)),
    ),
    open(
        "latency-tracking",
        |shared| yes(shared.settings.tracks_latency.load(Ordering::Relaxed)),
        |shared, text| yes_or_no(text).map(|on| shared.settings.tracks_latency.store(on, Ordering::Relaxed)),
    ),
    fixed("latency-tracking-info-percentiles", |_| "50 99 99.9".into()),
    open(
        "maxclients",
        |shared| shared.settings.limits.read().clients.to_string(),
        |shared, text| match integer(text)? {
            0 => Err("argument must be between 1 and 4294967295 inclusive".into()),
            clients => {
                shared.settings.limits.write().clients = clients as usize;
                Ok(())
            }
        },
    ),
    fixed("maxmemory", |_| "0".into()),
    fixed("maxmemory-policy", |_| "noeviction".into()),
    open(
        "notify-keyspace-events",
        |_| String::new(),
        |_, text| match text {
            "" => Ok(()),
            _ => Err("keyspace events are not offered".into()),
        },
    ),
    fixed("port", |shared| addresses(shared, |address| address.rsplit_once(':').map(|(_, port)| port))),
    open(
        "proto-max-bulk-len",
        |shared| shared.settings.limits.read().argument.to_string(),
        |shared, text| bytes(text).map(|bytes| shared.settings.limits.write().argument = bytes),
    ),
    open(
        "protected-mode",
        |shared| yes(shared.settings.protected.load(Ordering::Relaxed)),
        |shared, text| yes_or_no(text).map(|on| shared.settings.protected.store(on, Ordering::Relaxed)),
    ),
    // Not told, as the server does not know it: it keeps a hash.
    open(
        PASSWORD,
        |_| String::new(),
        |shared, text| {
            shared.users.set_default_password(text);
            Ok(())
        },
    ),
    open("save", |_| String::new(), |_, text| nothing_on_disk(text, "")),
    open(
        "slowlog-log-slower-than",
        |shared| shared.settings.slow_micros.load(Ordering::Relaxed).to_string(),
        |shared, text| {
            let micros: i64 = text.parse().map_err(|_| NOT_AN_INTEGER)?;
            if micros < -1 {
                return Err("argument must be between -1 and 9223372036854775807 inclusive".into());
            }
            shared.settings.limits.write().slow = u64::try_from(micros).ok().map(Duration::from_micros);
            shared.settings.slow_micros.store(micros, Ordering::Relaxed);
            Ok(())
        },
    ),
    open(
        "slowlog-max-len",
        |shared| shared.settings.limits.read().slow_entries.to_string(),
        |shared, text| integer(text).map(|most| shared.settings.limits.write().slow_entries = most as usize),
    ),
    open(
        "tcp-keepalive",
        |shared| seconds(shared.settings.limits.read().keepalive),
        |shared, text| integer(text).map(|it| shared.settings.limits.write().keepalive = duration(it)),
    ),
    open(
        "timeout",
        |shared| seconds(shared.settings.limits.read().idle),
        |shared, text| integer(text).map(|it| shared.settings.limits.write().idle = duration(it)),
    ),
    fixed("unixsocket", |shared| addresses(shared, |address| address.starts_with('/').then_some(address))),
];

const PASSWORD: &str = "requirepass";
const NOT_AN_INTEGER: &str = "argument couldn't be parsed into an integer";

fn nothing_on_disk(text: &str, only: &str) -> Result<(), String> {
    if text.eq_ignore_ascii_case(only) { Ok(()) } else { Err("nothing is kept on disk".into()) }
}

fn addresses(shared: &Shared, part: fn(&str) -> Option<&str>) -> String {
    let addresses = shared.addresses.lock();
    let mut parts: Vec<&str> = addresses.iter().filter_map(|address| part(address)).collect();
    parts.dedup();
    parts.join(" ")
}

fn integer(text: &str) -> Result<u64, String> {
    text.parse::<u32>().map(u64::from).map_err(|_| NOT_AN_INTEGER.into())
}

/// A number of bytes, with a unit such as `kb` (1024) or `k` (1000).
fn bytes(text: &str) -> Result<usize, String> {
    let text = text.to_ascii_lowercase();
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_lowercase());
    let unit: usize = match &text[digits.len()..] {
        "" | "b" => 1,
        "k" => 1000,
        "kb" => 1 << 10,
        "m" => 1_000_000,
        "mb" => 1 << 20,
        "g" => 1_000_000_000,
        "gb" => 1 << 30,
        _ => return Err("argument must be a memory value".into()),
    };
    let count: usize = digits.parse().map_err(|_| "argument must be a memory value")?;
    count.checked_mul(unit).ok_or_else(|| "argument must be a memory value".into())
}

fn yes(on: bool) -> String {
    if on { "yes" } else { "no" }.into()
}

fn yes_or_no(text: &str) -> Result<bool, String> {
    match &*text.to_ascii_lowercase() {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => Err("argument must be 'yes' or 'no'".into()),
    }
}

fn seconds(time: Option<Duration>) -> String {
    time.map_or(0, |time| time.as_secs()).to_string()
}

fn duration(seconds: u64) -> Option<Duration> {
    (seconds > 0).then(|| Duration::from_secs(seconds))
}

fn get_output(shared: &Shared) -> String {
    let limits = shared.settings.limits.read();
    let show = |limit: OutputLimit| format!("{} {} {}", limit.hard, limit.soft, limit.soft_for.as_secs());
    format!("normal {} slave 0 0 0 pubsub {}", show(limits.output), show(limits.subscriber_output))
}

fn set_output(shared: &Shared, text: &str) -> Result<(), String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let mut limits = shared.settings.limits.read().clone();
    for class in words.chunks(4) {
        let [name, hard, soft, soft_for] = class else {
            return Err("Wrong number of arguments in buffer limit configuration.".into());
        };
        let soft_for = soft_for.parse().map_err(|_| "Error in soft_seconds setting in buffer limit configuration.")?;
        let wrong = |_| "Error in hard, soft or soft_seconds setting in buffer limit configuration.".to_owned();
        let limit = OutputLimit {
            hard: bytes(hard).map_err(wrong)?,
            soft: bytes(soft).map_err(wrong)?,
            soft_for: Duration::from_secs(soft_for),
        };
        match &*name.to_ascii_lowercase() {
            "normal" => limits.output = limit,
            "pubsub" => limits.subscriber_output = limit,
            "slave" | "replica" => {}
            _ => return Err("Invalid client class specified in buffer limit configuration.".into()),
        }
    }
    *shared.settings.limits.write() = limits;
    Ok(())
}

/// A setting of the server, or of who embeds it.
#[derive(Clone)]
enum Found<'s> {
    Own(&'static Setting),
    Other(&'s crate::settings::Parameter),
}

impl Found<'_> {
    fn all(shared: &Shared) -> impl Iterator<Item = Found<'_>> {
        // What the embedder says about a name counts.
        let own = |setting: &&Setting| !shared.embedder.parameters.iter().any(|it| it.name == setting.name);
        SETTINGS.iter().filter(own).map(Found::Own).chain(shared.embedder.parameters.iter().map(Found::Other))
    }

    fn name(&self) -> &str {
        match self {
            Found::Own(it) => it.name,
            Found::Other(it) => &it.name,
        }
    }

    fn get(&self, shared: &Shared) -> String {
        match self {
            Found::Own(it) => (it.get)(shared),
            Found::Other(it) => (it.get)(),
        }
    }

    fn set(&self, shared: &Shared, text: &str) -> Result<(), String> {
        match self {
            Found::Own(Setting { set: Some(set), .. }) => set(shared, text),
            Found::Other(crate::settings::Parameter { set: Some(set), .. }) => set(text),
            _ => Err("can't set immutable config".into()),
        }
    }
}

pub(super) fn get(session: &mut Session, args: &[Arg<'_>]) -> Result<Step> {
    let shared = &session.shared;
    let patterns: Vec<Vec<u8>> = args[2..].iter().map(|pattern| pattern.to_ascii_lowercase()).collect();
    let asked = |name: &str| patterns.iter().any(|pattern| glob::matches(pattern, name.as_bytes()));
    let text = |text: String| Reply::Bulk(text.into());
    let found = Found::all(shared).filter(|it| asked(it.name()));
    Ok(Reply::Map(found.map(|it| (text(it.name().to_owned()), text(it.get(shared)))).collect()).into())
}

pub(super) fn set(session: &mut Session, args: &[Arg<'_>]) -> Result<Step> {
    let shared = &session.shared;
    let pairs = &args[2..];
    if !pairs.len().is_multiple_of(2) {
        return Err(Error::syntax());
    }
    let failed = |name: &str, why: &str| {
        Error::invalid(format!("ERR CONFIG SET failed (possibly related to argument '{name}') - {why}"))
    };
    let mut changes: Vec<(Found<'_>, String)> = Vec::new();
    for pair in pairs.chunks_exact(2) {
        let name = String::from_utf8_lossy(&pair[0]).to_ascii_lowercase();
        let found = Found::all(shared).find(|it| it.name() == name).ok_or_else(|| {
            let shown = String::from_utf8_lossy(&pair[0]);
            Error::invalid(format!("ERR Unknown option or number of arguments for CONFIG SET - '{shown}'"))
        })?;
        if changes.iter().any(|(other, _)| other.name() == name) {
            return Err(failed(&name, "duplicate parameter"));
        }
        changes.push((found, String::from_utf8_lossy(&pair[1]).into_owned()));
    }
    // Last what cannot be read back; it does not fail.
    changes.sort_by_key(|(found, _)| found.name() == PASSWORD);
    let mut undo: Vec<(Found<'_>, String)> = Vec::new();
    for (found, text) in changes {
        let before = found.get(shared);
        if let Err(why) = found.set(shared, &text) {
            for (found, before) in undo.into_iter().rev() {
                // It was so before, so it may be so again.
                let _ = found.set(shared, &before);
            }
            return Err(failed(found.name(), &why));
        }
        undo.push((found, before));
    }
    Ok(Reply::Ok.into())
}

pub(super) fn reset_statistics(session: &mut Session, _: &[Arg<'_>]) -> Result<Step> {
    session.shared.reset_statistics();
    Ok(Reply::Ok.into())
}

pub(super) fn rewrite(session: &mut Session, _: &[Arg<'_>]) -> Result<Step> {
    let shared = &session.shared;
    let Some(rewrite) = &shared.embedder.rewrite else {
        return Err(Error::invalid("ERR The server is running without a config file"));
    };
    let all: Vec<(String, String)> = Found::all(shared).map(|it| (it.name().to_owned(), it.get(shared))).collect();
    rewrite(&all).map_err(|why| Error::invalid(format!("ERR Rewriting config file: {why}")))?;
    Ok(Reply::Ok.into())
}
