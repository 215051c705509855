//! Namespaces with a quota: each has shards and a budget of its own, so that its neighbours neither push its keys out nor
//! pay for them.
//!
//! Which shard a key lives in the low eight bits of its hash say, and nothing else reads those. So a key of a namespace
//! is given the bits of a shard of that namespace once, where it is hashed; all that follows goes its usual way. A cache
//! without quotas is one area with all shards.

use std::ops::Range;
use std::sync::OnceLock;

use jcache_core::{Error, ErrorKind, Result};

use crate::bound::{Budget, Eviction};

/// More shards than this would take bits of the hash that the tables use.
pub(crate) const SHARDS_MAX: usize = 256;

/// The least part of a bound that is worth a shard of its own.
const SHARE_LEAST: usize = 64 << 10;

/// Namespaces that a cache has at most: each has a shard at least, and leaves eight to the others.
const NAMESPACES_MAX: usize = 31;

/// What a cache is told of its bounds.
#[derive(Debug, Clone, Default)]
pub(crate) struct Plan {
    pub(crate) max_memory: Option<usize>,
    pub(crate) eviction: Eviction,
    pub(crate) quotas: Vec<(Vec<u8>, usize)>,
}

/// A run of shards under one budget, or under none.
#[derive(Debug)]
pub(crate) struct Area {
    pub(crate) shards: Range<usize>,
    /// It may get one later, and then keeps it.
    pub(crate) budget: OnceLock<Budget>,
}

impl Area {
    #[inline]
    pub(crate) fn budget(&self) -> Option<&Budget> {
        self.budget.get()
    }
}

impl Plan {
    /// # Errors
    /// When the quotas contradict each other or the bound.
    pub(crate) fn check(&self) -> Result<()> {
        let wrong = |text: String| Err(Error::new(ErrorKind::Configuration, text));
        let name = |prefix: &[u8]| prefix.escape_ascii().to_string();
        if self.quotas.len() > NAMESPACES_MAX {
            return wrong(format!("{} namespaces have a quota, at most {NAMESPACES_MAX} can", self.quotas.len()));
        }
        for (number, (prefix, _)) in self.quotas.iter().enumerate() {
            if prefix.is_empty() {
                return wrong("the prefix of a namespace is empty; for all keys there is max_memory".to_owned());
            }
            if self.quotas[..number].iter().any(|(other, _)| other == prefix) {
                return wrong(format!("the namespace '{}' has two quotas", name(prefix)));
            }
        }
        match (self.max_memory, self.reserved()) {
            (Some(max), Some(reserved)) if reserved < max => Ok(()),
            (None, Some(_)) => Ok(()),
            (max, _) => wrong(format!("the quotas leave nothing of max_memory, {} bytes", max.unwrap_or(usize::MAX))),
        }
    }

    fn reserved(&self) -> Option<usize> {
        self.quotas.iter().try_fold(0_usize, |sum, (_, bytes)| sum.checked_add(*bytes))
    }

    /// The areas, that of keys without a namespace first, each with as many of the `wanted` shards as its bound is worth.
    pub(crate) fn areas(&self, wanted: usize) -> Box<[Area]> {
        let rest = self.max_memory.map(|max| max.saturating_sub(self.reserved().unwrap_or(max)));
        let most = 1 << (SHARDS_MAX / (1 + self.quotas.len())).ilog2();
        let named = self.quotas.iter().map(|(prefix, bytes)| (Some(prefix.clone()), Some(*bytes)));
        let mut first = 0;
        let area = |(name, bytes): (Option<Vec<u8>>, Option<usize>)| {
            let worth = bytes.map_or(SHARDS_MAX, |bytes| 1 << (bytes / SHARE_LEAST).max(1).ilog2());
            let shards = first..first + wanted.clamp(1, most).next_power_of_two().min(worth);
            first = shards.end;
            let budget = bytes.map(|bytes| OnceLock::from(Budget::new(bytes, shards.clone(), name)));
            Area { shards, budget: budget.unwrap_or_default() }
        };
        std::iter::once((None, rest)).chain(named).map(area).collect()
    }
}

