//! Union, intersection and difference of sorted sets and sets: as a reply, stored at a key, or only counted.

use super::combine::{Aggregate, Source, Sources};
use super::ranked::Ranked;
use super::store::{store, stored};
use crate::arg::Key;
use crate::collection::SortedSet;
use crate::command::{KeyPositions, MutationCommand, QueryCommand, command};
use crate::effect::Effect;
use crate::error::Result;
use crate::keyspace::Keyspace;
use crate::reply::Reply;
use crate::time::Context;

/// The members that are in any source.
fn union(mut sources: Vec<Source<'_>>, aggregate: Aggregate) -> SortedSet {
    let mut union = SortedSet::new();
    // Smallest first, as Redis does: where sums are rounded, the order tells.
    sources.sort_by_key(Source::len);
    for source in sources {
        source.for_each(|member, score| {
            let score = union.score(member).map_or(score, |sum| aggregate.join(sum, score));
            union.insert(member, score);
        });
    }
    union
}

/// Visits the members that are in all sources, as long as `visit` says so.
fn intersect(mut sources: Vec<Source<'_>>, aggregate: Aggregate, mut visit: impl FnMut(&[u8], f64) -> bool) {
    sources.sort_by_key(Source::len);
    let Some((smallest, others)) = sources.split_first() else { return };
    smallest.visit(|member, score| {
        let join = |sum, other: &Source<'_>| other.score(member).map(|score| aggregate.join(sum, score));
        others.iter().try_fold(score, join).is_none_or(|score| visit(member, score))
    });
}

fn intersection(sources: Vec<Source<'_>>, aggregate: Aggregate) -> SortedSet {
    let mut common = SortedSet::new();
    intersect(sources, aggregate, |member, score| {
        common.insert(member, score);
        true
    });
    common
}

/// The members that are in the first source and in none of the others.
fn difference(sources: &[Source<'_>]) -> SortedSet {
    let mut rest = SortedSet::new();
    if let Some((first, others)) = sources.split_first() {
        first.for_each(|member, score| {
            if others.iter().all(|other| other.score(member).is_none()) {
                rest.insert(member, score);
            }
        });
    }
    rest
}

command! {
    /// The members that are in any of the sets, in ascending order, with their scores when asked for.
    /// O(n log n), n being all members.
    ZUnion<'a> = "ZUNION", Query SortedSet, arity -3, keys KeyPositions::NONE,
    "The union of sorted sets." => Ranked {
        /// The sets, and how they are combined.
        sources: Sources<'a>,
    }
}

command! {
    /// The members that are in all of the sets, in ascending order, with their scores when asked for.
    /// O(n · number of sets + m log m), n being the members of the smallest set and m those in the reply.
    ZInter<'a> = "ZINTER", Query SortedSet, arity -3, keys KeyPositions::NONE,
    "The intersection of sorted sets." => Ranked {
        /// The sets, and how they are combined.
        sources: Sources<'a>,
    }
}

command! {
    /// The members that are in the first of the sets and in none of the others, in ascending order, with their scores
    /// when asked for. O(n · number of sets + m log m), n being the members of the first set and m those in the reply.
    ZDiff<'a> = "ZDIFF", Query SortedSet, arity -3, keys KeyPositions::NONE,
    "The difference of sorted sets." => Ranked {
        /// The sets.
        sources: Sources<'a>,
    }
}

command! {
    /// How many members are in all of the sets, counted up to a limit. O(n · number of sets), n being the members of
    /// the smallest set.
    ZInterCard<'a> = "ZINTERCARD", Query SortedSet, arity -3, keys KeyPositions::NONE,
    "Counts the intersection of sorted sets." => u64 {
        /// The sets, and where counting may stop.
        sources: Sources<'a>,
    }
}

fn show(set: &SortedSet, with_scores: bool) -> Ranked {
    Ranked::at(set, 0..set.len(), false, with_scores)
}

impl<'a> QueryCommand<'a> for ZUnion<'a> {
    fn run<K: Keyspace>(&self, keyspace: &K, _: Context) -> Result<Ranked> {
        let (sources, options) = self.sources.find(keyspace)?;
        Ok(show(&union(sources, options.aggregate), options.with_scores))
    }

    fn read_reply(&self, reply: Reply) -> Result<Ranked> {
        Ranked::read(reply, self.sources.with_scores())
    }
}

