//! The methods for keys of any type.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jcache_core::command::key::{
    Copy, DbSize, Del, Exists, ExpireWhen, FlushAll, FlushDb, KeyType, Keys, NewTime, PExpire, PExpireAt, PExpireTime,
    PTtl, Persist, RandomKey, Rename, RenameNx, Replace, Touch, TypeOf, Unlink,
};
use jcache_core::{Arg, Command, Key, Outcome, Reply, Request, Result, Type};

use super::answers::{count, maybe_name, names, page_of_names};
use super::args::{IntoKeys, checked, epoch_millis, millis, some};
use super::call::{Call, Prepared, as_is};
use super::pages::{Of, Pages};
use crate::cache::Execute;
use crate::typed::FromValue;

/// How long a key still lives: what [`ttl`](KeyCommands::ttl) answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ttl {
    /// There is no such key.
    NoKey,
    /// For ever.
    Never,
    /// So long, in milliseconds.
    Left(Duration),
}

impl Ttl {
    /// The time left, where there is a key that expires.
    pub fn left(self) -> Option<Duration> {
        if let Ttl::Left(left) = self { Some(left) } else { None }
    }
}

/// When a key expires: what [`expiretime`](KeyCommands::expiretime) answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExpireTime {
    /// There is no such key.
    NoKey,
    /// Never.
    Never,
    /// At this time, to the millisecond.
    At(SystemTime),
}

impl ExpireTime {
    /// The time, where there is a key that expires.
    pub fn at(self) -> Option<SystemTime> {
        if let ExpireTime::At(at) = self { Some(at) } else { None }
    }
}

/// Commands of keys, whatever they hold.
///
/// Where Redis has a command for seconds and one for milliseconds, there is one method here: a [`Duration`] and a
/// [`SystemTime`] carry their unit, and both count in milliseconds, rounded up.
///
/// ```
/// use std::time::Duration;
/// use jcache::commands::Ttl;
/// use jcache::prelude::*;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> jcache::Result<()> {
/// let cache = Cache::new();
/// cache.mset([("a", 1), ("b", 2)]).await?;
/// cache.expire("a", Duration::from_secs(60)).await?;
/// assert!(cache.ttl("a").await?.left() > Some(Duration::from_secs(50)));
/// assert_eq!(cache.ttl("b").await?, Ttl::Never);
/// assert_eq!(cache.del(["a", "b", "c"]).await?, 2);
/// # Ok(()) }
/// ```
///
/// # Errors
/// Every method may fail: [too large](crate::ErrorKind::TooLarge) for a key above 512 MiB, and what
/// [`Execute`] says of levels.
pub trait KeyCommands: Execute {
    /// Removes keys, and says how many there were. `DEL`, O(number of keys) plus their elements.
    fn del<'a>(&'a self, keys: impl IntoKeys<'a>) -> Call<'a, Self, u64> {
        Call::mutation(self, || Ok(Del { keys: some(Del::SPEC.name, keys.into_keys())? }), count)
    }

    /// Removes keys as [`del`](Self::del) does; their memory may be given back later. `UNLINK`, O(number of keys).
    fn unlink<'a>(&'a self, keys: impl IntoKeys<'a>) -> Call<'a, Self, u64> {
        Call::mutation(self, || Ok(Unlink { keys: some(Unlink::SPEC.name, keys.into_keys())? }), count)
    }

    /// How many of the keys exist; a repeated key counts repeatedly. `EXISTS`, O(number of keys).
    fn exists<'a>(&'a self, keys: impl IntoKeys<'a>) -> Call<'a, Self, u64> {
        Call::query(self, || Ok(Exists { keys: some(Exists::SPEC.name, keys.into_keys())? }), count)
    }

    /// Marks keys as used, for the eviction, and says how many exist. `TOUCH`, O(number of keys).
    fn touch<'a>(&'a self, keys: impl IntoKeys<'a>) -> Call<'a, Self, u64> {
        Call::query(self, || Ok(Touch { keys: some(Touch::SPEC.name, keys.into_keys())? }), count)
    }

