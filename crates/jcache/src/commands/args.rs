//! What methods take: one or several keys or values, ranges, and times.

use std::collections::{BTreeMap, HashMap};
use std::ops::{Bound, Range, RangeFrom, RangeFull, RangeInclusive, RangeTo, RangeToInclusive};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use jcache_core::command::key::NewTime;
use jcache_core::command::list::PosOptions;
use jcache_core::command::sorted_set::{Selection, ZAddOptions};
use jcache_core::command::{Field, Timeout};
use jcache_core::{Arg, Args, Error, Key, Result, Value};

use crate::typed::ToArg;

/// The items of any iterator as several keys or values: arrays, vectors and slices need no such wrapper.
///
/// ```
/// use jcache::commands::Each;
/// use jcache::prelude::*;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> jcache::Result<()> {
/// let cache = Cache::new();
/// cache.sadd("even", Each((0..10).step_by(2))).await?;
/// assert_eq!(cache.scard("even").await?, 5);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Each<I>(pub I);

/// One key or several: anything that is a [`Key`], an array, vector or slice of such, or [`Each`] of an iterator.
pub trait IntoKeys<'a> {
    /// The keys in order.
    fn into_keys(self) -> Vec<Key<'a>>;
}

/// One value or several: anything that is [`ToArg`], an array, vector or slice of such, or [`Each`] of an iterator.
///
/// Bytes are one value: a `Vec<u8>` is not several numbers.
pub trait IntoArgs<'a> {
    /// The values in order.
    ///
    /// # Errors
    /// Conversion, when a value cannot be stored.
    fn into_args(self) -> Result<Vec<Arg<'a>>>;
}

impl<'a, T: ToArg<'a>> IntoArgs<'a> for T {
    fn into_args(self) -> Result<Vec<Arg<'a>>> {
        Ok(vec![self.to_arg()?])
    }
}

impl<'a, T: ToArg<'a>, const N: usize> IntoArgs<'a> for [T; N] {
    fn into_args(self) -> Result<Vec<Arg<'a>>> {
        self.into_iter().map(ToArg::to_arg).collect()
    }
}

impl<'a, I: IntoIterator<Item: ToArg<'a>>> IntoArgs<'a> for Each<I> {
    fn into_args(self) -> Result<Vec<Arg<'a>>> {
        self.0.into_iter().map(ToArg::to_arg).collect()
    }
}

impl<'a, K: Into<Key<'a>>, const N: usize> IntoKeys<'a> for [K; N] {
    fn into_keys(self) -> Vec<Key<'a>> {
        self.into_iter().map(Into::into).collect()
    }
}

impl<'a, I: IntoIterator<Item: Into<Key<'a>>>> IntoKeys<'a> for Each<I> {
    fn into_keys(self) -> Vec<Key<'a>> {
        self.0.into_iter().map(Into::into).collect()
    }
}

macro_rules! one_key {
    ($($Type:ty),* $(,)?) => {$(
        impl<'a> IntoKeys<'a> for $Type {
            fn into_keys(self) -> Vec<Key<'a>> { vec![self.into()] }
        }
    )*};
}
one_key! {
    Key<'a>, &'a Key<'_>, Arg<'a>, &'a str, &'a String, &'a [u8], &'a Vec<u8>, &'a Value, &'a Bytes, String, Value, Bytes,
}

impl<'a, const N: usize> IntoKeys<'a> for &'a [u8; N] {
    fn into_keys(self) -> Vec<Key<'a>> {
        vec![self.into()]
    }
}

