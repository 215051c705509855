//! Taking the lowest or highest members of the first of several sorted sets that has any, waiting for one or not.
//!
//! `run` never waits: it answers nil where a command would block, and the driver decides what to do then.

use jcache_value::Value;

use super::{Extreme, ZAdd};
use crate::arg::{Arg, Key};
use crate::collection::SortedSet;
use crate::command::{Awaited, AwaitedMany, Blocking, KeyList, KeyPositions, Mutation, MutationCommand, UpTo, command};
use crate::effect::Effect;
use crate::error::Result;
use crate::keyspace::Keyspace;
use crate::time::Context;

/// A key, and the member with its score that was taken there.
type OneFrom = Option<(Value, Value, f64)>;

/// A key, and the members with their scores that were taken there.
type ManyFrom = Option<(Value, Vec<(Value, f64)>)>;

command! {
    /// Takes members with the lowest or the highest scores from the first sorted set that is there. Its key and a list
    /// of members with scores; nil when there is none. O(number of keys + log n + members taken).
    ZMPop<'a> = "ZMPOP", Decides SortedSet, arity -4, keys KeyPositions::NONE,
    "Takes members from the first sorted set that has any." => ManyFrom {
        /// The keys, in the order in which they are tried.
        keys: KeyList<'a>,
        /// Which members.
        which: Extreme,
        /// How many at most.
        count: UpTo,
    }
}

command! {
    /// Takes members as `ZMPOP` does, and waits for one when there is none. Its key and a list of members with
    /// scores; nil when nothing came in time. O(number of keys + log n + members taken).
    BZMPop<'a> = "BZMPOP", Decides SortedSet, arity -5, keys KeyPositions::NONE,
    "Takes members from the first sorted set that has any, or waits for one." => ManyFrom {
        /// The keys, which members and how many to take, and how long to wait.
        wait: AwaitedMany<'a, Extreme>,
    }
}

command! {
    /// Takes the member with the lowest score from the first sorted set that is there, and waits for one when none is.
    /// Its key, the member and the score; nil when nothing came in time. O(number of keys + log n).
    BZPopMin<'a> = "BZPOPMIN", Decides SortedSet, arity -3, keys KeyPositions::ALL_BUT_LAST,
    "Takes the member with the lowest score, or waits for one." => OneFrom {
        /// The keys, and how long to wait.
        wait: Awaited<'a>,
    }
}

command! {
    /// Takes the member with the highest score from the first sorted set that is there, and waits for one when none
    /// is. Its key, the member and the score; nil when nothing came in time. O(number of keys + log n).
    BZPopMax<'a> = "BZPOPMAX", Decides SortedSet, arity -3, keys KeyPositions::ALL_BUT_LAST,
    "Takes the member with the highest score, or waits for one." => OneFrom {
        /// The keys, and how long to wait.
        wait: Awaited<'a>,
    }
}

/// Takes from the first of the sorted sets that is there.
fn pop_many<K: Keyspace>(keyspace: &mut K, keys: &[Key<'_>], which: Extreme, count: u64) -> Result<ManyFrom> {
    let Some(key) = keys.iter().find(|key| keyspace.contains(key)) else { return Ok(None) };
    let popped = keyspace.update(key, |set: &mut SortedSet| which.pop_many(set, count))?;
    Ok(popped.map(|popped| (key.0.to_value(), popped.0)))
}

fn pop_one<K: Keyspace>(keyspace: &mut K, keys: &[Key<'_>], which: Extreme) -> Result<OneFrom> {
    let popped = pop_many(keyspace, keys, which, 1)?;
    Ok(popped.and_then(|(key, members)| members.into_iter().next().map(|(member, score)| (key, member, score))))
}

/// Puts members back that were taken.
fn put_back<'m>(key: &Value, members: impl Iterator<Item = (&'m Value, f64)>) -> Mutation<'static> {
    let members = members.map(|(member, score)| (score, Arg::Value(member.clone()))).collect();
    ZAdd::plain(Key(Arg::Value(key.clone())), members).into()
}

fn many_popped<'a>(popped: &ManyFrom, which: Extreme) -> Effect<'a> {
    popped.as_ref().map_or_else(Effect::nothing, |(key, members)| which.popped(key, members.len()))
}

fn one_popped<'a>(popped: &OneFrom, which: Extreme) -> Effect<'a> {
    popped.as_ref().map_or_else(Effect::nothing, |(key, ..)| which.popped(key, 1))
}

fn put_one_back(popped: &OneFrom) -> Option<Mutation<'static>> {
    let (key, member, score) = popped.as_ref()?;
    Some(put_back(key, std::iter::once((member, *score))))
}

impl<'a> MutationCommand<'a> for ZMPop<'a> {
    fn run<K: Keyspace>(&self, keyspace: &mut K, _: Context) -> Result<ManyFrom> {
        pop_many(keyspace, &self.keys.0, self.which, self.count.0)
    }

    fn effect(&self, popped: &ManyFrom, _: Context) -> Effect<'a> {
        many_popped(popped, self.which)
    }
}

impl<'a> MutationCommand<'a> for BZMPop<'a> {
    fn run<K: Keyspace>(&self, keyspace: &mut K, _: Context) -> Result<ManyFrom> {
        pop_many(keyspace, &self.wait.keys.0, self.wait.which, self.wait.count.0)
    }

    fn effect(&self, popped: &ManyFrom, _: Context) -> Effect<'a> {
        many_popped(popped, self.wait.which)
    }

    fn blocking(&self) -> Option<Blocking> {
        self.wait.timeout.blocking()
    }

    fn undo(&self, popped: &ManyFrom) -> Option<Mutation<'static>> {
        let (key, members) = popped.as_ref()?;
        Some(put_back(key, members.iter().map(|(member, score)| (member, *score))))
    }
}

impl<'a> MutationCommand<'a> for BZPopMin<'a> {
    fn run<K: Keyspace>(&self, keyspace: &mut K, _: Context) -> Result<OneFrom> {
        pop_one(keyspace, &self.wait.keys, Extreme::Min)
    }

    fn effect(&self, popped: &OneFrom, _: Context) -> Effect<'a> {
        one_popped(popped, Extreme::Min)
    }

    fn blocking(&self) -> Option<Blocking> {
        self.wait.timeout.blocking()
    }

    fn undo(&self, popped: &OneFrom) -> Option<Mutation<'static>> {
        put_one_back(popped)
    }
}

impl<'a> MutationCommand<'a> for BZPopMax<'a> {
    fn run<K: Keyspace>(&self, keyspace: &mut K, _: Context) -> Result<OneFrom> {
        pop_one(keyspace, &self.wait.keys, Extreme::Max)
    }

    fn effect(&self, popped: &OneFrom, _: Context) -> Effect<'a> {
        one_popped(popped, Extreme::Max)
    }

    fn blocking(&self) -> Option<Blocking> {
        self.wait.timeout.blocking()
    }

    fn undo(&self, popped: &OneFrom) -> Option<Mutation<'static>> {
        put_one_back(popped)
    }
}