    /// Gives a key so long to live, and says whether it did: not when there is no such key, nor when a
    /// condition ([`nx`](Prepared::nx), [`xx`](Prepared::xx), [`gt`](Prepared::gt), [`lt`](Prepared::lt)) does not hold. A time of zero removes the key.
    /// `EXPIRE`, `PEXPIRE`, O(1).
    ///
    /// ```
    /// use std::time::Duration;
    /// use jcache::prelude::*;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> jcache::Result<()> {
    /// let cache = Cache::new();
    /// cache.set("session", "ada").ttl(Duration::from_secs(60)).await?;
    /// // Never shortens a life.
    /// assert!(!cache.expire("session", Duration::from_secs(10)).gt().await?);
    /// assert!(cache.expire("session", Duration::from_secs(90)).gt().await?);
    /// # Ok(()) }
    /// ```
    fn expire<'a>(&'a self, key: impl Into<Key<'a>>, time: Duration) -> Prepared<'a, Self, PExpire<'a>, bool> {
        Prepared::mutation(self, || Ok(PExpire { key: key.into(), time: millis(time).into() }), as_is)
    }

    /// Sets the time at which a key expires, and says whether it did, as [`expire`](Self::expire) does. A time that
    /// has passed removes the key. `EXPIREAT`, `PEXPIREAT`, O(1).
    fn expire_at<'a>(&'a self, key: impl Into<Key<'a>>, time: SystemTime) -> Prepared<'a, Self, PExpireAt<'a>, bool> {
        Prepared::mutation(self, || Ok(PExpireAt { key: key.into(), time: epoch_millis(time).into() }), as_is)
    }

    /// Takes the deadline off a key, which then stays for ever, and says whether it had one. `PERSIST`, O(1).
    fn persist<'a>(&'a self, key: impl Into<Key<'a>>) -> Call<'a, Self, bool> {
        Call::mutation(self, || Ok(Persist { key: key.into() }), as_is)
    }

    /// How long a key still lives. `TTL`, `PTTL`, O(1).
    fn ttl<'a>(&'a self, key: impl Into<Key<'a>>) -> Call<'a, Self, Ttl> {
        Call::query(self, || Ok(PTtl { key: key.into() }), ttl)
    }

    /// When a key expires. `EXPIRETIME`, `PEXPIRETIME`, O(1).
    fn expiretime<'a>(&'a self, key: impl Into<Key<'a>>) -> Call<'a, Self, ExpireTime> {
        Call::query(self, || Ok(PExpireTime { key: key.into() }), expiretime)
    }

    /// The type of what a key holds, or `None` when there is no such key. `TYPE`, O(1).
    fn type_of<'a>(&'a self, key: impl Into<Key<'a>>) -> Call<'a, Self, Option<Type>> {
        Call::query(self, || Ok(TypeOf { key: key.into() }), |_, reply| Ok(KeyType::from_reply(reply)?.0))
    }

    /// Gives a key another name, whatever that held; the deadline goes with it. An error when there is no such key.
    /// `RENAME`, O(1) plus the elements that are replaced.
    fn rename<'a>(&'a self, key: impl Into<Key<'a>>, to: impl Into<Key<'a>>) -> Call<'a, Self, ()> {
        Call::mutation(self, || Ok(Rename { key: key.into(), to: to.into() }), as_is)
    }

    /// Gives a key another name unless that is taken, and says whether it did. An error when there is no such key.
    /// `RENAMENX`, O(1).
    fn renamenx<'a>(&'a self, key: impl Into<Key<'a>>, to: impl Into<Key<'a>>) -> Call<'a, Self, bool> {
        Call::mutation(self, || Ok(RenameNx { key: key.into(), to: to.into() }), as_is)
    }

    /// Copies what a key holds, and its deadline, to another name, and says whether it did: not when there is no such
    /// key, nor when the name is taken and [`replace`](Prepared::replace) is not said. `COPY`, O(number of elements).
    fn copy<'a>(&'a self, key: impl Into<Key<'a>>, to: impl Into<Key<'a>>) -> Prepared<'a, Self, Copy<'a>, bool> {
        let command = || Ok(Copy { key: key.into(), to: to.into(), replace: Replace(false) });
        Prepared::mutation(self, command, as_is)
    }

    /// A key picked at random, or `None` when there is none. `RANDOMKEY`, O(1).
    fn randomkey<'a, T: FromValue>(&'a self) -> Call<'a, Self, Option<T>> {
        Call::query(self, || Ok(RandomKey {}), maybe_name)
    }

    /// All keys that fit a [pattern](jcache_core::glob::matches), in no particular order. `KEYS`, O(number of all
    /// keys): where there may be many, [`scan`](Self::scan) is kinder.
    fn keys<'a, T: FromValue>(&'a self, pattern: impl Into<Arg<'a>>) -> Call<'a, Self, Vec<T>> {
        Call::query(self, || Ok(Keys { pattern: pattern.into() }), names)
    }

    /// Goes through the keys page by page. `SCAN`, O(count) a page.
    fn scan<'a, T: FromValue>(&'a self) -> Pages<'a, Self, T> {
        Pages::new(self, Of::Keys(None), page_of_names)
    }

    /// Goes through the keys that hold a type, page by page. `SCAN … TYPE`, O(count) a page.
    fn scan_type<'a, T: FromValue>(&'a self, kind: Type) -> Pages<'a, Self, T> {
        Pages::new(self, Of::Keys(Some(kind)), page_of_names)
    }

    /// How many keys there are; those that are due but not yet reclaimed may count. `DBSIZE`, O(1).
    fn dbsize<'a>(&'a self) -> Call<'a, Self, u64> {
        Call::query(self, || Ok(DbSize {}), as_is)
    }

    /// Removes every key of the database. `FLUSHDB`, O(number of keys).
    fn flushdb<'a>(&'a self) -> Call<'a, Self, ()> {
        Call::mutation(self, || Ok(FlushDb::default()), as_is)
    }

    /// Removes every key of every database. `FLUSHALL`, O(number of keys).
    fn flushall<'a>(&'a self) -> Call<'a, Self, ()> {
        Call::mutation(self, || Ok(FlushAll::default()), as_is)
    }
}

