//! `--level`: what kind of level, and its policy.

use std::str::FromStr;
use std::time::Duration;

use jcache::{Cache, LevelPolicy, Memory, Result};
use jcache_redis::Redis;

const UNKNOWN: &str = "no such kind of level; there are memory and URLs such as redis://localhost";

/// One `--level`, read but not set up.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LevelSpec {
    kind: Kind,
    name: Option<String>,
    policy: LevelPolicy,
}

#[derive(Debug, Clone, PartialEq)]
enum Kind {
    Memory,
    Redis(String),
}

impl Kind {
    fn name(&self) -> &'static str {
        match self {
            Kind::Memory => "memory",
            Kind::Redis(_) => "redis",
        }
    }
}

impl FromStr for LevelSpec {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (kind, settings) = match text.strip_prefix("memory") {
            Some("") => (Kind::Memory, ""),
            Some(settings) => (Kind::Memory, settings.strip_prefix(':').ok_or(UNKNOWN)?),
            // Which URLs there are is the driver's to say.
            None if text.contains("://") => {
                let (url, settings) = text.split_once('#').unwrap_or((text, ""));
                (Kind::Redis(url.to_owned()), settings)
            }
            None => return Err(UNKNOWN.to_owned()),
        };
        let mut spec = Self { kind, name: None, policy: LevelPolicy::new() };
        for setting in settings.split(',').filter(|setting| !setting.is_empty()) {
            spec.set(setting)?;
        }
        Ok(spec)
    }
}

impl LevelSpec {
    fn set(&mut self, setting: &str) -> Result<(), String> {
        let policy = std::mem::take(&mut self.policy);
        self.policy = match setting.split_once('=') {
            Some(("name", "")) => return Err("a name must not be empty".into()),
            Some(("name", name)) => {
                self.name = Some(name.to_owned());
                policy
            }
            Some(("ttl", time)) => policy.ttl_cap(read_time(time)?),
            Some(("deadline", time)) => policy.deadline(read_time(time)?),
            Some(("fill", "yes")) => policy.fill(true),
            Some(("fill", "no")) => policy.fill(false),
            Some(("fill", _)) => return Err("fill is yes or no".into()),
            None if setting == "authority" => policy.authority(),
            _ => {
                let known = "name=, ttl=, deadline=, fill= and authority";
                return Err(format!("no such setting of a level as '{setting}'; there are {known}"));
            }
        };
        Ok(())
    }
}

/// A time such as `30s`, or `none`.
fn read_time(text: &str) -> Result<Option<Duration>, String> {
    if text == "none" {
        return Ok(None);
    }
    let time = humantime::parse_duration(text).map_err(|error| format!("'{text}' is no time: {error}"))?;
    if time.is_zero() { Err(format!("'{text}' is no time: it must be above zero")) } else { Ok(Some(time)) }
}

/// Sets up the levels; without any, a memory level.
///
/// Levels without a name are called after their kind, with a number from the second on.
pub(crate) fn build(specs: &[LevelSpec], strict: bool) -> Result<Cache> {
    let memory = [LevelSpec { kind: Kind::Memory, name: None, policy: LevelPolicy::new() }];
    let specs = if specs.is_empty() { &memory } else { specs };
    let mut taken: Vec<String> = specs.iter().filter_map(|spec| spec.name.clone()).collect();
    let mut builder = Cache::builder().strict(strict);
    for spec in specs {
        let name = spec.name.clone().unwrap_or_else(|| {
            let numbered = (2..).map(|number| format!("{}{number}", spec.kind.name()));
            let mut names = std::iter::once(spec.kind.name().to_owned()).chain(numbered);
            let name = names.find(|name| !taken.contains(name)).expect("the numbers do not end");
            taken.push(name.clone());
            name
        });
        let policy = spec.policy.clone().name(name);
        builder = match &spec.kind {
            Kind::Memory => builder.level_with(Memory::new(), policy),
            // Not connected before it is needed: the shell starts, and the cache works, while Redis is away.
            Kind::Redis(url) => builder.level_with(Redis::lazy(url)?, policy),
        };
    }
    builder.build()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(kind: Kind, name: Option<&str>, policy: LevelPolicy) -> LevelSpec {
        LevelSpec { kind, name: name.map(str::to_owned), policy }
    }

    #[test]
    fn levels_are_read() {
        let redis = |url: &str| Kind::Redis(url.to_owned());
        let plain = LevelPolicy::new;
        for (text, expected) in [
            ("memory", spec(Kind::Memory, None, plain())),
            ("memory:", spec(Kind::Memory, None, plain())),
            ("memory:name=near", spec(Kind::Memory, Some("near"), plain())),
            (
                "memory:ttl=1m 30s,fill=no",
                spec(Kind::Memory, None, plain().ttl_cap(Duration::from_secs(90)).fill(false)),
            ),
            ("memory:ttl=none,authority", spec(Kind::Memory, None, plain().ttl_cap(None).authority())),
            ("redis://localhost:6379/2", spec(redis("redis://localhost:6379/2"), None, plain())),
            ("redis+cluster://a:1,b:2", spec(redis("redis+cluster://a:1,b:2"), None, plain())),
            (
                "unix:///run/redis.sock#name=far,deadline=200ms",
                spec(redis("unix:///run/redis.sock"), Some("far"), plain().deadline(Duration::from_millis(200))),
            ),
        ] {
            assert_eq!(text.parse::<LevelSpec>(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn wrong_levels_say_what_is_wrong() {
        for (text, part) in [
            ("", "no such kind of level"),
            ("disk", "no such kind of level"),
            ("memory2", "no such kind of level"),
            ("memory:max", "no such setting of a level as 'max'"),
            ("memory:size=3", "no such setting of a level as 'size=3'"),
            ("memory:fill=perhaps", "fill is yes or no"),
            ("memory:name=", "a name must not be empty"),
            ("memory:ttl=soon", "'soon' is no time"),
            ("redis://h#ttl=0s", "'0s' is no time: it must be above zero"),
        ] {
            let error = text.parse::<LevelSpec>().unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn levels_without_a_name_are_called_after_their_kind() {
        let specs = ["memory", "memory:name=memory2", "memory", "memory:name=last"].map(|text| text.parse().unwrap());
        let cache = build(&specs, false).unwrap();
        assert_eq!(cache.level_names().collect::<Vec<_>>(), ["memory", "memory2", "memory3", "last"]);
        assert_eq!(build(&[], true).unwrap().level_names().collect::<Vec<_>>(), ["memory"]);
    }

    #[test]
    fn two_levels_of_one_name_are_refused() {
        let specs = ["memory:name=a", "memory:name=a"].map(|text| text.parse().unwrap());
        assert!(build(&specs, false).is_err());
    }

    #[test]
    fn a_url_of_another_kind_is_refused() {
        assert!(build(&["http://localhost".parse().unwrap()], false).is_err());
    }
}
