//! Commands that add, remove and move members of a set.

use crate::arg::{Arg, Key};
use crate::collection::Set;
use crate::command::{KeyPositions, MutationCommand, command};
use crate::effect::Effect;
use crate::error::Result;
use crate::keyspace::Keyspace;
use crate::time::Context;

command! {
    /// Adds members and says how many are new. O(number of members given).
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

    fn growth_ahead<K: Keyspace>(&self, keyspace: &K) -> Option<usize> {
        growth_ahead(keyspace, &self.key, &self.members)
    }

    fn effect(&self, reply: &u64, _: Context) -> Effect<'a> {
        if *reply == 0 { Effect::nothing() } else { Effect::within(self.clone()) }
    }
}

/// What the set at `key` grows by when members are added.
fn growth_ahead<K: Keyspace>(keyspace: &K, key: &Key<'_>, members: &[Arg<'_>]) -> Option<usize> {
    Some(keyspace.collection::<Set>(key).ok()??.growth_ahead(members.iter().map(|member| &**member)))
}

command! {
    /// Removes members and says how many were there; the key goes with its last member. O(number of members given).
    SRem<'a> = "SREM", Decides Set, arity -3, keys KeyPositions::ONE,
    "Removes members of a set." => u64 {
        /// The key.
        key: Key<'a>,
        /// The members.
        members: Vec<Arg<'a>>,
    }
}

impl<'a> MutationCommand<'a> for SRem<'a> {
    fn run<K: Keyspace>(&self, keyspace: &mut K, _: Context) -> Result<u64> {
        let remove = |set: &mut Set| self.members.iter().filter(|member| set.remove(member)).count() as u64;
        Ok(keyspace.update(&self.key, remove)?.unwrap_or(0))
    }

    fn effect(&self, reply: &u64, _: Context) -> Effect<'a> {
        if *reply == 0 { Effect::nothing() } else { Effect::within(self.clone()) }
    }
}

command! {
    /// Moves a member from one set to another, and says whether the first had it. O(1).
    SMove<'a> = "SMOVE", Decides Set, arity 4, keys KeyPositions::TWO,
    "Moves a member from one set to another." => bool {
        /// Where the member is.
        source: Key<'a>,
        /// Where it goes; it may be there already.
        destination: Key<'a>,
        /// The member.
        member: Arg<'a>,
    }
}

impl<'a> MutationCommand<'a> for SMove<'a> {
    fn run<K: Keyspace>(&self, keyspace: &mut K, _: Context) -> Result<bool> {
        // As in Redis, the type of the destination does not matter when there is no source.
        let Some(source) = keyspace.collection::<Set>(&self.source)? else { return Ok(false) };
        keyspace.collection::<Set>(&self.destination)?;
        if !source.contains(&self.member) {
            return Ok(false);
        }
        if self.source != self.destination {
            // First what can fail for want of memory.
            keyspace.upsert(&self.destination, |set: &mut Set| set.insert(&self.member))?;
            keyspace.update(&self.source, |set: &mut Set| set.remove(&self.member))?;
        }
        Ok(true)
    }

    fn growth_ahead<K: Keyspace>(&self, keyspace: &K) -> Option<usize> {
        let destination = keyspace.collection::<Set>(&self.destination).ok()?;
        let grows = |set: &Set| set.growth_ahead(std::iter::once(&*self.member));
        Some(destination.map_or_else(|| grows(&Set::new()), grows))
    }

    fn effect(&self, reply: &bool, _: Context) -> Effect<'a> {
        if *reply && self.source != self.destination { Effect::replica(self.clone()) } else { Effect::nothing() }
    }
}
