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
//! | `HExists HDel HGet HMGet HKeys HVals HLen` | the same in lower case |
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
mod pages;
mod set;
mod string;

pub use args::{Each, IntoArgs, IntoBounds, IntoKeys};
pub use call::{Call, Prepared};
pub use hash::HashCommands;
pub use key::{ExpireTime, KeyCommands, Ttl};
pub use pages::Pages;
pub use set::SetCommands;
pub use string::StringCommands;

use crate::Cache;

impl KeyCommands for Cache {}
impl StringCommands for Cache {}
impl HashCommands for Cache {}
impl SetCommands for Cache {}
