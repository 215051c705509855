//! The methods for sorted sets. The options of ranges and of combined sets have a file each.

mod combine;
mod range;

use std::num::NonZeroU32;
use std::time::Duration;

use jcache_core::command::sorted_set::{
    BZMPop, BZPopMax, BZPopMin, ByLex, ByRank, ByScore, Extreme, Selection, Shown, Span, ZAdd, ZAddOptions, ZCard,
    ZCount, ZDiff, ZDiffStore, ZIncrBy, ZInter, ZInterCard, ZInterStore, ZLexCount, ZMPop, ZMScore, ZPick, ZPopCount,
    ZPopMax, ZPopMin, ZRandMember, ZRange, ZRangeByLex, ZRangeByScore, ZRangeStore, ZRank, ZRem, ZRemRangeByLex,
    ZRemRangeByRank, ZRemRangeByScore, ZRevRange, ZRevRangeByLex, ZRevRangeByScore, ZRevRank, ZScore, ZUnion,
    ZUnionStore,
};
use jcache_core::command::{Awaited, AwaitedMany, KeyList, UpTo};
use jcache_core::reply::Scored;
use jcache_core::{Arg, Command, Key, Outcome, Reply, Request, Result, Value};

use self::combine::sources;
use self::range::{lex_bounds, score_bounds};
use super::answers::{PoppedFrom, count, element, many, maybe, page_of_scored, scored};
use super::args::{IntoArgs, IntoBounds, IntoKeys, IntoScored, checked, number, some, wait};
use super::call::{Call, Prepared, as_is};
use super::pages::{Of, Pages};
use crate::cache::Execute;
use crate::typed::{FromValue, ToArg};

