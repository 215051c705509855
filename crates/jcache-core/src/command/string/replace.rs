//! Reading a string and changing, at the same moment, it, its key or its deadline.

use jcache_value::Value;

use super::expiry::Unit;
use super::{Expiry, Set, find};
use crate::arg::{Arg, ArgSink, Args, Key};
use crate::command::key::{Del, PExpireAt, Persist};
use crate::command::{Command, Field, KeyPositions, Mutation, MutationCommand, command};
use crate::effect::Effect;
use crate::error::{Error, Result};
use crate::keyspace::Keyspace;
use crate::time::{Context, Timestamp};

command! {
    /// Sets the string at the key, for ever, and answers the old one, or nothing. O(1).
    GetSet<'a> = "GETSET", Decides String, arity 3, keys KeyPositions::ONE,
    "Sets the string at a key and answers the old one." => Option<Value> {
        /// The key.
        key: Key<'a>,
        /// The string.
        value: Arg<'a>,
    }
}

impl<'a> MutationCommand<'a> for GetSet<'a> {
    fn run<K: Keyspace>(&self, keyspace: &mut K, _: Context) -> Result<Option<Value>> {
        let old = keyspace.text(&self.key)?.cloned();
        keyspace.put_text(&self.key, &self.value, None)?;
        Ok(old)
    }

    fn effect(&self, _: &Option<Value>, _: Context) -> Effect<'a> {
        Effect::whole(Set::until(self.key.clone(), self.value.clone(), None))
    }
}

command! {
    /// Removes the key and answers its string, or nothing. O(1).
    GetDel<'a> = "GETDEL", Decides String, arity 2, keys KeyPositions::ONE,
    "Removes a key and answers its string." => Option<Value> {
        /// The key.
        key: Key<'a>,
    }
}

impl<'a> MutationCommand<'a> for GetDel<'a> {
    fn run<K: Keyspace>(&self, keyspace: &mut K, _: Context) -> Result<Option<Value>> {
        let old = keyspace.text(&self.key)?.cloned();
        if old.is_some() {
            keyspace.remove(&self.key);
        }
        Ok(old)
    }

    fn effect(&self, reply: &Option<Value>, _: Context) -> Effect<'a> {
        if reply.is_none() {
            return Effect::nothing();
        }
        Effect::whole(Del { keys: vec![self.key.clone()] })
    }
}

/// What `GETEX` does to the deadline.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum GetExOption<'a> {
    /// Nothing.
    #[default]
    Keep,
    /// `PERSIST`: takes it off.
    Persist,
    /// Sets it. The number is read when there is a string: Redis answers nil for an absent key before it looks at it.
    Timed(Unit, Arg<'a>),
}

impl GetExOption<'_> {
    /// Sets the deadline to `number` in `unit`.
    pub fn timed(unit: Unit, number: i64) -> Self {
        GetExOption::Timed(unit, number.to_string().into())
    }
}

impl<'a> Field<'a> for GetExOption<'a> {
    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let mut option = Self::default();
        while !args.is_empty() {
            let unit = if let GetExOption::Timed(unit, _) = option { Some(unit) } else { None };
            if unit.is_none() && args.take_word("PERSIST") {
                option = GetExOption::Persist;
            } else if option != GetExOption::Persist
                && let Some((unit, number)) = Unit::take(args, unit)?
            {
                option = GetExOption::Timed(unit, number);
            } else {
                return Err(Error::syntax());
            }
        }
        Ok(option)
    }

    fn write<S: ArgSink + ?Sized>(&self, out: &mut S) {
        match self {
            GetExOption::Keep => {}
            GetExOption::Persist => out.arg(b"PERSIST"),
            GetExOption::Timed(unit, number) => {
                out.arg(unit.word().as_bytes());
                out.shared(number);
            }
        }
    }
}

command! {
    /// The string at the key, or nothing; sets or takes off the key's deadline. A time that has passed removes the
    /// key. O(1).
    GetEx<'a> = "GETEX", Decides String, arity -2, keys KeyPositions::ONE,
    "The string at a key, with a new deadline for the key." => Option<Value> {
        /// The key.
        key: Key<'a>,
        /// What happens to the deadline.
        option: GetExOption<'a>,
    }
}

impl<'a> GetEx<'a> {
    /// The new deadline, when there is one to set.
    fn deadline(&self, now: Timestamp) -> Result<Option<Timestamp>> {
        let GetExOption::Timed(unit, number) = &self.option else { return Ok(None) };
        Expiry::read(*unit, number, Self::SPEC.name)?.deadline(now, None, Self::SPEC.name)
    }
}

impl<'a> MutationCommand<'a> for GetEx<'a> {
    fn run<K: Keyspace>(&self, keyspace: &mut K, context: Context) -> Result<Option<Value>> {
        let Some((text, old)) = find(keyspace, &self.key)? else { return Ok(None) };
        let text = text.clone();
        match self.deadline(context.now)? {
            Some(at) if at <= context.now => _ = keyspace.remove(&self.key),
            Some(at) => _ = keyspace.set_deadline(&self.key, Some(at)),
            None if self.option == GetExOption::Persist && old.is_some() => _ = keyspace.set_deadline(&self.key, None),
            None => {}
        }
        Ok(Some(text))
    }

    fn asks_context(&self) -> bool {
        true
    }

    fn effect(&self, reply: &Option<Value>, context: Context) -> Effect<'a> {
        if reply.is_none() {
            return Effect::nothing();
        }
        let key = self.key.clone();
        match self.deadline(context.now) {
            Ok(Some(at)) if at <= context.now => Effect::whole(Del { keys: vec![key] }),
            Ok(Some(at)) => Effect::within(PExpireAt::at(key, at)),
            _ if self.option == GetExOption::Persist => Effect::within(Persist { key }),
            _ => Effect::nothing(),
        }
    }

    fn absolute(&self, context: Context) -> Mutation<'a> {
        let option = match self.deadline(context.now) {
            Ok(Some(at)) => GetExOption::timed(Unit::At, at.as_i64()),
            _ => self.option.clone(),
        };
        Self { option, ..self.clone() }.into()
    }
}
