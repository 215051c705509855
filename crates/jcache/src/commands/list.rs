//! The methods for lists.

use std::time::Duration;

use jcache_core::command::list::{
    BLMPop, BLMove, BLPop, BRPop, BRPopLPush, End, LIndex, LInsert, LLen, LMPop, LMove, LPop, LPos, LPush, LPushX,
    LRange, LRem, LSet, LTrim, PopCount, PosOptions, RPop, RPopLPush, RPush, RPushX, Side,
};
use jcache_core::command::{Awaited, AwaitedMany, KeyList, UpTo};
use jcache_core::{Command, Key, Outcome, Reply, Request, Result, Value};

use super::answers::{PoppedFrom, as_listed, element, many, maybe};
use super::args::{IntoArgs, IntoKeys, some, wait};
use super::call::{Call, Prepared, as_is};
use crate::cache::Execute;
use crate::typed::{FromValue, ToArg};

/// Commands of lists, which are elements in order, added and taken at both ends: queues and stacks.
///
/// The head is the left end, where index 0 is; negative indexes count from the tail, where -1 is. An element that is
/// popped and does not convert to what is asked for is popped all the same.
///
/// ```
/// use jcache::prelude::*;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> jcache::Result<()> {
/// let cache = Cache::new();
/// cache.lpush("jobs", ["first", "second", "third"]).await?;
/// assert_eq!(cache.rpop::<String>("jobs").await?.as_deref(), Some("first"));
/// assert_eq!(cache.lrange::<String>("jobs", 0, -1).await?, ["third", "second"]);
/// # Ok(()) }
/// ```
///
/// # Errors
/// Every method may fail: [wrong type](crate::ErrorKind::WrongType) when a key holds something else,
/// [conversion](crate::ErrorKind::Conversion) when an element is not what is asked for,
/// [too large](crate::ErrorKind::TooLarge) above 512 MiB, and what [`Execute`] says of levels.
pub trait ListCommands: Execute {
    /// Adds elements at the head, one after the other, so that the last one comes to be the first of the list, and
    /// says how long it is then. `LPUSH`, O(number of elements given).
    fn lpush<'a>(&'a self, key: impl Into<Key<'a>>, elements: impl IntoArgs<'a>) -> Call<'a, Self, u64> {
        let command = || Ok(LPush { key: key.into(), elements: some(LPush::SPEC.name, elements.into_args()?)? });
        Call::mutation(self, command, as_is)
    }

    /// Adds elements at the tail, one after the other, and says how long the list is then. `RPUSH`, O(number of
    /// elements given).
    fn rpush<'a>(&'a self, key: impl Into<Key<'a>>, elements: impl IntoArgs<'a>) -> Call<'a, Self, u64> {
        let command = || Ok(RPush { key: key.into(), elements: some(RPush::SPEC.name, elements.into_args()?)? });
        Call::mutation(self, command, as_is)
    }

    /// Adds elements at the head as [`lpush`](Self::lpush) does, but only to a list that is there; the length
    /// afterwards, or 0. `LPUSHX`, O(number of elements given).
    fn lpushx<'a>(&'a self, key: impl Into<Key<'a>>, elements: impl IntoArgs<'a>) -> Call<'a, Self, u64> {
        let command = || Ok(LPushX { key: key.into(), elements: some(LPushX::SPEC.name, elements.into_args()?)? });
        Call::mutation(self, command, as_is)
    }

    /// Adds elements at the tail as [`rpush`](Self::rpush) does, but only to a list that is there; the length
    /// afterwards, or 0. `RPUSHX`, O(number of elements given).
    fn rpushx<'a>(&'a self, key: impl Into<Key<'a>>, elements: impl IntoArgs<'a>) -> Call<'a, Self, u64> {
        let command = || Ok(RPushX { key: key.into(), elements: some(RPushX::SPEC.name, elements.into_args()?)? });
        Call::mutation(self, command, as_is)
    }

    /// Takes the element at the head, or answers `None` when there is no list. `LPOP`, O(1).
    fn lpop<'a, T: FromValue>(&'a self, key: impl Into<Key<'a>>) -> Call<'a, Self, Option<T>> {
        Call::mutation(self, || Ok(LPop { key: key.into(), count: PopCount(None) }), maybe)
    }

    /// Takes up to `count` elements from the head, the first of the list first. `LPOP`, O(count).
    fn lpop_many<'a, T: FromValue>(&'a self, key: impl Into<Key<'a>>, count: u32) -> Call<'a, Self, Vec<T>> {
        Call::mutation(self, || Ok(LPop { key: key.into(), count: PopCount(Some(count.into())) }), many)
    }

    /// Takes the element at the tail, or answers `None` when there is no list. `RPOP`, O(1).
    fn rpop<'a, T: FromValue>(&'a self, key: impl Into<Key<'a>>) -> Call<'a, Self, Option<T>> {
        Call::mutation(self, || Ok(RPop { key: key.into(), count: PopCount(None) }), maybe)
    }

    /// Takes up to `count` elements from the tail, the last of the list first. `RPOP`, O(count).
    fn rpop_many<'a, T: FromValue>(&'a self, key: impl Into<Key<'a>>, count: u32) -> Call<'a, Self, Vec<T>> {
        Call::mutation(self, || Ok(RPop { key: key.into(), count: PopCount(Some(count.into())) }), many)
    }

    /// Takes up to `count` elements from one end of the first list that is there, and answers its key too; `None` when
    /// there is none. `LMPOP`, O(number of keys + count).
    fn lmpop<'a, T: FromValue>(
        &'a self,
        keys: impl IntoKeys<'a>,
        from: End,
        count: u32,
    ) -> Call<'a, Self, PoppedFrom<T>> {
        let command = || {
            let keys = KeyList(some(LMPop::SPEC.name, keys.into_keys())?);
            Ok(LMPop { keys, from, count: UpTo(count.max(1).into()) })
        };
        Call::mutation(self, command, many_from)
    }

    /// Takes the element at the head of the first list that is there, and waits for one when none is. Its key and the
    /// element, or `None` when nothing came in time; a time of zero waits for ever. `BLPOP`, O(number of keys).
    ///
    /// Who waits first is served first. The future may be dropped while it waits: then it takes nothing.
    fn blpop<'a, T: FromValue>(
        &'a self,
        keys: impl IntoKeys<'a>,
        timeout: Duration,
    ) -> Call<'a, Self, Option<(Value, T)>> {
        let keys = || some(BLPop::SPEC.name, keys.into_keys());
        Call::mutation(self, || Ok(BLPop { wait: Awaited { keys: keys()?, timeout: wait(timeout) } }), one_from)
    }

    /// Takes the element at the tail of the first list that is there, and waits for one when none is. Its key and the
    /// element, or `None` when nothing came in time; a time of zero waits for ever. `BRPOP`, O(number of keys).
    ///
    /// Who waits first is served first. The future may be dropped while it waits: then it takes nothing.
    ///
    /// ```
    /// use std::time::Duration;
    /// use jcache::prelude::*;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> jcache::Result<()> {
    /// let cache = Cache::new();
    /// let worker = tokio::spawn({
    ///     let cache = cache.clone();
    ///     async move { cache.brpop::<String>(["urgent", "jobs"], Duration::from_secs(5)).await }
    /// });
    /// cache.lpush("jobs", "paint the fence").await?;
    /// let (queue, job) = worker.await.expect("it does not panic")?.expect("there is a job");
    /// assert_eq!((queue, &*job), (Value::from("jobs"), "paint the fence"));
    /// # Ok(()) }
    /// ```
    fn brpop<'a, T: FromValue>(
        &'a self,
        keys: impl IntoKeys<'a>,
        timeout: Duration,
    ) -> Call<'a, Self, Option<(Value, T)>> {
        let keys = || some(BRPop::SPEC.name, keys.into_keys());
        Call::mutation(self, || Ok(BRPop { wait: Awaited { keys: keys()?, timeout: wait(timeout) } }), one_from)
    }

    /// Takes elements as [`lmpop`](Self::lmpop) does, and waits for one when there is none: `None` when nothing came in
    /// time; a time of zero waits for ever. `BLMPOP`, O(number of keys + count).
    fn blmpop<'a, T: FromValue>(
        &'a self,
        keys: impl IntoKeys<'a>,
        from: End,
        count: u32,
        timeout: Duration,
    ) -> Call<'a, Self, PoppedFrom<T>> {
        let command = || {
            let keys = KeyList(some(BLMPop::SPEC.name, keys.into_keys())?);
            let count = UpTo(count.max(1).into());
            Ok(BLMPop { wait: AwaitedMany { timeout: wait(timeout), keys, which: from, count } })
        };
        Call::mutation(self, command, many_from)
    }

    /// Moves an element from one end of a list to an end of another, or of the same, and answers it: `None` when there
    /// is no list to take from. `LMOVE`, O(1).
    fn lmove<'a, T: FromValue>(
        &'a self,
        source: impl Into<Key<'a>>,
        destination: impl Into<Key<'a>>,
        from: End,
        to: End,
    ) -> Call<'a, Self, Option<T>> {
        let (source, destination) = (source.into(), destination.into());
        Call::mutation(self, || Ok(LMove { source, destination, from, to }), maybe)
    }

    /// Moves an element as [`lmove`](Self::lmove) does, and waits for one when there is none: `None` when nothing came
    /// in time; a time of zero waits for ever. `BLMOVE`, O(1).
    fn blmove<'a, T: FromValue>(
        &'a self,
        source: impl Into<Key<'a>>,
        destination: impl Into<Key<'a>>,
        from: End,
        to: End,
        timeout: Duration,
    ) -> Call<'a, Self, Option<T>> {
        let (source, destination) = (source.into(), destination.into());
        Call::mutation(self, || Ok(BLMove { source, destination, from, to, timeout: wait(timeout) }), maybe)
    }

    /// Moves the element at the tail of a list to the head of another, or of the same, and answers it: `None` when
    /// there is no list to take from. `RPOPLPUSH`, O(1).
    fn rpoplpush<'a, T: FromValue>(
        &'a self,
        source: impl Into<Key<'a>>,
        destination: impl Into<Key<'a>>,
    ) -> Call<'a, Self, Option<T>> {
        Call::mutation(self, || Ok(RPopLPush { source: source.into(), destination: destination.into() }), maybe)
    }

    /// Moves an element as [`rpoplpush`](Self::rpoplpush) does, and waits for one when there is none: `None` when
    /// nothing came in time; a time of zero waits for ever. `BRPOPLPUSH`, O(1).
    fn brpoplpush<'a, T: FromValue>(
        &'a self,
        source: impl Into<Key<'a>>,
        destination: impl Into<Key<'a>>,
        timeout: Duration,
    ) -> Call<'a, Self, Option<T>> {
        let (source, destination) = (source.into(), destination.into());
        Call::mutation(self, || Ok(BRPopLPush { source, destination, timeout: wait(timeout) }), maybe)
    }

    /// How many elements there are. `LLEN`, O(1).
    fn llen<'a>(&'a self, key: impl Into<Key<'a>>) -> Call<'a, Self, u64> {
        Call::query(self, || Ok(LLen { key: key.into() }), as_is)
    }

    /// The elements from index `start` to `stop`, both included. `LRANGE`, O(start + elements given), where start is a
    /// walk over chunks of 8 KiB.
    fn lrange<'a, T: FromValue>(&'a self, key: impl Into<Key<'a>>, start: i64, stop: i64) -> Call<'a, Self, Vec<T>> {
        Call::query(self, || Ok(LRange { key: key.into(), start, stop }), many)
    }

    /// The element at an index, or `None`. `LINDEX`, O(index), a walk over chunks of 8 KiB.
    fn lindex<'a, T: FromValue>(&'a self, key: impl Into<Key<'a>>, index: i64) -> Call<'a, Self, Option<T>> {
        Call::query(self, || Ok(LIndex { key: key.into(), index: index.to_arg()? }), maybe)
    }

    /// Replaces the element at an index; an error when there is none. `LSET`, O(index), a walk over chunks of 8 KiB.
    fn lset<'a>(&'a self, key: impl Into<Key<'a>>, index: i64, element: impl ToArg<'a>) -> Call<'a, Self, ()> {
        let command = || Ok(LSet { key: key.into(), index: index.to_arg()?, element: element.to_arg()? });
        Call::mutation(self, command, as_is)
    }

    /// Inserts an element next to the first one that equals `pivot`, and says how long the list is then: `None` when
    /// there is no such element. `LINSERT`, O(n).
    fn linsert<'a>(
        &'a self,
        key: impl Into<Key<'a>>,
        side: Side,
        pivot: impl ToArg<'a>,
        element: impl ToArg<'a>,
    ) -> Call<'a, Self, Option<u64>> {
        let command = || Ok(LInsert { key: key.into(), side, pivot: pivot.to_arg()?, element: element.to_arg()? });
        Call::mutation(self, command, |_, reply| Ok(u64::try_from(i64::from_reply(reply)?).ok().filter(|len| *len > 0)))
    }

    /// Removes elements that equal `element`, and says how many: the first `count` of them, with a negative count the
    /// last ones, with 0 all. `LREM`, O(n).
    fn lrem<'a>(&'a self, key: impl Into<Key<'a>>, count: i64, element: impl ToArg<'a>) -> Call<'a, Self, u64> {
        Call::mutation(self, || Ok(LRem { key: key.into(), count, element: element.to_arg()? }), as_is)
    }

    /// Removes all but the elements from index `start` to `stop`, both included. `LTRIM`, O(elements removed).
    fn ltrim<'a>(&'a self, key: impl Into<Key<'a>>, start: i64, stop: i64) -> Call<'a, Self, ()> {
        Call::mutation(self, || Ok(LTrim { key: key.into(), start, stop }), as_is)
    }

    /// The index of the first element that equals `element`, or `None`. `LPOS`, O(n).
    ///
    /// Options: [`rank`](Prepared::rank) says which match to begin with, [`max_len`](Prepared::max_len) how many
    /// elements to look at, and [`all`](Prepared::all) or [`up_to`](Prepared::up_to) ask for several matches.
    ///
    /// ```
    /// use jcache::prelude::*;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> jcache::Result<()> {
    /// let cache = Cache::new();
    /// cache.rpush("word", ["h", "e", "l", "l", "o"]).await?;
    /// assert_eq!(cache.lpos("word", "l").await?, Some(2));
    /// assert_eq!(cache.lpos("word", "l").rank(-1).await?, Some(3));
    /// assert_eq!(cache.lpos("word", "l").all().await?, [2, 3]);
    /// # Ok(()) }
    /// ```
    fn lpos<'a>(
        &'a self,
        key: impl Into<Key<'a>>,
        element: impl ToArg<'a>,
    ) -> Prepared<'a, Self, LPos<'a>, Option<u64>> {
        let command = || Ok(LPos { key: key.into(), element: element.to_arg()?, options: PosOptions::default() });
        Prepared::query(self, command, as_is)
    }
}

