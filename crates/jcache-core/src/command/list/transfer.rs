//! Moving an element from list to list.

use jcache_value::Value;

use super::{End, growth_ahead};
use crate::arg::Key;
use crate::collection::List;
use crate::command::{KeyPositions, MutationCommand, command};
use crate::effect::Effect;
use crate::error::Result;
use crate::keyspace::Keyspace;
use crate::time::Context;

command! {
    /// Takes an element from one end of a list and adds it at an end of another, or of the same. The element, or nil
    /// when there is no list to take from. O(1).
    LMove<'a> = "LMOVE", Decides List, arity 5, keys KeyPositions::TWO,
    "Moves an element from a list to a list." => Option<Value> {
        /// The list to take from.
        source: Key<'a>,
        /// The list to add to.
        destination: Key<'a>,
        /// The end to take from.
        from: End,
        /// The end to add at.
        to: End,
    }
}

command! {
    /// Moves an element from the tail of a list to the head of another, or of the same. The element, or nil when there
    /// is no list to take from. O(1).
    RPopLPush<'a> = "RPOPLPUSH", Decides List, arity 3, keys KeyPositions::TWO,
    "Moves an element from a list's tail to a list's head." => Option<Value> {
        /// The list to take from.
        source: Key<'a>,
        /// The list to add to.
        destination: Key<'a>,
    }
}

impl<'a> RPopLPush<'a> {
    fn general(&self) -> LMove<'a> {
        let Self { source, destination } = self.clone();
        LMove { source, destination, from: End::Right, to: End::Left }
    }
}

impl<'a> MutationCommand<'a> for LMove<'a> {
    fn run<K: Keyspace>(&self, keyspace: &mut K, _: Context) -> Result<Option<Value>> {
        let Self { source, destination, from, to } = self;
        if source == destination {
            return Ok(keyspace.update(source, |list: &mut List| rotate(list, *from, *to))?.flatten());
        }
        let element = keyspace.collection::<List>(source)?.and_then(|list| from.peek(list));
        let Some(element) = element else { return Ok(None) };
        // Add first: it is what may be refused, and then nothing has changed.
        keyspace.upsert(destination, |list| to.push(list, &element))?;
        keyspace.update(source, |list| from.pop(list))?;
        Ok(Some(element))
    }

    fn growth_ahead<K: Keyspace>(&self, keyspace: &K) -> Option<usize> {
        let element = self.from.peek(keyspace.collection::<List>(&self.source).ok()??)?;
        growth_ahead(keyspace, &self.destination, std::iter::once(element.as_bytes()))
    }

    fn effect(&self, moved: &Option<Value>, _: Context) -> Effect<'a> {
        match moved {
            None => Effect::nothing(),
            Some(_) if self.source == self.destination => Effect::within(self.clone()),
            Some(_) => Effect::replica(self.clone()),
        }
    }
}

/// Moves an element from end to end, and returns it.
fn rotate(list: &mut List, from: End, to: End) -> Option<Value> {
    let element = from.pop(list)?;
    to.push(list, &element);
    Some(element)
}

impl<'a> MutationCommand<'a> for RPopLPush<'a> {
    fn run<K: Keyspace>(&self, keyspace: &mut K, context: Context) -> Result<Option<Value>> {
        self.general().run(keyspace, context)
    }

    fn growth_ahead<K: Keyspace>(&self, keyspace: &K) -> Option<usize> {
        self.general().growth_ahead(keyspace)
    }

    fn effect(&self, moved: &Option<Value>, context: Context) -> Effect<'a> {
        self.general().effect(moved, context)
    }
}
