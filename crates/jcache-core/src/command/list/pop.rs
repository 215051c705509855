//! Taking elements from an end.

use jcache_value::Value;

use super::End;
use crate::arg::{Arg, ArgSink, Args, Key};
use crate::collection::List;
use crate::command::several::{NOT_A_COUNT, take_at_least};
use crate::command::{Field, KeyList, KeyPositions, MutationCommand, UpTo, command};
use crate::effect::Effect;
use crate::error::Result;
use crate::keyspace::Keyspace;
use crate::reply::{Outcome, Reply};
use crate::time::Context;

/// How many elements `LPOP` and `RPOP` take: one, which is the reply, or up to a number, and the reply is a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PopCount(pub Option<u64>);

impl<'a> Field<'a> for PopCount {
    fn parse(args: &mut Args<'a>) -> Result<Self> {
        match args.len() {
            0 => Ok(PopCount(None)),
            1 => take_at_least(args, 0, NOT_A_COUNT).map(|count| PopCount(Some(count))),
            _ => Err(args.arity_error()),
        }
    }

    fn write<S: ArgSink + ?Sized>(&self, out: &mut S) {
        if let Some(count) = self.0 {
            out.int(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }
}

/// What `LPOP` and `RPOP` took: without a number an element or nothing, with a number a list or nothing.
#[derive(Debug, Clone, PartialEq)]
pub enum Popped {
    /// No number was given: the element, or `None` when there is no list.
    One(Option<Value>),
    /// A number was given: the elements, or `None` when there is no list.
    Many(Option<Vec<Value>>),
}

impl Popped {
    /// The elements, the one at the end first.
    pub fn into_elements(self) -> Vec<Value> {
        match self {
            Popped::One(element) => element.into_iter().collect(),
            Popped::Many(elements) => elements.unwrap_or_default(),
        }
    }

    /// The element at the end.
    pub fn into_first(self) -> Option<Value> {
        self.into_elements().into_iter().next()
    }

    fn is_none(&self) -> bool {
        match self {
            Popped::One(element) => element.is_none(),
            Popped::Many(elements) => elements.as_ref().is_none_or(Vec::is_empty),
        }
    }

    /// Reads the reply to a command that gave a number or did not.
    fn read(reply: Reply, count: PopCount) -> Result<Self> {
        match count.0 {
            None => Outcome::from_reply(reply).map(Popped::One),
            Some(_) => Outcome::from_reply(reply).map(Popped::Many),
        }
    }
}

impl Outcome for Popped {
    fn from_reply(reply: Reply) -> Result<Self> {
        let many = matches!(reply, Reply::Array(_) | Reply::NilArray);
        Self::read(reply, PopCount(many.then_some(0)))
    }

    fn into_reply(self) -> Reply {
        match self {
            Popped::One(element) => element.into_reply(),
            Popped::Many(elements) => elements.into_reply(),
        }
    }
}

command! {
    /// Takes elements from the head. Without a number one element, or nil when there is no list; with a number up to
    /// so many, the first of the list first, or nil when there is no list. O(number of elements).
    LPop<'a> = "LPOP", Decides List, arity -2, keys KeyPositions::ONE,
    "Takes elements from the head of a list." => Popped {
        /// The key.
        key: Key<'a>,
        /// How many.
        count: PopCount,
    }
}

command! {
    /// Takes elements from the tail. Without a number one element, or nil when there is no list; with a number up to
    /// so many, the last of the list first, or nil when there is no list. O(number of elements).
    RPop<'a> = "RPOP", Decides List, arity -2, keys KeyPositions::ONE,
    "Takes elements from the tail of a list." => Popped {
        /// The key.
        key: Key<'a>,
        /// How many.
        count: PopCount,
    }
}

fn pop<K: Keyspace>(keyspace: &mut K, key: &[u8], end: End, count: PopCount) -> Result<Popped> {
    Ok(match count.0 {
        None => Popped::One(keyspace.update(key, |list: &mut List| end.pop(list))?.flatten()),
        Some(count) => Popped::Many(keyspace.update(key, |list: &mut List| end.pop_many(list, count))?),
    })
}

impl<'a> MutationCommand<'a> for LPop<'a> {
    fn run<K: Keyspace>(&self, keyspace: &mut K, _: Context) -> Result<Popped> {
        pop(keyspace, &self.key, End::Left, self.count)
    }

    fn read_reply(&self, reply: Reply) -> Result<Popped> {
        Popped::read(reply, self.count)
    }

    fn effect(&self, popped: &Popped, _: Context) -> Effect<'a> {
        if popped.is_none() { Effect::nothing() } else { Effect::within(self.clone()) }
    }
}

impl<'a> MutationCommand<'a> for RPop<'a> {
    fn run<K: Keyspace>(&self, keyspace: &mut K, _: Context) -> Result<Popped> {
        pop(keyspace, &self.key, End::Right, self.count)
    }

    fn read_reply(&self, reply: Reply) -> Result<Popped> {
        Popped::read(reply, self.count)
    }

    fn effect(&self, popped: &Popped, _: Context) -> Effect<'a> {
        if popped.is_none() { Effect::nothing() } else { Effect::within(self.clone()) }
    }
}

command! {
    /// Takes elements from one end of the first list that is there. Its key and the elements, the one at the end
    /// first; nil when there is none. O(number of keys and elements).
    LMPop<'a> = "LMPOP", Decides List, arity -4, keys KeyPositions::NONE,
    "Takes elements from the first list that has any." => Option<(Value, Vec<Value>)> {
        /// The keys, in the order in which they are tried.
        keys: KeyList<'a>,
        /// The end to take from.
        from: End,
        /// How many elements at most.
        count: UpTo,
    }
}

impl<'a> MutationCommand<'a> for LMPop<'a> {
    fn run<K: Keyspace>(&self, keyspace: &mut K, _: Context) -> Result<Option<(Value, Vec<Value>)>> {
        pop_first(keyspace, &self.keys.0, |list| self.from.pop_many(list, self.count.0))
    }

    fn effect(&self, popped: &Option<(Value, Vec<Value>)>, _: Context) -> Effect<'a> {
        popped.as_ref().map_or_else(Effect::nothing, |(key, elements)| popped_from(key, self.from, elements.len()))
    }
}

/// Takes from the first of the lists that is there.
pub(super) fn pop_first<K: Keyspace, R>(
    keyspace: &mut K,
    keys: &[Key<'_>],
    take: impl FnOnce(&mut List) -> R,
) -> Result<Option<(Value, R)>> {
    let Some(key) = keys.iter().find(|key| keyspace.contains(key)) else { return Ok(None) };
    let taken = keyspace.update(key, take)?;
    Ok(taken.map(|taken| (key.0.to_value(), taken)))
}

/// The effect of taking `count` elements from one end of the list at `key`.
pub(super) fn popped_from<'a>(key: &Value, end: End, count: usize) -> Effect<'a> {
    let (key, count) = (Key(Arg::Value(key.clone())), PopCount((count != 1).then_some(count as u64)));
    match end {
        End::Left => Effect::within(LPop { key, count }),
        End::Right => Effect::within(RPop { key, count }),
    }
}
