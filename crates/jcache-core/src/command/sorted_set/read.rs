//! Reading scores, ranks and counts, and going through all members.

use jcache_value::Value;

use super::bounds::{LexBound, ScoreBound};
use super::ranked::Ranked;
use super::select::Span;
use crate::arg::{Arg, ArgSink, Args, Key};
use crate::collection::SortedSet;
use crate::command::random::{Picks, out_of_range, take_count};
use crate::command::{Cursor, Field, KeyPositions, Late, Picked, QueryCommand, ScanOptions, command};
use crate::error::{Error, Result};
use crate::keyspace::Keyspace;
use crate::reply::{Flat, Outcome, Page, Printed, Reply};
use crate::time::Context;

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

command! {
    /// How many members have scores from a minimum to a maximum. O(log n).
    ZCount<'a> = "ZCOUNT", Query SortedSet, arity 4, keys KeyPositions::ONE,
    "Counts the members of a sorted set in a range of scores." => u64 {
        /// The key.
        key: Key<'a>,
        /// The lowest score.
        min: ScoreBound,
        /// The highest score.
        max: ScoreBound,
    }
}

command! {
    /// How many members are between two members by their bytes, where all scores are equal. O(log n).
    ZLexCount<'a> = "ZLEXCOUNT", Query SortedSet, arity 4, keys KeyPositions::ONE,
    "Counts the members of a sorted set in a range of members." => u64 {
        /// The key.
        key: Key<'a>,
        /// The first member.
        min: LexBound<'a>,
        /// The last member.
        max: LexBound<'a>,
    }
}

fn count<K: Keyspace>(keyspace: &K, key: &[u8], span: &Span<'_>) -> Result<u64> {
    Ok(keyspace.collection::<SortedSet>(key)?.map_or(0, |set| span.ranks(set, false).len() as u64))
}

impl<'a> QueryCommand<'a> for ZCount<'a> {
    fn run<K: Keyspace>(&self, keyspace: &K, _: Context) -> Result<u64> {
        count(keyspace, &self.key, &Span::Scores(self.min, self.max))
    }
}

impl<'a> QueryCommand<'a> for ZLexCount<'a> {
    fn run<K: Keyspace>(&self, keyspace: &K, _: Context) -> Result<u64> {
        count(keyspace, &self.key, &Span::Members(self.min.clone(), self.max.clone()))
    }
}

command! {
    /// The score of a member, or nil when there is no such member. O(1).
    ZScore<'a> = "ZSCORE", Query SortedSet, arity 3, keys KeyPositions::ONE,
    "The score of a member." => Option<f64> {
        /// The key.
        key: Key<'a>,
        /// The member.
        member: Arg<'a>,
    }
}

impl<'a> QueryCommand<'a> for ZScore<'a> {
    fn run<K: Keyspace>(&self, keyspace: &K, _: Context) -> Result<Option<f64>> {
        Ok(keyspace.collection::<SortedSet>(&self.key)?.and_then(|set| set.score(&self.member)))
    }
}

command! {
    /// The scores of members, in their order; nil for each that is not there. O(number of members).
    ZMScore<'a> = "ZMSCORE", Query SortedSet, arity -3, keys KeyPositions::ONE,
    "The scores of several members." => Vec<Option<f64>> {
        /// The key.
        key: Key<'a>,
        /// The members.
        members: Vec<Arg<'a>>,
    }
}

impl<'a> QueryCommand<'a> for ZMScore<'a> {
    fn run<K: Keyspace>(&self, keyspace: &K, _: Context) -> Result<Vec<Option<f64>>> {
        let set = keyspace.collection::<SortedSet>(&self.key)?;
        Ok(self.members.iter().map(|member| set.and_then(|set| set.score(member))).collect())
    }
}

command! {
    /// How many members come before one in ascending order, or nil when there is no such member. O(log n).
    ZRank<'a> = "ZRANK", Query SortedSet, arity 3, keys KeyPositions::ONE,
    "The rank of a member, the lowest score first." => Option<u64> {
        /// The key.
        key: Key<'a>,
        /// The member.
        member: Arg<'a>,
    }
}

impl<'a> QueryCommand<'a> for ZRank<'a> {
    fn run<K: Keyspace>(&self, keyspace: &K, _: Context) -> Result<Option<u64>> {
        let set = keyspace.collection::<SortedSet>(&self.key)?;
        Ok(set.and_then(|set| set.rank(&self.member)).map(|rank| rank as u64))
    }
}

command! {
    /// How many members come before one in descending order, or nil when there is no such member. O(log n).
    ZRevRank<'a> = "ZREVRANK", Query SortedSet, arity 3, keys KeyPositions::ONE,
    "The rank of a member, the highest score first." => Option<u64> {
        /// The key.
        key: Key<'a>,
        /// The member.
        member: Arg<'a>,
    }
}

