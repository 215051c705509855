//! Commands of sets.

use crate::arg::{Arg, Key};
use crate::command::{KeyPositions, MutationCommand, QueryCommand, command};
use crate::effect::Effect;
use crate::error::Result;
use crate::keyspace::Keyspace;
use crate::time::Context;
use crate::collection::Set;
use crate::reply::Members;

command! {
    /// How many members the set has; 0 when there is none. O(1).
    SCard<'a> = "SCARD", Query Set, arity 2, keys KeyPositions::ONE,
    "Counts the members of a set." => u64 {
        /// The key.
        key: Key<'a>,
    }
}

impl<'a> QueryCommand<'a> for SCard<'a> {
    fn run<K: Keyspace>(&self, keyspace: &K, _: Context) -> Result<u64> {
        Ok(keyspace.collection::<Set>(&self.key)?.map_or(0, |set| set.len() as u64))
    }
}

command! {
    /// All members, in no particular order. O(number of members).
    SMembers<'a> = "SMEMBERS", Query Set, arity 2, keys KeyPositions::ONE,
    "All members of a set." => Members {
        /// The key.
        key: Key<'a>,
    }
}

impl<'a> QueryCommand<'a> for SMembers<'a> {
    fn run<K: Keyspace>(&self, keyspace: &K, _: Context) -> Result<Members> {
        let Some(set) = keyspace.collection::<Set>(&self.key)? else { return Ok(Members::default()) };
        let mut members = Vec::with_capacity(set.len());
        set.for_each(|member| members.push(member.into()));
        Ok(Members(members))
    }
}

command! {
    /// Adds members and says how many are new. O(number of members).
    SAdd<'a> = "SADD", Decides Set, arity -3, keys KeyPositions::ONE,
    "Adds members to a set." => u64 {
        /// The key.
        key: Key<'a>,
        /// The members.
        members: Vec<Arg<'a>>,
    }
}

impl<'a> MutationCommand<'a> for SAdd<'a> {
    fn run<K: Keyspace>(&self, keyspace: &mut K, _: Context) -> Result<u64> {
        keyspace.upsert(&self.key, |set: &mut Set| self.members.iter().filter(|m| set.insert(m)).count() as u64)
    }

    fn effect(&self, _: &u64, _: Context) -> Effect<'a> {
        Effect::within(self.clone())
    }
}
