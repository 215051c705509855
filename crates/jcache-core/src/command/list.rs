//! Commands of lists.

use jcache_value::Value;

use crate::arg::{Arg, Key};
use crate::command::{KeyPositions, MutationCommand, QueryCommand, command};
use crate::effect::Effect;
use crate::error::Result;
use crate::keyspace::Keyspace;
use crate::time::Context;
use crate::collection::List;

command! {
    /// How many elements the list has; 0 when there is none. O(1).
    LLen<'a> = "LLEN", Query List, arity 2, keys KeyPositions::ONE,
    "Counts the elements of a list." => u64 {
        /// The key.
        key: Key<'a>,
    }
}

impl<'a> QueryCommand<'a> for LLen<'a> {
    fn run<K: Keyspace>(&self, keyspace: &K, _: Context) -> Result<u64> {
        Ok(keyspace.collection::<List>(&self.key)?.map_or(0, |list| list.len() as u64))
    }
}

command! {
    /// The elements from index start to stop, both included; negative indexes count from the end. O(start + length).
    LRange<'a> = "LRANGE", Query List, arity 4, keys KeyPositions::ONE,
    "The elements of a list between two indexes." => Vec<Value> {
        /// The key.
        key: Key<'a>,
        /// The first index.
        start: i64,
        /// The last index.
        stop: i64,
    }
}

impl<'a> LRange<'a> {
    /// All elements.
    pub fn whole(key: Key<'a>) -> Self {
        Self { key, start: 0, stop: -1 }
    }
}

/// The elements that start and stop (both included, negative from the end) name in a sequence of len.
pub(crate) fn clamp_range(start: i64, stop: i64, len: usize) -> std::ops::Range<usize> {
    let len = len as i64;
    let start = if start < 0 { (start + len).max(0) } else { start };
    let stop = if stop < 0 { stop + len } else { stop.min(len - 1) };
    if start > stop || start >= len { 0..0 } else { start as usize..stop as usize + 1 }
}

impl<'a> QueryCommand<'a> for LRange<'a> {
    fn run<K: Keyspace>(&self, keyspace: &K, _: Context) -> Result<Vec<Value>> {
        let Some(list) = keyspace.collection::<List>(&self.key)? else { return Ok(Vec::new()) };
        let range = clamp_range(self.start, self.stop, list.len());
        Ok(list.range(range.start, range.len()).map(Value::new).collect())
    }
}

command! {
    /// Appends elements at the tail and says how long the list is then. O(number of elements).
    RPush<'a> = "RPUSH", Decides List, arity -3, keys KeyPositions::ONE,
    "Appends elements to a list." => u64 {
        /// The key.
        key: Key<'a>,
        /// The elements, first to last.
        elements: Vec<Arg<'a>>,
    }
}

impl<'a> MutationCommand<'a> for RPush<'a> {
    fn run<K: Keyspace>(&self, keyspace: &mut K, _: Context) -> Result<u64> {
        keyspace.upsert(&self.key, |list: &mut List| {
            for element in &self.elements {
                list.push_back(element);
            }
            list.len() as u64
        })
    }

    fn effect(&self, _: &u64, _: Context) -> Effect<'a> {
        Effect::within(self.clone())
    }
}
