//! `--level`: what kind of level, and its policy.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use jcache::{Cache, LevelPolicy, Memory, Result};
use jcache_memory::Eviction;
use jcache_redis::Redis;

use crate::cluster::Member;
use crate::config::Config;
use crate::config::kind::{Bytes, HIDDEN, One};
use crate::histogram::Histogram;
use crate::node::timed::Timed;

const UNKNOWN: &str = "no such kind of level; there are memory, distributed and URLs such as redis://localhost";

/// One `--level`, read but not set up.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LevelSpec {
    text: String,
    kind: Kind,
    name: Option<String>,
    policy: LevelPolicy,
    /// Whether the policy says how long a copy lives.
    has_ttl: bool,
}

#[derive(Debug, Clone, PartialEq)]
enum Kind {
    Memory { max: Option<u64>, eviction: Option<Eviction> },
    Redis(String),
    Distributed,
}

impl Kind {
    fn name(&self) -> &'static str {
        match self {
            Kind::Memory { .. } => "memory",
            Kind::Redis(_) => "redis",
            Kind::Distributed => "distributed",
        }
    }
}

impl FromStr for LevelSpec {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let plain = [("memory", Kind::Memory { max: None, eviction: None }), ("distributed", Kind::Distributed)];
        let plain = plain.into_iter().find_map(|(word, kind)| Some((kind, text.strip_prefix(word)?)));
        let (kind, settings) = match plain {
            Some((kind, "")) => (kind, ""),
            Some((kind, settings)) => (kind, settings.strip_prefix(':').ok_or(UNKNOWN)?),
            // Which URLs there are is the driver's to say.
            None if text.contains("://") => {
                let (url, settings) = text.split_once('#').unwrap_or((text, ""));
                (Kind::Redis(url.to_owned()), settings)
            }
            None => return Err(UNKNOWN.to_owned()),
        };
        let mut spec = Self { text: text.to_owned(), kind, name: None, policy: LevelPolicy::new(), has_ttl: false };
        for setting in settings.split(',').filter(|setting| !setting.is_empty()) {
            spec.set(setting)?;
        }
        Ok(spec)
    }
}

impl fmt::Display for LevelSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl One for LevelSpec {
    const PLACE: &'static str = "LEVEL";

    fn read(text: &str) -> Result<Self, String> {
        text.parse()
    }

    fn show(&self) -> String {
        self.to_string()
    }

    fn mask(&self) -> String {
        self.masked()
    }
}

impl LevelSpec {
    /// The level as it was written, without a password.
    pub(crate) fn masked(&self) -> String {
        let Some((scheme, rest)) = self.text.split_once("://") else { return self.text.clone() };
        match rest.rsplit_once('@').map(|(user, hosts)| (user.split_once(':'), hosts)) {
            Some((Some((user, _)), hosts)) => format!("{scheme}://{user}:{HIDDEN}@{hosts}"),
            _ => self.text.clone(),
        }
    }

    /// Whether other processes see the level's data.
    pub(crate) fn is_shared(&self) -> bool {
        !matches!(self.kind, Kind::Memory { .. })
    }

    /// Whether it is the memory of a cluster.
    pub(crate) fn is_distributed(&self) -> bool {
        matches!(self.kind, Kind::Distributed)
    }

    /// Whether it is memory that does not say how much it may take.
    pub(crate) fn takes_the_common_bound(&self) -> bool {
        matches!(self.kind, Kind::Memory { max: None, .. } | Kind::Distributed)
    }

