//! Changing a part of a string.

use jcache_value::Value;

use super::find;
use crate::arg::{Arg, Key};
use crate::command::{KeyPositions, MutationCommand, command};
use crate::effect::Effect;
use crate::error::{Error, ErrorKind, Result};
use crate::keyspace::Keyspace;
use crate::time::Context;

/// Refuses a string of `head + tail` bytes when that is more than a value may have.
fn check_length(head: usize, tail: usize) -> Result<()> {
    if head.saturating_add(tail) <= Value::MAX {
        return Ok(());
    }
    let text = "ERR string exceeds maximum allowed size (proto-max-bulk-len)";
    Err(Error::new(ErrorKind::TooLarge, text))
}

command! {
    /// Appends to the string at the key, which starts empty when there is none, and says how long it is then.
    /// O(length of the tail), amortised.
    Append<'a> = "APPEND", Decides String, arity 3, keys KeyPositions::ONE,
    "Appends to the string at a key." => u64 {
        /// The key.
        key: Key<'a>,
        /// What to append.
        tail: Arg<'a>,
    }
}

impl<'a> MutationCommand<'a> for Append<'a> {
    fn run<K: Keyspace>(&self, keyspace: &mut K, _: Context) -> Result<u64> {
        let Some(head) = keyspace.text(&self.key)?.map(|text| text.len()) else {
            keyspace.put_text(&self.key, &self.tail, None)?;
            return Ok(self.tail.len() as u64);
        };
        check_length(head, self.tail.len())?;
        keyspace.append_text(&self.key, &self.tail)?;
        Ok((head + self.tail.len()) as u64)
    }

    fn effect(&self, _: &u64, _: Context) -> Effect<'a> {
        Effect::within(self.clone())
    }
}

command! {
    /// Writes over the string at the key from an offset on, and says how long it is then. A gap before the offset is
    /// filled with zero bytes; writing nothing changes nothing. O(length of the string).
    SetRange<'a> = "SETRANGE", Decides String, arity 4, keys KeyPositions::ONE,
    "Overwrites a part of the string at a key." => u64 {
        /// The key.
        key: Key<'a>,
        /// Where to write, in bytes.
        offset: i64,
        /// What to write.
        value: Arg<'a>,
    }
}

impl<'a> MutationCommand<'a> for SetRange<'a> {
    fn run<K: Keyspace>(&self, keyspace: &mut K, _: Context) -> Result<u64> {
        let offset = usize::try_from(self.offset).map_err(|_| Error::invalid("ERR offset is out of range"))?;
        let (old, deadline) = match find(keyspace, &self.key)? {
            Some((text, deadline)) => (Some(text.clone()), deadline),
            None => (None, None),
        };
        let exists = old.is_some();
        let old = old.unwrap_or_default();
        if self.value.is_empty() {
            return Ok(old.len() as u64);
        }
        check_length(offset, self.value.len())?;
        if exists && offset == old.len() {
            drop(old); // a handle would force a copy
            keyspace.append_text(&self.key, &self.value)?;
            return Ok((offset + self.value.len()) as u64);
        }
        let head = &old[..offset.min(old.len())];
        let gap = vec![0; offset - head.len()];
        let tail = old.get(offset + self.value.len()..).unwrap_or_default();
        let new = Value::from_parts(&[head, &gap, &self.value, tail]);
        let len = new.len() as u64;
        keyspace.put_text(&self.key, &Arg::Value(new), deadline)?;
        Ok(len)
    }

    fn effect(&self, _: &u64, _: Context) -> Effect<'a> {
        if self.value.is_empty() { Effect::nothing() } else { Effect::within(self.clone()) }
    }
}
