//! Commands of strings.

use jcache_value::Value;

use crate::arg::{Arg, ArgSink, Args, Key};
use crate::command::{Field, KeyPositions, MutationCommand, QueryCommand, command};
use crate::effect::Effect;
use crate::error::{Error, Result};
use crate::keyspace::Keyspace;
use crate::reply::Reply;
use crate::time::{Context, Timestamp};

command! {
    /// The string at the key, or nothing. O(1), no copy.
    Get<'a> = "GET", Query String, arity 2, keys KeyPositions::ONE,
    "The string at a key." => Option<Value> {
        /// The key.
        key: Key<'a>,
    }
}

impl<'a> QueryCommand<'a> for Get<'a> {
    #[inline]
    fn run<K: Keyspace>(&self, keyspace: &K, _: Context) -> Result<Option<Value>> {
        Ok(keyspace.text(&self.key)?.cloned())
    }
}

command! {
    /// The length of the string at the key in bytes; 0 when there is none. O(1).
    StrLen<'a> = "STRLEN", Query String, arity 2, keys KeyPositions::ONE,
    "The length of the string at a key." => u64 {
        /// The key.
        key: Key<'a>,
    }
}

impl<'a> QueryCommand<'a> for StrLen<'a> {
    fn run<K: Keyspace>(&self, keyspace: &K, _: Context) -> Result<u64> {
        Ok(keyspace.text(&self.key)?.map_or(0, |text| text.len() as u64))
    }
}

/// When a string expires, as `SET` and `GETEX` say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Expiry {
    /// Never.
    #[default]
    Never,
    /// `KEEPTTL`: as it was.
    Keep,
    /// `EX`: so many seconds from now.
    Seconds(i64),
    /// `PX`: so many milliseconds from now.
    Millis(i64),
    /// `EXAT`: at this second since the epoch.
    AtSeconds(i64),
    /// `PXAT`: at this millisecond since the epoch.
    At(i64),
}

impl Expiry {
    /// Reads `EX n`, `PX n`, `EXAT n` or `PXAT n` when one is next; the number is checked as Redis does.
    pub(crate) fn parse_timed(args: &mut Args<'_>) -> Result<Option<Self>> {
        type Make = fn(i64) -> Expiry;
        let words: [(&str, Make); 4] =
            [("EX", Expiry::Seconds), ("PX", Expiry::Millis), ("EXAT", Expiry::AtSeconds), ("PXAT", Expiry::At)];
        for (word, make) in words {
            if args.take_word(word) {
                return args.take_i64_or_syntax().map(|n| Some(make(n)));
            }
        }
        Ok(None)
    }

    /// Checks what Redis refuses: zero, negative, and what overflows.
    pub(crate) fn check(self, name: &str) -> Result<()> {
        let bad = match self {
            Expiry::Never | Expiry::Keep => false,
            Expiry::Seconds(n) | Expiry::AtSeconds(n) => n <= 0 || n > i64::MAX / 1000,
            Expiry::Millis(n) | Expiry::At(n) => n <= 0,
        };
        if bad { Err(invalid_expire(name)) } else { Ok(()) }
    }

    /// The deadline that this means at `now`, for a key whose deadline was `old`.
    pub(crate) fn deadline(self, now: Timestamp, old: Option<Timestamp>) -> Option<Timestamp> {
        let at = |n: i64| Some(Timestamp::from_millis(u64::try_from(n).unwrap_or(0)));
        match self {
            Expiry::Never => None,
            Expiry::Keep => old,
            Expiry::Seconds(n) => at(now.as_i64().saturating_add(n.saturating_mul(1000))),
            Expiry::Millis(n) => at(now.as_i64().saturating_add(n)),
            Expiry::AtSeconds(n) => at(n.saturating_mul(1000)),
            Expiry::At(n) => at(n),
        }
    }

    /// The same with an absolute time.
    pub(crate) fn absolute(self, now: Timestamp) -> Self {
        match self {
            Expiry::Never | Expiry::Keep => self,
            timed => timed.deadline(now, None).map_or(Expiry::Never, |at| Expiry::At(at.as_i64())),
        }
    }

    pub(crate) fn write<S: ArgSink + ?Sized>(self, out: &mut S) {
        let (word, number) = match self {
            Expiry::Never => return,
            Expiry::Keep => return out.arg(b"KEEPTTL"),
            Expiry::Seconds(n) => ("EX", n),
            Expiry::Millis(n) => ("PX", n),
            Expiry::AtSeconds(n) => ("EXAT", n),
            Expiry::At(n) => ("PXAT", n),
        };
        out.arg(word.as_bytes());
        out.int(number);
    }
}

/// Redis's error for an expiry that cannot be.
pub(crate) fn invalid_expire(name: &str) -> Error {
    Error::invalid(format!("ERR invalid expire time in '{}' command", name.to_ascii_lowercase()))
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
        let mut timed = false;
        while !args.is_empty() {
            if !options.xx && args.take_word("NX") {
                options.nx = true;
            } else if !options.nx && args.take_word("XX") {
                options.xx = true;
            } else if args.take_word("GET") {
                options.get = true;
            } else if !timed && args.take_word("KEEPTTL") {
                options.expiry = Expiry::Keep;
            } else if let (false, Expiry::Never, Some(expiry)) = (timed, options.expiry, Expiry::parse_timed(args)?) {
                timed = true;
                options.expiry = expiry;
            } else {
                return Err(Error::syntax());
            }
        }
        options.expiry.check(args.name())?;
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
        let old = if options.get { keyspace.text(&self.key)?.cloned() } else { None };
        let found = keyspace.find(&self.key);
        let deadline = options.expiry.deadline(context.now, found.and_then(|f| f.deadline));
        let wanted = !(options.nx && found.is_some() || options.xx && found.is_none());
        if wanted {
            keyspace.put_text(&self.key, &self.value, deadline)?;
        }
        Ok(match (options.get, wanted) {
            (true, _) => old.map_or(Reply::Nil, Reply::Bulk),
            (false, true) => Reply::Ok,
            (false, false) => Reply::Nil,
        })
    }

    fn effect(&self, reply: &Reply, context: Context) -> Effect<'a> {
        let SetOptions { nx, xx, get, expiry } = self.options;
        // With GET the reply is the old string: it tells whether the condition held.
        let had = matches!(reply, Reply::Bulk(_));
        let wanted = if get { !(nx && had || xx && !had) } else { *reply == Reply::Ok };
        if !wanted {
            return Effect::nothing();
        }
        let plain = SetOptions { expiry: expiry.absolute(context.now), ..SetOptions::default() };
        let change = Set { options: plain, ..self.clone() };
        // What KEEPTTL keeps, only a copy that holds the key knows.
        if expiry == Expiry::Keep { Effect::within(change) } else { Effect::whole(change) }
    }

    fn is_blind(&self) -> bool {
        let SetOptions { nx, xx, get, expiry } = self.options;
        !nx && !xx && !get && expiry != Expiry::Keep
    }

    fn absolute(&self, context: Context) -> crate::Mutation<'a> {
        let options = SetOptions { expiry: self.options.expiry.absolute(context.now), ..self.options };
        Set { options, ..self.clone() }.into()
    }
}