    fn set(&mut self, setting: &str) -> Result<(), String> {
        let policy = std::mem::take(&mut self.policy);
        self.policy = match (setting.split_once('='), &mut self.kind) {
            (Some(("name", "")), _) => return Err("a name must not be empty".into()),
            (Some(("name", name)), _) => {
                self.name = Some(name.to_owned());
                policy
            }
            (Some(("ttl", time)), _) => {
                self.has_ttl = true;
                policy.ttl_cap(read_time(time)?)
            }
            (Some(("deadline", time)), _) => policy.deadline(read_time(time)?),
            (Some(("fill", "yes")), _) => policy.fill(true),
            (Some(("fill", "no")), _) => policy.fill(false),
            (Some(("fill", _)), _) => return Err("fill is yes or no".into()),
            (Some(("max", bytes)), Kind::Memory { max, .. }) => {
                *max = Some(Bytes::read(bytes).map_err(|error| format!("max: {error}"))?.0);
                policy
            }
            (Some(("policy", word)), Kind::Memory { eviction, .. }) => {
                *eviction = Some(<Eviction as One>::read(word).map_err(|error| format!("policy: {error}"))?);
                policy
            }
            (None, _) if setting == "authority" => policy.authority(),
            (_, kind) => {
                let known = "name=, ttl=, deadline=, fill= and authority";
                let memory = if matches!(kind, Kind::Memory { .. }) { "max=, policy=, " } else { "" };
                return Err(format!("no such setting of a level as '{setting}'; there are {memory}{known}"));
            }
        };
        Ok(())
    }
}

/// A time such as `30s`, or `none`.
pub(crate) fn read_time(text: &str) -> Result<Option<Duration>, String> {
    if text == "none" {
        return Ok(None);
    }
    let time = humantime::parse_duration(text).map_err(|error| format!("'{text}' is no time: {error}"))?;
    if time.is_zero() { Err(format!("'{text}' is no time: it must be above zero")) } else { Ok(Some(time)) }
}

/// A cache, and those of its levels whose memory is ours to watch.
#[derive(Debug, Clone)]
pub(crate) struct Built {
    pub(crate) cache: Cache,
    /// The memory levels by their names.
    pub(crate) memories: Vec<(String, Memory)>,
    /// Those of them that go by the common bound, and by the common policy.
    pub(crate) common: Common,
    /// How long calls of the other levels took, by their names.
    pub(crate) calls: Vec<(String, Arc<Histogram>)>,
    /// The node's membership in a cluster.
    pub(crate) member: Option<Member>,
}

/// Memory levels that say nothing of their own about it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Common {
    bounded: Vec<Memory>,
    evicting: Vec<Memory>,
}

impl Common {
    /// Changes the common bound of levels that are in use; 0 for none.
    ///
    /// # Errors
    /// When no level goes by it.
    pub(crate) fn set_max(&self, max: u64) -> Result<(), String> {
        if self.bounded.is_empty() {
            return Err("there is no memory level of this node alone without a max= of its own".into());
        }
        let max = usize::try_from(max).ok().filter(|max| *max > 0);
        self.bounded.iter().try_for_each(|memory| memory.set_max_memory(max)).map_err(|error| error.to_string())
    }

    /// Changes whom these levels evict.
    ///
    /// # Errors
    /// When no level goes by it.
    pub(crate) fn set_eviction(&self, eviction: Eviction) -> Result<(), String> {
        if self.evicting.is_empty() {
            return Err("there is no memory level of this node alone without a policy= of its own".into());
        }
        self.evicting.iter().for_each(|memory| memory.set_eviction(eviction));
        Ok(())
    }
}

impl Built {
    /// How many keys of the first of them expire, and when.
    pub(crate) fn deadlines(&self) -> Option<jcache_memory::Deadlines> {
        let own = self.memories.first().map(|(_, memory)| memory.deadlines());
        own.or_else(|| self.member.as_ref().map(Member::deadlines))
    }

    /// What each of the levels holds whose memory is this process's.
    pub(crate) fn memory_stats(&self) -> Vec<(String, jcache_memory::Stats)> {
        let own = self.memories.iter().map(|(name, memory)| (name.clone(), memory.stats()));
        let shared = self.member.iter().map(|member| (member.level().to_owned(), member.memory()));
        own.chain(shared).collect()
    }
}

