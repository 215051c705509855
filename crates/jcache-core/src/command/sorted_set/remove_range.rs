//! Removing ranges of a sorted set.

use super::bounds::{LexBound, ScoreBound};
use super::select::Span;
use crate::arg::Key;
use crate::collection::SortedSet;
use crate::command::{KeyPositions, MutationCommand, command};
use crate::effect::Effect;
use crate::error::Result;
use crate::keyspace::Keyspace;
use crate::time::Context;

command! {
    /// Removes the members from one rank to another, both included; negative ranks count from the highest score. How
    /// many were removed. O(log n + members removed).
    ZRemRangeByRank<'a> = "ZREMRANGEBYRANK", Decides SortedSet, arity 4, keys KeyPositions::ONE,
    "Removes members of a sorted set in a range of ranks." => u64 {
        /// The key.
        key: Key<'a>,
        /// The first rank.
        start: i64,
        /// The last rank.
        stop: i64,
    }
}

command! {
    /// Removes the members with scores from a minimum to a maximum. How many were removed.
    /// O(log n + members removed).
    ZRemRangeByScore<'a> = "ZREMRANGEBYSCORE", Decides SortedSet, arity 4, keys KeyPositions::ONE,
    "Removes members of a sorted set in a range of scores." => u64 {
        /// The key.
        key: Key<'a>,
        /// The lowest score.
        min: ScoreBound,
        /// The highest score.
        max: ScoreBound,
    }
}

command! {
    /// Removes the members between two members by their bytes, where all scores are equal. How many were removed.
    /// O(log n + members removed).
    ZRemRangeByLex<'a> = "ZREMRANGEBYLEX", Decides SortedSet, arity 4, keys KeyPositions::ONE,
    "Removes members of a sorted set in a range of members." => u64 {
        /// The key.
        key: Key<'a>,
        /// The first member.
        min: LexBound<'a>,
        /// The last member.
        max: LexBound<'a>,
    }
}

fn remove<K: Keyspace>(keyspace: &mut K, key: &[u8], span: &Span<'_>) -> Result<u64> {
    let removed = keyspace.update(key, |set: &mut SortedSet| {
        let ranks = span.ranks(set, false);
        set.remove_range(ranks.start, ranks.len())
    })?;
    Ok(removed.unwrap_or(0) as u64)
}

impl<'a> MutationCommand<'a> for ZRemRangeByRank<'a> {
    fn run<K: Keyspace>(&self, keyspace: &mut K, _: Context) -> Result<u64> {
        remove(keyspace, &self.key, &Span::Ranks(self.start, self.stop))
    }

    fn effect(&self, removed: &u64, _: Context) -> Effect<'a> {
        if *removed == 0 { Effect::nothing() } else { Effect::within(self.clone()) }
    }
}

impl<'a> MutationCommand<'a> for ZRemRangeByScore<'a> {
    fn run<K: Keyspace>(&self, keyspace: &mut K, _: Context) -> Result<u64> {
        remove(keyspace, &self.key, &Span::Scores(self.min, self.max))
    }

    fn effect(&self, removed: &u64, _: Context) -> Effect<'a> {
        if *removed == 0 { Effect::nothing() } else { Effect::within(self.clone()) }
    }
}

impl<'a> MutationCommand<'a> for ZRemRangeByLex<'a> {
    fn run<K: Keyspace>(&self, keyspace: &mut K, _: Context) -> Result<u64> {
        remove(keyspace, &self.key, &Span::Members(self.min.clone(), self.max.clone()))
    }

    fn effect(&self, removed: &u64, _: Context) -> Effect<'a> {
        if *removed == 0 { Effect::nothing() } else { Effect::within(self.clone()) }
    }
}
