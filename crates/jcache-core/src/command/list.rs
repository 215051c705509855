//! Commands of lists.

mod blocking;
mod edit;
mod pop;
mod push;
mod read;
mod transfer;

pub use blocking::{BLMPop, BLMove, BLPop, BRPop, BRPopLPush};
pub use edit::{LInsert, LRem, LSet, LTrim, Side};
pub use pop::{LMPop, LPop, PopCount, Popped, RPop};
pub use push::{LPush, LPushX, RPush, RPushX};
pub use read::{LIndex, LLen, LPos, LRange, PosOptions, Positions};
pub use transfer::{LMove, RPopLPush};

use std::ops::Range;

use jcache_value::Value;

use crate::arg::{ArgSink, Args, Key};
use crate::collection::List;
use crate::command::Field;
use crate::error::{Error, Result};
use crate::keyspace::Keyspace;

/// An end of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The front, where index 0 is.
    Left,
    /// The back.
    Right,
}

impl End {
    fn push(self, list: &mut List, element: &[u8]) {
        match self {
            End::Left => list.push_front(element),
            End::Right => list.push_back(element),
        }
    }

    fn peek(self, list: &List) -> Option<Value> {
        match self {
            End::Left => list.get(0),
            End::Right => list.get(list.len().checked_sub(1)?),
        }
    }

    fn pop(self, list: &mut List) -> Option<Value> {
        match self {
            End::Left => list.pop_front(),
            End::Right => list.pop_back(),
        }
    }

    /// Up to `count` elements, the one at the end first.
    fn pop_many(self, list: &mut List, count: u64) -> Vec<Value> {
        let count = usize::try_from(count).unwrap_or(usize::MAX).min(list.len());
        (0..count).map_while(|_| self.pop(list)).collect()
    }
}

impl<'a> Field<'a> for End {
    fn parse(args: &mut Args<'a>) -> Result<Self> {
        if args.take_word("LEFT") {
            Ok(End::Left)
        } else if args.take_word("RIGHT") {
            Ok(End::Right)
        } else {
            Err(Error::syntax())
        }
    }

    fn write<S: ArgSink + ?Sized>(&self, out: &mut S) {
        out.arg(match self {
            End::Left => b"LEFT",
            End::Right => b"RIGHT",
        });
    }
}

/// What the list at `key` grows by when elements are added, or put in the place of others.
fn growth_ahead<'x, K: Keyspace>(
    keyspace: &K,
    key: &Key<'_>,
    elements: impl Iterator<Item = &'x [u8]> + Clone,
) -> Option<usize> {
    Some(keyspace.collection::<List>(key).ok()??.growth_ahead(elements))
}

/// The positions that `start` and `stop` (both included, negative from the end) name in a sequence of `len`.
pub(crate) fn clamp_range(start: i64, stop: i64, len: usize) -> Range<usize> {
    let len = len as i64;
    let start = if start < 0 { (start + len).max(0) } else { start };
    let stop = if stop < 0 { stop + len } else { stop.min(len - 1) };
    if start > stop || start >= len { 0..0 } else { start as usize..stop as usize + 1 }
}

/// The position that `index` (negative from the end) names in a sequence of `len`.
fn position(index: i64, len: usize) -> Option<usize> {
    let index = if index < 0 { index + len as i64 } else { index };
    usize::try_from(index).ok().filter(|index| *index < len)
}
