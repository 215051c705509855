//! Looking around in the keyspace: its size, a random key, all keys, or page by page.

use jcache_value::Value;

use crate::arg::{Arg, ArgSink, Args};
use crate::command::{Cursor, Field, KeyPositions, QueryCommand, ScanOptions, command};
use crate::error::{Error, Result};
use crate::glob;
use crate::keyspace::Keyspace;
use crate::object::ObjectRef;
use crate::reply::Page;
use crate::time::Context;

command! {
    /// How many keys there are; keys that are due but not yet reclaimed may count. O(1).
    DbSize = "DBSIZE", Query Key, arity 1, keys KeyPositions::NONE,
    "Counts all keys." => u64 {}
}

impl<'a> QueryCommand<'a> for DbSize {
    fn run<K: Keyspace>(&self, keyspace: &K, _: Context) -> Result<u64> {
        Ok(keyspace.len() as u64)
    }
}

command! {
    /// A key picked at random, or nothing when there is none. O(1).
    RandomKey = "RANDOMKEY", Query Key, arity 1, keys KeyPositions::NONE,
    "A key picked at random." => Option<Value> {}
}

impl<'a> QueryCommand<'a> for RandomKey {
    fn run<K: Keyspace>(&self, keyspace: &K, context: Context) -> Result<Option<Value>> {
        Ok(keyspace.random_key(context.seed))
    }

    fn asks_context(&self) -> bool {
        true
    }
}

command! {
    /// All keys that fit a [pattern](glob::matches), in no particular order. O(number of all keys).
    Keys<'a> = "KEYS", Query Key, arity 2, keys KeyPositions::NONE,
    "All keys that fit a pattern." => Vec<Value> {
        /// The pattern.
        pattern: Arg<'a>,
    }
}

impl<'a> QueryCommand<'a> for Keys<'a> {
    fn run<K: Keyspace>(&self, keyspace: &K, _: Context) -> Result<Vec<Value>> {
        let mut keys = Vec::new();
        let mut visit = |key: &[u8], _: ObjectRef<'_>| {
            if glob::matches(&self.pattern, key) {
                keys.push(Value::new(key));
            }
        };
        let mut cursor = 0;
        loop {
            cursor = keyspace.scan(cursor, keyspace.len().max(1), &mut visit);
            if cursor == 0 {
                return Ok(keys);
            }
        }
    }
}

/// The options `MATCH`, `COUNT` and `TYPE` of `SCAN`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeyFilter<'a> {
    /// `MATCH` and `COUNT`.
    pub options: ScanOptions<'a>,
    /// `TYPE`: only keys of the type of this name, in any case; an unknown name fits no key.
    pub kind: Option<Arg<'a>>,
}

impl<'a> Field<'a> for KeyFilter<'a> {
    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let mut filter = Self::default();
        while !args.is_empty() {
            if args.len() >= 2 && args.take_word("TYPE") {
                filter.kind = Some(args.take()?);
            } else if !filter.options.take(args)? {
                return Err(Error::syntax());
            }
        }
        Ok(filter)
    }

    fn write<S: ArgSink + ?Sized>(&self, out: &mut S) {
        self.options.write(out);
        if let Some(kind) = &self.kind {
            out.arg(b"TYPE");
            out.shared(kind);
        }
    }
}

impl KeyFilter<'_> {
    fn admits(&self, key: &[u8], object: ObjectRef<'_>) -> bool {
        self.options.admits(key) && self.kind.as_ref().is_none_or(|kind| kind.is_word(object.kind().name()))
    }
}

command! {
    /// One page of the keys, and the cursor for the next. A key that is there during the whole scan is given at least
    /// once. A page may be empty before the scan is done, which is when the cursor is 0. O(count).
    Scan<'a> = "SCAN", Query Key, arity -2, keys KeyPositions::NONE,
    "One page of the keys." => Page<Vec<Value>> {
        /// Where to go on.
        cursor: Cursor,
        /// Which keys, and how many to look at.
        filter: KeyFilter<'a>,
    }
}

impl<'a> QueryCommand<'a> for Scan<'a> {
    fn run<K: Keyspace>(&self, keyspace: &K, _: Context) -> Result<Page<Vec<Value>>> {
        let mut items = Vec::new();
        let cursor = keyspace.scan(self.cursor.0, self.filter.options.count(), &mut |key, object| {
            if self.filter.admits(key, object) {
                items.push(Value::new(key));
            }
        });
        Ok(Page { cursor, items })
    }
}
