//! The methods for hashes.

use jcache_core::command::hash::{
    FieldPicks, HDel, HExists, HGet, HGetAll, HIncrBy, HIncrByFloat, HKeys, HLen, HMGet, HRandField, HSet, HSetNx,
    HStrLen, HVals,
};
use jcache_core::reply::Fields;
use jcache_core::{Command, Key, Outcome, Query, Reply, Request, Result, Value};

use super::answers::{key, many, maybe, one, page_of_pairs, pairs, places};
use super::args::{IntoArgs, some};
use super::call::{Call, as_is};
use super::pages::{Of, Pages};
use crate::cache::Execute;
use crate::typed::{FromFields, FromValue, IntoFields, ToArg};

/// Commands of hashes, which are fields with values.
///
/// ```
/// use std::collections::HashMap;
/// use jcache::prelude::*;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> jcache::Result<()> {
/// let cache = Cache::new();
/// cache.hset("stock", [("tea", 3), ("milk", 1)]).await?;
/// cache.hincrby("stock", "tea", -1).await?;
/// assert_eq!(cache.hget::<u32>("stock", "tea").await?, Some(2));
/// let stock: Option<HashMap<String, u32>> = cache.hgetall("stock").await?;
/// assert_eq!(stock.map(|it| it.len()), Some(2));
/// # Ok(()) }
/// ```
///
/// # Errors
/// Every method may fail: [wrong type](crate::ErrorKind::WrongType) when the key holds something else,
/// [conversion](crate::ErrorKind::Conversion) when a value is not what is asked for,
/// [too large](crate::ErrorKind::TooLarge) above 512 MiB, and what [`Execute`] says of levels.
pub trait HashCommands: Execute {
    /// The value of a field, or `None`. `HGET`, O(1).
    fn hget<'a, T: FromValue>(&'a self, key: impl Into<Key<'a>>, field: impl ToArg<'a>) -> Call<'a, Self, Option<T>> {
        Call::query(self, || Ok(HGet { key: key.into(), field: field.to_arg()? }), field_value)
    }

    /// Sets fields, and says how many are new. They are a pair, an array, a vector or a map of pairs, or a serde
    /// struct as [`Struct`](crate::typed::Struct). `HSET`, O(number of fields given).
    ///
    /// ```
    /// use jcache::prelude::*;
    ///
    /// #[derive(serde::Serialize)]
    /// struct User<'a> { name: &'a str, born: u16 }
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> jcache::Result<()> {
    /// let cache = Cache::new();
    /// cache.hset("user:1", Struct(User { name: "Ada", born: 1815 })).await?;
    /// cache.hset("user:1", ("admin", true)).await?;
    /// assert_eq!(cache.hlen("user:1").await?, 3);
    /// # Ok(()) }
    /// ```
    fn hset<'a>(&'a self, key: impl Into<Key<'a>>, fields: impl IntoFields<'a>) -> Call<'a, Self, u64> {
        let command = || Ok(HSet { key: key.into(), pairs: some(HSet::SPEC.name, fields.into_fields()?)? });
        Call::mutation(self, command, as_is)
    }

    /// Sets a field unless it is there, and says whether it did. `HSETNX`, O(1).
    fn hset_nx<'a>(
        &'a self,
        key: impl Into<Key<'a>>,
        field: impl ToArg<'a>,
        value: impl ToArg<'a>,
    ) -> Call<'a, Self, bool> {
        Call::mutation(self, || Ok(HSetNx { key: key.into(), field: field.to_arg()?, value: value.to_arg()? }), as_is)
    }

    /// The values of fields in the order asked, with `None` for each that is absent. `HMGET`, O(number of fields
    /// asked).
    fn hmget<'a, T: FromValue>(
        &'a self,
        key: impl Into<Key<'a>>,
        fields: impl IntoArgs<'a>,
    ) -> Call<'a, Self, Vec<Option<T>>> {
        Call::query(
            self,
            || Ok(HMGet { key: key.into(), fields: some(HMGet::SPEC.name, fields.into_args()?)? }),
            places,
        )
    }

    /// All fields and values: as a list of pairs, a map, or a serde struct in a [`Struct`](crate::typed::Struct).
    /// `None` when there is no such key. `HGETALL`, O(number of fields).
    ///
    /// ```
    /// use jcache::prelude::*;
    ///
    /// #[derive(serde::Deserialize, Debug, PartialEq)]
    /// struct User { name: String, born: u16 }
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> jcache::Result<()> {
    /// let cache = Cache::new();
    /// cache.hset("user:1", [("name", "Ada"), ("born", "1815")]).await?;
    /// let user: Option<Struct<User>> = cache.hgetall("user:1").await?;
    /// assert_eq!(user, Some(Struct(User { name: "Ada".into(), born: 1815 })));
    /// assert_eq!(cache.hgetall::<Struct<User>>("user:2").await?, None);
    /// # Ok(()) }
    /// ```
    fn hgetall<'a, T: FromFields>(&'a self, key: impl Into<Key<'a>>) -> Call<'a, Self, Option<T>> {
        Call::query(self, || Ok(HGetAll { key: key.into() }), whole)
    }

    /// Whether there is such a field. `HEXISTS`, O(1).
    fn hexists<'a>(&'a self, key: impl Into<Key<'a>>, field: impl ToArg<'a>) -> Call<'a, Self, bool> {
        Call::query(self, || Ok(HExists { key: key.into(), field: field.to_arg()? }), as_is)
    }

    /// Removes fields, and says how many there were; the key goes with its last field. `HDEL`, O(number of fields
    /// given).
    fn hdel<'a>(&'a self, key: impl Into<Key<'a>>, fields: impl IntoArgs<'a>) -> Call<'a, Self, u64> {
        Call::mutation(
            self,
            || Ok(HDel { key: key.into(), fields: some(HDel::SPEC.name, fields.into_args()?)? }),
            as_is,
        )
    }

    /// How many fields there are. `HLEN`, O(1).
    fn hlen<'a>(&'a self, key: impl Into<Key<'a>>) -> Call<'a, Self, u64> {
        Call::query(self, || Ok(HLen { key: key.into() }), as_is)
    }

    /// The length of the value of a field in bytes; 0 when there is none. `HSTRLEN`, O(1).
    fn hstrlen<'a>(&'a self, key: impl Into<Key<'a>>, field: impl ToArg<'a>) -> Call<'a, Self, u64> {
        Call::query(self, || Ok(HStrLen { key: key.into(), field: field.to_arg()? }), as_is)
    }

    /// All fields without their values, in no particular order. `HKEYS`, O(number of fields).
    fn hkeys<'a, T: FromValue>(&'a self, key: impl Into<Key<'a>>) -> Call<'a, Self, Vec<T>> {
        Call::query(self, || Ok(HKeys { key: key.into() }), many)
    }

    /// All values without their fields, in the order in which [`hkeys`](Self::hkeys) gives those.
    /// `HVALS`, O(number of fields).
    fn hvals<'a, T: FromValue>(&'a self, key: impl Into<Key<'a>>) -> Call<'a, Self, Vec<T>> {
        Call::query(self, || Ok(HVals { key: key.into() }), many)
    }

    /// Adds to the integer in a field, which starts at 0, and answers the sum; an error when that is no `i64`.
    /// `HINCRBY`, O(1).
    fn hincrby<'a>(&'a self, key: impl Into<Key<'a>>, field: impl ToArg<'a>, by: i64) -> Call<'a, Self, i64> {
        Call::mutation(self, || Ok(HIncrBy { key: key.into(), field: field.to_arg()?, increment: by }), as_is)
    }

    /// Adds to the float in a field, which starts at 0, and answers the sum, which is stored with 17 decimals at most.
    /// `HINCRBYFLOAT`, O(1).
    fn hincrbyfloat<'a>(&'a self, key: impl Into<Key<'a>>, field: impl ToArg<'a>, by: f64) -> Call<'a, Self, f64> {
        let command = || Ok(HIncrByFloat { key: key.into(), field: field.to_arg()?, increment: by.to_arg()? });
        Call::mutation(self, command, one)
    }

    /// A field picked at random, or `None` when there is no such key. `HRANDFIELD`, O(1) in a large hash.
    fn hrandfield<'a, T: FromValue>(&'a self, key: impl Into<Key<'a>>) -> Call<'a, Self, Option<T>> {
        Call::query(self, || Ok(HRandField { key: key.into(), picks: FieldPicks::One }), maybe)
    }

    /// Fields picked at random: so many different ones, or all; with a negative count that many, which may repeat.
    /// `HRANDFIELD`, O(count) in a large hash.
    fn hrandfield_many<'a, T: FromValue>(&'a self, key: impl Into<Key<'a>>, count: i64) -> Call<'a, Self, Vec<T>> {
        Call::query(self, || Ok(HRandField { key: key.into(), picks: FieldPicks::Names(count) }), many)
    }

    /// Fields picked at random as by [`hrandfield_many`](Self::hrandfield_many), with their values.
    /// `HRANDFIELD … WITHVALUES`, O(count) in a large hash.
    fn hrandfield_with_values<'a, F: FromValue, V: FromValue>(
        &'a self,
        key: impl Into<Key<'a>>,
        count: i64,
    ) -> Call<'a, Self, Vec<(F, V)>> {
        Call::query(self, || Ok(HRandField { key: key.into(), picks: FieldPicks::Pairs(count) }), pairs)
    }

    /// Goes through the fields and their values page by page. `HSCAN`, O(count) a page.
    fn hscan<'a, F: FromValue, V: FromValue>(&'a self, key: impl Into<Key<'a>>) -> Pages<'a, Self, (F, V)> {
        Pages::new(self, Of::Hash(key.into()), page_of_pairs)
    }
}

/// The answer of `HGET`; an error names the field too.
fn field_value<T: FromValue>(request: &Request<'_>, reply: Reply) -> Result<Option<T>> {
    let field = if let Request::Query(Query::HGet(command)) = request { Some(&*command.field) } else { None };
    let value = Option::<Value>::from_reply(reply)?;
    value.map(|value| T::from_value(value).map_err(|error| error.at(key(request), field))).transpose()
}

/// The answer of `HGETALL`. There is no empty hash.
fn whole<T: FromFields>(request: &Request<'_>, reply: Reply) -> Result<Option<T>> {
    let fields = Fields::from_reply(reply)?.0;
    if fields.is_empty() { Ok(None) } else { T::from_fields(key(request), fields).map(Some) }
}
