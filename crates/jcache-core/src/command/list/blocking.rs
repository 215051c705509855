//! Taking and moving elements, waiting for one when there is none.
//!
//! `run` never waits: it answers nil where the command would block, and the driver decides what to do then.

use jcache_value::Value;

use super::pop::{pop_first, popped_from};
use super::{End, LMove, LPush, RPush};
use crate::arg::{Arg, Key};
use crate::command::{Awaited, AwaitedMany, Blocking, KeyPositions, Mutation, MutationCommand, Timeout, command};
use crate::effect::Effect;
use crate::error::Result;
use crate::keyspace::Keyspace;
use crate::time::Context;

command! {
    /// Takes an element from the head of the first list that is there, and waits for one when none is. Its key and the
    /// element, or nil when nothing came in time. O(number of keys).
    BLPop<'a> = "BLPOP", Decides List, arity -3, keys KeyPositions::ALL_BUT_LAST,
    "Takes an element from the head of a list, or waits for one." => Option<(Value, Value)> {
        /// The keys, and how long to wait.
        wait: Awaited<'a>,
    }
}

command! {
    /// Takes an element from the tail of the first list that is there, and waits for one when none is. Its key and the
    /// element, or nil when nothing came in time. O(number of keys).
    BRPop<'a> = "BRPOP", Decides List, arity -3, keys KeyPositions::ALL_BUT_LAST,
    "Takes an element from the tail of a list, or waits for one." => Option<(Value, Value)> {
        /// The keys, and how long to wait.
        wait: Awaited<'a>,
    }
}

command! {
    /// Takes elements from one end of the first list that is there, and waits for one when none is. Its key and the
    /// elements, the one at the end first; nil when nothing came in time. O(number of keys and elements).
    BLMPop<'a> = "BLMPOP", Decides List, arity -5, keys KeyPositions::NONE,
    "Takes elements from the first list that has any, or waits for one." => Option<(Value, Vec<Value>)> {
        /// The keys, the end and how many elements to take, and how long to wait.
        wait: AwaitedMany<'a, End>,
    }
}

command! {
    /// Moves an element as `LMOVE` does, and waits for one when there is none. The element, or nil when nothing came
    /// in time. O(1).
    BLMove<'a> = "BLMOVE", Decides List, arity 6, keys KeyPositions::TWO,
    "Moves an element from a list to a list, or waits for one." => Option<Value> {
        /// The list to take from.
        source: Key<'a>,
        /// The list to add to.
        destination: Key<'a>,
        /// The end to take from.
        from: End,
        /// The end to add at.
        to: End,
        /// How long to wait.
        timeout: Timeout,
    }
}

command! {
    /// Moves an element as `RPOPLPUSH` does, and waits for one when there is none. The element, or nil when nothing
    /// came in time. O(1).
    BRPopLPush<'a> = "BRPOPLPUSH", Decides List, arity 4, keys KeyPositions::TWO,
    "Moves an element from a list's tail to a list's head, or waits for one." => Option<Value> {
        /// The list to take from.
        source: Key<'a>,
        /// The list to add to.
        destination: Key<'a>,
        /// How long to wait.
        timeout: Timeout,
    }
}

fn pop_one<K: Keyspace>(keyspace: &mut K, keys: &[Key<'_>], end: End) -> Result<Option<(Value, Value)>> {
    let popped = pop_first(keyspace, keys, |list| end.pop(list))?;
    Ok(popped.and_then(|(key, element)| Some((key, element?))))
}

/// Puts elements back that were taken from one end, the last one taken first.
fn put_back(key: &Value, end: End, taken: &[Value]) -> Mutation<'static> {
    let key = Key(Arg::Value(key.clone()));
    let elements = taken.iter().rev().map(|element| Arg::Value(element.clone())).collect();
    match end {
        End::Left => LPush { key, elements }.into(),
        End::Right => RPush { key, elements }.into(),
    }
}

impl<'a> MutationCommand<'a> for BLPop<'a> {
    fn run<K: Keyspace>(&self, keyspace: &mut K, _: Context) -> Result<Option<(Value, Value)>> {
        pop_one(keyspace, &self.wait.keys, End::Left)
    }

    fn effect(&self, popped: &Option<(Value, Value)>, _: Context) -> Effect<'a> {
        popped.as_ref().map_or_else(Effect::nothing, |(key, _)| popped_from(key, End::Left, 1))
    }

    fn blocking(&self) -> Option<Blocking> {
        self.wait.timeout.blocking()
    }

    fn undo(&self, popped: &Option<(Value, Value)>) -> Option<Mutation<'static>> {
        let (key, element) = popped.as_ref()?;
        Some(put_back(key, End::Left, std::slice::from_ref(element)))
    }
}

