//! Commands of hashes.

use jcache_value::Value;

use crate::arg::{Arg, Key};
use crate::command::{KeyPositions, MutationCommand, QueryCommand, command};
use crate::effect::Effect;
use crate::error::Result;
use crate::keyspace::Keyspace;
use crate::time::Context;
use crate::collection::Hash;
use crate::command::Pairs;
use crate::reply::Fields;

command! {
    /// The value of a field, or nothing. O(1).
    HGet<'a> = "HGET", Query Hash, arity 3, keys KeyPositions::ONE,
    "The value of a field of a hash." => Option<Value> {
        /// The key.
        key: Key<'a>,
        /// The field.
        field: Arg<'a>,
    }
}

impl<'a> QueryCommand<'a> for HGet<'a> {
    fn run<K: Keyspace>(&self, keyspace: &K, _: Context) -> Result<Option<Value>> {
        Ok(keyspace.collection::<Hash>(&self.key)?.and_then(|hash| hash.get(&self.field)))
    }
}

command! {
    /// All fields and values. O(number of fields).
    HGetAll<'a> = "HGETALL", Query Hash, arity 2, keys KeyPositions::ONE,
    "All fields and values of a hash." => Fields {
        /// The key.
        key: Key<'a>,
    }
}

impl<'a> QueryCommand<'a> for HGetAll<'a> {
    fn run<K: Keyspace>(&self, keyspace: &K, _: Context) -> Result<Fields> {
        Ok(Fields(keyspace.collection::<Hash>(&self.key)?.map_or_else(Vec::new, |hash| hash.entries().collect())))
    }
}

command! {
    /// How many fields the hash has; 0 when there is none. O(1).
    HLen<'a> = "HLEN", Query Hash, arity 2, keys KeyPositions::ONE,
    "Counts the fields of a hash." => u64 {
        /// The key.
        key: Key<'a>,
    }
}

impl<'a> QueryCommand<'a> for HLen<'a> {
    fn run<K: Keyspace>(&self, keyspace: &K, _: Context) -> Result<u64> {
        Ok(keyspace.collection::<Hash>(&self.key)?.map_or(0, |hash| hash.len() as u64))
    }
}

command! {
    /// Sets fields and says how many are new. O(number of pairs).
    HSet<'a> = "HSET", Decides Hash, arity -4, keys KeyPositions::ONE,
    "Sets fields of a hash." => u64 {
        /// The key.
        key: Key<'a>,
        /// Fields and values.
        pairs: Pairs<Arg<'a>, Arg<'a>>,
    }
}

impl<'a> MutationCommand<'a> for HSet<'a> {
    fn run<K: Keyspace>(&self, keyspace: &mut K, _: Context) -> Result<u64> {
        keyspace.upsert(&self.key, |hash: &mut Hash| {
            self.pairs.iter().filter(|(field, value)| hash.insert(field, value)).count() as u64
        })
    }

    fn effect(&self, _: &u64, _: Context) -> Effect<'a> {
        Effect::within(self.clone())
    }
}
