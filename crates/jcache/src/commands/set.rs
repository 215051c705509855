//! The methods for sets.

use std::num::NonZeroU32;

use jcache_core::command::set::{
    NumKeys, PickCount, PopCount, SAdd, SCard, SDiff, SDiffStore, SInter, SInterCard, SInterLimit, SInterStore,
    SIsMember, SMIsMember, SMembers, SMove, SPop, SRandMember, SRem, SUnion, SUnionStore,
};
use jcache_core::{Command, Key};

use super::answers::{many, maybe, page_of_many};
use super::args::{IntoArgs, IntoKeys, some};
use super::call::{Call, as_is};
use super::pages::{Of, Pages};
use crate::cache::Execute;
use crate::typed::{FromValue, ToArg};

/// Commands of sets, which are unique members in no particular order.
///
/// ```
/// use jcache::prelude::*;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> jcache::Result<()> {
/// let cache = Cache::new();
/// cache.sadd("even", [2, 4, 6]).await?;
/// cache.sadd("small", [1, 2, 3, 4]).await?;
/// assert!(cache.sismember("even", 6).await?);
/// let mut both: Vec<u32> = cache.sinter(["even", "small"]).await?;
/// both.sort();
/// assert_eq!(both, [2, 4]);
/// # Ok(()) }
/// ```
///
/// # Errors
/// Every method may fail: [wrong type](crate::ErrorKind::WrongType) when a key holds something else,
/// [conversion](crate::ErrorKind::Conversion) when a member is not what is asked for,
/// [too large](crate::ErrorKind::TooLarge) above 512 MiB, and what [`Execute`] says of levels.
pub trait SetCommands: Execute {
    /// Adds members, and says how many are new. `SADD`, O(number of members given).
    fn sadd<'a>(&'a self, key: impl Into<Key<'a>>, members: impl IntoArgs<'a>) -> Call<'a, Self, u64> {
        Call::mutation(
            self,
            || Ok(SAdd { key: key.into(), members: some(SAdd::SPEC.name, members.into_args()?)? }),
            as_is,
        )
    }

    /// Removes members, and says how many there were; the key goes with its last member. `SREM`, O(number of members
    /// given).
    fn srem<'a>(&'a self, key: impl Into<Key<'a>>, members: impl IntoArgs<'a>) -> Call<'a, Self, u64> {
        Call::mutation(
            self,
            || Ok(SRem { key: key.into(), members: some(SRem::SPEC.name, members.into_args()?)? }),
            as_is,
        )
    }

    /// Whether the set has a member. `SISMEMBER`, O(1).
    fn sismember<'a>(&'a self, key: impl Into<Key<'a>>, member: impl ToArg<'a>) -> Call<'a, Self, bool> {
        Call::query(self, || Ok(SIsMember { key: key.into(), member: member.to_arg()? }), as_is)
    }

    /// Whether the set has each of some members, in the order asked. `SMISMEMBER`, O(number of members asked).
    fn smismember<'a>(&'a self, key: impl Into<Key<'a>>, members: impl IntoArgs<'a>) -> Call<'a, Self, Vec<bool>> {
        Call::query(
            self,
            || Ok(SMIsMember { key: key.into(), members: some(SMIsMember::SPEC.name, members.into_args()?)? }),
            as_is,
        )
    }

    /// All members, in no particular order. `SMEMBERS`, O(number of members).
    fn smembers<'a, T: FromValue>(&'a self, key: impl Into<Key<'a>>) -> Call<'a, Self, Vec<T>> {
        Call::query(self, || Ok(SMembers { key: key.into() }), many)
    }

    /// How many members there are. `SCARD`, O(1).
    fn scard<'a>(&'a self, key: impl Into<Key<'a>>) -> Call<'a, Self, u64> {
        Call::query(self, || Ok(SCard { key: key.into() }), as_is)
    }

    /// Removes a member picked at random and answers it, or `None` when there is no such key. `SPOP`, O(1) in a large
    /// set.
    fn spop<'a, T: FromValue>(&'a self, key: impl Into<Key<'a>>) -> Call<'a, Self, Option<T>> {
        Call::mutation(self, || Ok(SPop { key: key.into(), count: PopCount(None) }), maybe)
    }

    /// Removes so many members picked at random, or all, and answers them. `SPOP`, O(count) in a large set.
    fn spop_many<'a, T: FromValue>(&'a self, key: impl Into<Key<'a>>, count: u32) -> Call<'a, Self, Vec<T>> {
        Call::mutation(self, || Ok(SPop { key: key.into(), count: PopCount(Some(count.into())) }), many)
    }

    /// A member picked at random, or `None` when there is no such key. `SRANDMEMBER`, O(1) in a large set.
    fn srandmember<'a, T: FromValue>(&'a self, key: impl Into<Key<'a>>) -> Call<'a, Self, Option<T>> {
        Call::query(self, || Ok(SRandMember { key: key.into(), count: PickCount(None) }), maybe)
    }

    /// Members picked at random: so many different ones, or all; with a negative count that many, which may repeat.
    /// `SRANDMEMBER`, O(count) in a large set.
    fn srandmember_many<'a, T: FromValue>(&'a self, key: impl Into<Key<'a>>, count: i64) -> Call<'a, Self, Vec<T>> {
        Call::query(self, || Ok(SRandMember { key: key.into(), count: PickCount(Some(count)) }), many)
    }

    /// Moves a member to another set, and says whether it was there. `SMOVE`, O(1).
    fn smove<'a>(
        &'a self,
        source: impl Into<Key<'a>>,
        destination: impl Into<Key<'a>>,
        member: impl ToArg<'a>,
    ) -> Call<'a, Self, bool> {
        let (source, destination) = (source.into(), destination.into());
        Call::mutation(self, || Ok(SMove { source, destination, member: member.to_arg()? }), as_is)
    }

    /// The members that are in all of the sets. `SINTER`, O(members of the smallest set · number of sets).
    fn sinter<'a, T: FromValue>(&'a self, keys: impl IntoKeys<'a>) -> Call<'a, Self, Vec<T>> {
        Call::query(self, || Ok(SInter { keys: some(SInter::SPEC.name, keys.into_keys())? }), many)
    }

    /// The members that are in any of the sets. `SUNION`, O(members of all sets).
    fn sunion<'a, T: FromValue>(&'a self, keys: impl IntoKeys<'a>) -> Call<'a, Self, Vec<T>> {
        Call::query(self, || Ok(SUnion { keys: some(SUnion::SPEC.name, keys.into_keys())? }), many)
    }

    /// The members of the first set that are in none of the others. `SDIFF`, O(members of the first set · number of
    /// sets).
    fn sdiff<'a, T: FromValue>(&'a self, keys: impl IntoKeys<'a>) -> Call<'a, Self, Vec<T>> {
        Call::query(self, || Ok(SDiff { keys: some(SDiff::SPEC.name, keys.into_keys())? }), many)
    }

    /// Stores the members that are in all of the sets, whatever the destination held, and says how many there are.
    /// `SINTERSTORE`, O(members of the smallest set · number of sets).
    fn sinterstore<'a>(&'a self, destination: impl Into<Key<'a>>, keys: impl IntoKeys<'a>) -> Call<'a, Self, u64> {
        let command = || {
            Ok(SInterStore { destination: destination.into(), keys: some(SInterStore::SPEC.name, keys.into_keys())? })
        };
        Call::mutation(self, command, as_is)
    }

    /// Stores the members that are in any of the sets, whatever the destination held, and says how many there are.
    /// `SUNIONSTORE`, O(members of all sets).
    fn sunionstore<'a>(&'a self, destination: impl Into<Key<'a>>, keys: impl IntoKeys<'a>) -> Call<'a, Self, u64> {
        let command = || {
            Ok(SUnionStore { destination: destination.into(), keys: some(SUnionStore::SPEC.name, keys.into_keys())? })
        };
        Call::mutation(self, command, as_is)
    }

    /// Stores the members of the first set that are in none of the others, whatever the destination held, and says how
    /// many there are. `SDIFFSTORE`, O(members of the first set · number of sets).
    fn sdiffstore<'a>(&'a self, destination: impl Into<Key<'a>>, keys: impl IntoKeys<'a>) -> Call<'a, Self, u64> {
        let command =
            || Ok(SDiffStore { destination: destination.into(), keys: some(SDiffStore::SPEC.name, keys.into_keys())? });
        Call::mutation(self, command, as_is)
    }

    /// How many members are in all of the sets, counted up to a limit if one is given. `SINTERCARD`, O(members of the
    /// smallest set · number of sets).
    fn sintercard<'a>(&'a self, keys: impl IntoKeys<'a>, limit: Option<NonZeroU32>) -> Call<'a, Self, u64> {
        let command = || {
            let limit = SInterLimit(limit.map_or(0, |limit| limit.get().into()));
            Ok(SInterCard { keys: NumKeys(some(SInterCard::SPEC.name, keys.into_keys())?), limit })
        };
        Call::query(self, command, as_is)
    }

    /// Goes through the members page by page. `SSCAN`, O(count) a page.
    fn sscan<'a, T: FromValue>(&'a self, key: impl Into<Key<'a>>) -> Pages<'a, Self, T> {
        Pages::new(self, Of::Set(key.into()), page_of_many)
    }
}