impl<'a> MutationCommand<'a> for BRPop<'a> {
    fn run<K: Keyspace>(&self, keyspace: &mut K, _: Context) -> Result<Option<(Value, Value)>> {
        pop_one(keyspace, &self.wait.keys, End::Right)
    }

    fn effect(&self, popped: &Option<(Value, Value)>, _: Context) -> Effect<'a> {
        popped.as_ref().map_or_else(Effect::nothing, |(key, _)| popped_from(key, End::Right, 1))
    }

    fn blocking(&self) -> Option<Blocking> {
        self.wait.timeout.blocking()
    }

    fn undo(&self, popped: &Option<(Value, Value)>) -> Option<Mutation<'static>> {
        let (key, element) = popped.as_ref()?;
        Some(put_back(key, End::Right, std::slice::from_ref(element)))
    }
}

impl<'a> MutationCommand<'a> for BLMPop<'a> {
    fn run<K: Keyspace>(&self, keyspace: &mut K, _: Context) -> Result<Option<(Value, Vec<Value>)>> {
        pop_first(keyspace, &self.wait.keys.0, |list| self.wait.which.pop_many(list, self.wait.count.0))
    }

    fn effect(&self, popped: &Option<(Value, Vec<Value>)>, _: Context) -> Effect<'a> {
        popped
            .as_ref()
            .map_or_else(Effect::nothing, |(key, elements)| popped_from(key, self.wait.which, elements.len()))
    }

    fn blocking(&self) -> Option<Blocking> {
        self.wait.timeout.blocking()
    }

    fn undo(&self, popped: &Option<(Value, Vec<Value>)>) -> Option<Mutation<'static>> {
        let (key, elements) = popped.as_ref()?;
        Some(put_back(key, self.wait.which, elements))
    }
}

impl<'a> BLMove<'a> {
    fn at_once(&self) -> LMove<'a> {
        let Self { source, destination, from, to, timeout: _ } = self.clone();
        LMove { source, destination, from, to }
    }
}

impl<'a> BRPopLPush<'a> {
    fn at_once(&self) -> LMove<'a> {
        let Self { source, destination, timeout: _ } = self.clone();
        LMove { source, destination, from: End::Right, to: End::Left }
    }
}

impl LMove<'_> {
    /// The same move the other way.
    fn reversed(&self) -> LMove<'static> {
        let (source, destination) = (self.destination.to_static(), self.source.to_static());
        LMove { source, destination, from: self.to, to: self.from }
    }
}

impl<'a> MutationCommand<'a> for BLMove<'a> {
    fn run<K: Keyspace>(&self, keyspace: &mut K, context: Context) -> Result<Option<Value>> {
        self.at_once().run(keyspace, context)
    }

    fn growth_ahead<K: Keyspace>(&self, keyspace: &K) -> Option<usize> {
        self.at_once().growth_ahead(keyspace)
    }

    fn effect(&self, moved: &Option<Value>, context: Context) -> Effect<'a> {
        self.at_once().effect(moved, context)
    }

    fn blocking(&self) -> Option<Blocking> {
        self.timeout.blocking()
    }

    fn undo(&self, moved: &Option<Value>) -> Option<Mutation<'static>> {
        moved.as_ref().map(|_| self.at_once().reversed().into())
    }
}

impl<'a> MutationCommand<'a> for BRPopLPush<'a> {
    fn run<K: Keyspace>(&self, keyspace: &mut K, context: Context) -> Result<Option<Value>> {
        self.at_once().run(keyspace, context)
    }

    fn growth_ahead<K: Keyspace>(&self, keyspace: &K) -> Option<usize> {
        self.at_once().growth_ahead(keyspace)
    }

    fn effect(&self, moved: &Option<Value>, context: Context) -> Effect<'a> {
        self.at_once().effect(moved, context)
    }

    fn blocking(&self) -> Option<Blocking> {
        self.timeout.blocking()
    }

    fn undo(&self, moved: &Option<Value>) -> Option<Mutation<'static>> {
        moved.as_ref().map(|_| self.at_once().reversed().into())
    }
}
