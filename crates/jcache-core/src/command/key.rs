//! Commands of keys of any type: here whether keys exist, of which type they are, and their removal.

mod expire;
mod flush;
mod object;
mod rename;
mod scan;
mod ttl;

pub use expire::{Expire, ExpireAt, ExpireWhen, NewTime, PExpire, PExpireAt, Persist};
pub use flush::{Flush, FlushAll, FlushDb};
pub use object::{MemoryUsage, ObjectEncoding, ObjectFreq, ObjectIdleTime, ObjectRefCount, Samples};
pub use rename::{Copy, Rename, RenameNx, Replace};
pub use scan::{DbSize, KeyFilter, Keys, RandomKey, Scan};
pub use ttl::{ExpireTime, PExpireTime, PTtl, Ttl};

use jcache_value::Value;

use crate::arg::Key;
use crate::command::{KeyPositions, MutationCommand, QueryCommand, command};
use crate::effect::Effect;
use crate::error::{Error, Result};
use crate::keyspace::Keyspace;
use crate::object::Type;
use crate::reply::{Outcome, Reply};
use crate::time::Context;

command! {
    /// How many of the keys exist; a repeated key counts repeatedly. O(number of keys).
    Exists<'a> = "EXISTS", Query Key, arity -2, keys KeyPositions::ALL,
    "Counts the keys that exist." => i64 {
        /// The keys.
        keys: Vec<Key<'a>>,
    }
}

impl<'a> QueryCommand<'a> for Exists<'a> {
    fn run<K: Keyspace>(&self, keyspace: &K, _: Context) -> Result<i64> {
        Ok(self.keys.iter().filter(|key| keyspace.contains(key)).count() as i64)
    }

    fn shows_keys(&self, reply: &Reply) -> bool {
        *reply == Reply::Int(self.keys.len() as i64)
    }
}

command! {
    /// Marks the keys as used, for the eviction, and says how many exist; a repeated key counts repeatedly.
    /// O(number of keys).
    Touch<'a> = "TOUCH", Query Key, arity -2, keys KeyPositions::ALL,
    "Marks keys as used and counts those that exist." => i64 {
        /// The keys.
        keys: Vec<Key<'a>>,
    }
}

impl<'a> QueryCommand<'a> for Touch<'a> {
    // Finding a key marks it.
    fn run<K: Keyspace>(&self, keyspace: &K, _: Context) -> Result<i64> {
        Ok(self.keys.iter().filter(|key| keyspace.contains(key)).count() as i64)
    }

    fn shows_keys(&self, reply: &Reply) -> bool {
        *reply == Reply::Int(self.keys.len() as i64)
    }
}

/// The type of what a key holds, or `none`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyType(pub Option<Type>);

impl Outcome for KeyType {
    fn from_reply(reply: Reply) -> Result<Self> {
        let name = Value::from_reply(reply.clone())?;
        let types = [Type::String, Type::Hash, Type::List, Type::Set, Type::SortedSet];
        match types.into_iter().find(|it| it.name().as_bytes() == name.as_bytes()) {
            None if name != b"none" => Err(Error::unexpected_reply("a type", &reply)),
            known => Ok(KeyType(known)),
        }
    }

    fn into_reply(self) -> Reply {
        Reply::Status(self.0.map_or("none", Type::name).into())
    }
}

command! {
    /// The type of what the key holds: `string`, `hash`, `list`, `set` or `zset`; `none` when there is no key. O(1).
    TypeOf<'a> = "TYPE", Query Key, arity 2, keys KeyPositions::ONE,
    "The type of what a key holds." => KeyType {
        /// The key.
        key: Key<'a>,
    }
}

impl<'a> QueryCommand<'a> for TypeOf<'a> {
    fn run<K: Keyspace>(&self, keyspace: &K, _: Context) -> Result<KeyType> {
        Ok(KeyType(keyspace.find(&self.key).map(|found| found.object.kind())))
    }
}

command! {
    /// Removes the keys and says how many there were. O(number of keys), plus their elements.
    Del<'a> = "DEL", Blind Key, arity -2, keys KeyPositions::ALL,
    "Removes keys." => i64 {
        /// The keys.
        keys: Vec<Key<'a>>,
    }
}

impl<'a> MutationCommand<'a> for Del<'a> {
    fn run<K: Keyspace>(&self, keyspace: &mut K, _: Context) -> Result<i64> {
        Ok(self.keys.iter().filter(|key| keyspace.remove(key)).count() as i64)
    }

    // Copies drop the keys even when the authority held none of them.
    fn effect(&self, _: &i64, _: Context) -> Effect<'a> {
        Effect::whole(self.clone())
    }
}

command! {
    /// Removes the keys as `DEL` does; the memory may be given back later. O(number of keys).
    Unlink<'a> = "UNLINK", Blind Key, arity -2, keys KeyPositions::ALL,
    "Removes keys; memory may be given back later." => i64 {
        /// The keys.
        keys: Vec<Key<'a>>,
    }
}

impl<'a> MutationCommand<'a> for Unlink<'a> {
    fn run<K: Keyspace>(&self, keyspace: &mut K, _: Context) -> Result<i64> {
        Ok(self.keys.iter().filter(|key| keyspace.remove(key)).count() as i64)
    }

    fn effect(&self, _: &i64, _: Context) -> Effect<'a> {
        Effect::whole(self.clone())
    }
}
