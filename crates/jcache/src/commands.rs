//! The methods of every command, a trait per family: [`KeyCommands`] for keys of any type, and [`StringCommands`],
//! [`HashCommands`], [`ListCommands`], [`SetCommands`] and [`SortedSetCommands`].
//!
//! Commands keep their Redis names. Every method takes keys as anything that is a [`Key`](crate::Key), values as
//! anything that is [`ToArg`](crate::typed::ToArg), and answers what its place in a program suggests: `Option` where
//! something may be absent, `bool` where something was done or not, a type of the caller's choice for what is stored.
//! A command is carried out when it is awaited; one with options is [`Prepared`], and the options are methods of that.
//!
//! # Coming from the Go library
//!
//! | there | here |
//! | --- | --- |
//! | `Del`, `Exists`, `Expire`, `ExpireAt`, `Persist` | [`del`](KeyCommands::del), [`exists`](KeyCommands::exists), [`expire`](KeyCommands::expire), [`expire_at`](KeyCommands::expire_at), [`persist`](KeyCommands::persist) |
//! | `Set`, `SetNX` | [`set`](StringCommands::set) with [`ttl`](Prepared::ttl), [`set_nx`](StringCommands::set_nx) |
//! | `Get`, `MGet`, `GetAndScan`, `MGetAndScan` | [`get::<T>`](StringCommands::get), [`mget::<T>`](StringCommands::mget) |
//! | `HSet`, `HSetNX` | [`hset`](HashCommands::hset), [`hset_nx`](HashCommands::hset_nx) |
//! | `HGetAll` with `Scan` into a struct | [`hgetall`](HashCommands::hgetall) as a map or a [`Struct`](crate::typed::Struct) |
//! | **`LPop`** (takes the tail) | [`rpop`](ListCommands::rpop) |
//! | **`LShift`** (takes the head) | [`lpop`](ListCommands::lpop) |
//! | **`LBPop`** (waits for the tail) | [`brpop`](ListCommands::brpop) |
//! | `LPush`, `LRang`, `LTrim`, `LLen` | [`lpush`](ListCommands::lpush), [`lrange`](ListCommands::lrange), [`ltrim`](ListCommands::ltrim), [`llen`](ListCommands::llen) |
//! | `HExists HDel HGet HMGet HKeys HVals HLen` | the same in lower case |
//! | `ZAdd ZCard ZCount ZIncrBy ZRange ZRangeByScore ZRank ZRem ZRemRangeByRank ZRemRangeByScore ZRevRange ZRevRank ZScore` | the same in lower case; bounds are [ranges](IntoBounds) |
//! | `Client`; `StringClient`, `HashClient` … | [`Cache`]; [`StringCache`](crate::StringCache), [`HashCache`](crate::HashCache) … |
//! | `RandomExpirationDuration` | [`jitter`](crate::Builder::jitter), both ways |
//!
//! # What has no method of its own
//!
//! - The twins that differ only in how they tell a time (`PEXPIRE`, `PEXPIREAT`, `PTTL`, `PEXPIRETIME`, `PSETEX`): a
//!   [`Duration`](std::time::Duration) and a [`SystemTime`](std::time::SystemTime) carry their unit.
//! - Old names: `HMSET` is [`hset`](HashCommands::hset), `SUBSTR` is [`getrange`](StringCommands::getrange).
//!
//! They are commands all the same, and [`Execute`](crate::Execute) carries out any.

mod answers;
mod args;
pub(crate) mod call;
mod hash;
mod key;
mod list;
mod pages;
mod set;
mod sorted_set;
mod string;
mod text;

pub use answers::PoppedFrom;
pub use args::{Each, IntoArgs, IntoBounds, IntoKeys, IntoScored};
pub use call::{Call, Prepared};
pub use hash::HashCommands;
pub use jcache_core::command::list::{End, Side};
pub use jcache_core::command::sorted_set::{Aggregate, Extreme};
pub use key::{ExpireTime, KeyCommands, Ttl};
pub use list::ListCommands;
pub use pages::Pages;
pub use set::SetCommands;
pub use sorted_set::SortedSetCommands;
pub use string::StringCommands;
pub use text::Text;

use crate::Cache;

impl KeyCommands for Cache {}
impl StringCommands for Cache {}
impl HashCommands for Cache {}
impl ListCommands for Cache {}
impl SetCommands for Cache {}
impl SortedSetCommands for Cache {}
