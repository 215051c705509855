//! Looking at how a key is kept: the form of its value, how often it is read, and how much memory it takes.
//!
//! These say something of one engine, not of the value, so only the authority answers them. The names of forms are those
//! of Redis where they mean the same; where the form is not kept (the integer form of a string) the value tells it.

use std::time::Duration;

use jcache_value::Value;

use crate::arg::{ArgSink, Args, Key};
use crate::command::{Field, KeyPositions, QueryCommand, command};
use crate::error::{Error, Result};
use crate::keyspace::{Keyspace, Recency};
use crate::number::parse_i64;
use crate::object::ObjectRef;
use crate::time::Context;

/// The longest string that Redis keeps in one block with its header.
const EMBEDDED: usize = 44;

command! {
    /// The form in which a key is kept: `int`, `embstr` or `raw`; `listpack` or `hashtable`; `quicklist`; `intset`,
    /// `listpack` or `hashtable`; `listpack` or `skiplist`. Nothing when there is no key. O(1).
    ///
    /// That of a string follows from the value: it is not kept that a string was appended to, which is `raw` in Redis
    /// however short. The forms of collections become larger ones at Redis's default thresholds.
    ObjectEncoding<'a> = "OBJECT|ENCODING", Query Key, arity 3, keys KeyPositions::SECOND,
    "The form in which a key is kept." => Option<Value> {
        /// The key.
        key: Key<'a>,
    }
}

impl<'a> QueryCommand<'a> for ObjectEncoding<'a> {
    fn run<K: Keyspace>(&self, keyspace: &K, _: Context) -> Result<Option<Value>> {
        Ok(keyspace.find(&self.key).map(|found| Value::from(encoding(found.object))))
    }
}

fn encoding(object: ObjectRef<'_>) -> &'static str {
    match object {
        ObjectRef::String(text) if parse_i64(text).is_some() => "int",
        ObjectRef::String(text) if text.len() <= EMBEDDED => "embstr",
        ObjectRef::String(_) => "raw",
        ObjectRef::Hash(hash) if hash.is_packed() => "listpack",
        ObjectRef::List(_) => "quicklist",
        ObjectRef::Set(set) if set.is_intset() => "intset",
        ObjectRef::Set(set) if set.is_packed() => "listpack",
        ObjectRef::Hash(_) | ObjectRef::Set(_) => "hashtable",
        ObjectRef::SortedSet(set) if set.is_packed() => "listpack",
        ObjectRef::SortedSet(_) => "skiplist",
    }
}

command! {
    /// How often a key was read lately, 0 to 3, where the eviction goes by that; nothing when there is no key. O(1).
    ///
    /// Redis counts up to 255 on a logarithmic scale; both only mean that more is more.
    ObjectFreq<'a> = "OBJECT|FREQ", Query Key, arity 3, keys KeyPositions::SECOND,
    "How often a key was read lately, under an LFU policy." => Option<u64> {
        /// The key.
        key: Key<'a>,
    }
}

impl<'a> QueryCommand<'a> for ObjectFreq<'a> {
    fn run<K: Keyspace>(&self, keyspace: &K, _: Context) -> Result<Option<u64>> {
        match keyspace.usage(&self.key).map(|usage| usage.recency) {
            None => Ok(None),
            Some(Recency::Frequency(reads)) => Ok(Some(reads.into())),
            Some(Recency::Idle(_)) => Err(not_tracked("not selected, access frequency")),
        }
    }
}

command! {
    /// Seconds since a key was last read, as far as the engine knows: ours keep no times and say 0. Nothing when there is
    /// no key. O(1).
    ObjectIdleTime<'a> = "OBJECT|IDLETIME", Query Key, arity 3, keys KeyPositions::SECOND,
    "Seconds since a key was last read, as far as known." => Option<u64> {
        /// The key.
        key: Key<'a>,
    }
}

impl<'a> QueryCommand<'a> for ObjectIdleTime<'a> {
    fn run<K: Keyspace>(&self, keyspace: &K, _: Context) -> Result<Option<u64>> {
        match keyspace.usage(&self.key).map(|usage| usage.recency) {
            None => Ok(None),
            Some(Recency::Idle(idle)) => Ok(Some(idle.map_or(0, |idle: Duration| idle.as_secs()))),
            Some(Recency::Frequency(_)) => Err(not_tracked("selected, idle time")),
        }
    }
}

/// Redis's text.
#[cold]
fn not_tracked(what: &str) -> Error {
    Error::invalid(format!(
        "ERR An LFU maxmemory policy is {what} not tracked. Please note that when switching between policies at runtime \
         LRU and LFU data will take some time to adjust."
    ))
}

command! {
    /// How many keys share a value: always 1, or nothing when there is no key. O(1).
    ///
    /// Redis says 2147483647 of the small integers that all its keys share.
    ObjectRefCount<'a> = "OBJECT|REFCOUNT", Query Key, arity 3, keys KeyPositions::SECOND,
    "How many keys share a value: 1." => Option<u64> {
        /// The key.
        key: Key<'a>,
    }
}

impl<'a> QueryCommand<'a> for ObjectRefCount<'a> {
    fn run<K: Keyspace>(&self, keyspace: &K, _: Context) -> Result<Option<u64>> {
        Ok(keyspace.contains(&self.key).then_some(1))
    }
}

/// The option `SAMPLES` of `MEMORY USAGE`: how many elements to weigh. Here all are weighed always.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Samples(pub Option<u64>);

impl<'a> Field<'a> for Samples {
    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let mut samples = None;
        while args.len() >= 2 && args.take_word("SAMPLES") {
            samples = Some(u64::try_from(args.take_i64()?).map_err(|_| Error::syntax())?);
        }
        Ok(Self(samples))
    }

    fn write<S: ArgSink + ?Sized>(&self, out: &mut S) {
        if let Some(samples) = self.0 {
            out.arg(b"SAMPLES");
            out.int(i64::try_from(samples).unwrap_or(i64::MAX));
        }
    }
}

command! {
    /// Bytes that a key and its value keep in memory, as the allocator rounds them; nothing when there is no key. O(1).
    MemoryUsage<'a> = "MEMORY|USAGE", Query Key, arity -3, keys KeyPositions::SECOND,
    "Bytes that a key and its value take." => Option<u64> {
        /// The key.
        key: Key<'a>,
        /// How many elements to weigh.
        samples: Samples,
    }
}

impl<'a> QueryCommand<'a> for MemoryUsage<'a> {
    fn run<K: Keyspace>(&self, keyspace: &K, _: Context) -> Result<Option<u64>> {
        Ok(keyspace.usage(&self.key).map(|usage| usage.bytes as u64))
    }
}
