//! A cache in the spirit of Redis, inside your program: strings, hashes, lists, sets and sorted sets, over one or
//! several levels.
//!
//! A [`Cache`] stands on drivers: the memory of this process ([`Memory`]), a Redis or Valkey server (`Redis`), or one
//! of your own ([`Driver`]). With several it reads from the nearest that has the key, writes through the one that
//! decides, and keeps the others right. Without any it is a cache in memory, and needs no server.
//!
//! # Quick start
//!
//! ```
//! use std::time::Duration;
//! use jcache::prelude::*;
//!
//! # #[derive(serde::Serialize, serde::Deserialize)]
//! struct User { name: String, born: u16 }
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> jcache::Result<()> {
//! let cache = Cache::new();
//!
//! cache.set("hello", "world").ttl(Duration::from_secs(60)).await?;
//! let hello: Option<String> = cache.get("hello").await?;
//! assert_eq!(hello.as_deref(), Some("world"));
//!
//! let ada = User { name: "Ada".into(), born: 1815 };
//! cache.set("user:1", Json(&ada)).await?; // one string
//! cache.hset("user:2", Struct(&ada)).await?; // a field each
//! cache.hincrby("user:2", "born", 1).await?;
//!
//! cache.lpush("jobs", ["wash", "dry"]).await?;
//! let job: Option<(Value, String)> = cache.brpop("jobs", Duration::from_secs(1)).await?;
//! assert_eq!(job.map(|(_, job)| job).as_deref(), Some("wash"));
//!
//! cache.zadd("board", [("ada", 90), ("bob", 75)]).await?;
//! assert_eq!(cache.zrevrange::<String>("board", 0, 0).await?, ["ada"]);
//! # Ok(()) }
//! ```
//!
//! The methods are those of Redis, by their names, in the traits of [`commands`], which also has the table for those
//! who come from the Go library. What is stored is bytes; [`typed`] says how types of Rust become bytes and come back.
//!
//! # Levels
//!
//! ```no_run
//! # #[cfg(feature = "redis")]
//! # async fn levels() -> jcache::Result<()> {
//! use jcache::{Cache, Memory, Redis};
//!
//! let redis = Redis::connect("redis://127.0.0.1:6379").await?;
//! let cache = Cache::builder().level(Memory::new()).level(redis).build()?;
//! # Ok(()) }
//! ```
//!
//! - Reads ask the levels in order; the first that has the key answers, and the levels before it are filled.
//! - A level that fails, or is too slow, is skipped like one that does not have the key; a level that keeps failing is
//!   left out until it is well again.
//! - One level decides every write, the *authority*: the first that other processes see too, or else the first. The
//!   others, the *copies*, get the effect, or drop the key.
//! - While the authority is away, writes that depend on nothing (`SET`, `DEL`, `EXPIRE` …) go to the copies and are made
//!   up for later; all others fail.
//! - A process-local level beside a shared one keeps a copy for [30 seconds](builder::DEFAULT_NEAR_TTL) at most: it
//!   does not learn of the writes of other processes.
//!
//! [`LevelPolicy`] sets how a level is treated, [`Builder`] what holds for all; [`Cache::read`] and [`Cache::write`]
//! answer with a report, [`Cache::explain`] shows where a key is.
//!
//! # Transactions
//!
//! [`Cache::transaction`] runs commands together: nobody sees some of them done and others not. With [`Cache::watch`] they
//! run only if nobody changed what was read before. [`Transaction`] has examples of both.
//!
//! # One family only
//!
//! A driver need not serve everything: [`StringCache`], [`HashCache`], [`ListCache`], [`SetCache`] and
//! [`SortedSetCache`] stand on drivers of one family, and the compiler refuses others. See [`specialised`].
//!
//! # Features
//!
//! | feature | default | what it adds |
//! | --- | --- | --- |
//! | `redis` | yes | `Redis`, the driver for Redis and Valkey |
//! | `distributed` | no | `DistributedMemory` and `distributed`: processes that share their memory, with elections by etcd |
//! | `server` | no | `serve` and `server`: the cache as a server that every Redis client can talk to |
//!
//! Futures need a tokio runtime with timers wherever a level has a deadline, as shared levels have, or a command waits.

pub mod builder;
mod cache;
pub mod commands;
/// Settings and figures of the [`DistributedMemory`].
#[cfg(feature = "distributed")]
pub mod distributed {
    pub use jcache_cluster::{
        Ack, ClusterConfig, CommitTimes, Counters, Etcd, EtcdTls, Lag, Notice, Overview, Part, Peer, PeerFigures,
        Profile, Read, Role, RoleWatch, Status, Timing, Tls, Token, Unclean, hand_over,
    };
}
mod levels;
pub mod prelude;
#[cfg(feature = "server")]
mod serve;
pub mod specialised;
mod transaction;
pub mod typed;

pub use builder::{Builder, LevelPolicy};
pub use cache::{Cache, Execute, Serves};
#[cfg(feature = "distributed")]
pub use jcache_cluster::DistributedMemory;
pub use jcache_core::*;
pub use jcache_memory::Memory;
#[cfg(feature = "redis")]
pub use jcache_redis::Redis;
#[cfg(feature = "server")]
pub use jcache_server as server;
pub use levels::{Degraded, Explained, HealthState, LevelStats, Presence, ReadReport, Stats, WriteReport};
#[cfg(feature = "server")]
pub use serve::serve;
pub use specialised::{HashCache, ListCache, SetCache, SortedSetCache, StringCache};
pub use transaction::{Replies, Ticket, Transaction};

/// The README's code runs as it stands.
#[cfg(all(doctest, feature = "redis"))]
#[doc = include_str!("../../../README.md")]
struct Readme;
