//! The methods for strings.

use std::time::{Duration, SystemTime};

use jcache_core::command::string::{
    Append, Decr, DecrBy, Expiry, GetDel, GetEx, GetExOption, GetRange, GetSet, Incr, IncrBy, IncrByFloat, Lcs,
    LcsOptions, LcsReply, MGet, MSet, MSetNx, Match, PSetEx, Set, SetNx, SetOptions, SetRange, StrLen, Unit,
};
use jcache_core::{Arg, Command, Error, Key, Outcome, Reply, Request, Result};

use super::answers::{done, maybe, one, places};
use super::args::{IntoKeys, epoch_millis, millis, some};
use super::call::{Call, Prepared, as_is};
use super::text::Text;
use crate::cache::Execute;
use crate::typed::{FromValue, IntoFields, ToArg};

/// Commands of strings, which are any bytes: text, numbers, and what codecs make of types.
///
/// ```
/// use std::time::Duration;
/// use jcache::prelude::*;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> jcache::Result<()> {
/// let cache = Cache::new();
/// cache.set("hello", "world").ttl(Duration::from_secs(60)).await?;
/// let hello: Option<String> = cache.get("hello").await?;
/// assert_eq!(hello.as_deref(), Some("world"));
///
/// assert_eq!(cache.incrby("visits", 5).await?, 5);
/// assert_eq!(cache.get::<u64>("visits").await?, Some(5));
/// assert_eq!(cache.get::<u64>("nobody").await?, None);
/// # Ok(()) }
/// ```
///
/// # Errors
/// Every method may fail: [wrong type](crate::ErrorKind::WrongType) when the key holds a collection (but not where
/// the string is only replaced), [conversion](crate::ErrorKind::Conversion) when a value is not what is asked for,
/// [too large](crate::ErrorKind::TooLarge) above 512 MiB, and what [`Execute`] says of levels.
pub trait StringCommands: Execute {
    /// The string at a key, or `None` when there is no such key. `GET`, O(1); for a [`Value`](crate::Value) there is no copy.
    #[inline]
    fn get<'a, T: FromValue>(&'a self, key: impl Into<Key<'a>>) -> Text<'a, Self, T> {
        Text::new(self, key.into())
    }

    /// The strings at several keys, in order, with `None` for a key that is not there or holds no string.
    /// `MGET`, O(number of keys).
    ///
    /// ```
    /// use jcache::prelude::*;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> jcache::Result<()> {
    /// let cache = Cache::new();
    /// cache.mset([("a", 1), ("b", 2)]).await?;
    /// assert_eq!(cache.mget::<i64>(["a", "x", "b"]).await?, [Some(1), None, Some(2)]);
    /// # Ok(()) }
    /// ```
    fn mget<'a, T: FromValue>(&'a self, keys: impl IntoKeys<'a>) -> Call<'a, Self, Vec<Option<T>>> {
        Call::query(self, || Ok(MGet { keys: some(MGet::SPEC.name, keys.into_keys())? }), places)
    }

