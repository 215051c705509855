//! Commands of keys of any type.

use crate::arg::{ArgSink, Args, Key};
use crate::command::{Field, KeyPositions, MutationCommand, QueryCommand, command};
use crate::effect::Effect;
use crate::error::{Error, Result};
use crate::keyspace::Keyspace;
use crate::time::{Context, Timestamp};

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
        Ok(match keyspace.find(&self.key) {
            None => -2,
            Some(found) => found.deadline.map_or(-1, Timestamp::as_i64),
        })
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

/// `ASYNC` or `SYNC` of the flush commands; both mean the same here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Flush {
    /// The server's default.
    #[default]
    Default,
    /// Give memory back in the background.
    Async,
    /// Give memory back before answering.
    Sync,
}

impl<'a> Field<'a> for Flush {
    fn parse(args: &mut Args<'a>) -> Result<Self> {
        if args.is_empty() {
            Ok(Flush::Default)
        } else if args.take_word("ASYNC") {
            Ok(Flush::Async)
        } else if args.take_word("SYNC") {
            Ok(Flush::Sync)
        } else {
            Err(Error::syntax())
        }
    }

    fn write<S: ArgSink + ?Sized>(&self, out: &mut S) {
        match self {
            Flush::Default => {}
            Flush::Async => out.arg(b"ASYNC"),
            Flush::Sync => out.arg(b"SYNC"),
        }
    }
}

command! {
    /// Removes every key of every database. O(number of keys).
    #[derive(Default)]
    FlushAll = "FLUSHALL", Blind Key, arity -1, keys KeyPositions::NONE,
    "Removes every key." => () {
        /// Whether to give memory back in the background.
        mode: Flush,
    }
}

impl<'a> MutationCommand<'a> for FlushAll {
    fn run<K: Keyspace>(&self, keyspace: &mut K, _: Context) -> Result<()> {
        keyspace.clear();
        Ok(())
    }

    fn effect(&self, (): &(), _: Context) -> Effect<'a> {
        Effect::whole(self.clone())
    }
}

command! {
    /// Removes every key of the database. O(number of keys).
    #[derive(Default)]
    FlushDb = "FLUSHDB", Blind Key, arity -1, keys KeyPositions::NONE,
    "Removes every key of the database." => () {
        /// Whether to give memory back in the background.
        mode: Flush,
    }
}

impl<'a> MutationCommand<'a> for FlushDb {
    fn run<K: Keyspace>(&self, keyspace: &mut K, _: Context) -> Result<()> {
        keyspace.clear();
        Ok(())
    }

    fn effect(&self, (): &(), _: Context) -> Effect<'a> {
        Effect::whole(self.clone())
    }
}

/// When an expiry command takes effect: `NX`, `XX`, `GT`, `LT`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ExpireWhen {
    /// Only when the key has no deadline.
    pub nx: bool,
    /// Only when the key has one.
    pub xx: bool,
    /// Only when the new deadline is later; never counts as latest.
    pub gt: bool,
    /// Only when the new deadline is earlier.
    pub lt: bool,
}

impl<'a> Field<'a> for ExpireWhen {
    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let mut when = Self::default();
        while let Some(word) = args.peek() {
            let flag = match () {
                () if word.is_word("NX") => &mut when.nx,
                () if word.is_word("XX") => &mut when.xx,
                () if word.is_word("GT") => &mut when.gt,
                () if word.is_word("LT") => &mut when.lt,
                () => {
                    let word = String::from_utf8_lossy(word).into_owned();
                    return Err(Error::invalid(format!("ERR Unsupported option {word}")));
                }
            };
            *flag = true;
            args.take()?;
        }
        if when.nx && (when.xx || when.gt || when.lt) {
            return Err(Error::invalid("ERR NX and XX, GT or LT options at the same time are not compatible"));
        }
        if when.gt && when.lt {
            return Err(Error::invalid("ERR GT and LT options at the same time are not compatible"));
        }
        Ok(when)
    }

    fn write<S: ArgSink + ?Sized>(&self, out: &mut S) {
        for (set, word) in [(self.nx, "NX"), (self.xx, "XX"), (self.gt, "GT"), (self.lt, "LT")] {
            if set {
                out.arg(word.as_bytes());
            }
        }
    }
}

command! {
    /// Sets the time at which the key expires, in milliseconds since the epoch; a time that has passed removes the
    /// key. Says whether the deadline was set. O(1).
    PExpireAt<'a> = "PEXPIREAT", Blind Key, arity -3, keys KeyPositions::ONE,
    "Sets the time at which a key expires, in milliseconds since the epoch." => bool {
        /// The key.
        key: Key<'a>,
        /// Milliseconds since the epoch.
        at: i64,
        /// The condition.
        when: ExpireWhen,
    }
}

impl<'a> PExpireAt<'a> {
    /// Sets the deadline without a condition.
    pub fn at(key: Key<'a>, at: Timestamp) -> Self {
        Self { key, at: at.as_i64(), when: ExpireWhen::default() }
    }
}

impl<'a> MutationCommand<'a> for PExpireAt<'a> {
    fn run<K: Keyspace>(&self, keyspace: &mut K, context: Context) -> Result<bool> {
        let Some(found) = keyspace.find(&self.key) else { return Ok(false) };
        let old = found.deadline.map(Timestamp::as_i64);
        let ExpireWhen { nx, xx, gt, lt } = self.when;
        let refused = nx && old.is_some()
            || xx && old.is_none()
            || gt && old.is_none_or(|old| self.at <= old)
            || lt && old.is_some_and(|old| self.at >= old);
        if refused {
            return Ok(false);
        }
        let at = Timestamp::from_millis(u64::try_from(self.at).unwrap_or(0)).min(Timestamp::MAX);
        if at <= context.now {
            keyspace.remove(&self.key);
        } else {
            keyspace.set_deadline(&self.key, Some(at));
        }
        Ok(true)
    }

    fn effect(&self, reply: &bool, _: Context) -> Effect<'a> {
        if *reply { Effect::within(Self { when: ExpireWhen::default(), ..self.clone() }) } else { Effect::nothing() }
    }

    fn is_blind(&self) -> bool {
        self.when == ExpireWhen::default()
    }
}
