//! Commands that set and remove fields of a hash.

use crate::arg::{Arg, Key};
use crate::collection::Hash;
use crate::command::{KeyPositions, MutationCommand, Pairs, command};
use crate::effect::Effect;
use crate::error::Result;
use crate::keyspace::Keyspace;
use crate::time::Context;

command! {
    /// Sets fields and says how many are new; of a field named twice, the last value stays. O(number of pairs).
    HSet<'a> = "HSET", Decides Hash, arity -4, keys KeyPositions::ONE,
    "Sets fields of a hash." => u64 {
        /// The key.
        key: Key<'a>,
        /// Fields and values.
        pairs: Pairs<Arg<'a>, Arg<'a>>,
    }
}

impl<'a> HSet<'a> {
    /// Sets one field: how the effects of other commands say what a field holds now.
    pub(crate) fn one(key: &Key<'a>, field: &Arg<'a>, value: Arg<'a>) -> Self {
        Self { key: key.clone(), pairs: vec![(field.clone(), value)] }
    }
}

impl<'a> MutationCommand<'a> for HSet<'a> {
    fn run<K: Keyspace>(&self, keyspace: &mut K, _: Context) -> Result<u64> {
        insert(keyspace, &self.key, &self.pairs)
    }

    fn growth_ahead<K: Keyspace>(&self, keyspace: &K) -> Option<usize> {
        growth_ahead(keyspace, &self.key, self.pairs.iter().map(|(field, value)| (&**field, &**value)))
    }

    // No new field still may mean a new value.
    fn effect(&self, _: &u64, _: Context) -> Effect<'a> {
        Effect::within(self.clone())
    }
}

command! {
    /// Sets fields as `HSET` does and answers `OK`. O(number of pairs).
    HMSet<'a> = "HMSET", Decides Hash, arity -4, keys KeyPositions::ONE,
    "Sets fields of a hash; HSET says more." => () {
        /// The key.
        key: Key<'a>,
        /// Fields and values.
        pairs: Pairs<Arg<'a>, Arg<'a>>,
    }
}

impl<'a> MutationCommand<'a> for HMSet<'a> {
    fn run<K: Keyspace>(&self, keyspace: &mut K, _: Context) -> Result<()> {
        insert(keyspace, &self.key, &self.pairs).map(drop)
    }

    fn growth_ahead<K: Keyspace>(&self, keyspace: &K) -> Option<usize> {
        growth_ahead(keyspace, &self.key, self.pairs.iter().map(|(field, value)| (&**field, &**value)))
    }

    fn effect(&self, (): &(), _: Context) -> Effect<'a> {
        Effect::within(HSet { key: self.key.clone(), pairs: self.pairs.clone() })
    }
}

/// What the hash at `key` grows by when fields are set.
pub(super) fn growth_ahead<'x, K: Keyspace>(
    keyspace: &K,
    key: &Key<'_>,
    pairs: impl Iterator<Item = (&'x [u8], &'x [u8])> + Clone,
) -> Option<usize> {
    Some(keyspace.collection::<Hash>(key).ok()??.growth_ahead(pairs))
}

/// Sets fields and counts the new ones.
fn insert<K: Keyspace>(keyspace: &mut K, key: &Key<'_>, pairs: &[(Arg<'_>, Arg<'_>)]) -> Result<u64> {
    keyspace.upsert(key, |hash: &mut Hash| {
        hash.prepare(pairs.iter().map(|(field, value)| (&**field, &**value)));
        pairs.iter().filter(|(field, value)| hash.insert(field, value)).count() as u64
    })
}

command! {
    /// Sets a field that is not there yet, and says whether it did; another field of the hash does not matter. O(1).
    HSetNx<'a> = "HSETNX", Decides Hash, arity 4, keys KeyPositions::ONE,
    "Sets a field of a hash unless it is there." => bool {
        /// The key.
        key: Key<'a>,
        /// The field.
        field: Arg<'a>,
        /// The value.
        value: Arg<'a>,
    }
}

impl<'a> MutationCommand<'a> for HSetNx<'a> {
    fn run<K: Keyspace>(&self, keyspace: &mut K, _: Context) -> Result<bool> {
        let fresh = |hash: &mut Hash| !hash.contains(&self.field) && hash.insert(&self.field, &self.value);
        keyspace.upsert(&self.key, fresh)
    }

    fn growth_ahead<K: Keyspace>(&self, keyspace: &K) -> Option<usize> {
        growth_ahead(keyspace, &self.key, std::iter::once((&*self.field, &*self.value)))
    }

    fn effect(&self, reply: &bool, _: Context) -> Effect<'a> {
        if *reply { Effect::within(HSet::one(&self.key, &self.field, self.value.clone())) } else { Effect::nothing() }
    }
}

command! {
    /// Removes fields and says how many were there; the key goes with its last field. O(number of fields given).
    HDel<'a> = "HDEL", Decides Hash, arity -3, keys KeyPositions::ONE,
    "Removes fields of a hash." => u64 {
        /// The key.
        key: Key<'a>,
        /// The fields.
        fields: Vec<Arg<'a>>,
    }
}

impl<'a> MutationCommand<'a> for HDel<'a> {
    fn run<K: Keyspace>(&self, keyspace: &mut K, _: Context) -> Result<u64> {
        let remove = |hash: &mut Hash| self.fields.iter().filter(|field| hash.remove(field)).count() as u64;
        Ok(keyspace.update(&self.key, remove)?.unwrap_or(0))
    }

    fn effect(&self, reply: &u64, _: Context) -> Effect<'a> {
        if *reply == 0 { Effect::nothing() } else { Effect::within(self.clone()) }
    }
}