/// The answer of `PTTL`.
fn ttl(_: &Request<'_>, reply: Reply) -> Result<Ttl> {
    Ok(match i64::from_reply(reply)? {
        -1 => Ttl::Never,
        left => u64::try_from(left).map_or(Ttl::NoKey, |left| Ttl::Left(Duration::from_millis(left))),
    })
}

/// The answer of `PEXPIRETIME`.
fn expiretime(_: &Request<'_>, reply: Reply) -> Result<ExpireTime> {
    let since_epoch = |at| ExpireTime::At(UNIX_EPOCH + Duration::from_millis(at));
    Ok(match i64::from_reply(reply)? {
        -1 => ExpireTime::Never,
        at => u64::try_from(at).map_or(ExpireTime::NoKey, since_epoch),
    })
}

/// Adds a condition; refuses those that exclude each other, as Redis does.
fn when(name: &'static str, time: &mut NewTime, set: impl FnOnce(&mut ExpireWhen)) -> Result<()> {
    set(&mut time.when);
    checked(name, time)
}

macro_rules! conditions {
    ($($Command:ident),*) => {$(
        /// When the deadline is set; conditions that exclude each other are an error.
        impl<'a, E: ?Sized, O> Prepared<'a, E, $Command<'a>, O> {
            /// Only when the key has no deadline.
            pub fn nx(self) -> Self {
                self.try_with(|it| when($Command::SPEC.name, &mut it.time, |when| when.nx = true))
            }

            /// Only when the key has a deadline.
            pub fn xx(self) -> Self {
                self.try_with(|it| when($Command::SPEC.name, &mut it.time, |when| when.xx = true))
            }

            /// Only when the new deadline is later; never is the latest.
            pub fn gt(self) -> Self {
                self.try_with(|it| when($Command::SPEC.name, &mut it.time, |when| when.gt = true))
            }

            /// Only when the new deadline is earlier.
            pub fn lt(self) -> Self {
                self.try_with(|it| when($Command::SPEC.name, &mut it.time, |when| when.lt = true))
            }
        }
    )*};
}
conditions!(PExpire, PExpireAt);

impl<'a, E: ?Sized, O> Prepared<'a, E, Copy<'a>, O> {
    /// Whatever the other name holds.
    pub fn replace(self) -> Self {
        self.with(|it| it.replace = Replace(true))
    }
}