// Not for all types at once: a `Vec<u8>` and a `&[u8]` are one value.
macro_rules! owned_lists {
    ($($Type:ty),* $(,)?) => {$(
        impl<'a> IntoKeys<'a> for Vec<$Type> {
            fn into_keys(self) -> Vec<Key<'a>> { self.into_iter().map(Into::into).collect() }
        }
        impl<'a> IntoKeys<'a> for &'a Vec<$Type> {
            fn into_keys(self) -> Vec<Key<'a>> { self.iter().map(Into::into).collect() }
        }
        impl<'a> IntoKeys<'a> for &'a [$Type] {
            fn into_keys(self) -> Vec<Key<'a>> { self.iter().map(Into::into).collect() }
        }
        impl<'a> IntoArgs<'a> for Vec<$Type> {
            fn into_args(self) -> Result<Vec<Arg<'a>>> { Ok(self.into_iter().map(Into::into).collect()) }
        }
        impl<'a> IntoArgs<'a> for &'a Vec<$Type> {
            fn into_args(self) -> Result<Vec<Arg<'a>>> { Ok(self.iter().map(Into::into).collect()) }
        }
        impl<'a> IntoArgs<'a> for &'a [$Type] {
            fn into_args(self) -> Result<Vec<Arg<'a>>> { Ok(self.iter().map(Into::into).collect()) }
        }
    )*};
}
owned_lists!(String, Vec<u8>, Value, Bytes);

macro_rules! borrowed_lists {
    ($($Type:ty),* $(,)?) => {$(
        impl<'a> IntoKeys<'a> for Vec<$Type> {
            fn into_keys(self) -> Vec<Key<'a>> { self.into_iter().map(Into::into).collect() }
        }
        impl<'a> IntoKeys<'a> for &[$Type] {
            fn into_keys(self) -> Vec<Key<'a>> { self.iter().map(|it| (*it).into()).collect() }
        }
        impl<'a> IntoArgs<'a> for Vec<$Type> {
            fn into_args(self) -> Result<Vec<Arg<'a>>> { Ok(self.into_iter().map(Into::into).collect()) }
        }
        impl<'a> IntoArgs<'a> for &[$Type] {
            fn into_args(self) -> Result<Vec<Arg<'a>>> { Ok(self.iter().map(|it| (*it).into()).collect()) }
        }
    )*};
}
borrowed_lists!(&'a str, &'a String, &'a [u8]);

macro_rules! number_lists {
    ($($Type:ty),* $(,)?) => {$(
        impl<'a> IntoArgs<'a> for Vec<$Type> {
            fn into_args(self) -> Result<Vec<Arg<'a>>> { Each(self).into_args() }
        }
        impl<'a> IntoArgs<'a> for &[$Type] {
            fn into_args(self) -> Result<Vec<Arg<'a>>> { Each(self.iter().copied()).into_args() }
        }
    )*};
}
number_lists!(i16, i32, i64, i128, isize, u16, u32, u64, u128, usize, f32, f64);

/// Refuses to send the command `name` without what it is about, with Redis's error.
pub(super) fn some<T>(name: &str, items: Vec<T>) -> Result<Vec<T>> {
    if items.is_empty() { Err(Error::arity(name)) } else { Ok(items) }
}

/// Members with their scores: one pair, an array or vector of pairs, a map, or [`Each`] of an iterator.
pub trait IntoScored<'a> {
    /// Scores and members, as commands have them.
    ///
    /// # Errors
    /// Conversion, when a member cannot be stored; not a valid float, for a score that is NaN.
    fn into_scored(self) -> Result<Vec<(f64, Arg<'a>)>>;
}

fn scores<'a, M: ToArg<'a>, S: Into<f64>>(members: impl IntoIterator<Item = (M, S)>) -> Result<Vec<(f64, Arg<'a>)>> {
    members.into_iter().map(|(member, score)| Ok((number(score.into())?, member.to_arg()?))).collect()
}

impl<'a, M: ToArg<'a>, S: Into<f64>> IntoScored<'a> for (M, S) {
    fn into_scored(self) -> Result<Vec<(f64, Arg<'a>)>> {
        scores([self])
    }
}