/// Commands of sorted sets, which are unique members in the order of their scores; members of equal score stand in the
/// order of their bytes.
///
/// Ranks count from 0 for the lowest score; negative ones count from the highest, where -1 is. Ranges of scores and of
/// members are Rust's: `1.0..5.0`, `..=5.0`, `..`; see [`IntoBounds`]. A score is never NaN.
///
/// ```
/// use jcache::prelude::*;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> jcache::Result<()> {
/// let cache = Cache::new();
/// cache.zadd("board", [("ada", 90), ("bob", 75), ("eve", 80)]).await?;
/// cache.zincrby("board", "bob", 10.0).await?;
/// let best: Vec<(String, f64)> = cache.zrevrange("board", 0, 1).with_scores().await?;
/// assert_eq!(best, [("ada".to_owned(), 90.0), ("bob".to_owned(), 85.0)]);
/// assert_eq!(cache.zrevrank("board", "eve").await?, Some(2));
/// assert_eq!(cache.zcount("board", 80.0..).await?, 3);
/// # Ok(()) }
/// ```
///
/// # Errors
/// Every method may fail: [wrong type](crate::ErrorKind::WrongType) when a key holds something else,
/// [conversion](crate::ErrorKind::Conversion) when a member is not what is asked for,
/// [too large](crate::ErrorKind::TooLarge) above 512 MiB, [invalid](crate::ErrorKind::Invalid) for a score that is NaN,
/// and what [`Execute`] says of levels.
pub trait SortedSetCommands: Execute {
    /// Adds members with their scores, or gives members other scores, and says how many are new. `ZADD`, O(log n) a
    /// member.
    ///
    /// Options: [`nx`](Prepared::nx) only adds, [`xx`](Prepared::xx) only changes, [`gt`](Prepared::gt) and
    /// [`lt`](Prepared::lt) only raise or lower scores, [`changed`](Prepared::changed) counts members changed, too.
    ///
    /// ```
    /// use jcache::prelude::*;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> jcache::Result<()> {
    /// let cache = Cache::new();
    /// assert_eq!(cache.zadd("best", ("ada", 10.5)).await?, 1);
    /// // Keeps the better of both.
    /// assert_eq!(cache.zadd("best", [("ada", 9.0), ("bob", 7.0)]).gt().changed().await?, 1);
    /// assert_eq!(cache.zscore("best", "ada").await?, Some(10.5));
    /// # Ok(()) }
    /// ```
    fn zadd<'a>(&'a self, key: impl Into<Key<'a>>, members: impl IntoScored<'a>) -> Prepared<'a, Self, ZAdd<'a>, u64> {
        let command = || Ok(ZAdd::plain(key.into(), some(ZAdd::SPEC.name, members.into_scored()?)?));
        Prepared::mutation(self, command, count)
    }

    /// Adds to the score of a member, which starts at 0, and answers the new score: `None` when a condition
    /// ([`nx`](Prepared::nx), [`xx`](Prepared::xx), [`gt`](Prepared::gt), [`lt`](Prepared::lt)) did not hold.
    /// `ZADD … INCR`, O(log n).
    fn zadd_incr<'a>(
        &'a self,
        key: impl Into<Key<'a>>,
        member: impl ToArg<'a>,
        by: impl Into<f64>,
    ) -> Prepared<'a, Self, ZAdd<'a>, Option<f64>> {
        let command = || {
            let options = ZAddOptions { incr: true, ..ZAddOptions::default() };
            Ok(ZAdd { key: key.into(), options, members: vec![(number(by.into())?, member.to_arg()?)] })
        };
        Prepared::mutation(self, command, as_is)
    }

    /// Adds to the score of a member, which starts at 0, and answers the new score. `ZINCRBY`, O(log n).
    fn zincrby<'a>(
        &'a self,
        key: impl Into<Key<'a>>,
        member: impl ToArg<'a>,
        by: impl Into<f64>,
    ) -> Call<'a, Self, f64> {
        let command = || Ok(ZIncrBy { key: key.into(), increment: number(by.into())?, member: member.to_arg()? });
        Call::mutation(self, command, as_is)
    }

    /// Removes members, and says how many there were; the key goes with its last member. `ZREM`, O(log n) a member.
    fn zrem<'a>(&'a self, key: impl Into<Key<'a>>, members: impl IntoArgs<'a>) -> Call<'a, Self, u64> {
        let command = || Ok(ZRem { key: key.into(), members: some(ZRem::SPEC.name, members.into_args()?)? });
        Call::mutation(self, command, as_is)
    }

    /// How many members there are. `ZCARD`, O(1).
    fn zcard<'a>(&'a self, key: impl Into<Key<'a>>) -> Call<'a, Self, u64> {
        Call::query(self, || Ok(ZCard { key: key.into() }), as_is)
    }

    /// How many members have a score in a range. `ZCOUNT`, O(log n).
    fn zcount<'a>(&'a self, key: impl Into<Key<'a>>, scores: impl IntoBounds<f64>) -> Call<'a, Self, u64> {
        let command = || {
            let (min, max) = score_bounds(scores)?;
            Ok(ZCount { key: key.into(), min, max })
        };
        Call::query(self, command, as_is)
    }

    /// How many members are in a range by their bytes, where all scores are equal. `ZLEXCOUNT`, O(log n).
    fn zlexcount<'a>(&'a self, key: impl Into<Key<'a>>, members: impl IntoBounds<Arg<'a>>) -> Call<'a, Self, u64> {
        let (min, max) = lex_bounds(members);
        Call::query(self, || Ok(ZLexCount { key: key.into(), min, max }), as_is)
    }

    /// The score of a member, or `None`. `ZSCORE`, O(1).
    fn zscore<'a>(&'a self, key: impl Into<Key<'a>>, member: impl ToArg<'a>) -> Call<'a, Self, Option<f64>> {
        Call::query(self, || Ok(ZScore { key: key.into(), member: member.to_arg()? }), as_is)
    }

    /// The scores of several members, in the order asked. `ZMSCORE`, O(number of members asked).
    fn zmscore<'a>(&'a self, key: impl Into<Key<'a>>, members: impl IntoArgs<'a>) -> Call<'a, Self, Vec<Option<f64>>> {
        let command = || Ok(ZMScore { key: key.into(), members: some(ZMScore::SPEC.name, members.into_args()?)? });
        Call::query(self, command, as_is)
    }

    /// The rank of a member, or `None`; the lowest score has rank 0. `ZRANK`, O(log n).
    fn zrank<'a>(&'a self, key: impl Into<Key<'a>>, member: impl ToArg<'a>) -> Call<'a, Self, Option<u64>> {
        Call::query(self, || Ok(ZRank { key: key.into(), member: member.to_arg()? }), as_is)
    }

    /// The rank of a member, or `None`; the highest score has rank 0. `ZREVRANK`, O(log n).
    fn zrevrank<'a>(&'a self, key: impl Into<Key<'a>>, member: impl ToArg<'a>) -> Call<'a, Self, Option<u64>> {
        Call::query(self, || Ok(ZRevRank { key: key.into(), member: member.to_arg()? }), as_is)
    }

    /// The members from rank `start` to `stop`, both included, the lowest score first; with
    /// [`with_scores`](Prepared::with_scores), their scores too. `ZRANGE`, O(log n + members given).
    fn zrange<'a, T: FromValue>(
        &'a self,
        key: impl Into<Key<'a>>,
        start: i64,
        stop: i64,
    ) -> Prepared<'a, Self, ZRange<'a>, Vec<T>> {
        let selection = Selection { span: Span::Ranks(start, stop), reverse: false, limit: None };
        let command = || Ok(ZRange { key: key.into(), shown: Shown { selection, with_scores: false } });
        Prepared::query(self, command, many)
    }

    /// The members from rank `start` to `stop`, both included, counted from the highest score, which comes first; with
    /// [`with_scores`](Prepared::with_scores), their scores too. `ZREVRANGE`, O(log n + members given).
    fn zrevrange<'a, T: FromValue>(
        &'a self,
        key: impl Into<Key<'a>>,
        start: i64,
        stop: i64,
    ) -> Prepared<'a, Self, ZRevRange<'a>, Vec<T>> {
        let range = ByRank { first: start, last: stop, with_scores: false };
        Prepared::query(self, || Ok(ZRevRange { key: key.into(), range }), many)
    }

    /// The members with scores in a range, the lowest first; [`with_scores`](Prepared::with_scores) gives their scores
    /// too, [`limit`](Prepared::limit) a part of the range. `ZRANGEBYSCORE`, O(log n + members given).
    ///
    /// ```
    /// use std::ops::Bound;
    /// use jcache::prelude::*;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> jcache::Result<()> {
    /// let cache = Cache::new();
    /// cache.zadd("due", [("a", 1), ("b", 2), ("c", 3), ("d", 4)]).await?;
    /// assert_eq!(cache.zrangebyscore::<String>("due", 2.0..4.0).await?, ["b", "c"]);
    /// assert_eq!(cache.zrangebyscore::<String>("due", ..).limit(1, 2).await?, ["b", "c"]);
    /// let after_two = (Bound::Excluded(2.0), Bound::Unbounded);
    /// assert_eq!(cache.zrangebyscore::<String>("due", after_two).await?, ["c", "d"]);
    /// # Ok(()) }
    /// ```
    fn zrangebyscore<'a, T: FromValue>(
        &'a self,
        key: impl Into<Key<'a>>,
        scores: impl IntoBounds<f64>,
    ) -> Prepared<'a, Self, ZRangeByScore<'a>, Vec<T>> {
        let command = || {
            let (first, last) = score_bounds(scores)?;
            Ok(ZRangeByScore { key: key.into(), range: ByScore { first, last, limit: None, with_scores: false } })
        };
        Prepared::query(self, command, many)
    }

    /// The members with scores in a range, the highest first; [`with_scores`](Prepared::with_scores) gives their scores
    /// too, [`limit`](Prepared::limit) a part of the range. `ZREVRANGEBYSCORE`, O(log n + members given).
    fn zrevrangebyscore<'a, T: FromValue>(
        &'a self,
        key: impl Into<Key<'a>>,
        scores: impl IntoBounds<f64>,
    ) -> Prepared<'a, Self, ZRevRangeByScore<'a>, Vec<T>> {
        let command = || {
            let (last, first) = score_bounds(scores)?;
            Ok(ZRevRangeByScore { key: key.into(), range: ByScore { first, last, limit: None, with_scores: false } })
        };
        Prepared::query(self, command, many)
    }

    /// The members in a range by their bytes, where all scores are equal; [`limit`](Prepared::limit) gives a part of
    /// it. `ZRANGEBYLEX`, O(log n + members given).
    ///
    /// ```
    /// use jcache::prelude::*;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> jcache::Result<()> {
    /// let cache = Cache::new();
    /// cache.zadd("names", [("ada", 0), ("bob", 0), ("eve", 0)]).await?;
    /// assert_eq!(cache.zrangebylex::<String>("names", "b"..).await?, ["bob", "eve"]);
    /// assert_eq!(cache.zrangebylex::<String>("names", "ada".."eve").await?, ["ada", "bob"]);
    /// # Ok(()) }
    /// ```
    fn zrangebylex<'a, T: FromValue>(
        &'a self,
        key: impl Into<Key<'a>>,
        members: impl IntoBounds<Arg<'a>>,
    ) -> Prepared<'a, Self, ZRangeByLex<'a>, Vec<T>> {
        let (first, last) = lex_bounds(members);
        let command = || Ok(ZRangeByLex { key: key.into(), range: ByLex { first, last, limit: None } });
        Prepared::query(self, command, many)
    }

    /// The members in a range by their bytes, the last one first, where all scores are equal;
    /// [`limit`](Prepared::limit) gives a part of it. `ZREVRANGEBYLEX`, O(log n + members given).
    fn zrevrangebylex<'a, T: FromValue>(
        &'a self,
        key: impl Into<Key<'a>>,
        members: impl IntoBounds<Arg<'a>>,
    ) -> Prepared<'a, Self, ZRevRangeByLex<'a>, Vec<T>> {
        let (last, first) = lex_bounds(members);
        let command = || Ok(ZRevRangeByLex { key: key.into(), range: ByLex { first, last, limit: None } });
        Prepared::query(self, command, many)
    }

    /// Stores members of a sorted set under another key, whatever that held, and says how many: all, unless
    /// [`ranks`](Prepared::ranks), [`scores`](Prepared::scores) or [`members`](Prepared::members) says which.
    /// `ZRANGESTORE`, O(log n + m log m), m being the members stored.
    ///
    /// ```
    /// use jcache::prelude::*;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> jcache::Result<()> {
    /// let cache = Cache::new();
    /// cache.zadd("board", [("ada", 90), ("bob", 75), ("eve", 80)]).await?;
    /// assert_eq!(cache.zrangestore("top", "board").ranks(0, 1).rev().await?, 2);
    /// assert_eq!(cache.zrange::<String>("top", 0, -1).await?, ["eve", "ada"]);
    /// # Ok(()) }
    /// ```
    fn zrangestore<'a>(
        &'a self,
        destination: impl Into<Key<'a>>,
        source: impl Into<Key<'a>>,
    ) -> Prepared<'a, Self, ZRangeStore<'a>, u64> {
        let (destination, source) = (destination.into(), source.into());
        Prepared::mutation(self, || Ok(ZRangeStore { destination, source, selection: Selection::ALL }), as_is)
    }

    /// Removes the members from rank `start` to `stop`, both included, and says how many. `ZREMRANGEBYRANK`,
    /// O(log n + members removed).
    fn zremrangebyrank<'a>(&'a self, key: impl Into<Key<'a>>, start: i64, stop: i64) -> Call<'a, Self, u64> {
        Call::mutation(self, || Ok(ZRemRangeByRank { key: key.into(), start, stop }), as_is)
    }

    /// Removes the members with scores in a range, and says how many. `ZREMRANGEBYSCORE`, O(log n + members removed).
    fn zremrangebyscore<'a>(&'a self, key: impl Into<Key<'a>>, scores: impl IntoBounds<f64>) -> Call<'a, Self, u64> {
        let command = || {
            let (min, max) = score_bounds(scores)?;
            Ok(ZRemRangeByScore { key: key.into(), min, max })
        };
        Call::mutation(self, command, as_is)
    }

    /// Removes the members in a range by their bytes, where all scores are equal, and says how many.
    /// `ZREMRANGEBYLEX`, O(log n + members removed).
    fn zremrangebylex<'a>(&'a self, key: impl Into<Key<'a>>, members: impl IntoBounds<Arg<'a>>) -> Call<'a, Self, u64> {
        let (min, max) = lex_bounds(members);
        Call::mutation(self, || Ok(ZRemRangeByLex { key: key.into(), min, max }), as_is)
    }

    /// Takes the member with the lowest score, and answers it with its score: `None` when there is none.
    /// `ZPOPMIN`, O(log n).
    fn zpopmin<'a, T: FromValue>(&'a self, key: impl Into<Key<'a>>) -> Call<'a, Self, Option<(T, f64)>> {
        Call::mutation(self, || Ok(ZPopMin { key: key.into(), count: ZPopCount(None) }), first_scored)
    }

    /// Takes up to `count` members with the lowest scores, the lowest first. `ZPOPMIN`, O(log n) a member.
    fn zpopmin_many<'a, T: FromValue>(&'a self, key: impl Into<Key<'a>>, count: u32) -> Call<'a, Self, Vec<(T, f64)>> {
        Call::mutation(self, || Ok(ZPopMin { key: key.into(), count: ZPopCount(Some(count.into())) }), scored)
    }

    /// Takes the member with the highest score, and answers it with its score: `None` when there is none.
    /// `ZPOPMAX`, O(log n).
    fn zpopmax<'a, T: FromValue>(&'a self, key: impl Into<Key<'a>>) -> Call<'a, Self, Option<(T, f64)>> {
        Call::mutation(self, || Ok(ZPopMax { key: key.into(), count: ZPopCount(None) }), first_scored)
    }

    /// Takes up to `count` members with the highest scores, the highest first. `ZPOPMAX`, O(log n) a member.
    fn zpopmax_many<'a, T: FromValue>(&'a self, key: impl Into<Key<'a>>, count: u32) -> Call<'a, Self, Vec<(T, f64)>> {
        Call::mutation(self, || Ok(ZPopMax { key: key.into(), count: ZPopCount(Some(count.into())) }), scored)
    }

    /// Takes up to `count` members with the lowest or highest scores from the first sorted set that is there, and
    /// answers its key too: `None` when there is none. `ZMPOP`, O(number of keys + count · log n).
    fn zmpop<'a, T: FromValue>(
        &'a self,
        keys: impl IntoKeys<'a>,
        which: Extreme,
        count: u32,
    ) -> Call<'a, Self, PoppedFrom<(T, f64)>> {
        let command = || {
            let keys = KeyList(some(ZMPop::SPEC.name, keys.into_keys())?);
            Ok(ZMPop { keys, which, count: UpTo(count.max(1).into()) })
        };
        Call::mutation(self, command, many_from)
    }

    /// Takes the member with the lowest score of the first sorted set that is there, and waits for one when none is.
    /// Its key, the member and its score, or `None` when nothing came in time; a time of zero waits for ever.
    /// `BZPOPMIN`, O(number of keys + log n).
    ///
    /// Who waits first is served first. The future may be dropped while it waits: then it takes nothing.
    fn bzpopmin<'a, T: FromValue>(
        &'a self,
        keys: impl IntoKeys<'a>,
        timeout: Duration,
    ) -> Call<'a, Self, Option<(Value, T, f64)>> {
        let keys = || some(BZPopMin::SPEC.name, keys.into_keys());
        Call::mutation(self, || Ok(BZPopMin { wait: Awaited { keys: keys()?, timeout: wait(timeout) } }), one_from)
    }

    /// Takes the member with the highest score, as [`bzpopmin`](Self::bzpopmin) takes the one with the lowest.
    /// `BZPOPMAX`, O(number of keys + log n).
    fn bzpopmax<'a, T: FromValue>(
        &'a self,
        keys: impl IntoKeys<'a>,
        timeout: Duration,
    ) -> Call<'a, Self, Option<(Value, T, f64)>> {
        let keys = || some(BZPopMax::SPEC.name, keys.into_keys());
        Call::mutation(self, || Ok(BZPopMax { wait: Awaited { keys: keys()?, timeout: wait(timeout) } }), one_from)
    }

    /// Takes members as [`zmpop`](Self::zmpop) does, and waits for one when there is none: `None` when nothing came in
    /// time; a time of zero waits for ever. `BZMPOP`, O(number of keys + count · log n).
    fn bzmpop<'a, T: FromValue>(
        &'a self,
        keys: impl IntoKeys<'a>,
        which: Extreme,
        count: u32,
        timeout: Duration,
    ) -> Call<'a, Self, PoppedFrom<(T, f64)>> {
        let command = || {
            let keys = KeyList(some(BZMPop::SPEC.name, keys.into_keys())?);
            let count = UpTo(count.max(1).into());
            Ok(BZMPop { wait: AwaitedMany { timeout: wait(timeout), keys, which, count } })
        };
        Call::mutation(self, command, many_from)
    }

    /// A member picked at random, or `None` when there is no such key. `ZRANDMEMBER`, O(log n) in a large set.
    fn zrandmember<'a, T: FromValue>(&'a self, key: impl Into<Key<'a>>) -> Call<'a, Self, Option<T>> {
        let pick = ZPick { count: None, with_scores: false };
        Call::query(self, || Ok(ZRandMember { key: key.into(), pick }), maybe)
    }

    /// Members picked at random: so many different ones, or all; with a negative count that many, which may repeat.
    /// `ZRANDMEMBER`, O(count · log n) in a large set.
    fn zrandmember_many<'a, T: FromValue>(&'a self, key: impl Into<Key<'a>>, count: i64) -> Call<'a, Self, Vec<T>> {
        let pick = ZPick { count: Some(count), with_scores: false };
        Call::query(self, || Ok(ZRandMember { key: key.into(), pick }), many)
    }

    /// Members picked at random as by [`zrandmember_many`](Self::zrandmember_many), with their scores.
    /// `ZRANDMEMBER … WITHSCORES`, O(count · log n) in a large set.
    fn zrandmember_with_scores<'a, T: FromValue>(
        &'a self,
        key: impl Into<Key<'a>>,
        count: i64,
    ) -> Call<'a, Self, Vec<(T, f64)>> {
        let pick = ZPick { count: Some(count), with_scores: true };
        Call::query(self, || Ok(ZRandMember { key: key.into(), pick }), scored)
    }

    /// Goes through the members and their scores page by page. `ZSCAN`, O(count) a page.
    fn zscan<'a, T: FromValue>(&'a self, key: impl Into<Key<'a>>) -> Pages<'a, Self, (T, f64)> {
        Pages::new(self, Of::SortedSet(key.into()), page_of_scored)
    }

    /// The members that are in any of the sets, the lowest score first. `ZUNION`, O(n + m log m), n being the members
    /// of all sets and m those given.
    ///
    /// A score is the sum of a member's scores, unless [`aggregate`](Prepared::aggregate) and
    /// [`weights`](Prepared::weights) say otherwise; with [`with_scores`](Prepared::with_scores) it is given too. A
    /// plain set may stand for a sorted one, with scores of 1.
    ///
    /// ```
    /// use jcache::prelude::*;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> jcache::Result<()> {
    /// let cache = Cache::new();
    /// cache.zadd("mon", [("ada", 3), ("bob", 1)]).await?;
    /// cache.zadd("tue", [("ada", 2), ("eve", 9)]).await?;
    /// let both: Vec<(String, f64)> = cache.zunion(["mon", "tue"]).weights([10, 1]).with_scores().await?;
    /// assert_eq!(both, [("eve".into(), 9.0), ("bob".into(), 10.0), ("ada".into(), 32.0)]);
    /// # Ok(()) }
    /// ```
    fn zunion<'a, T: FromValue>(&'a self, keys: impl IntoKeys<'a>) -> Prepared<'a, Self, ZUnion<'a>, Vec<T>> {
        Prepared::query(self, || Ok(ZUnion { sources: sources(ZUnion::SPEC.name, keys)? }), many)
    }

    /// The members that are in all of the sets, the lowest score first, as [`zunion`](Self::zunion) gives those in
    /// any. `ZINTER`, O(n · number of sets + m log m), n being the members of the smallest set and m those given.
    fn zinter<'a, T: FromValue>(&'a self, keys: impl IntoKeys<'a>) -> Prepared<'a, Self, ZInter<'a>, Vec<T>> {
        Prepared::query(self, || Ok(ZInter { sources: sources(ZInter::SPEC.name, keys)? }), many)
    }

    /// The members of the first set that are in none of the others, the lowest score first; with
    /// [`with_scores`](Prepared::with_scores), their scores too. `ZDIFF`, O(n · number of sets + m log m), n being the
    /// members of the first set and m those given.
    fn zdiff<'a, T: FromValue>(&'a self, keys: impl IntoKeys<'a>) -> Prepared<'a, Self, ZDiff<'a>, Vec<T>> {
        Prepared::query(self, || Ok(ZDiff { sources: sources(ZDiff::SPEC.name, keys)? }), many)
    }

    /// Stores what [`zunion`](Self::zunion) gives, whatever the destination held, and says how many members there are.
    /// `ZUNIONSTORE`.
    fn zunionstore<'a>(
        &'a self,
        destination: impl Into<Key<'a>>,
        keys: impl IntoKeys<'a>,
    ) -> Prepared<'a, Self, ZUnionStore<'a>, u64> {
        let command =
            || Ok(ZUnionStore { destination: destination.into(), sources: sources(ZUnionStore::SPEC.name, keys)? });
        Prepared::mutation(self, command, as_is)
    }

    /// Stores what [`zinter`](Self::zinter) gives, whatever the destination held, and says how many members there are.
    /// `ZINTERSTORE`.
    fn zinterstore<'a>(
        &'a self,
        destination: impl Into<Key<'a>>,
        keys: impl IntoKeys<'a>,
    ) -> Prepared<'a, Self, ZInterStore<'a>, u64> {
        let command =
            || Ok(ZInterStore { destination: destination.into(), sources: sources(ZInterStore::SPEC.name, keys)? });
        Prepared::mutation(self, command, as_is)
    }

    /// Stores what [`zdiff`](Self::zdiff) gives, whatever the destination held, and says how many members there are.
    /// `ZDIFFSTORE`.
    fn zdiffstore<'a>(&'a self, destination: impl Into<Key<'a>>, keys: impl IntoKeys<'a>) -> Call<'a, Self, u64> {
        let command =
            || Ok(ZDiffStore { destination: destination.into(), sources: sources(ZDiffStore::SPEC.name, keys)? });
        Call::mutation(self, command, as_is)
    }

    /// How many members are in all of the sets, counted up to a limit if one is given. `ZINTERCARD`, O(n · number of
    /// sets), n being the members of the smallest set.
    fn zintercard<'a>(&'a self, keys: impl IntoKeys<'a>, limit: Option<NonZeroU32>) -> Call<'a, Self, u64> {
        let command = || {
            let mut sources = sources(ZInterCard::SPEC.name, keys)?;
            combine::change(&mut sources, |options| options.limit = limit.map_or(0, |limit| limit.get().into()));
            Ok(ZInterCard { sources })
        };
        Call::query(self, command, as_is)
    }
}

