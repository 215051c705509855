//! A high-availability, multi-level cache in the spirit of Redis.

pub mod builder;
mod cache;
mod levels;
pub mod typed;

pub use builder::{Builder, LevelPolicy};
pub use cache::{Cache, Execute};
pub use jcache_core::*;
mod tmp_memory; pub use tmp_memory::Memory;
pub use levels::{Degraded, Explained, HealthState, Presence, LevelStats, ReadReport, Stats, WriteReport};