macro_rules! scored_lists {
    ($([$($param:tt)*] $Type:ty => $it:ident $items:expr),* $(,)?) => {$(
        impl<'a, M: ToArg<'a>, S: Into<f64>, $($param)*> IntoScored<'a> for $Type {
            fn into_scored(self) -> Result<Vec<(f64, Arg<'a>)>> {
                let $it = self;
                scores($items)
            }
        }
    )*};
}
scored_lists! {
    [const N: usize] [(M, S); N] => it it,
    [] Vec<(M, S)> => it it,
    [H] HashMap<M, S, H> => it it,
    [] BTreeMap<M, S> => it it,
    [I: IntoIterator<Item = (M, S)>] Each<I> => it it.0,
}

/// A range whose ends convert to `T`: any range of Rust, with either end left out, in or open.
///
/// | Redis | Rust |
/// | --- | --- |
/// | `1 5` | `1.0..=5.0` |
/// | `1 (5` | `1.0..5.0` |
/// | `-inf +inf`, `- +` | `..` |
/// | `(1 +inf` | `(Bound::Excluded(1.0), Bound::Unbounded)` |
/// | `[a (c` | `"a".."c"` |
pub trait IntoBounds<T> {
    /// The lower and the upper end.
    fn into_bounds(self) -> (Bound<T>, Bound<T>);
}

impl<T> IntoBounds<T> for RangeFull {
    fn into_bounds(self) -> (Bound<T>, Bound<T>) {
        (Bound::Unbounded, Bound::Unbounded)
    }
}

macro_rules! bounds {
    ($($Range:ident { $range:pat => $low:expr, $high:expr })*) => {$(
        impl<T, U: Into<T>> IntoBounds<T> for $Range<U> {
            fn into_bounds(self) -> (Bound<T>, Bound<T>) {
                let $range = self;
                ($low, $high)
            }
        }
    )*};
}
bounds! {
    Range { Range { start, end } => Bound::Included(start.into()), Bound::Excluded(end.into()) }
    RangeFrom { RangeFrom { start } => Bound::Included(start.into()), Bound::Unbounded }
    RangeTo { RangeTo { end } => Bound::Unbounded, Bound::Excluded(end.into()) }
    RangeToInclusive { RangeToInclusive { end } => Bound::Unbounded, Bound::Included(end.into()) }
}

impl<T, U: Into<T>> IntoBounds<T> for RangeInclusive<U> {
    fn into_bounds(self) -> (Bound<T>, Bound<T>) {
        let (start, end) = self.into_inner();
        (Bound::Included(start.into()), Bound::Included(end.into()))
    }
}

impl<T, U: Into<T>> IntoBounds<T> for (Bound<U>, Bound<U>) {
    fn into_bounds(self) -> (Bound<T>, Bound<T>) {
        (self.0.map(Into::into), self.1.map(Into::into))
    }
}

/// Whole milliseconds, rounded up so that a short time is not none; more than 64 bits of them are refused later, as
/// Redis refuses them.
pub(super) fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_nanos().div_ceil(1_000_000)).unwrap_or(i64::MAX)
}

/// Milliseconds since the epoch; negative before it.
pub(super) fn epoch_millis(time: SystemTime) -> i64 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => millis(since),
        Err(before) => -millis(before.duration()),
    }
}

/// How long a blocking command waits: zero is for ever, as in Redis.
pub(super) fn wait(time: Duration) -> Timeout {
    if time.is_zero() { Timeout::FOREVER } else { time.into() }
}

/// A score or an increment, which must be a number.
pub(super) fn number(score: f64) -> Result<f64> {
    if score.is_nan() { Err(Error::not_a_float()) } else { Ok(score) }
}

/// Options that were put together by hand, as the command `name` would read them: refused where Redis refuses them.
pub(super) fn checked<'a, T: Field<'a> + Reread>(name: &'static str, options: &T) -> Result<()> {
    let mut written: Vec<Value> = Vec::new();
    options.write(&mut written);
    let args: Vec<Arg<'_>> = written.iter().map(Arg::from).collect();
    T::reread(&mut Args::new(name, &args))
}

