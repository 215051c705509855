//! A high-availability, multi-level cache in the spirit of Redis.

pub mod builder;
mod cache;
pub mod commands;
mod levels;
pub mod prelude;
pub mod typed;

pub use builder::{Builder, LevelPolicy};
pub use cache::{Cache, Execute};
pub use jcache_core::*;
pub use jcache_memory::Memory;
pub use levels::{Degraded, Explained, HealthState, LevelStats, Presence, ReadReport, Stats, WriteReport};
