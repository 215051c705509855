//! Setting and clearing a key's deadline.
//!
//! The four expire commands differ in how they tell the time; what they do with it is one function.

use crate::arg::{ArgSink, Args, Key};
use crate::command::string::invalid_expire;
use crate::command::{Command, Field, KeyPositions, Mutation, MutationCommand, command};
use crate::effect::Effect;
use crate::error::{Error, Result};
use crate::keyspace::Keyspace;
use crate::time::{Context, Timestamp};

use super::Del;

/// When an expire command takes effect: `NX`, `XX`, `GT`, `LT`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ExpireWhen {
    /// Only when the key has no deadline.
    pub nx: bool,
    /// Only when the key has one.
    pub xx: bool,
    /// Only when the new deadline is later; never counts as latest.
    pub gt: bool,
    /// Only when the new deadline is earlier.
    pub lt: bool,
}

impl ExpireWhen {
    fn parse(args: &mut Args<'_>) -> Result<Self> {
        let mut when = Self::default();
        while !args.is_empty() {
            let word = args.take()?;
            let flag = match () {
                () if word.is_word("NX") => &mut when.nx,
                () if word.is_word("XX") => &mut when.xx,
                () if word.is_word("GT") => &mut when.gt,
                () if word.is_word("LT") => &mut when.lt,
                () => {
                    let word = String::from_utf8_lossy(&word);
                    return Err(Error::invalid(format!("ERR Unsupported option {word}")));
                }
            };
            *flag = true;
        }
        if when.nx && (when.xx || when.gt || when.lt) {
            return Err(Error::invalid("ERR NX and XX, GT or LT options at the same time are not compatible"));
        }
        if when.gt && when.lt {
            return Err(Error::invalid("ERR GT and LT options at the same time are not compatible"));
        }
        Ok(when)
    }

    fn admits(self, new: Timestamp, old: Option<Timestamp>) -> bool {
        let refused = self.nx && old.is_some()
            || self.xx && old.is_none()
            || self.gt && old.is_none_or(|old| new <= old)
            || self.lt && old.is_some_and(|old| new >= old);
        !refused
    }
}

/// What the expire commands are told after the key: a time, in the command's own unit, and a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewTime {
    /// Seconds or milliseconds, from now or since the epoch.
    pub time: i64,
    /// The condition.
    pub when: ExpireWhen,
}

impl From<i64> for NewTime {
    /// The time without a condition.
    fn from(time: i64) -> Self {
        Self { time, when: ExpireWhen::default() }
    }
}

impl<'a> Field<'a> for NewTime {
    // Redis reads the options first, so a wrong option is told before a wrong time.
    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let time = args.take()?;
        let when = ExpireWhen::parse(args)?;
        let time = crate::number::parse_i64(&time).ok_or_else(Error::not_an_integer)?;
        Ok(Self { time, when })
    }

    fn write<S: ArgSink + ?Sized>(&self, out: &mut S) {
        out.int(self.time);
        let ExpireWhen { nx, xx, gt, lt } = self.when;
        for (set, word) in [(nx, "NX"), (xx, "XX"), (gt, "GT"), (lt, "LT")] {
            if set {
                out.arg(word.as_bytes());
            }
        }
    }
}

/// The deadline that `time` units of `unit` milliseconds from `base` on mean.
fn deadline(time: i64, unit: i64, base: Timestamp, name: &str) -> Result<Timestamp> {
    let millis = time.checked_mul(unit).and_then(|time| time.checked_add(base.as_i64()));
    millis.map(Timestamp::deadline).ok_or_else(|| invalid_expire(name))
}

/// Gives `key` the deadline `at` if it is there and `when` admits it; what is due is removed. Says whether it did.
fn expire<K: Keyspace>(keyspace: &mut K, key: &[u8], at: Timestamp, when: ExpireWhen, now: Timestamp) -> bool {
    let Some(found) = keyspace.find(key) else { return false };
    if !when.admits(at, found.deadline) {
        return false;
    }
    if at <= now { keyspace.remove(key) } else { keyspace.set_deadline(key, Some(at)) }
}

/// The effect of an expire command with the deadline `at` that answered `reply`.
fn expired<'a>(key: &Key<'a>, at: Result<Timestamp>, reply: bool, now: Timestamp) -> Effect<'a> {
    match at {
        Ok(at) if reply && at <= now => Effect::whole(Del { keys: vec![key.clone()] }),
        Ok(at) if reply => Effect::within(PExpireAt::at(key.clone(), at)),
        _ => Effect::nothing(),
    }
}

command! {
    /// Gives the key so many seconds to live; zero or less removes it. Says whether the deadline was set: not when
    /// there is no such key, nor when the condition does not hold. O(1).
    Expire<'a> = "EXPIRE", Blind Key, arity -3, keys KeyPositions::ONE,
    "Sets a key's time to live, in seconds." => bool {
        /// The key.
        key: Key<'a>,
        /// The time and the condition.
        time: NewTime,
    }
}

impl Expire<'_> {
    fn deadline(&self, now: Timestamp) -> Result<Timestamp> {
        deadline(self.time.time, 1000, now, Self::SPEC.name)
    }
}

impl<'a> MutationCommand<'a> for Expire<'a> {
    fn run<K: Keyspace>(&self, keyspace: &mut K, context: Context) -> Result<bool> {
        Ok(expire(keyspace, &self.key, self.deadline(context.now)?, self.time.when, context.now))
    }

    fn asks_context(&self) -> bool {
        true
    }

    fn effect(&self, reply: &bool, context: Context) -> Effect<'a> {
        expired(&self.key, self.deadline(context.now), *reply, context.now)
    }

    fn is_blind(&self) -> bool {
        self.time.when == ExpireWhen::default()
    }

    fn absolute(&self, context: Context) -> Mutation<'a> {
        match self.deadline(context.now) {
            Ok(at) => PExpireAt { key: self.key.clone(), time: NewTime { time: at.as_i64(), ..self.time } }.into(),
            Err(_) => self.clone().into(),
        }
    }
}