    /// Makes a key hold a string, whatever it held, for ever. `SET`, O(1).
    ///
    /// Options: [`ttl`](Prepared::ttl), [`expire_at`](Prepared::expire_at) or [`keep_ttl`](Prepared::keep_ttl) say how long;
    /// [`nx`](Prepared::nx) and [`xx`](Prepared::xx) set a condition, and the answer is whether it held; [`get`](Prepared::get)
    /// answers the old string. `SETEX` and `PSETEX` are `set(key, value).ttl(time)`.
    ///
    /// ```
    /// use std::time::Duration;
    /// use jcache::prelude::*;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> jcache::Result<()> {
    /// let cache = Cache::new();
    /// cache.set("name", "ada").await?;
    /// let set: bool = cache.set("name", "eve").nx().ttl(Duration::from_millis(1500)).await?;
    /// assert!(!set);
    /// let old: Option<String> = cache.set("name", "bob").xx().get().await?;
    /// assert_eq!(old.as_deref(), Some("ada"));
    /// # Ok(()) }
    /// ```
    fn set<'a>(&'a self, key: impl Into<Key<'a>>, value: impl ToArg<'a>) -> Prepared<'a, Self, Set<'a>, ()> {
        let command = || Ok(Set { key: key.into(), value: value.to_arg()?, options: SetOptions::default() });
        Prepared::mutation(self, command, as_is)
    }

    /// Makes a key hold a string unless there is a key, and says whether it did. `SETNX`, O(1).
    fn set_nx<'a>(&'a self, key: impl Into<Key<'a>>, value: impl ToArg<'a>) -> Call<'a, Self, bool> {
        Call::mutation(self, || Ok(SetNx { key: key.into(), value: value.to_arg()? }), as_is)
    }

    /// Makes a key hold a string for so long. `SETEX`, `PSETEX`, O(1).
    fn setex<'a>(&'a self, key: impl Into<Key<'a>>, ttl: Duration, value: impl ToArg<'a>) -> Call<'a, Self, ()> {
        let command = || Ok(PSetEx { key: key.into(), millis: millis(ttl), value: value.to_arg()? });
        Call::mutation(self, command, as_is)
    }

    /// Makes several keys hold a string each, at once and for ever. The pairs are what [`IntoFields`] takes: arrays,
    /// vectors, maps. `MSET`, O(number of keys).
    fn mset<'a>(&'a self, pairs: impl IntoFields<'a>) -> Call<'a, Self, ()> {
        Call::mutation(self, || Ok(MSet { pairs: key_pairs(MSet::SPEC.name, pairs)? }), as_is)
    }

    /// Makes several keys hold a string each when none of them exists, and says whether it did.
    /// `MSETNX`, O(number of keys).
    fn msetnx<'a>(&'a self, pairs: impl IntoFields<'a>) -> Call<'a, Self, bool> {
        Call::mutation(self, || Ok(MSetNx { pairs: key_pairs(MSetNx::SPEC.name, pairs)? }), as_is)
    }

    /// Makes a key hold a string, for ever, and answers the one it held. `GETSET`, O(1).
    fn getset<'a, T: FromValue>(&'a self, key: impl Into<Key<'a>>, value: impl ToArg<'a>) -> Call<'a, Self, Option<T>> {
        Call::mutation(self, || Ok(GetSet { key: key.into(), value: value.to_arg()? }), maybe)
    }

    /// Removes a key and answers the string that it held. `GETDEL`, O(1).
    fn getdel<'a, T: FromValue>(&'a self, key: impl Into<Key<'a>>) -> Call<'a, Self, Option<T>> {
        Call::mutation(self, || Ok(GetDel { key: key.into() }), maybe)
    }

    /// The string at a key, and at the same moment a new deadline for it: [`ttl`](Prepared::ttl),
    /// [`expire_at`](Prepared::expire_at) or [`persist`](Prepared::persist). `GETEX`, O(1).
    ///
    /// ```
    /// use std::time::Duration;
    /// use jcache::prelude::*;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> jcache::Result<()> {
    /// let cache = Cache::new();
    /// cache.set("session", "ada").ttl(Duration::from_secs(10)).await?;
    /// let who: Option<String> = cache.getex("session").ttl(Duration::from_secs(60)).await?;
    /// assert_eq!(who.as_deref(), Some("ada"));
    /// assert!(cache.ttl("session").await?.left() > Some(Duration::from_secs(50)));
    /// # Ok(()) }
    /// ```
    fn getex<'a, T: FromValue>(&'a self, key: impl Into<Key<'a>>) -> Prepared<'a, Self, GetEx<'a>, Option<T>> {
        Prepared::mutation(self, || Ok(GetEx { key: key.into(), option: GetExOption::Keep }), maybe)
    }

    /// Appends to the string at a key, which starts empty, and says how long it is then. `APPEND`, O(length of the
    /// tail).
    fn append<'a>(&'a self, key: impl Into<Key<'a>>, tail: impl ToArg<'a>) -> Call<'a, Self, u64> {
        Call::mutation(self, || Ok(Append { key: key.into(), tail: tail.to_arg()? }), as_is)
    }

    /// The length of the string at a key in bytes; 0 when there is none. `STRLEN`, O(1).
    fn strlen<'a>(&'a self, key: impl Into<Key<'a>>) -> Call<'a, Self, u64> {
        Call::query(self, || Ok(StrLen { key: key.into() }), as_is)
    }

    /// The bytes from index `start` to `stop`, both included; negative indexes count from the end. Empty when there is
    /// no such key. `GETRANGE`, O(length of the part).
    fn getrange<'a, T: FromValue>(&'a self, key: impl Into<Key<'a>>, start: i64, stop: i64) -> Call<'a, Self, T> {
        Call::query(self, || Ok(GetRange { key: key.into(), start, stop }), one)
    }

    /// Writes over the string at a key from a byte offset on, and says how long it is then; a gap is filled with zero
    /// bytes. `SETRANGE`, O(length of the string).
    fn setrange<'a>(&'a self, key: impl Into<Key<'a>>, offset: u32, value: impl ToArg<'a>) -> Call<'a, Self, u64> {
        Call::mutation(self, || Ok(SetRange { key: key.into(), offset: offset.into(), value: value.to_arg()? }), as_is)
    }

    /// Adds one to the integer at a key, which starts at 0, and answers the sum. `INCR`, O(1).
    fn incr<'a>(&'a self, key: impl Into<Key<'a>>) -> Call<'a, Self, i64> {
        Call::mutation(self, || Ok(Incr { key: key.into() }), as_is)
    }

    /// Takes one from the integer at a key, which starts at 0, and answers the difference. `DECR`, O(1).
    fn decr<'a>(&'a self, key: impl Into<Key<'a>>) -> Call<'a, Self, i64> {
        Call::mutation(self, || Ok(Decr { key: key.into() }), as_is)
    }

    /// Adds to the integer at a key, which starts at 0, and answers the sum; an error when that is no `i64`.
    /// `INCRBY`, O(1).
    fn incrby<'a>(&'a self, key: impl Into<Key<'a>>, by: i64) -> Call<'a, Self, i64> {
        Call::mutation(self, || Ok(IncrBy { key: key.into(), by }), as_is)
    }

    /// Takes from the integer at a key, which starts at 0, and answers the difference; an error when that is no `i64`.
    /// `DECRBY`, O(1).
    fn decrby<'a>(&'a self, key: impl Into<Key<'a>>, by: i64) -> Call<'a, Self, i64> {
        Call::mutation(self, || Ok(DecrBy { key: key.into(), by }), as_is)
    }

    /// Adds to the float at a key, which starts at 0, and answers the sum, which is stored with 17 decimals at most.
    /// `INCRBYFLOAT`, O(1).
    fn incrbyfloat<'a>(&'a self, key: impl Into<Key<'a>>, by: f64) -> Call<'a, Self, f64> {
        Call::mutation(self, || Ok(IncrByFloat { key: key.into(), by: by.to_arg()? }), one)
    }

    /// The longest common subsequence of the strings at two keys. `LCS`, O(product of the lengths), in memory too.
    ///
    /// ```
    /// use jcache::prelude::*;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> jcache::Result<()> {
    /// let cache = Cache::new();
    /// cache.mset([("a", "ohmytext"), ("b", "mynewtext")]).await?;
    /// assert_eq!(cache.lcs::<String>("a", "b").await?, "mytext");
    /// assert_eq!(cache.lcs_len("a", "b").await?, 6);
    /// # Ok(()) }
    /// ```
    fn lcs<'a, T: FromValue>(&'a self, a: impl Into<Key<'a>>, b: impl Into<Key<'a>>) -> Call<'a, Self, T> {
        Call::query(self, || Ok(Lcs { a: a.into(), b: b.into(), options: LcsOptions::default().into() }), one)
    }

    /// The length of the longest common subsequence. `LCS … LEN`, O(product of the lengths).
    fn lcs_len<'a>(&'a self, a: impl Into<Key<'a>>, b: impl Into<Key<'a>>) -> Call<'a, Self, u64> {
        let options = LcsOptions { len: true, ..LcsOptions::default() };
        Call::query(self, || Ok(Lcs { a: a.into(), b: b.into(), options: options.into() }), as_is)
    }

    /// Where the parts of the longest common subsequence stand that have at least `min_len` bytes, the last one first.
    /// `LCS … IDX MINMATCHLEN … WITHMATCHLEN`, O(product of the lengths), in memory too.
    fn lcs_idx<'a>(&'a self, a: impl Into<Key<'a>>, b: impl Into<Key<'a>>, min_len: u32) -> Call<'a, Self, Vec<Match>> {
        let options = LcsOptions { len: false, idx: true, min_match_len: min_len.into(), with_match_len: true };
        Call::query(self, || Ok(Lcs { a: a.into(), b: b.into(), options: options.into() }), matches)
    }
}

