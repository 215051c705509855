//! Setting a string: `SET` with its options, and the older commands for some of them.

use super::Expiry;
use super::expiry::Unit;
use crate::arg::{Arg, ArgSink, Args, Key};
use crate::command::key::Del;
use crate::command::{Command, Field, KeyPositions, Mutation, MutationCommand, command};
use crate::effect::Effect;
use crate::error::{Error, Result};
use crate::keyspace::Keyspace;
use crate::reply::Reply;
use crate::time::{Context, Timestamp};

/// Puts a string that may be due already: then the key is gone.
fn put<K: Keyspace>(
    keyspace: &mut K,
    key: &[u8],
    value: &Arg<'_>,
    deadline: Option<Timestamp>,
    now: Timestamp,
) -> Result<()> {
    if deadline.is_some_and(|at| at <= now) {
        keyspace.remove(key);
        return Ok(());
    }
    keyspace.put_text(key, value, deadline)
}

/// The options of `SET`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SetOptions {
    /// `NX`: only when there is no key.
    pub nx: bool,
    /// `XX`: only when there is one.
    pub xx: bool,
    /// `GET`: answer the old string instead of `OK`.
    pub get: bool,
    /// When the string expires.
    pub expiry: Expiry,
}

impl<'a> Field<'a> for SetOptions {
    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let mut options = Self::default();
        // The number is read last: what is wrong with the form is told first.
        let mut timed: Option<(Unit, Arg<'a>)> = None;
        while !args.is_empty() {
            if !options.xx && args.take_word("NX") {
                options.nx = true;
            } else if !options.nx && args.take_word("XX") {
                options.xx = true;
            } else if args.take_word("GET") {
                options.get = true;
            } else if timed.is_none() && args.take_word("KEEPTTL") {
                options.expiry = Expiry::Keep;
            } else if options.expiry == Expiry::Never
                && let Some(time) = Unit::take(args, timed.as_ref().map(|&(unit, _)| unit))?
            {
                timed = Some(time);
            } else {
                return Err(Error::syntax());
            }
        }
        if let Some((unit, number)) = timed {
            options.expiry = Expiry::read(unit, &number, args.name())?;
        }
        Ok(options)
    }

    fn write<S: ArgSink + ?Sized>(&self, out: &mut S) {
        for (set, word) in [(self.nx, "NX"), (self.xx, "XX"), (self.get, "GET")] {
            if set {
                out.arg(word.as_bytes());
            }
        }
        self.expiry.write(out);
    }
}

command! {
    /// Makes the key hold a string. `OK`, or nil when `NX` or `XX` said no; with `GET` the old string or nil. O(1).
    Set<'a> = "SET", Blind String, arity -3, keys KeyPositions::ONE,
    "Sets the string at a key." => Reply {
        /// The key.
        key: Key<'a>,
        /// The string.
        value: Arg<'a>,
        /// Condition, expiry and form of the reply.
        options: SetOptions,
    }
}

impl<'a> Set<'a> {
    /// Sets `key` to `value` until `deadline`, without a condition.
    pub fn until(key: Key<'a>, value: Arg<'a>, deadline: Option<Timestamp>) -> Self {
        let expiry = deadline.map_or(Expiry::Never, |at| Expiry::At(at.as_i64()));
        Self::plain(key, value, expiry)
    }

    /// Sets `key` to `value` without a condition.
    pub(super) fn plain(key: Key<'a>, value: Arg<'a>, expiry: Expiry) -> Self {
        Self { key, value, options: SetOptions { expiry, ..SetOptions::default() } }
    }
}

