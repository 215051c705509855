//! Several strings at once.

use jcache_value::Value;

use crate::arg::{Arg, Key};
use crate::command::{KeyPositions, MutationCommand, Pairs, QueryCommand, command};
use crate::effect::Effect;
use crate::error::Result;
use crate::keyspace::Keyspace;
use crate::reply::Reply;
use crate::time::Context;

command! {
    /// The strings at the keys, in order, and nothing for a key that is not there or no string. O(number of keys).
    MGet<'a> = "MGET", Query String, arity -2, keys KeyPositions::ALL,
    "The strings at several keys." => Vec<Option<Value>> {
        /// The keys.
        keys: Vec<Key<'a>>,
    }
}

impl<'a> QueryCommand<'a> for MGet<'a> {
    fn run<K: Keyspace>(&self, keyspace: &K, _: Context) -> Result<Vec<Option<Value>>> {
        let text = |key: &Key<'_>| keyspace.text(key).unwrap_or_default().cloned();
        Ok(self.keys.iter().map(text).collect())
    }

    fn shows_keys(&self, reply: &Reply) -> bool {
        matches!(reply, Reply::Array(items) if !items.contains(&Reply::Nil))
    }
}

command! {
    /// Sets several strings, for ever, at once. O(number of keys).
    MSet<'a> = "MSET", Blind String, arity -3, keys KeyPositions::PAIRS,
    "Sets the strings at several keys." => () {
        /// Keys and strings.
        pairs: Pairs<Key<'a>, Arg<'a>>,
    }
}

impl<'a> MutationCommand<'a> for MSet<'a> {
    fn run<K: Keyspace>(&self, keyspace: &mut K, _: Context) -> Result<()> {
        self.pairs.iter().try_for_each(|(key, value)| keyspace.put_text(key, value, None))
    }

    fn effect(&self, (): &(), _: Context) -> Effect<'a> {
        Effect::whole(self.clone())
    }
}

command! {
    /// Sets several strings at once when none of the keys exists, and says whether it did. O(number of keys).
    MSetNx<'a> = "MSETNX", Decides String, arity -3, keys KeyPositions::PAIRS,
    "Sets the strings at several keys, none of which exists." => bool {
        /// Keys and strings.
        pairs: Pairs<Key<'a>, Arg<'a>>,
    }
}

impl<'a> MutationCommand<'a> for MSetNx<'a> {
    fn run<K: Keyspace>(&self, keyspace: &mut K, _: Context) -> Result<bool> {
        if self.pairs.iter().any(|(key, _)| keyspace.contains(key)) {
            return Ok(false);
        }
        self.pairs.iter().try_for_each(|(key, value)| keyspace.put_text(key, value, None))?;
        Ok(true)
    }

    fn effect(&self, reply: &bool, _: Context) -> Effect<'a> {
        if *reply { Effect::whole(MSet { pairs: self.pairs.clone() }) } else { Effect::nothing() }
    }
}
