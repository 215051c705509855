//! Adding elements at an end.

use super::{End, growth_ahead};
use crate::arg::{Arg, Key};
use crate::collection::List;
use crate::command::{KeyPositions, MutationCommand, command};
use crate::effect::Effect;
use crate::error::Result;
use crate::keyspace::Keyspace;
use crate::time::Context;

command! {
    /// Adds elements at the head, one after the other, so that the last one comes to be the first of the list. The
    /// length afterwards. O(number of elements).
    LPush<'a> = "LPUSH", Decides List, arity -3, keys KeyPositions::ONE,
    "Adds elements at the head of a list." => u64 {
        /// The key.
        key: Key<'a>,
        /// The elements, in the order in which they are added.
        elements: Vec<Arg<'a>>,
    }
}

command! {
    /// Adds elements at the tail, one after the other. The length afterwards. O(number of elements).
    RPush<'a> = "RPUSH", Decides List, arity -3, keys KeyPositions::ONE,
    "Adds elements at the tail of a list." => u64 {
        /// The key.
        key: Key<'a>,
        /// The elements, in the order in which they are added.
        elements: Vec<Arg<'a>>,
    }
}

command! {
    /// Adds elements at the head as `LPUSH` does, but only to a list that is there. The length afterwards, 0 when
    /// there is no list. O(number of elements).
    LPushX<'a> = "LPUSHX", Decides List, arity -3, keys KeyPositions::ONE,
    "Adds elements at the head of a list that exists." => u64 {
        /// The key.
        key: Key<'a>,
        /// The elements, in the order in which they are added.
        elements: Vec<Arg<'a>>,
    }
}

command! {
    /// Adds elements at the tail as `RPUSH` does, but only to a list that is there. The length afterwards, 0 when
    /// there is no list. O(number of elements).
    RPushX<'a> = "RPUSHX", Decides List, arity -3, keys KeyPositions::ONE,
    "Adds elements at the tail of a list that exists." => u64 {
        /// The key.
        key: Key<'a>,
        /// The elements, in the order in which they are added.
        elements: Vec<Arg<'a>>,
    }
}

/// Adds all elements at one end; the length afterwards.
fn push_all(list: &mut List, end: End, elements: &[Arg<'_>]) -> u64 {
    for element in elements {
        end.push(list, element);
    }
    list.len() as u64
}

impl<'a> MutationCommand<'a> for LPush<'a> {
    fn run<K: Keyspace>(&self, keyspace: &mut K, _: Context) -> Result<u64> {
        keyspace.upsert(&self.key, |list| push_all(list, End::Left, &self.elements))
    }

    fn growth_ahead<K: Keyspace>(&self, keyspace: &K) -> Option<usize> {
        growth_ahead(keyspace, &self.key, self.elements.iter().map(|element| &**element))
    }

    fn effect(&self, _: &u64, _: Context) -> Effect<'a> {
        Effect::within(self.clone())
    }
}

impl<'a> MutationCommand<'a> for RPush<'a> {
    fn run<K: Keyspace>(&self, keyspace: &mut K, _: Context) -> Result<u64> {
        keyspace.upsert(&self.key, |list| push_all(list, End::Right, &self.elements))
    }

    fn growth_ahead<K: Keyspace>(&self, keyspace: &K) -> Option<usize> {
        growth_ahead(keyspace, &self.key, self.elements.iter().map(|element| &**element))
    }

    fn effect(&self, _: &u64, _: Context) -> Effect<'a> {
        Effect::within(self.clone())
    }
}

impl<'a> MutationCommand<'a> for LPushX<'a> {
    fn run<K: Keyspace>(&self, keyspace: &mut K, _: Context) -> Result<u64> {
        let len = keyspace.update(&self.key, |list| push_all(list, End::Left, &self.elements))?;
        Ok(len.unwrap_or(0))
    }

    fn growth_ahead<K: Keyspace>(&self, keyspace: &K) -> Option<usize> {
        growth_ahead(keyspace, &self.key, self.elements.iter().map(|element| &**element))
    }

    fn effect(&self, len: &u64, _: Context) -> Effect<'a> {
        match len {
            0 => Effect::nothing(),
            _ => Effect::within(LPush { key: self.key.clone(), elements: self.elements.clone() }),
        }
    }
}

impl<'a> MutationCommand<'a> for RPushX<'a> {
    fn run<K: Keyspace>(&self, keyspace: &mut K, _: Context) -> Result<u64> {
        let len = keyspace.update(&self.key, |list| push_all(list, End::Right, &self.elements))?;
        Ok(len.unwrap_or(0))
    }

    fn growth_ahead<K: Keyspace>(&self, keyspace: &K) -> Option<usize> {
        growth_ahead(keyspace, &self.key, self.elements.iter().map(|element| &**element))
    }

    fn effect(&self, len: &u64, _: Context) -> Effect<'a> {
        match len {
            0 => Effect::nothing(),
            _ => Effect::within(RPush { key: self.key.clone(), elements: self.elements.clone() }),
        }
    }
}
