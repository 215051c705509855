//! The in-process memory driver of jcache: the keyspace of one process, in sharded tables of reference-counted entries.
//!
//! [`Memory`] serves every command at once, without I/O; a hit on a string hands out the entry's own block. Parts, from
//! the bottom up:
//!
//! - `table`: buckets of one cache line, growing bit by bit, that know where something is due;
//! - `shard`: a table and what it weighs, behind a lock;
//! - `area`: namespaces, each with shards and a budget of its own;
//! - `bound`: how many bytes all shards may keep, and the policies that tell whom to evict;
//! - `view`: the locked shards of a command's keys as core's [`Keyspace`](jcache_core::Keyspace);
//! - `engine`: all shards, and which ones a command locks;
//! - `expiry`: the one background thread, which frees what is due;
//! - `waiters`: blocking commands that sleep until somebody brings something;
//! - `watched`: keys on which transactions depend;
//! - `replica`: the engine as one of several copies, for those who keep copies equal;
//! - `driver`: core's [`Driver`](jcache_core::Driver) on top.

mod area;
mod bound;
mod clock;
mod driver;
mod engine;
mod expiry;
mod hash;
mod memory;
#[cfg(all(test, shuttle))]
mod models;
mod removal;
pub mod replica;
mod shard;
mod stats;
mod sync;
mod table;
mod view;
mod waiters;
mod watched;

pub use bound::Eviction;
pub use clock::{Clock, ManualClock};
pub use memory::{Builder, Memory};
pub use removal::{Removal, RemovalListener};
pub use stats::{Deadlines, Namespace, Stats};