/// Which matches are found, and how far to look.
impl<'a, E: ?Sized, O> Prepared<'a, E, LPos<'a>, O> {
    /// The match to begin with: 1 is the first, 2 the second, -1 the last, to be searched from the tail. Zero is an
    /// error.
    pub fn rank(self, rank: i64) -> Self {
        self.try_with(|it| {
            it.options.rank = rank;
            super::args::checked(LPos::SPEC.name, &it.options)
        })
    }

    /// How many elements to look at, at most.
    pub fn max_len(self, len: u32) -> Self {
        self.with(|it| it.options.max_len = len.max(1).into())
    }

    /// All matches.
    pub fn all(self) -> Prepared<'a, E, LPos<'a>, Vec<u64>> {
        self.with(|it| it.options.count = Some(0)).answering(as_listed)
    }

    /// So many matches at most.
    pub fn up_to(self, count: u32) -> Prepared<'a, E, LPos<'a>, Vec<u64>> {
        self.with(|it| it.options.count = Some(count.max(1).into())).answering(as_listed)
    }
}

/// A key and an element that was popped there.
fn one_from<T: FromValue>(_: &Request<'_>, reply: Reply) -> Result<Option<(Value, T)>> {
    let Some((key, value)) = Option::<(Value, Value)>::from_reply(reply)? else { return Ok(None) };
    let value = element(&key, value)?;
    Ok(Some((key, value)))
}

/// A key and the elements that were popped there.
fn many_from<T: FromValue>(_: &Request<'_>, reply: Reply) -> Result<PoppedFrom<T>> {
    let Some((key, values)) = Option::<(Value, Vec<Value>)>::from_reply(reply)? else { return Ok(None) };
    let values = values.into_iter().map(|value| element(&key, value)).collect::<Result<_>>()?;
    Ok(Some((key, values)))
}