command! {
    /// Gives the key so many milliseconds to live; zero or less removes it. Says whether the deadline was set: not when
    /// there is no such key, nor when the condition does not hold. O(1).
    PExpire<'a> = "PEXPIRE", Blind Key, arity -3, keys KeyPositions::ONE,
    "Sets a key's time to live, in milliseconds." => bool {
        /// The key.
        key: Key<'a>,
        /// The time and the condition.
        time: NewTime,
    }
}

impl PExpire<'_> {
    fn deadline(&self, now: Timestamp) -> Result<Timestamp> {
        deadline(self.time.time, 1, now, Self::SPEC.name)
    }
}

impl<'a> MutationCommand<'a> for PExpire<'a> {
    fn run<K: Keyspace>(&self, keyspace: &mut K, context: Context) -> Result<bool> {
        Ok(expire(keyspace, &self.key, self.deadline(context.now)?, self.time.when, context.now))
    }

    fn asks_context(&self) -> bool {
        true
    }

    fn effect(&self, reply: &bool, context: Context) -> Effect<'a> {
        expired(&self.key, self.deadline(context.now), *reply, context.now)
    }

    fn is_blind(&self) -> bool {
        self.time.when == ExpireWhen::default()
    }

    fn absolute(&self, context: Context) -> Mutation<'a> {
        match self.deadline(context.now) {
            Ok(at) => PExpireAt { key: self.key.clone(), time: NewTime { time: at.as_i64(), ..self.time } }.into(),
            Err(_) => self.clone().into(),
        }
    }
}

command! {
    /// Sets the time at which the key expires, in seconds since the epoch; a time that has passed removes it. Says
    /// whether the deadline was set: not when there is no such key, nor when the condition does not hold. O(1).
    ExpireAt<'a> = "EXPIREAT", Blind Key, arity -3, keys KeyPositions::ONE,
    "Sets the time at which a key expires, in seconds since the epoch." => bool {
        /// The key.
        key: Key<'a>,
        /// The time and the condition.
        time: NewTime,
    }
}

impl ExpireAt<'_> {
    fn deadline(&self) -> Result<Timestamp> {
        deadline(self.time.time, 1000, Timestamp::ZERO, Self::SPEC.name)
    }
}

impl<'a> MutationCommand<'a> for ExpireAt<'a> {
    fn run<K: Keyspace>(&self, keyspace: &mut K, context: Context) -> Result<bool> {
        Ok(expire(keyspace, &self.key, self.deadline()?, self.time.when, context.now))
    }

    fn asks_context(&self) -> bool {
        true
    }

    fn effect(&self, reply: &bool, context: Context) -> Effect<'a> {
        expired(&self.key, self.deadline(), *reply, context.now)
    }

    fn is_blind(&self) -> bool {
        self.time.when == ExpireWhen::default()
    }

    fn absolute(&self, _: Context) -> Mutation<'a> {
        match self.deadline() {
            Ok(at) => PExpireAt { key: self.key.clone(), time: NewTime { time: at.as_i64(), ..self.time } }.into(),
            Err(_) => self.clone().into(),
        }
    }
}

command! {
    /// Sets the time at which the key expires, in milliseconds since the epoch; a time that has passed removes it. Says
    /// whether the deadline was set: not when there is no such key, nor when the condition does not hold. O(1).
    PExpireAt<'a> = "PEXPIREAT", Blind Key, arity -3, keys KeyPositions::ONE,
    "Sets the time at which a key expires, in milliseconds since the epoch." => bool {
        /// The key.
        key: Key<'a>,
        /// The time and the condition.
        time: NewTime,
    }
}

impl PExpireAt<'_> {
    fn deadline(&self) -> Result<Timestamp> {
        deadline(self.time.time, 1, Timestamp::ZERO, Self::SPEC.name)
    }
}

impl<'a> MutationCommand<'a> for PExpireAt<'a> {
    fn run<K: Keyspace>(&self, keyspace: &mut K, context: Context) -> Result<bool> {
        Ok(expire(keyspace, &self.key, self.deadline()?, self.time.when, context.now))
    }

    fn asks_context(&self) -> bool {
        true
    }

    fn effect(&self, reply: &bool, context: Context) -> Effect<'a> {
        expired(&self.key, self.deadline(), *reply, context.now)
    }

    fn is_blind(&self) -> bool {
        self.time.when == ExpireWhen::default()
    }
}

impl<'a> PExpireAt<'a> {
    /// Sets the deadline without a condition.
    pub fn at(key: Key<'a>, at: Timestamp) -> Self {
        Self { key, time: at.as_i64().into() }
    }
}

command! {
    /// Takes the deadline off the key, which then stays for ever, and says whether it had one. O(1).
    Persist<'a> = "PERSIST", Blind Key, arity 2, keys KeyPositions::ONE,
    "Makes a key stay for ever." => bool {
        /// The key.
        key: Key<'a>,
    }
}

impl<'a> MutationCommand<'a> for Persist<'a> {
    fn run<K: Keyspace>(&self, keyspace: &mut K, _: Context) -> Result<bool> {
        let timed = keyspace.find(&self.key).is_some_and(|found| found.deadline.is_some());
        Ok(timed && keyspace.set_deadline(&self.key, None))
    }

    fn effect(&self, reply: &bool, _: Context) -> Effect<'a> {
        if *reply { Effect::within(self.clone()) } else { Effect::nothing() }
    }
}
