//! Commands of strings: here those that read one.

mod counter;
mod edit;
mod expiry;
mod lcs;
mod multi;
mod replace;
mod set;

pub use counter::{Decr, DecrBy, Incr, IncrBy, IncrByFloat};
pub use edit::{Append, SetRange};
pub(crate) use expiry::invalid_expire;
pub use expiry::{Expiry, Unit};
pub use lcs::{Lcs, LcsOptions, LcsReply, Match};
pub use multi::{MGet, MSet, MSetNx};
pub use replace::{GetDel, GetEx, GetExOption, GetSet};
pub use set::{PSetEx, Set, SetEx, SetNx, SetOptions};

use jcache_value::Value;

use crate::arg::Key;
use crate::command::{KeyPositions, QueryCommand, command};
use crate::error::{Error, Result};
use crate::keyspace::{Found, Keyspace};
use crate::object::ObjectRef;
use crate::time::{Context, Timestamp};

/// The string at `key` and its deadline.
fn find<'k, K: Keyspace>(keyspace: &'k K, key: &[u8]) -> Result<Option<(&'k Value, Option<Timestamp>)>> {
    match keyspace.find(key) {
        None => Ok(None),
        Some(Found { object: ObjectRef::String(text), deadline }) => Ok(Some((text, deadline))),
        Some(_) => Err(Error::wrong_type()),
    }
}

command! {
    /// The string at the key, or nothing. O(1), no copy.
    Get<'a> = "GET", Query String, arity 2, keys KeyPositions::ONE,
    "The string at a key." => Option<Value> {
        /// The key.
        key: Key<'a>,
    }
}

impl<'a> QueryCommand<'a> for Get<'a> {
    #[inline]
    fn run<K: Keyspace>(&self, keyspace: &K, _: Context) -> Result<Option<Value>> {
        Ok(keyspace.text(&self.key)?.cloned())
    }
}

command! {
    /// The length of the string at the key in bytes; 0 when there is none. O(1).
    StrLen<'a> = "STRLEN", Query String, arity 2, keys KeyPositions::ONE,
    "The length of the string at a key." => u64 {
        /// The key.
        key: Key<'a>,
    }
}

impl<'a> QueryCommand<'a> for StrLen<'a> {
    fn run<K: Keyspace>(&self, keyspace: &K, _: Context) -> Result<u64> {
        Ok(keyspace.text(&self.key)?.map_or(0, |text| text.len() as u64))
    }
}

command! {
    /// The bytes from index start to stop, both included; negative indexes count from the end. Empty when there is no
    /// such key. O(length of the part).
    GetRange<'a> = "GETRANGE", Query String, arity 4, keys KeyPositions::ONE,
    "A part of the string at a key." => Value {
        /// The key.
        key: Key<'a>,
        /// The first index.
        start: i64,
        /// The last index.
        stop: i64,
    }
}

impl<'a> QueryCommand<'a> for GetRange<'a> {
    fn run<K: Keyspace>(&self, keyspace: &K, _: Context) -> Result<Value> {
        Ok(part(keyspace.text(&self.key)?, self.start, self.stop))
    }
}

command! {
    /// The old name of `GETRANGE`. O(length of the part).
    SubStr<'a> = "SUBSTR", Query String, arity 4, keys KeyPositions::ONE,
    "A part of the string at a key; the old name of GETRANGE." => Value {
        /// The key.
        key: Key<'a>,
        /// The first index.
        start: i64,
        /// The last index.
        stop: i64,
    }
}

impl<'a> QueryCommand<'a> for SubStr<'a> {
    fn run<K: Keyspace>(&self, keyspace: &K, _: Context) -> Result<Value> {
        Ok(part(keyspace.text(&self.key)?, self.start, self.stop))
    }
}

/// The part of `text` from `start` to `stop`. A stop before the first byte means the first byte, as in Redis, unless
/// both count from the end and cross.
fn part(text: Option<&Value>, start: i64, stop: i64) -> Value {
    let Some(text) = text else { return Value::default() };
    if text.is_empty() || start < 0 && stop < 0 && start > stop {
        return Value::default();
    }
    let len = text.len() as i64;
    let index = |at: i64| if at < 0 { (at + len).max(0) } else { at };
    let (start, stop) = (index(start), index(stop).min(len - 1));
    if start > stop {
        return Value::default();
    }
    if (start, stop) == (0, len - 1) {
        return text.clone();
    }
    Value::new(&text[start as usize..=stop as usize])
}
