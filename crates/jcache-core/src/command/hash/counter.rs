//! Commands that count in a field of a hash.

use jcache_value::Value;

use super::HSet;
use super::write::growth_ahead;
use crate::arg::{Arg, Key};
use crate::collection::Hash;
use crate::command::{KeyPositions, MutationCommand, command};
use crate::effect::Effect;
use crate::error::{Error, Result};
use crate::keyspace::Keyspace;
use crate::number::{LongDouble, parse_i64};
use crate::time::Context;

/// As long as a sum is spelled, or nearly always: a `long double` may have many digits.
const LONGEST: [u8; 64] = [b'0'; 64];

command! {
    /// Adds to the integer in a field, 0 when there is none, and answers the sum. O(1).
    HIncrBy<'a> = "HINCRBY", Decides Hash, arity 4, keys KeyPositions::ONE,
    "Adds to the integer in a field of a hash." => i64 {
        /// The key.
        key: Key<'a>,
        /// The field.
        field: Arg<'a>,
        /// What to add.
        increment: i64,
    }
}

impl<'a> MutationCommand<'a> for HIncrBy<'a> {
    fn run<K: Keyspace>(&self, keyspace: &mut K, _: Context) -> Result<i64> {
        keyspace.upsert(&self.key, |hash: &mut Hash| {
            let current = hash.peek(&self.field).map_or(Some(0), parse_i64);
            let current = current.ok_or_else(|| Error::invalid("ERR hash value is not an integer"))?;
            let sum = current.checked_add(self.increment);
            let sum = sum.ok_or_else(|| Error::invalid("ERR increment or decrement would overflow"))?;
            hash.insert(&self.field, itoa::Buffer::new().format(sum).as_bytes());
            Ok(sum)
        })?
    }

    fn growth_ahead<K: Keyspace>(&self, keyspace: &K) -> Option<usize> {
        growth_ahead(keyspace, &self.key, std::iter::once((&*self.field, &LONGEST[..])))
    }

    fn effect(&self, reply: &i64, _: Context) -> Effect<'a> {
        Effect::within(HSet::one(&self.key, &self.field, reply.to_string().into()))
    }
}

command! {
    /// Adds to the float in a field, 0 when there is none, and answers the sum as the field then spells it. O(1).
    HIncrByFloat<'a> = "HINCRBYFLOAT", Decides Hash, arity 4, keys KeyPositions::ONE,
    "Adds to the float in a field of a hash." => Value {
        /// The key.
        key: Key<'a>,
        /// The field.
        field: Arg<'a>,
        /// What to add, as spelled: the sum is more exact than an `f64`.
        increment: Arg<'a>,
    }
}

impl<'a> MutationCommand<'a> for HIncrByFloat<'a> {
    fn run<K: Keyspace>(&self, keyspace: &mut K, _: Context) -> Result<Value> {
        // The increment is looked at before the key, and errors say whose number is wrong.
        let increment = LongDouble::parse(&self.increment).ok_or_else(Error::not_a_float)?;
        if !increment.is_finite() {
            return Err(Error::invalid("ERR value is NaN or Infinity"));
        }
        keyspace.upsert(&self.key, |hash: &mut Hash| {
            let sum = match hash.peek(&self.field).map(LongDouble::parse) {
                None => Some(increment),
                Some(Some(current)) => current.plus(increment),
                Some(None) => return Err(Error::invalid("ERR hash value is not a float")),
            };
            let sum = sum.ok_or_else(|| Error::invalid("ERR increment would produce NaN or Infinity"))?;
            let sum = Value::from(sum.to_string());
            hash.insert(&self.field, &sum);
            Ok(sum)
        })?
    }

    fn growth_ahead<K: Keyspace>(&self, keyspace: &K) -> Option<usize> {
        growth_ahead(keyspace, &self.key, std::iter::once((&*self.field, &LONGEST[..])))
    }

    fn effect(&self, reply: &Value, _: Context) -> Effect<'a> {
        Effect::within(HSet::one(&self.key, &self.field, reply.clone().into()))
    }
}
