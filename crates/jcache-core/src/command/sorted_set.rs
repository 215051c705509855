//! Commands of sorted sets.

use crate::arg::{Arg, Key};
use crate::command::{KeyPositions, MutationCommand, QueryCommand, command};
use crate::effect::Effect;
use crate::error::Result;
use crate::keyspace::Keyspace;
use crate::time::Context;
use crate::collection::SortedSet;
use crate::error::Error;
use crate::reply::Scored;

command! {
    /// How many members the sorted set has; 0 when there is none. O(1).
    ZCard<'a> = "ZCARD", Query SortedSet, arity 2, keys KeyPositions::ONE,
    "Counts the members of a sorted set." => u64 {
        /// The key.
        key: Key<'a>,
    }
}

impl<'a> QueryCommand<'a> for ZCard<'a> {
    fn run<K: Keyspace>(&self, keyspace: &K, _: Context) -> Result<u64> {
        Ok(keyspace.collection::<SortedSet>(&self.key)?.map_or(0, |set| set.len() as u64))
    }
}

// TEMPORARY: the author of this family replaces what follows by ZRANGE and ZADD with all their options.
command! {
    /// Members in a range.
    ZRange<'a> = "ZRANGE", Query SortedSet, arity -4, keys KeyPositions::ONE,
    "Members of a sorted set in a range." => Scored {
        /// The key.
        key: Key<'a>,
        /// The first rank.
        start: i64,
        /// The last rank.
        stop: i64,
        /// WITHSCORES.
        with_scores: Arg<'a>,
    }
}

impl<'a> ZRange<'a> {
    /// All members with their scores.
    pub fn whole(key: Key<'a>) -> Self {
        Self { key, start: 0, stop: -1, with_scores: Arg::Slice(b"WITHSCORES") }
    }
}

impl<'a> QueryCommand<'a> for ZRange<'a> {
    fn run<K: Keyspace>(&self, keyspace: &K, _: Context) -> Result<Scored> {
        let Some(set) = keyspace.collection::<SortedSet>(&self.key)? else { return Ok(Scored::default()) };
        let range = super::list::clamp_range(self.start, self.stop, set.len());
        Ok(Scored(range.filter_map(|rank| set.nth(rank)).collect()))
    }
}

command! {
    /// Adds members with scores.
    ZAdd<'a> = "ZADD", Decides SortedSet, arity -4, keys KeyPositions::ONE,
    "Adds members to a sorted set." => u64 {
        /// The key.
        key: Key<'a>,
        /// Scores and members.
        members: Vec<(f64, Arg<'a>)>,
    }
}

impl<'a> ZAdd<'a> {
    /// Adds or updates members without a condition.
    pub fn plain(key: Key<'a>, members: Vec<(f64, Arg<'a>)>) -> Self {
        Self { key, members }
    }
}

impl<'a> MutationCommand<'a> for ZAdd<'a> {
    fn run<K: Keyspace>(&self, keyspace: &mut K, _: Context) -> Result<u64> {
        if self.members.iter().any(|(score, _)| score.is_nan()) {
            return Err(Error::not_a_float());
        }
        keyspace.upsert(&self.key, |set: &mut SortedSet| {
            self.members.iter().filter(|(score, member)| set.insert(member, *score).is_none()).count() as u64
        })
    }

    fn effect(&self, _: &u64, _: Context) -> Effect<'a> {
        Effect::within(self.clone())
    }
}