impl<'a> QueryCommand<'a> for ZRevRank<'a> {
    fn run<K: Keyspace>(&self, keyspace: &K, _: Context) -> Result<Option<u64>> {
        let Some(set) = keyspace.collection::<SortedSet>(&self.key)? else { return Ok(None) };
        Ok(set.rank(&self.member).map(|rank| (set.len() - 1 - rank) as u64))
    }
}

/// How many members `ZRANDMEMBER` picks, and in which form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ZPick {
    /// So many different ones, or with a minus so many that may repeat, in a list. Without it one, by itself.
    pub count: Option<i64>,
    /// `WITHSCORES`; only with a count.
    pub with_scores: bool,
}

impl<'a> Field<'a> for ZPick {
    fn parse(args: &mut Args<'a>) -> Result<Self> {
        if args.is_empty() {
            return Ok(Self::default());
        }
        let count = take_count(args)?;
        let with_scores = args.len() == 1 && args.take_word("WITHSCORES");
        if !args.is_empty() {
            return Err(Error::syntax());
        }
        if with_scores && count.unsigned_abs() > i64::MAX as u64 / 2 {
            return Err(out_of_range());
        }
        Ok(Self { count: Some(count), with_scores })
    }

    fn write<S: ArgSink + ?Sized>(&self, out: &mut S) {
        if let Some(count) = self.count {
            out.int(count);
        }
        if self.with_scores {
            out.arg(b"WITHSCORES");
        }
    }
}

command! {
    /// Members picked at random: without a count one, or nil when there is no set; with a count a list, with their
    /// scores when asked for. O(count · log n).
    ZRandMember<'a> = "ZRANDMEMBER", Query SortedSet, arity -2, keys KeyPositions::ONE,
    "Members of a sorted set, picked at random." => Picked<Ranked> {
        /// The key.
        key: Key<'a>,
        /// How many, and in which form.
        pick: ZPick,
    }
}

impl<'a> QueryCommand<'a> for ZRandMember<'a> {
    fn run<K: Keyspace>(&self, keyspace: &K, context: Context) -> Result<Picked<Ranked>> {
        let ZPick { count, with_scores } = self.pick;
        let set = keyspace.collection::<SortedSet>(&self.key)?;
        let mut picks = Picks::new(context.seed);
        Ok(match (count, set) {
            (None, set) => Picked::One(set.and_then(|set| set.nth(picks.below(set.len()))).map(|(member, _)| member)),
            (Some(_), None) => Picked::Many(Ranked::none(with_scores)),
            (Some(count), Some(set)) => Picked::Many(at(set, picks.draw(count, set.len())?, with_scores)),
        })
    }

    fn asks_context(&self) -> bool {
        true
    }

    fn read_reply(&self, reply: Reply) -> Result<Picked<Ranked>> {
        match self.pick.count {
            None => Outcome::from_reply(reply).map(Picked::One),
            Some(_) => Ranked::read(reply, self.pick.with_scores).map(Picked::Many),
        }
    }
}

/// The members at `ranks`; a packed set is walked once, not once for each.
fn at(set: &SortedSet, ranks: Vec<usize>, with_scores: bool) -> Ranked {
    if set.is_packed() {
        let all: Vec<(Value, f64)> = set.iter().map(|(member, score)| (member.to_value(), score)).collect();
        Ranked::of(ranks.into_iter().map(|rank| all[rank].clone()), with_scores)
    } else {
        Ranked::of(ranks.into_iter().filter_map(|rank| set.nth(rank)), with_scores)
    }
}

command! {
    /// One page of the members with their scores, and the cursor of the next page. A member that is there during the
    /// whole scan is given at least once. O(members of the page); a small set is one page.
    ZScan<'a> = "ZSCAN", Query SortedSet, arity -3, keys KeyPositions::ONE,
    "Goes through the members and scores of a sorted set." => Page<Flat<Value, Printed>> {
        /// The key.
        key: Key<'a>,
        /// Where to go on.
        cursor: Cursor,
        /// Which members, and how many a page.
        options: Late<'a, ScanOptions<'a>>,
    }
}

impl<'a> QueryCommand<'a> for ZScan<'a> {
    fn run<K: Keyspace>(&self, keyspace: &K, _: Context) -> Result<Page<Flat<Value, Printed>>> {
        let Some(set) = keyspace.collection::<SortedSet>(&self.key)? else { return Ok(Page::default()) };
        let options = self.options.get()?;
        let mut found = Vec::new();
        let cursor = set.scan(self.cursor.0, options.count(), &mut |member, score| {
            if options.admits(member) {
                found.push((Value::new(member), Printed(score)));
            }
        });
        Ok(Page { cursor, items: Flat(found) })
    }
}