impl<'a> MutationCommand<'a> for Set<'a> {
    fn run<K: Keyspace>(&self, keyspace: &mut K, context: Context) -> Result<Reply> {
        let options = self.options;
        if options == SetOptions::default() {
            keyspace.put_text(&self.key, &self.value, None)?;
            return Ok(Reply::Ok);
        }
        options.expiry.deadline(context.now, None, Self::SPEC.name)?;
        let old = if options.get { keyspace.text(&self.key)?.cloned() } else { None };
        let found = keyspace.find(&self.key);
        let deadline = options.expiry.deadline(context.now, found.and_then(|f| f.deadline), Self::SPEC.name)?;
        let wanted = !(options.nx && found.is_some() || options.xx && found.is_none());
        if wanted {
            put(keyspace, &self.key, &self.value, deadline, context.now)?;
        }
        Ok(match (options.get, wanted) {
            (true, _) => old.map_or(Reply::Nil, Reply::Bulk),
            (false, true) => Reply::Ok,
            (false, false) => Reply::Nil,
        })
    }

    fn asks_context(&self) -> bool {
        !matches!(self.options.expiry, Expiry::Never | Expiry::Keep)
    }

    fn effect(&self, reply: &Reply, context: Context) -> Effect<'a> {
        let SetOptions { nx, xx, get, expiry } = self.options;
        // With GET the reply is the old string: it tells whether the condition held.
        let had = matches!(reply, Reply::Bulk(_));
        let wanted = if get { !(nx && had || xx && !had) } else { *reply == Reply::Ok };
        if !wanted {
            return Effect::nothing();
        }
        if expiry.deadline(context.now, None, "").is_ok_and(|at| at.is_some_and(|at| at <= context.now)) {
            // It is gone already; where nobody looks at the time it would stay.
            return Effect::whole(Del { keys: vec![self.key.clone()] });
        }
        let change = Set::plain(self.key.clone(), self.value.clone(), expiry.absolute(context.now));
        // What KEEPTTL keeps, only a copy that holds the key knows.
        if expiry == Expiry::Keep { Effect::within(change) } else { Effect::whole(change) }
    }

    fn is_blind(&self) -> bool {
        let SetOptions { nx, xx, get, expiry } = self.options;
        !nx && !xx && !get && expiry != Expiry::Keep
    }

    fn absolute(&self, context: Context) -> Mutation<'a> {
        let options = SetOptions { expiry: self.options.expiry.absolute(context.now), ..self.options };
        Set { options, ..self.clone() }.into()
    }
}

command! {
    /// Sets the string at the key when there is no key, and says whether it did. O(1).
    SetNx<'a> = "SETNX", Decides String, arity 3, keys KeyPositions::ONE,
    "Sets the string at a key that does not exist." => bool {
        /// The key.
        key: Key<'a>,
        /// The string.
        value: Arg<'a>,
    }
}

impl<'a> MutationCommand<'a> for SetNx<'a> {
    fn run<K: Keyspace>(&self, keyspace: &mut K, _: Context) -> Result<bool> {
        if keyspace.contains(&self.key) {
            return Ok(false);
        }
        keyspace.put_text(&self.key, &self.value, None).map(|()| true)
    }

    fn effect(&self, reply: &bool, _: Context) -> Effect<'a> {
        if !reply {
            return Effect::nothing();
        }
        Effect::whole(Set::until(self.key.clone(), self.value.clone(), None))
    }
}

command! {
    /// Sets the string at the key for so many seconds. O(1).
    SetEx<'a> = "SETEX", Blind String, arity 4, keys KeyPositions::ONE,
    "Sets the string at a key for some seconds." => () {
        /// The key.
        key: Key<'a>,
        /// Seconds to live.
        seconds: i64,
        /// The string.
        value: Arg<'a>,
    }
}

impl<'a> MutationCommand<'a> for SetEx<'a> {
    fn run<K: Keyspace>(&self, keyspace: &mut K, context: Context) -> Result<()> {
        let deadline = Expiry::Seconds(self.seconds).deadline(context.now, None, Self::SPEC.name)?;
        keyspace.put_text(&self.key, &self.value, deadline)
    }

    fn asks_context(&self) -> bool {
        true
    }

    fn effect(&self, (): &(), context: Context) -> Effect<'a> {
        Effect::whole(self.absolute(context))
    }

    fn absolute(&self, context: Context) -> Mutation<'a> {
        let expiry = Expiry::Seconds(self.seconds).absolute(context.now);
        Set::plain(self.key.clone(), self.value.clone(), expiry).into()
    }
}

command! {
    /// Sets the string at the key for so many milliseconds. O(1).
    PSetEx<'a> = "PSETEX", Blind String, arity 4, keys KeyPositions::ONE,
    "Sets the string at a key for some milliseconds." => () {
        /// The key.
        key: Key<'a>,
        /// Milliseconds to live.
        millis: i64,
        /// The string.
        value: Arg<'a>,
    }
}

impl<'a> MutationCommand<'a> for PSetEx<'a> {
    fn run<K: Keyspace>(&self, keyspace: &mut K, context: Context) -> Result<()> {
        let deadline = Expiry::Millis(self.millis).deadline(context.now, None, Self::SPEC.name)?;
        keyspace.put_text(&self.key, &self.value, deadline)
    }

    fn asks_context(&self) -> bool {
        true
    }

    fn effect(&self, (): &(), context: Context) -> Effect<'a> {
        Effect::whole(self.absolute(context))
    }

    fn absolute(&self, context: Context) -> Mutation<'a> {
        let expiry = Expiry::Millis(self.millis).absolute(context.now);
        Set::plain(self.key.clone(), self.value.clone(), expiry).into()
    }
}