/// Where the keys of namespaces live.
#[derive(Debug)]
pub(crate) struct Namespaces {
    /// The longest prefix first.
    by_prefix: Vec<(Vec<u8>, Range<usize>)>,
    /// The shards of all other keys.
    rest: Range<usize>,
}

impl Namespaces {
    /// `None` when there is but one area.
    pub(crate) fn new(areas: &[Area]) -> Option<Self> {
        let (rest, named) = areas.split_first()?;
        let mut by_prefix: Vec<(Vec<u8>, Range<usize>)> =
            named.iter().filter_map(|area| Some((area.budget()?.name.clone()?, area.shards.clone()))).collect();
        by_prefix.sort_by_key(|(prefix, _)| std::cmp::Reverse(prefix.len()));
        (!named.is_empty()).then(|| Self { by_prefix, rest: rest.shards.clone() })
    }

    /// The hash of `key` with the shard in its low bits.
    pub(crate) fn lead(&self, key: &[u8], hash: u64) -> u64 {
        let named = self.by_prefix.iter().find(|(prefix, _)| key.starts_with(prefix));
        let shards = named.map_or(&self.rest, |(_, shards)| shards);
        let shard = shards.start + (hash as usize & (shards.len() - 1));
        hash & !(SHARDS_MAX as u64 - 1) | shard as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_leads_to_a_shard_of_its_namespace() {
        let quotas = vec![(b"a:".to_vec(), 8 << 20), (b"a:b:".to_vec(), 1 << 20), (b"c".to_vec(), 1)];
        for max_memory in [None, Some(64 << 20)] {
            let plan = Plan { max_memory, quotas: quotas.clone(), ..Plan::default() };
            plan.check().expect("a plan that can be kept");
            let areas = plan.areas(64);
            let namespaces = Namespaces::new(&areas).expect("three of them");
            for (key, area) in
                [("x", 0), ("a", 0), ("a:", 1), ("a:x", 1), ("a:b", 1), ("a:b:c", 2), ("c", 3), ("cd", 3)]
            {
                for number in 0..1_000_u64 {
                    let hash = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
                    let led = namespaces.lead(key.as_bytes(), hash);
                    assert_eq!(led >> 8, hash >> 8);
                    assert!(areas[area].shards.contains(&(led as usize & 255)), "{key}");
                }
            }
            let shards: Vec<usize> = areas.iter().map(|area| area.shards.len()).collect();
            assert_eq!(shards, [64, 64, 16, 1]);
        }
    }

    #[test]
    fn plans_that_cannot_be_kept_are_refused() {
        let check = |max_memory, quotas: &[(&str, usize)]| {
            let quotas = quotas.iter().map(|(prefix, bytes)| (prefix.as_bytes().to_vec(), *bytes)).collect();
            Plan { max_memory, quotas, ..Plan::default() }.check().map_err(|error| error.message().to_owned())
        };
        assert_eq!(check(Some(3), &[("a", 1), ("b", 1)]), Ok(()));
        let rows = [
            check(Some(2), &[("a", 1), ("b", 1)]).err(),
            check(None, &[("a", 1), ("a", 2)]).err(),
            check(None, &[("", 1)]).err(),
            check(None, &[("a", usize::MAX), ("b", 1)]).err(),
            check(None, &(0..32).map(|_| ("a", 1)).collect::<Vec<_>>()).err(),
        ];
        assert_eq!(
            rows.map(|error| error.expect("refused")),
            [
                "the quotas leave nothing of max_memory, 2 bytes".to_owned(),
                "the namespace 'a' has two quotas".to_owned(),
                "the prefix of a namespace is empty; for all keys there is max_memory".to_owned(),
                format!("the quotas leave nothing of max_memory, {} bytes", usize::MAX),
                "32 namespaces have a quota, at most 31 can".to_owned(),
            ]
        );
    }
}
