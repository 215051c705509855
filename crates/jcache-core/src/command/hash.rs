//! Commands of hashes: those that read are here; those that write, count or pick have a file each.

mod counter;
mod pick;
mod write;

use jcache_value::Value;

pub use counter::{HIncrBy, HIncrByFloat};
pub use pick::{FieldPicks, HRandField};
pub use write::{HDel, HMSet, HSet, HSetNx};

use crate::arg::{Arg, Key};
use crate::collection::Hash;
use crate::command::{Cursor, KeyPositions, Late, QueryCommand, ScanOptions, command};
use crate::error::Result;
use crate::keyspace::Keyspace;
use crate::reply::{Fields, Flat, Page, ReplySink, Shape};
use crate::time::Context;

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
    /// The values of fields in the order asked, nothing for each that is absent. O(number of fields asked).
    HMGet<'a> = "HMGET", Query Hash, arity -3, keys KeyPositions::ONE,
    "The values of fields of a hash." => Vec<Option<Value>> {
        /// The key.
        key: Key<'a>,
        /// The fields.
        fields: Vec<Arg<'a>>,
    }
}

impl<'a> QueryCommand<'a> for HMGet<'a> {
    fn run<K: Keyspace>(&self, keyspace: &K, _: Context) -> Result<Vec<Option<Value>>> {
        let hash = keyspace.collection::<Hash>(&self.key)?;
        Ok(self.fields.iter().map(|field| hash.and_then(|hash| hash.get(field))).collect())
    }
}

command! {
    /// Whether the hash has the field. O(1).
    HExists<'a> = "HEXISTS", Query Hash, arity 3, keys KeyPositions::ONE,
    "Whether a hash has a field." => bool {
        /// The key.
        key: Key<'a>,
        /// The field.
        field: Arg<'a>,
    }
}

impl<'a> QueryCommand<'a> for HExists<'a> {
    fn run<K: Keyspace>(&self, keyspace: &K, _: Context) -> Result<bool> {
        Ok(keyspace.collection::<Hash>(&self.key)?.is_some_and(|hash| hash.contains(&self.field)))
    }
}

command! {
    /// The length of the value of a field in bytes; 0 when there is none. O(1).
    HStrLen<'a> = "HSTRLEN", Query Hash, arity 3, keys KeyPositions::ONE,
    "The length of the value of a field." => u64 {
        /// The key.
        key: Key<'a>,
        /// The field.
        field: Arg<'a>,
    }
}

impl<'a> QueryCommand<'a> for HStrLen<'a> {
    fn run<K: Keyspace>(&self, keyspace: &K, _: Context) -> Result<u64> {
        let len = keyspace.collection::<Hash>(&self.key)?.and_then(|hash| hash.value_len(&self.field));
        Ok(len.unwrap_or(0) as u64)
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
    /// All fields and values, in no particular order. O(number of fields).
    HGetAll<'a> = "HGETALL", Query Hash, arity 2, keys KeyPositions::ONE,
    "All fields and values of a hash." => Fields {
        /// The key.
        key: Key<'a>,
    }
}

impl<'a> QueryCommand<'a> for HGetAll<'a> {
    const TELLS: bool = true;

    fn run<K: Keyspace>(&self, keyspace: &K, _: Context) -> Result<Fields> {
        Ok(Fields(keyspace.collection::<Hash>(&self.key)?.map_or_else(Vec::new, Hash::entries)))
    }

    fn tell<K: Keyspace>(&self, keyspace: &K, out: &mut dyn ReplySink) -> Result<bool> {
        let Some(hash) = keyspace.collection::<Hash>(&self.key)? else { return Ok(false) };
        out.list(Shape::Map, hash.len());
        hash.iter().for_each(|(field, value)| [field, value].into_iter().for_each(|it| out.bulk(it)));
        Ok(true)
    }
}

command! {
    /// All fields without their values, in no particular order. O(number of fields).
    HKeys<'a> = "HKEYS", Query Hash, arity 2, keys KeyPositions::ONE,
    "All fields of a hash." => Vec<Value> {
        /// The key.
        key: Key<'a>,
    }
}

impl<'a> QueryCommand<'a> for HKeys<'a> {
    const TELLS: bool = true;

    fn run<K: Keyspace>(&self, keyspace: &K, _: Context) -> Result<Vec<Value>> {
        let hash = keyspace.collection::<Hash>(&self.key)?;
        Ok(hash.map_or_else(Vec::new, |hash| hash.iter().map(|(field, _)| Value::new(field)).collect()))
    }

    fn tell<K: Keyspace>(&self, keyspace: &K, out: &mut dyn ReplySink) -> Result<bool> {
        let Some(hash) = keyspace.collection::<Hash>(&self.key)? else { return Ok(false) };
        out.list(Shape::Array, hash.len());
        hash.iter().for_each(|(field, _)| out.bulk(field));
        Ok(true)
    }
}

command! {
    /// All values without their fields, in the order in which `HKEYS` gives those. O(number of fields).
    HVals<'a> = "HVALS", Query Hash, arity 2, keys KeyPositions::ONE,
    "All values of a hash." => Vec<Value> {
        /// The key.
        key: Key<'a>,
    }
}

impl<'a> QueryCommand<'a> for HVals<'a> {
    const TELLS: bool = true;

    fn run<K: Keyspace>(&self, keyspace: &K, _: Context) -> Result<Vec<Value>> {
        let hash = keyspace.collection::<Hash>(&self.key)?;
        Ok(hash.map_or_else(Vec::new, |hash| hash.entries().into_iter().map(|(_, value)| value).collect()))
    }

    fn tell<K: Keyspace>(&self, keyspace: &K, out: &mut dyn ReplySink) -> Result<bool> {
        let Some(hash) = keyspace.collection::<Hash>(&self.key)? else { return Ok(false) };
        out.list(Shape::Array, hash.len());
        hash.iter().for_each(|(_, value)| out.bulk(value));
        Ok(true)
    }
}

command! {
    /// A page of fields and values, and the cursor of the next page, 0 at the end. A field that is there during the
    /// whole scan is in at least one page; a small hash is one page. O(`COUNT`) a page.
    HScan<'a> = "HSCAN", Query Hash, arity -3, keys KeyPositions::ONE,
    "Goes through the fields and values of a hash." => Page<Flat<Value, Value>> {
        /// The key.
        key: Key<'a>,
        /// Where to go on.
        cursor: Cursor,
        /// Which fields, and how many a page.
        options: Late<'a, ScanOptions<'a>>,
    }
}

impl<'a> QueryCommand<'a> for HScan<'a> {
    fn run<K: Keyspace>(&self, keyspace: &K, _: Context) -> Result<Page<Flat<Value, Value>>> {
        let mut found = Vec::new();
        let Some(hash) = keyspace.collection::<Hash>(&self.key)? else { return Ok(Page::default()) };
        let options = self.options.get()?;
        let cursor = hash.scan(self.cursor.0, options.count(), &mut |field, value| {
            if options.admits(field) {
                found.push((Value::new(field), Value::new(value)));
            }
        });
        Ok(Page { cursor, items: Flat(found) })
    }
}