/// Sets up the levels of a configuration; without any, a memory level.
///
/// Levels without a name are called after their kind, with a number from the second on.
///
/// # Errors
/// Levels that do not go together, addresses that cannot be right, and a cluster that cannot be joined.
pub(crate) async fn build(config: &Config) -> Result<Built> {
    let memory = ["memory".parse().expect("a memory level")];
    let specs = if config.level.is_empty() { &memory[..] } else { &config.level };
    let beside_shared = specs.iter().any(LevelSpec::is_shared);
    let mut taken: Vec<String> = specs.iter().filter_map(|spec| spec.name.clone()).collect();
    let mut builder = Cache::builder().strict(config.strict.0);
    let (mut memories, mut calls, mut common) = (Vec::new(), Vec::new(), Common::default());
    let mut member = None;
    for spec in specs {
        let name = spec.name.clone().unwrap_or_else(|| {
            let numbered = (2..).map(|number| format!("{}{number}", spec.kind.name()));
            let mut names = std::iter::once(spec.kind.name().to_owned()).chain(numbered);
            let name = names.find(|name| !taken.contains(name)).expect("the numbers do not end");
            taken.push(name.clone());
            name
        });
        let mut policy = spec.policy.clone().name(name.clone());
        builder = match &spec.kind {
            Kind::Memory { max, eviction } => {
                if beside_shared && !spec.has_ttl {
                    policy = policy.ttl_cap(config.near_ttl.0);
                }
                let memory =
                    memory_level(max.unwrap_or(config.maxmemory.0), eviction.unwrap_or(config.maxmemory_policy));
                memories.push((name, memory.clone()));
                common.bounded.extend(max.is_none().then(|| memory.clone()));
                common.evicting.extend(eviction.is_none().then(|| memory.clone()));
                builder.level_with(memory, policy)
            }
            // Not connected before it is needed: the shell starts, and the cache works, while Redis is away.
            Kind::Redis(url) => {
                let histogram = Arc::new(Histogram::default());
                calls.push((name, Arc::clone(&histogram)));
                builder.level_with(Timed::new(Redis::lazy(url)?, histogram), policy)
            }
            Kind::Distributed => {
                let memory = memory_builder(config.maxmemory.0, config.maxmemory_policy);
                let joined = Member::join(config, memory, &name).await?;
                let histogram = Arc::new(Histogram::default());
                calls.push((name, Arc::clone(&histogram)));
                let driver = Timed::new(joined.driver(), histogram);
                member = Some(joined);
                builder.level_with(driver, policy)
            }
        };
    }
    Ok(Built { cache: builder.build()?, memories, common, calls, member })
}

fn memory_level(max: u64, eviction: Eviction) -> Memory {
    memory_builder(max, eviction).build()
}

