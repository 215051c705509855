//! When a key expires: as the time left or as a point in time, in seconds or milliseconds.

use crate::arg::Key;
use crate::command::{KeyPositions, QueryCommand, command};
use crate::error::Result;
use crate::keyspace::Keyspace;
use crate::time::{Context, Timestamp};

/// What all four answer: `tell` of the deadline, -1 for never, -2 when there is no such key.
fn deadline<K: Keyspace>(keyspace: &K, key: &[u8], tell: impl FnOnce(Timestamp) -> i64) -> Result<i64> {
    Ok(match keyspace.find(key) {
        None => -2,
        Some(found) => found.deadline.map_or(-1, tell),
    })
}

/// Milliseconds in seconds, rounded to nearest.
fn seconds(millis: i64) -> i64 {
    (millis + 500) / 1000
}

fn left(deadline: Timestamp, now: Timestamp) -> i64 {
    deadline.as_i64().saturating_sub(now.as_i64()).max(0)
}

command! {
    /// The time until the key expires in seconds, rounded: -1 for never, -2 when there is no such key. O(1).
    Ttl<'a> = "TTL", Query Key, arity 2, keys KeyPositions::ONE,
    "The time until a key expires, in seconds." => i64 {
        /// The key.
        key: Key<'a>,
    }
}

impl<'a> QueryCommand<'a> for Ttl<'a> {
    fn run<K: Keyspace>(&self, keyspace: &K, context: Context) -> Result<i64> {
        deadline(keyspace, &self.key, |at| seconds(left(at, context.now)))
    }

    fn asks_context(&self) -> bool {
        true
    }
}

command! {
    /// The time until the key expires in milliseconds: -1 for never, -2 when there is no such key. O(1).
    PTtl<'a> = "PTTL", Query Key, arity 2, keys KeyPositions::ONE,
    "The time until a key expires, in milliseconds." => i64 {
        /// The key.
        key: Key<'a>,
    }
}

impl<'a> QueryCommand<'a> for PTtl<'a> {
    fn run<K: Keyspace>(&self, keyspace: &K, context: Context) -> Result<i64> {
        deadline(keyspace, &self.key, |at| left(at, context.now))
    }

    fn asks_context(&self) -> bool {
        true
    }
}

command! {
    /// When the key expires, in seconds since the epoch, rounded: -1 for never, -2 when there is no such key. O(1).
    ExpireTime<'a> = "EXPIRETIME", Query Key, arity 2, keys KeyPositions::ONE,
    "The time at which a key expires, in seconds since the epoch." => i64 {
        /// The key.
        key: Key<'a>,
    }
}

impl<'a> QueryCommand<'a> for ExpireTime<'a> {
    fn run<K: Keyspace>(&self, keyspace: &K, _: Context) -> Result<i64> {
        deadline(keyspace, &self.key, |at| seconds(at.as_i64()))
    }
}

command! {
    /// When the key expires, in milliseconds since the epoch: -1 for never, -2 when there is no such key. O(1).
    PExpireTime<'a> = "PEXPIRETIME", Query Key, arity 2, keys KeyPositions::ONE,
    "The time at which a key expires, in milliseconds since the epoch." => i64 {
        /// The key.
        key: Key<'a>,
    }
}

impl<'a> QueryCommand<'a> for PExpireTime<'a> {
    fn run<K: Keyspace>(&self, keyspace: &K, _: Context) -> Result<i64> {
        deadline(keyspace, &self.key, Timestamp::as_i64)
    }
}
