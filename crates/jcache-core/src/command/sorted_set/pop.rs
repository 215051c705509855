//! Taking the members with the lowest or the highest scores.

use jcache_value::Value;

use crate::arg::{Arg, ArgSink, Args, Key};
use crate::collection::SortedSet;
use crate::collection::sorted_set::Member;
use crate::command::several::{NOT_A_COUNT, take_at_least};
use crate::command::{Field, KeyPositions, MutationCommand, command};
use crate::effect::Effect;
use crate::error::{Error, Result};
use crate::keyspace::Keyspace;
use crate::reply::{Outcome, Reply, Scored};
use crate::time::Context;

/// Which members are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extreme {
    /// Those with the lowest scores.
    Min,
    /// Those with the highest scores.
    Max,
}

impl Extreme {
    fn pop(self, set: &mut SortedSet) -> Option<(Value, f64)> {
        match self {
            Extreme::Min => set.pop_min(),
            Extreme::Max => set.pop_max(),
        }
    }

    /// Up to `count` members, the most extreme one first.
    pub(super) fn pop_many(self, set: &mut SortedSet, count: u64) -> Scored {
        let count = usize::try_from(count).unwrap_or(usize::MAX).min(set.len());
        let own = |(member, score): (Member<'_>, f64)| (member.to_value(), score);
        let (start, popped) = match self {
            Extreme::Min => (0, set.range(0, count).map(own).collect()),
            Extreme::Max => (set.len() - count, set.range(set.len() - count, count).rev().map(own).collect()),
        };
        set.remove_range(start, count);
        Scored(popped)
    }

    /// The effect of taking `count` members of the set at `key`.
    pub(super) fn popped<'a>(self, key: &Value, count: usize) -> Effect<'a> {
        let (key, count) = (Key(Arg::Value(key.clone())), ZPopCount((count != 1).then_some(count as u64)));
        match self {
            Extreme::Min => Effect::within(ZPopMin { key, count }),
            Extreme::Max => Effect::within(ZPopMax { key, count }),
        }
    }
}

impl<'a> Field<'a> for Extreme {
    fn parse(args: &mut Args<'a>) -> Result<Self> {
        if args.take_word("MIN") {
            Ok(Extreme::Min)
        } else if args.take_word("MAX") {
            Ok(Extreme::Max)
        } else {
            Err(Error::syntax())
        }
    }

    fn write<S: ArgSink + ?Sized>(&self, out: &mut S) {
        out.arg(match self {
            Extreme::Min => b"MIN",
            Extreme::Max => b"MAX",
        });
    }
}

/// How many members `ZPOPMIN` and `ZPOPMAX` take: one, or up to a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ZPopCount(pub Option<u64>);

impl<'a> Field<'a> for ZPopCount {
    fn parse(args: &mut Args<'a>) -> Result<Self> {
        match args.len() {
            0 => Ok(ZPopCount(None)),
            1 => take_at_least(args, 0, NOT_A_COUNT).map(|count| ZPopCount(Some(count))),
            _ => Err(Error::syntax()),
        }
    }

    fn write<S: ArgSink + ?Sized>(&self, out: &mut S) {
        if let Some(count) = self.0 {
            out.int(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }
}

/// What `ZPOPMIN` and `ZPOPMAX` took: a member and its score in one list, or with a number a list of such lists.
///
/// RESP2 has one flat list for both, which is read as the first when it holds no more than one member.
#[derive(Debug, Clone, PartialEq)]
pub enum ZPopped {
    /// No number was given: a member, if there was any.
    One(Option<(Value, f64)>),
    /// A number was given.
    Many(Scored),
}

impl ZPopped {
    /// The members with their scores, the most extreme one first.
    pub fn into_members(self) -> Vec<(Value, f64)> {
        match self {
            ZPopped::One(one) => one.into_iter().collect(),
            ZPopped::Many(Scored(many)) => many,
        }
    }

    fn len(&self) -> usize {
        match self {
            ZPopped::One(one) => usize::from(one.is_some()),
            ZPopped::Many(Scored(many)) => many.len(),
        }
    }

    fn read(reply: Reply, count: ZPopCount) -> Result<Self> {
        let popped = Scored::from_reply(reply)?;
        Ok(match count.0 {
            None => ZPopped::One(popped.0.into_iter().next()),
            Some(_) => ZPopped::Many(popped),
        })
    }
}

impl Outcome for ZPopped {
    fn from_reply(reply: Reply) -> Result<Self> {
        let one = matches!(&reply, Reply::Array(items) if items.len() == 2 && !matches!(items[0], Reply::Array(_)));
        Self::read(reply, ZPopCount((!one).then_some(0)))
    }

    fn into_reply(self) -> Reply {
        match self {
            ZPopped::One(None) => Reply::Array(Vec::new()),
            ZPopped::One(Some(one)) => one.into_reply(),
            ZPopped::Many(many) => many.into_reply(),
        }
    }
}

command! {
    /// Takes the members with the lowest scores: a member and its score, or with a number a list of up to so many;
    /// empty when there are none. O(log n + members taken).
    ZPopMin<'a> = "ZPOPMIN", Decides SortedSet, arity -2, keys KeyPositions::ONE,
    "Takes the members with the lowest scores." => ZPopped {
        /// The key.
        key: Key<'a>,
        /// How many.
        count: ZPopCount,
    }
}

command! {
    /// Takes the members with the highest scores: a member and its score, or with a number a list of up to so many;
    /// empty when there are none. O(log n + members taken).
    ZPopMax<'a> = "ZPOPMAX", Decides SortedSet, arity -2, keys KeyPositions::ONE,
    "Takes the members with the highest scores." => ZPopped {
        /// The key.
        key: Key<'a>,
        /// How many.
        count: ZPopCount,
    }
}

fn pop<K: Keyspace>(keyspace: &mut K, key: &[u8], which: Extreme, count: ZPopCount) -> Result<ZPopped> {
    Ok(match count.0 {
        None => ZPopped::One(keyspace.update(key, |set| which.pop(set))?.flatten()),
        Some(count) => ZPopped::Many(keyspace.update(key, |set| which.pop_many(set, count))?.unwrap_or_default()),
    })
}

impl<'a> MutationCommand<'a> for ZPopMin<'a> {
    fn run<K: Keyspace>(&self, keyspace: &mut K, _: Context) -> Result<ZPopped> {
        pop(keyspace, &self.key, Extreme::Min, self.count)
    }

    fn read_reply(&self, reply: Reply) -> Result<ZPopped> {
        ZPopped::read(reply, self.count)
    }

    fn effect(&self, popped: &ZPopped, _: Context) -> Effect<'a> {
        if popped.len() == 0 { Effect::nothing() } else { Effect::within(self.clone()) }
    }
}

impl<'a> MutationCommand<'a> for ZPopMax<'a> {
    fn run<K: Keyspace>(&self, keyspace: &mut K, _: Context) -> Result<ZPopped> {
        pop(keyspace, &self.key, Extreme::Max, self.count)
    }

    fn read_reply(&self, reply: Reply) -> Result<ZPopped> {
        ZPopped::read(reply, self.count)
    }

    fn effect(&self, popped: &ZPopped, _: Context) -> Effect<'a> {
        if popped.len() == 0 { Effect::nothing() } else { Effect::within(self.clone()) }
    }
}