/// Adds a condition; refuses those that exclude each other, as Redis does.
fn when(command: &mut ZAdd<'_>, set: impl FnOnce(&mut ZAddOptions)) -> Result<()> {
    set(&mut command.options);
    // Redis reads the options together with what follows them.
    checked(ZAdd::SPEC.name, &(command.options, (0.0, 0.0)))
}

/// Conditions, each of which may be refused by one member and not by another; those that exclude each other are an
/// error.
impl<'a, E: ?Sized, O> Prepared<'a, E, ZAdd<'a>, O> {
    /// Only adds members, and changes none.
    pub fn nx(self) -> Self {
        self.try_with(|it| when(it, |options| options.nx = true))
    }

    /// Only changes members, and adds none.
    pub fn xx(self) -> Self {
        self.try_with(|it| when(it, |options| options.xx = true))
    }

    /// Changes a member only to a higher score; members that are new are added.
    pub fn gt(self) -> Self {
        self.try_with(|it| when(it, |options| options.gt = true))
    }

    /// Changes a member only to a lower score; members that are new are added.
    pub fn lt(self) -> Self {
        self.try_with(|it| when(it, |options| options.lt = true))
    }
}

impl<'a, E: ?Sized> Prepared<'a, E, ZAdd<'a>, u64> {
    /// Counts the members that are new or get another score, not only the new ones.
    pub fn changed(self) -> Self {
        self.with(|it| it.options.ch = true)
    }
}

/// The one member that was popped, if there was one.
fn first_scored<T: FromValue>(request: &Request<'_>, reply: Reply) -> Result<Option<(T, f64)>> {
    Ok(scored(request, reply)?.into_iter().next())
}

/// A key, a member that was popped there, and its score.
fn one_from<T: FromValue>(_: &Request<'_>, reply: Reply) -> Result<Option<(Value, T, f64)>> {
    let Some((key, member, score)) = Option::<(Value, Value, f64)>::from_reply(reply)? else { return Ok(None) };
    let member = element(&key, member)?;
    Ok(Some((key, member, score)))
}

/// A key and the members that were popped there, with their scores.
fn many_from<T: FromValue>(_: &Request<'_>, reply: Reply) -> Result<PoppedFrom<(T, f64)>> {
    let Some((key, Scored(members))) = Option::<(Value, Scored)>::from_reply(reply)? else { return Ok(None) };
    let members = members.into_iter().map(|(member, score)| Ok((element(&key, member)?, score)));
    let members = members.collect::<Result<_>>()?;
    Ok(Some((key, members)))
}
