//! Moving and copying what a key holds to another key, with its deadline.

use crate::arg::{ArgSink, Args, Key};
use crate::command::{Field, KeyPositions, MutationCommand, command};
use crate::effect::Effect;
use crate::error::{Error, Result};
use crate::keyspace::Keyspace;
use crate::time::Context;

/// Moves `from` to `to`. Both rename commands have checked that `from` is there and another key.
fn rename<K: Keyspace>(keyspace: &mut K, from: &[u8], to: &[u8]) -> Result<()> {
    let (object, deadline) = keyspace.take(from).ok_or_else(no_such_key)?;
    // It leaves as much room as it needs again.
    keyspace.put(to, object, deadline)
}

#[cold]
fn no_such_key() -> Error {
    Error::invalid("ERR no such key")
}

command! {
    /// Gives the key a new name, replacing what that name holds; the deadline stays. An error when there is no such
    /// key. O(1), plus the elements that are replaced.
    Rename<'a> = "RENAME", Decides Key, arity 3, keys KeyPositions::TWO,
    "Renames a key, replacing what the new name holds." => () {
        /// The key.
        key: Key<'a>,
        /// The new name.
        to: Key<'a>,
    }
}

impl<'a> MutationCommand<'a> for Rename<'a> {
    fn run<K: Keyspace>(&self, keyspace: &mut K, _: Context) -> Result<()> {
        if !keyspace.contains(&self.key) {
            return Err(no_such_key());
        }
        if self.key == self.to { Ok(()) } else { rename(keyspace, &self.key, &self.to) }
    }

    fn effect(&self, (): &(), _: Context) -> Effect<'a> {
        if self.key == self.to { Effect::nothing() } else { Effect::replica(self.clone()) }
    }
}

command! {
    /// Gives the key a new name unless that name is taken, and says whether it did. An error when there is no such
    /// key. O(1).
    RenameNx<'a> = "RENAMENX", Decides Key, arity 3, keys KeyPositions::TWO,
    "Renames a key unless the new name is taken." => bool {
        /// The key.
        key: Key<'a>,
        /// The new name.
        to: Key<'a>,
    }
}

impl<'a> MutationCommand<'a> for RenameNx<'a> {
    fn run<K: Keyspace>(&self, keyspace: &mut K, _: Context) -> Result<bool> {
        if !keyspace.contains(&self.key) {
            return Err(no_such_key());
        }
        if keyspace.contains(&self.to) {
            return Ok(false);
        }
        rename(keyspace, &self.key, &self.to).map(|()| true)
    }

    fn effect(&self, reply: &bool, _: Context) -> Effect<'a> {
        if !reply {
            return Effect::nothing();
        }
        Effect::replica(Rename { key: self.key.clone(), to: self.to.clone() })
    }
}

/// `REPLACE` of `COPY`: whether the copy may replace what its name holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Replace(pub bool);

impl<'a> Field<'a> for Replace {
    // `DB n` is read and checked, but there is only database 0.
    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let mut replace = Self::default();
        while !args.is_empty() {
            if args.take_word("REPLACE") {
                replace.0 = true;
            } else if args.len() >= 2 && args.take_word("DB") {
                let db = args.take_i64()?;
                if i32::try_from(db).is_err() {
                    let (min, max) = (i32::MIN, i32::MAX);
                    let text = format!("ERR value is out of range, value must between {min} and {max}");
                    return Err(Error::invalid(text));
                }
                if db != 0 {
                    return Err(Error::invalid("ERR DB index is out of range"));
                }
            } else {
                return Err(Error::syntax());
            }
        }
        Ok(replace)
    }

    fn write<S: ArgSink + ?Sized>(&self, out: &mut S) {
        if self.0 {
            out.arg(b"REPLACE");
        }
    }
}

command! {
    /// Copies what the key holds, and its deadline, to another key, and says whether it did: not when there is no
    /// such key, nor when the other is taken and `REPLACE` is not said. O(number of elements).
    Copy<'a> = "COPY", Decides Key, arity -3, keys KeyPositions::TWO,
    "Copies what a key holds to another key." => bool {
        /// The key.
        key: Key<'a>,
        /// The name of the copy.
        to: Key<'a>,
        /// Whether the copy may replace what its name holds.
        replace: Replace,
    }
}

impl<'a> MutationCommand<'a> for Copy<'a> {
    fn run<K: Keyspace>(&self, keyspace: &mut K, _: Context) -> Result<bool> {
        if self.key == self.to {
            return Err(Error::invalid("ERR source and destination objects are the same"));
        }
        let Some(found) = keyspace.find(&self.key) else { return Ok(false) };
        if !self.replace.0 && keyspace.contains(&self.to) {
            return Ok(false);
        }
        let (object, deadline) = (found.object.to_object(), found.deadline);
        keyspace.put(&self.to, object, deadline)?;
        Ok(true)
    }

    fn effect(&self, reply: &bool, _: Context) -> Effect<'a> {
        if !reply {
            return Effect::nothing();
        }
        Effect::replica(Copy { replace: Replace(true), ..self.clone() })
    }
}