/// Reading options whatever the lifetime of their arguments.
pub(super) trait Reread {
    fn reread(args: &mut Args<'_>) -> Result<()>;
}

macro_rules! reread {
    ($($Type:ty => $Read:ty),* $(,)?) => {$(
        impl Reread for $Type {
            fn reread(args: &mut Args<'_>) -> Result<()> { <$Read as Field<'_>>::parse(args).map(drop) }
        }
    )*};
}
reread! {
    NewTime => NewTime, PosOptions => PosOptions, (ZAddOptions, (f64, f64)) => (ZAddOptions, (f64, f64)),
    Selection<'_> => Selection<'_>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys<'a>(keys: impl IntoKeys<'a>) -> Vec<String> {
        keys.into_keys().iter().map(|key| String::from_utf8_lossy(key).into_owned()).collect()
    }

    fn args<'a>(args: impl IntoArgs<'a>) -> Vec<String> {
        let args = args.into_args().expect("they can be stored");
        args.iter().map(|arg| String::from_utf8_lossy(arg).into_owned()).collect()
    }

    #[test]
    fn one_and_several_are_taken_alike() {
        let owned = vec!["a".to_owned(), "b".to_owned()];
        assert_eq!(keys("a"), ["a"]);
        assert_eq!(keys(b"ab"), ["ab"]);
        assert_eq!(keys(["a", "b"]), ["a", "b"]);
        assert_eq!(keys(&owned), ["a", "b"]);
        assert_eq!(keys(&owned[1..]), ["b"]);
        assert_eq!(keys(&["a", "b"][..]), ["a", "b"]);
        assert_eq!(keys(Each(owned.iter().rev())), ["b", "a"]);
        assert_eq!(keys(owned.clone()), ["a", "b"]);
        assert_eq!(args(1), ["1"]);
        assert_eq!(args(b"ab".to_vec()), ["ab"], "bytes are one value");
        assert_eq!(args(&b"ab"[..]), ["ab"], "bytes are one value");
        assert_eq!(args([1.5, 2.0]), ["1.5", "2"]);
        assert_eq!(args(vec![1u64, 2]), ["1", "2"]);
        assert_eq!(args(&owned), ["a", "b"]);
        assert_eq!(args(Each((0..3).map(|n| n * n))), ["0", "1", "4"]);
    }

    #[test]
    fn every_range_has_bounds() {
        use Bound::{Excluded, Included, Unbounded};
        fn of(range: impl IntoBounds<f64>) -> (Bound<f64>, Bound<f64>) {
            range.into_bounds()
        }
        assert_eq!(of(1..5), (Included(1.0), Excluded(5.0)));
        assert_eq!(of(1.5..=5.0), (Included(1.5), Included(5.0)));
        assert_eq!(of(..5.0), (Unbounded, Excluded(5.0)));
        assert_eq!(of(..=5.0), (Unbounded, Included(5.0)));
        assert_eq!(of(5.0..), (Included(5.0), Unbounded));
        assert_eq!(of(..), (Unbounded, Unbounded));
        assert_eq!(of((Excluded(1.0), Unbounded)), (Excluded(1.0), Unbounded));
    }

    #[test]
    fn times_are_milliseconds_rounded_up() {
        assert_eq!(millis(Duration::ZERO), 0);
        assert_eq!(millis(Duration::from_nanos(1)), 1);
        assert_eq!(millis(Duration::from_micros(1_001)), 2);
        assert_eq!(millis(Duration::MAX), i64::MAX);
        assert_eq!(epoch_millis(UNIX_EPOCH + Duration::from_secs(1)), 1000);
        assert_eq!(epoch_millis(UNIX_EPOCH - Duration::from_secs(1)), -1000);
    }
}