fn key_pairs<'a>(name: &str, pairs: impl IntoFields<'a>) -> Result<Vec<(Key<'a>, Arg<'a>)>> {
    let pairs = some(name, pairs.into_fields()?)?;
    Ok(pairs.into_iter().map(|(key, value)| (Key(key), value)).collect())
}

/// The answer of `LCS … IDX`.
fn matches(_: &Request<'_>, reply: Reply) -> Result<Vec<Match>> {
    match LcsReply::from_reply(reply)? {
        LcsReply::Matches(matches, _) => Ok(matches),
        other => Err(Error::unexpected_reply("matches", &other.into_reply())),
    }
}

/// How long the string lives; the last of these counts. Without one it lives for ever.
impl<'a, E: ?Sized, O> Prepared<'a, E, Set<'a>, O> {
    /// So long, in milliseconds, rounded up. Zero is an error: `invalid expire time`.
    pub fn ttl(self, ttl: Duration) -> Self {
        self.with(|it| it.options.expiry = Expiry::Millis(millis(ttl)))
    }

    /// Until this time; when it has passed, the key is gone.
    pub fn expire_at(self, time: SystemTime) -> Self {
        self.with(|it| it.options.expiry = Expiry::At(epoch_millis(time)))
    }

    /// As long as what the key held before.
    pub fn keep_ttl(self) -> Self {
        self.with(|it| it.options.expiry = Expiry::Keep)
    }
}

