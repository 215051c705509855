//! Removing everything.

use crate::arg::{ArgSink, Args};
use crate::command::{Field, KeyPositions, MutationCommand, command};
use crate::effect::Effect;
use crate::error::{Error, Result};
use crate::keyspace::Keyspace;
use crate::time::Context;

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
