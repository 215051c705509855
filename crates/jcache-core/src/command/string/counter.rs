//! Strings that are numbers: counting up and down.

use jcache_value::Value;

use super::{Expiry, Set, find};
use crate::arg::{Arg, Key};
use crate::command::{KeyPositions, MutationCommand, command};
use crate::effect::Effect;
use crate::error::{Error, Result};
use crate::keyspace::Keyspace;
use crate::number;
use crate::time::Context;

/// Adds `by` to the integer at `key`, which starts at zero, and keeps the deadline.
fn add<K: Keyspace>(keyspace: &mut K, key: &[u8], by: i64) -> Result<i64> {
    let (old, deadline) = match find(keyspace, key)? {
        Some((text, deadline)) => (number::parse_i64(text).ok_or_else(Error::not_an_integer)?, deadline),
        None => (0, None),
    };
    let new = old.checked_add(by).ok_or_else(|| Error::invalid("ERR increment or decrement would overflow"))?;
    keyspace.put_text(key, &itoa::Buffer::new().format(new).into(), deadline)?;
    Ok(new)
}

/// The effect of every integer counter: how much it added.
fn added<'a>(key: &Key<'a>, by: i64) -> Effect<'a> {
    Effect::within(IncrBy { key: key.clone(), by })
}

command! {
    /// Adds one to the integer at the key, which starts at zero, and answers the sum. O(1).
    Incr<'a> = "INCR", Decides String, arity 2, keys KeyPositions::ONE,
    "Adds one to the integer at a key." => i64 {
        /// The key.
        key: Key<'a>,
    }
}

impl<'a> MutationCommand<'a> for Incr<'a> {
    fn run<K: Keyspace>(&self, keyspace: &mut K, _: Context) -> Result<i64> {
        add(keyspace, &self.key, 1)
    }

    fn effect(&self, _: &i64, _: Context) -> Effect<'a> {
        added(&self.key, 1)
    }
}

command! {
    /// Takes one from the integer at the key, which starts at zero, and answers the difference. O(1).
    Decr<'a> = "DECR", Decides String, arity 2, keys KeyPositions::ONE,
    "Takes one from the integer at a key." => i64 {
        /// The key.
        key: Key<'a>,
    }
}

impl<'a> MutationCommand<'a> for Decr<'a> {
    fn run<K: Keyspace>(&self, keyspace: &mut K, _: Context) -> Result<i64> {
        add(keyspace, &self.key, -1)
    }

    fn effect(&self, _: &i64, _: Context) -> Effect<'a> {
        added(&self.key, -1)
    }
}

command! {
    /// Adds to the integer at the key, which starts at zero, and answers the sum. O(1).
    IncrBy<'a> = "INCRBY", Decides String, arity 3, keys KeyPositions::ONE,
    "Adds to the integer at a key." => i64 {
        /// The key.
        key: Key<'a>,
        /// How much.
        by: i64,
    }
}

impl<'a> MutationCommand<'a> for IncrBy<'a> {
    fn run<K: Keyspace>(&self, keyspace: &mut K, _: Context) -> Result<i64> {
        add(keyspace, &self.key, self.by)
    }

    fn effect(&self, _: &i64, _: Context) -> Effect<'a> {
        added(&self.key, self.by)
    }
}

command! {
    /// Takes from the integer at the key, which starts at zero, and answers the difference. O(1).
    DecrBy<'a> = "DECRBY", Decides String, arity 3, keys KeyPositions::ONE,
    "Takes from the integer at a key." => i64 {
        /// The key.
        key: Key<'a>,
        /// How much.
        by: i64,
    }
}

impl<'a> MutationCommand<'a> for DecrBy<'a> {
    fn run<K: Keyspace>(&self, keyspace: &mut K, _: Context) -> Result<i64> {
        let by = self.by.checked_neg().ok_or_else(|| Error::invalid("ERR decrement would overflow"))?;
        add(keyspace, &self.key, by)
    }

    fn effect(&self, _: &i64, _: Context) -> Effect<'a> {
        // It was negated before it ran.
        added(&self.key, self.by.wrapping_neg())
    }
}

command! {
    /// Adds to the float at the key, which starts at zero, and answers the sum as text with up to 17 decimals. O(1).
    ///
    /// The arithmetic is that of Redis on x86-64, in [80 bits](crate::number::LongDouble).
    IncrByFloat<'a> = "INCRBYFLOAT", Decides String, arity 3, keys KeyPositions::ONE,
    "Adds to the float at a key." => Value {
        /// The key.
        key: Key<'a>,
        /// How much; read when the command runs, as the key's type is looked at first.
        by: Arg<'a>,
    }
}

impl<'a> MutationCommand<'a> for IncrByFloat<'a> {
    fn run<K: Keyspace>(&self, keyspace: &mut K, _: Context) -> Result<Value> {
        let (sum, deadline) = match find(keyspace, &self.key)? {
            Some((text, deadline)) => (number::incr_by_float(text, &self.by)?, deadline),
            None => (number::incr_by_float(b"0", &self.by)?, None),
        };
        let sum = Value::from(sum);
        keyspace.put_text(&self.key, &Arg::Value(sum.clone()), deadline)?;
        Ok(sum)
    }

    fn effect(&self, reply: &Value, _: Context) -> Effect<'a> {
        Effect::within(Set::plain(self.key.clone(), Arg::Value(reply.clone()), Expiry::Keep))
    }
}