/// Conditions, which make the answer a `bool`: whether the string was set.
impl<'a, E: ?Sized> Prepared<'a, E, Set<'a>, ()> {
    /// Only when there is no such key.
    pub fn nx(self) -> Prepared<'a, E, Set<'a>, bool> {
        self.with(|it| it.options.nx = true).answering(done)
    }

    /// Only when there is such a key.
    pub fn xx(self) -> Prepared<'a, E, Set<'a>, bool> {
        self.with(|it| it.options.xx = true).answering(done)
    }

    /// Answers the string that the key held; wrong type when it held a collection.
    pub fn get<T: FromValue>(self) -> Prepared<'a, E, Set<'a>, Option<T>> {
        self.with(|it| it.options.get = true).answering(maybe)
    }
}

impl<'a, E: ?Sized> Prepared<'a, E, Set<'a>, bool> {
    /// Answers the string that the key held, in place of whether the condition held.
    pub fn get<T: FromValue>(self) -> Prepared<'a, E, Set<'a>, Option<T>> {
        self.with(|it| it.options.get = true).answering(maybe)
    }
}

/// What happens to the deadline; the last of these counts.
impl<'a, E: ?Sized, O> Prepared<'a, E, GetEx<'a>, O> {
    /// The key lives so long from now on. Zero is an error: `invalid expire time`.
    pub fn ttl(self, ttl: Duration) -> Self {
        self.with(|it| it.option = GetExOption::timed(Unit::Millis, millis(ttl)))
    }

    /// The key lives until this time; when it has passed, the key is gone.
    pub fn expire_at(self, time: SystemTime) -> Self {
        self.with(|it| it.option = GetExOption::timed(Unit::At, epoch_millis(time)))
    }

    /// The key lives for ever.
    pub fn persist(self) -> Self {
        self.with(|it| it.option = GetExOption::Persist)
    }
}
