//! Reading ranges of a sorted set.

use super::named::{ByLex, ByRank, ByScore};
use super::ranked::Ranked;
use super::select::{Selection, Shown};
use crate::arg::Key;
use crate::collection::SortedSet;
use crate::command::{KeyPositions, QueryCommand, command};
use crate::error::Result;
use crate::keyspace::Keyspace;
use crate::reply::Reply;
use crate::time::Context;

command! {
    /// Members in a range of ranks, scores (`BYSCORE`) or members (`BYLEX`), in ascending order or reversed (`REV`),
    /// with their scores when asked for (`WITHSCORES`). O(log n + members given).
    ZRange<'a> = "ZRANGE", Query SortedSet, arity -4, keys KeyPositions::ONE,
    "Members of a sorted set in a range." => Ranked {
        /// The key.
        key: Key<'a>,
        /// The members, and whether their scores are shown.
        shown: Shown<'a>,
    }
}

impl<'a> ZRange<'a> {
    /// All members with their scores.
    pub fn whole(key: Key<'a>) -> Self {
        Self { key, shown: Shown { selection: Selection::ALL, with_scores: true } }
    }
}

command! {
    /// Members from one rank to another, both included, counted from the highest score down; negative ranks count
    /// from the lowest up. O(log n + members given).
    ZRevRange<'a> = "ZREVRANGE", Query SortedSet, arity -4, keys KeyPositions::ONE,
    "Members of a sorted set in a range of ranks, the highest score first." => Ranked {
        /// The key.
        key: Key<'a>,
        /// The ranks.
        range: ByRank,
    }
}

command! {
    /// Members with scores from a minimum to a maximum, in ascending order. O(log n + members given).
    ZRangeByScore<'a> = "ZRANGEBYSCORE", Query SortedSet, arity -4, keys KeyPositions::ONE,
    "Members of a sorted set in a range of scores." => Ranked {
        /// The key.
        key: Key<'a>,
        /// The scores, lowest first.
        range: ByScore,
    }
}

command! {
    /// Members with scores from a maximum down to a minimum. O(log n + members given).
    ZRevRangeByScore<'a> = "ZREVRANGEBYSCORE", Query SortedSet, arity -4, keys KeyPositions::ONE,
    "Members of a sorted set in a range of scores, the highest first." => Ranked {
        /// The key.
        key: Key<'a>,
        /// The scores, highest first.
        range: ByScore,
    }
}

command! {
    /// Members between two members by their bytes, in ascending order, where all scores are equal.
    /// O(log n + members given).
    ZRangeByLex<'a> = "ZRANGEBYLEX", Query SortedSet, arity -4, keys KeyPositions::ONE,
    "Members of a sorted set in a range of members." => Ranked {
        /// The key.
        key: Key<'a>,
        /// The members, lowest first.
        range: ByLex<'a>,
    }
}

command! {
    /// Members between two members by their bytes, in descending order, where all scores are equal.
    /// O(log n + members given).
    ZRevRangeByLex<'a> = "ZREVRANGEBYLEX", Query SortedSet, arity -4, keys KeyPositions::ONE,
    "Members of a sorted set in a range of members, the highest first." => Ranked {
        /// The key.
        key: Key<'a>,
        /// The members, highest first.
        range: ByLex<'a>,
    }
}

fn show<K: Keyspace>(keyspace: &K, key: &[u8], selection: &Selection<'_>, with_scores: bool) -> Result<Ranked> {
    let Some(set) = keyspace.collection::<SortedSet>(key)? else { return Ok(Ranked::none(with_scores)) };
    Ok(Ranked::at(set, selection.ranks(set), selection.reverse, with_scores))
}

impl<'a> QueryCommand<'a> for ZRange<'a> {
    fn run<K: Keyspace>(&self, keyspace: &K, _: Context) -> Result<Ranked> {
        show(keyspace, &self.key, &self.shown.selection, self.shown.with_scores)
    }

    fn read_reply(&self, reply: Reply) -> Result<Ranked> {
        Ranked::read(reply, self.shown.with_scores)
    }
}

impl<'a> QueryCommand<'a> for ZRevRange<'a> {
    fn run<K: Keyspace>(&self, keyspace: &K, _: Context) -> Result<Ranked> {
        show(keyspace, &self.key, &self.range.selection(true), self.range.with_scores)
    }

    fn read_reply(&self, reply: Reply) -> Result<Ranked> {
        Ranked::read(reply, self.range.with_scores)
    }
}

impl<'a> QueryCommand<'a> for ZRangeByScore<'a> {
    fn run<K: Keyspace>(&self, keyspace: &K, _: Context) -> Result<Ranked> {
        show(keyspace, &self.key, &self.range.selection(false), self.range.with_scores)
    }

    fn read_reply(&self, reply: Reply) -> Result<Ranked> {
        Ranked::read(reply, self.range.with_scores)
    }
}

impl<'a> QueryCommand<'a> for ZRevRangeByScore<'a> {
    fn run<K: Keyspace>(&self, keyspace: &K, _: Context) -> Result<Ranked> {
        show(keyspace, &self.key, &self.range.selection(true), self.range.with_scores)
    }

    fn read_reply(&self, reply: Reply) -> Result<Ranked> {
        Ranked::read(reply, self.range.with_scores)
    }
}

impl<'a> QueryCommand<'a> for ZRangeByLex<'a> {
    fn run<K: Keyspace>(&self, keyspace: &K, _: Context) -> Result<Ranked> {
        show(keyspace, &self.key, &self.range.selection(false), false)
    }
}

impl<'a> QueryCommand<'a> for ZRevRangeByLex<'a> {
    fn run<K: Keyspace>(&self, keyspace: &K, _: Context) -> Result<Ranked> {
        show(keyspace, &self.key, &self.range.selection(true), false)
    }
}
