//! Picking members of a set at random, and popping them.

use jcache_value::Value;

use super::SRem;
use crate::arg::{ArgSink, Args, Key};
use crate::collection::Set;
use crate::command::random::{Picks, take_count};
use crate::command::{Field, KeyPositions, MutationCommand, Picked, QueryCommand, command};
use crate::effect::Effect;
use crate::error::{Error, Result};
use crate::keyspace::Keyspace;
use crate::reply::Members;
use crate::time::Context;

/// How many members `SRANDMEMBER` picks: none given is one, and the reply is it alone; a positive count that many
/// different ones, or all; a negative one that many, where a member may come repeatedly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PickCount(pub Option<i64>);

impl<'a> Field<'a> for PickCount {
    fn parse(args: &mut Args<'a>) -> Result<Self> {
        match args.len() {
            0 => Ok(Self(None)),
            1 => take_count(args).map(|count| Self(Some(count))),
            _ => Err(Error::syntax()),
        }
    }

    fn write<S: ArgSink + ?Sized>(&self, out: &mut S) {
        if let Some(count) = self.0 {
            out.int(count);
        }
    }
}

command! {
    /// Members picked at random: without a count one, or nothing when there is no set; with a count a list.
    /// O(count), plus the number of members of a small set.
    SRandMember<'a> = "SRANDMEMBER", Query Set, arity -2, keys KeyPositions::ONE,
    "Members of a set, picked at random." => Picked<Vec<Value>> {
        /// The key.
        key: Key<'a>,
        /// How many.
        count: PickCount,
    }
}

impl<'a> QueryCommand<'a> for SRandMember<'a> {
    fn run<K: Keyspace>(&self, keyspace: &K, context: Context) -> Result<Picked<Vec<Value>>> {
        let set = keyspace.collection::<Set>(&self.key)?;
        let mut picks = Picks::new(context.seed);
        Ok(match (self.count.0, set) {
            (None, set) => Picked::One(set.and_then(|set| set.nth(picks.below(set.len())))),
            (Some(_), None) => Picked::Many(Vec::new()),
            (Some(count), Some(set)) => Picked::Many(at(set, picks.draw(count, set.len())?)),
        })
    }

    fn asks_context(&self) -> bool {
        true
    }
}

/// The members at `positions`; a packed set is walked once, not once for each.
fn at(set: &Set, positions: Vec<usize>) -> Vec<Value> {
    if set.is_packed() {
        let all: Vec<Value> = set.iter().collect();
        positions.into_iter().map(|position| all[position].clone()).collect()
    } else {
        positions.into_iter().filter_map(|position| set.nth(position)).collect()
    }
}

/// How many members `SPOP` pops: none given is one, and the reply is it alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PopCount(pub Option<u64>);

impl<'a> Field<'a> for PopCount {
    fn parse(args: &mut Args<'a>) -> Result<Self> {
        match args.len() {
            0 => Ok(Self(None)),
            1 => {
                let count = args.take_i64().ok().and_then(|count| u64::try_from(count).ok());
                let count = count.ok_or_else(|| Error::invalid("ERR value is out of range, must be positive"))?;
                Ok(Self(Some(count)))
            }
            _ => Err(Error::syntax()),
        }
    }

    fn write<S: ArgSink + ?Sized>(&self, out: &mut S) {
        if let Some(count) = self.0 {
            out.int(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }
}

command! {
    /// Removes members picked at random and answers them: without a count one, or nothing when there is no set; with
    /// a count a set, which is empty when there is none. The key goes with its last member. O(count) in a large set.
    SPop<'a> = "SPOP", Decides Set, arity -2, keys KeyPositions::ONE,
    "Removes members of a set, picked at random." => Picked<Members> {
        /// The key.
        key: Key<'a>,
        /// How many.
        count: PopCount,
    }
}

impl<'a> MutationCommand<'a> for SPop<'a> {
    fn run<K: Keyspace>(&self, keyspace: &mut K, context: Context) -> Result<Picked<Members>> {
        let mut picks = Picks::new(context.seed);
        let mut pop = |set: &mut Set| set.pop_nth(picks.below(set.len()));
        let Some(count) = self.count.0 else {
            return Ok(Picked::One(keyspace.update(&self.key, pop)?.flatten()));
        };
        let Some(set) = keyspace.collection::<Set>(&self.key)? else { return Ok(Picked::Many(Members::default())) };
        let members = if count >= set.len() as u64 {
            let all = set.iter().collect();
            keyspace.remove(&self.key);
            all
        } else {
            let some = |set: &mut Set| (0..count).filter_map(|_| pop(set)).collect();
            keyspace.update(&self.key, some)?.unwrap_or_default()
        };
        Ok(Picked::Many(Members(members)))
    }

    fn asks_context(&self) -> bool {
        true
    }

    // The members that chance chose are removed from the copies by name.
    fn effect(&self, reply: &Picked<Members>, _: Context) -> Effect<'a> {
        let members: Vec<_> = match reply {
            Picked::One(member) => member.iter().map(|member| member.clone().into()).collect(),
            Picked::Many(Members(members)) => members.iter().map(|member| member.clone().into()).collect(),
        };
        if members.is_empty() { Effect::nothing() } else { Effect::within(SRem { key: self.key.clone(), members }) }
    }
}
