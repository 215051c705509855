//! Changing elements in the middle of a list.

use super::{clamp_range, growth_ahead, position};
use crate::arg::{Arg, ArgSink, Args, Key};
use crate::collection::List;
use crate::command::{Field, KeyPositions, MutationCommand, command};
use crate::effect::Effect;
use crate::error::{Error, Result};
use crate::keyspace::Keyspace;
use crate::number::parse_i64;
use crate::time::Context;

command! {
    /// Replaces the element at an index, negative from the end. `OK`; an error when there is no such element.
    /// O(n), a walk over chunks of 8 KiB.
    LSet<'a> = "LSET", Decides List, arity 4, keys KeyPositions::ONE,
    "Replaces an element of a list." => () {
        /// The key.
        key: Key<'a>,
        /// The index; that it is a number is asked only of a list that is there.
        index: Arg<'a>,
        /// The new element.
        element: Arg<'a>,
    }
}

impl<'a> MutationCommand<'a> for LSet<'a> {
    fn run<K: Keyspace>(&self, keyspace: &mut K, _: Context) -> Result<()> {
        let replaced = keyspace.update(&self.key, |list: &mut List| {
            let index = parse_i64(&self.index).ok_or_else(Error::not_an_integer)?;
            let index = position(index, list.len()).ok_or_else(|| Error::invalid("ERR index out of range"))?;
            list.set(index, &self.element);
            Ok(())
        })?;
        replaced.unwrap_or_else(|| Err(Error::invalid("ERR no such key")))
    }

    fn growth_ahead<K: Keyspace>(&self, keyspace: &K) -> Option<usize> {
        growth_ahead(keyspace, &self.key, std::iter::once(&*self.element))
    }

    fn effect(&self, (): &(), _: Context) -> Effect<'a> {
        Effect::within(self.clone())
    }
}

/// On which side of the pivot `LINSERT` inserts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Towards the head.
    Before,
    /// Towards the tail.
    After,
}

impl<'a> Field<'a> for Side {
    fn parse(args: &mut Args<'a>) -> Result<Self> {
        if args.take_word("BEFORE") {
            Ok(Side::Before)
        } else if args.take_word("AFTER") {
            Ok(Side::After)
        } else {
            Err(Error::syntax())
        }
    }

    fn write<S: ArgSink + ?Sized>(&self, out: &mut S) {
        out.arg(match self {
            Side::Before => b"BEFORE",
            Side::After => b"AFTER",
        });
    }
}

command! {
    /// Inserts an element next to the first one equal to a pivot. The length afterwards; -1 when there is no such
    /// element, 0 when there is no list. O(n).
    LInsert<'a> = "LINSERT", Decides List, arity 5, keys KeyPositions::ONE,
    "Inserts an element next to another one." => i64 {
        /// The key.
        key: Key<'a>,
        /// Before or after the pivot.
        side: Side,
        /// The element to find.
        pivot: Arg<'a>,
        /// The element to insert.
        element: Arg<'a>,
    }
}

impl<'a> MutationCommand<'a> for LInsert<'a> {
    fn run<K: Keyspace>(&self, keyspace: &mut K, _: Context) -> Result<i64> {
        let len = keyspace.update(&self.key, |list: &mut List| {
            let Some(pivot) = list.position(&self.pivot) else { return -1 };
            list.insert(if self.side == Side::Before { pivot } else { pivot + 1 }, &self.element);
            list.len() as i64
        })?;
        Ok(len.unwrap_or(0))
    }

    fn growth_ahead<K: Keyspace>(&self, keyspace: &K) -> Option<usize> {
        growth_ahead(keyspace, &self.key, std::iter::once(&*self.element))
    }

    fn effect(&self, len: &i64, _: Context) -> Effect<'a> {
        if *len > 0 { Effect::within(self.clone()) } else { Effect::nothing() }
    }
}

command! {
    /// Removes elements equal to one: the first so many, from the tail when the number is negative, or all when it is
    /// 0. How many were removed. O(n).
    LRem<'a> = "LREM", Decides List, arity 4, keys KeyPositions::ONE,
    "Removes equal elements of a list." => u64 {
        /// The key.
        key: Key<'a>,
        /// How many, and from which end.
        count: i64,
        /// The element.
        element: Arg<'a>,
    }
}

impl<'a> MutationCommand<'a> for LRem<'a> {
    fn run<K: Keyspace>(&self, keyspace: &mut K, _: Context) -> Result<u64> {
        let removed = keyspace.update(&self.key, |list: &mut List| list.remove_matching(&self.element, self.count))?;
        Ok(removed.unwrap_or(0) as u64)
    }

    fn effect(&self, removed: &u64, _: Context) -> Effect<'a> {
        if *removed == 0 { Effect::nothing() } else { Effect::within(self.clone()) }
    }
}

command! {
    /// Removes all elements but those from index start to stop, both included; negative indexes count from the end.
    /// `OK`. O(removed).
    LTrim<'a> = "LTRIM", Decides List, arity 4, keys KeyPositions::ONE,
    "Removes all but a range of a list." => () {
        /// The key.
        key: Key<'a>,
        /// The first index to keep.
        start: i64,
        /// The last index to keep.
        stop: i64,
    }
}

impl<'a> MutationCommand<'a> for LTrim<'a> {
    fn run<K: Keyspace>(&self, keyspace: &mut K, _: Context) -> Result<()> {
        keyspace.update(&self.key, |list: &mut List| {
            let kept = clamp_range(self.start, self.stop, list.len());
            list.retain_range(kept.start, kept.end);
        })?;
        Ok(())
    }

    fn effect(&self, (): &(), _: Context) -> Effect<'a> {
        Effect::within(self.clone())
    }
}
