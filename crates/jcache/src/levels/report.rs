//! The detailed forms of a read and a write: where an answer came from, and what was not well.

use std::sync::Arc;
use std::time::Duration;

use jcache_core::Error;

/// A level that did not take part, and why.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Degraded {
    /// The level's name.
    pub level: Arc<str>,
    /// What was wrong.
    pub error: Error,
}

/// The detailed form of a read.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ReadReport<T> {
    /// What was read.
    pub value: T,
    /// The level that had it; `None` when none had.
    pub source: Option<Arc<str>>,
    /// How long the key still lives there; `None` when it does not expire, or is not there.
    pub remaining: Option<Duration>,
    /// Levels that could not be asked.
    pub degraded: Vec<Degraded>,
}

/// The detailed form of a write.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct WriteReport<T> {
    /// The reply.
    pub value: T,
    /// Whether the authority decided. If not, the copies took a blind write and the authority gets it when it is back.
    pub decided: bool,
    /// Levels that could not be written; a copy among them drops the key before it answers for it again.
    pub degraded: Vec<Degraded>,
}