fn memory_builder(max: u64, eviction: Eviction) -> jcache_memory::Builder {
    let builder = Memory::builder().eviction(eviction);
    // A bound beyond what the machine can address is none.
    match usize::try_from(max) {
        Ok(max) if max > 0 => builder.max_memory(max),
        _ => builder,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(text: &str, kind: Kind, name: Option<&str>, policy: LevelPolicy) -> LevelSpec {
        let has_ttl = text.contains("ttl=");
        LevelSpec { text: text.to_owned(), kind, name: name.map(str::to_owned), policy, has_ttl }
    }

    async fn build_of(specs: &[&str]) -> Result<Built> {
        let level = specs.iter().map(|text| text.parse().unwrap()).collect();
        build(&Config { level, ..Config::default() }).await
    }

    #[test]
    fn levels_are_read() {
        let redis = |url: &str| Kind::Redis(url.to_owned());
        let memory = || Kind::Memory { max: None, eviction: None };
        let bounded = |max, eviction| Kind::Memory { max: Some(max), eviction };
        let plain = LevelPolicy::new;
        for (text, kind, name, policy) in [
            ("memory", memory(), None, plain()),
            ("memory:", memory(), None, plain()),
            ("memory:name=near", memory(), Some("near"), plain()),
            ("memory:ttl=1m 30s,fill=no", memory(), None, plain().ttl_cap(Duration::from_secs(90)).fill(false)),
            ("memory:ttl=none,authority", memory(), None, plain().ttl_cap(None).authority()),
            ("memory:max=256mb,policy=allkeys-lru", bounded(256 << 20, Some(Eviction::Lru)), None, plain()),
            ("memory:max=0", bounded(0, None), None, plain()),
            ("distributed", Kind::Distributed, None, plain()),
            ("distributed:name=all,fill=yes", Kind::Distributed, Some("all"), plain().fill(true)),
            ("redis://localhost:6379/2", redis("redis://localhost:6379/2"), None, plain()),
            ("redis+cluster://a:1,b:2", redis("redis+cluster://a:1,b:2"), None, plain()),
            (
                "unix:///run/redis.sock#name=far,deadline=200ms",
                redis("unix:///run/redis.sock"),
                Some("far"),
                plain().deadline(Duration::from_millis(200)),
            ),
        ] {
            assert_eq!(text.parse::<LevelSpec>(), Ok(spec(text, kind, name, policy)), "{text}");
        }
    }

    #[test]
    fn wrong_levels_say_what_is_wrong() {
        for (text, part) in [
            ("", "no such kind of level"),
            ("disk", "no such kind of level"),
            ("memory2", "no such kind of level"),
            ("distributed:max=3", "no such setting of a level as 'max=3'"),
            ("memory:max", "no such setting of a level as 'max'; there are max=, policy=, name="),
            ("memory:size=3", "no such setting of a level as 'size=3'"),
            ("memory:fill=perhaps", "fill is yes or no"),
            ("memory:name=", "a name must not be empty"),
            ("memory:ttl=soon", "'soon' is no time"),
            ("memory:max=much", "max: expected a number of bytes such as 256mb, not 'much'"),
            ("memory:policy=best", "policy: expected one of s3fifo, allkeys-lru"),
            ("redis://h#max=3", "no such setting of a level as 'max=3'; there are name="),
            ("redis://h#ttl=0s", "'0s' is no time: it must be above zero"),
        ] {
            let error = text.parse::<LevelSpec>().unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn passwords_are_masked() {
        for (text, masked) in [
            ("memory:name=a", "memory:name=a"),
            ("redis://localhost", "redis://localhost"),
            ("redis://ada@localhost", "redis://ada@localhost"),
            ("redis://ada:secret@localhost#name=far", "redis://ada:(hidden)@localhost#name=far"),
            ("redis://:se:cr@et@h:1,i:2", "redis://:(hidden)@h:1,i:2"),
        ] {
            assert_eq!(text.parse::<LevelSpec>().unwrap().masked(), masked);
        }
    }

    #[tokio::test]
    async fn levels_without_a_name_are_called_after_their_kind() {
        let built = build_of(&["memory", "memory:name=memory2", "memory", "memory:name=last"]).await.unwrap();
        assert_eq!(built.cache.level_names().collect::<Vec<_>>(), ["memory", "memory2", "memory3", "last"]);
        assert_eq!(built.memories.len(), 4);
        assert_eq!(build_of(&[]).await.unwrap().cache.level_names().collect::<Vec<_>>(), ["memory"]);
    }

    #[tokio::test]
    async fn bounds_of_levels_go_before_the_common_one() {
        let level = ["memory:max=2mb", "memory", "memory:max=0"].map(|text| text.parse().unwrap()).to_vec();
        let built = build(&Config { level, maxmemory: Bytes(1 << 20), ..Config::default() }).await.unwrap();
        let bounds: Vec<_> = built.memories.iter().map(|(_, memory)| memory.stats().max_bytes).collect();
        assert_eq!(bounds, [Some(2 << 20), Some(1 << 20), None]);
    }

    #[tokio::test]
    async fn two_levels_of_one_name_are_refused() {
        assert!(build_of(&["memory:name=a", "memory:name=a"]).await.is_err());
    }

    #[tokio::test]
    async fn a_url_of_another_kind_is_refused() {
        assert!(build_of(&["http://localhost"]).await.is_err());
    }
}