impl<'a> QueryCommand<'a> for ZInter<'a> {
    fn run<K: Keyspace>(&self, keyspace: &K, _: Context) -> Result<Ranked> {
        let (sources, options) = self.sources.find(keyspace)?;
        Ok(show(&intersection(sources, options.aggregate), options.with_scores))
    }

    fn read_reply(&self, reply: Reply) -> Result<Ranked> {
        Ranked::read(reply, self.sources.with_scores())
    }
}

impl<'a> QueryCommand<'a> for ZDiff<'a> {
    fn run<K: Keyspace>(&self, keyspace: &K, _: Context) -> Result<Ranked> {
        let (sources, options) = self.sources.find(keyspace)?;
        Ok(show(&difference(&sources), options.with_scores))
    }

    fn read_reply(&self, reply: Reply) -> Result<Ranked> {
        Ranked::read(reply, self.sources.with_scores())
    }
}

impl<'a> QueryCommand<'a> for ZInterCard<'a> {
    fn run<K: Keyspace>(&self, keyspace: &K, _: Context) -> Result<u64> {
        let (sources, options) = self.sources.find(keyspace)?;
        let mut count = 0;
        intersect(sources, Aggregate::Sum, |_, _| {
            count += 1;
            count != options.limit
        });
        Ok(count)
    }
}

command! {
    /// Stores the members that are in any of the sets, whatever the destination held. How many there are.
    /// O(n log n), n being all members.
    ZUnionStore<'a> = "ZUNIONSTORE", Decides SortedSet, arity -4, keys KeyPositions::ONE,
    "Stores the union of sorted sets." => u64 {
        /// Where the result goes.
        destination: Key<'a>,
        /// The sets, and how they are combined.
        sources: Sources<'a>,
    }
}

command! {
    /// Stores the members that are in all of the sets, whatever the destination held. How many there are.
    /// O(n · number of sets + m log m), n being the members of the smallest set and m those in the result.
    ZInterStore<'a> = "ZINTERSTORE", Decides SortedSet, arity -4, keys KeyPositions::ONE,
    "Stores the intersection of sorted sets." => u64 {
        /// Where the result goes.
        destination: Key<'a>,
        /// The sets, and how they are combined.
        sources: Sources<'a>,
    }
}

command! {
    /// Stores the members that are in the first of the sets and in none of the others, whatever the destination held.
    /// How many there are. O(n · number of sets + m log m), n being the members of the first set and m those in the
    /// result.
    ZDiffStore<'a> = "ZDIFFSTORE", Decides SortedSet, arity -4, keys KeyPositions::ONE,
    "Stores the difference of sorted sets." => u64 {
        /// Where the result goes.
        destination: Key<'a>,
        /// The sets.
        sources: Sources<'a>,
    }
}

impl<'a> MutationCommand<'a> for ZUnionStore<'a> {
    fn run<K: Keyspace>(&self, keyspace: &mut K, _: Context) -> Result<u64> {
        let (sources, options) = self.sources.find(keyspace)?;
        let result = union(sources, options.aggregate);
        store(keyspace, &self.destination, result)
    }

    fn effect(&self, len: &u64, _: Context) -> Effect<'a> {
        stored(*len, &self.destination, self.clone())
    }
}

impl<'a> MutationCommand<'a> for ZInterStore<'a> {
    fn run<K: Keyspace>(&self, keyspace: &mut K, _: Context) -> Result<u64> {
        let (sources, options) = self.sources.find(keyspace)?;
        let result = intersection(sources, options.aggregate);
        store(keyspace, &self.destination, result)
    }

    fn effect(&self, len: &u64, _: Context) -> Effect<'a> {
        stored(*len, &self.destination, self.clone())
    }
}

impl<'a> MutationCommand<'a> for ZDiffStore<'a> {
    fn run<K: Keyspace>(&self, keyspace: &mut K, _: Context) -> Result<u64> {
        let (sources, _) = self.sources.find(keyspace)?;
        let result = difference(&sources);
        store(keyspace, &self.destination, result)
    }

    fn effect(&self, len: &u64, _: Context) -> Effect<'a> {
        stored(*len, &self.destination, self.clone())
    }
}
