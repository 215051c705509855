//! The levels: drivers in order, one authority, reads that fall through and fill, writes that one level decides.
//!
//! The contract is in ARCHITECTURE.md. [`read`], [`write`] and [`transact`] are the only places with level semantics;
//! the rest are the mechanisms they stand on, one idea a file:
//!
//! - [`erased`]: drivers of different types in one list;
//! - [`level`]: a driver with its policy, asked within a deadline and skipped while it is down ([`health`]);
//! - [`fence`]: no fill brings back an old value;
//! - [`marks`]: keys that a copy must drop before it answers for them, and fills that are running;
//! - [`repair`]: blind writes that wait for the authority;
//! - [`maintenance`]: the task that probes and repairs while something is wrong.

pub(crate) mod erased;
mod explain;
mod fence;
mod follow;
mod health;
pub(crate) mod level;
mod maintenance;
mod marks;
pub(crate) mod read;
mod repair;
mod report;
mod stats;
mod switch;
#[cfg(test)]
mod tests;
mod transact;
pub(crate) mod write;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use jcache_core::{Query, Timestamp};
use parking_lot::Mutex;
use tokio::time::Instant;

pub use explain::{Explained, Presence};
use fence::Fences;
pub use health::HealthState;
use level::Level;
use repair::{RepairLimit, Repairs};
pub use report::{Degraded, ReadReport, WriteReport};
use stats::Counter;
pub use stats::{LevelStats, Stats};

/// Reads the wall clock; replaced in tests.
pub(crate) type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// The levels of one cache and all they remember.
pub(crate) struct Levels {
    pub(crate) levels: Box<[Level]>,
    /// The index of the level that decides.
    authority: usize,
    /// Whether a hit at the first level is the whole read: nothing below it could need a fill from it.
    first_is_enough: bool,
    /// Whether any level may be filled.
    fills: bool,
    jitter: f64,
    clock: Clock,
    fences: Fences,
    repairs: Repairs,
    maintenance_runs: AtomicBool,
    /// When the maintenance task last looked.
    last_look: Mutex<Option<Instant>>,
    degraded_misses: Counter,
    degraded_writes: Counter,
    repairs_done: Counter,
}

impl fmt::Debug for Levels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Levels")
            .field("levels", &self.levels)
            .field("authority", &self.levels[self.authority].name)
            .field("jitter", &self.jitter)
            .finish_non_exhaustive()
    }
}

/// What the builder decided about all levels together.
pub(crate) struct Settings {
    pub(crate) authority: usize,
    pub(crate) jitter: f64,
    pub(crate) repair_entries: usize,
    pub(crate) repair_bytes: usize,
    pub(crate) clock: Clock,
}

impl Levels {
    pub(crate) fn new(levels: Vec<Level>, settings: Settings) -> Self {
        let Settings { authority, jitter, repair_entries, repair_bytes, clock } = settings;
        let fills_copies_below = authority == 0 && levels.iter().skip(1).any(|level| level.fill);
        Self {
            first_is_enough: !fills_copies_below,
            fills: levels.len() > 1 && levels.iter().any(|level| level.fill),
            levels: levels.into(),
            authority,
            jitter,
            clock,
            fences: Fences::new(),
            repairs: Repairs::new(RepairLimit { entries: repair_entries, bytes: repair_bytes }),
            maintenance_runs: AtomicBool::new(false),
            last_look: Mutex::new(None),
            degraded_misses: Counter::default(),
            degraded_writes: Counter::default(),
            repairs_done: Counter::default(),
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        (self.clock)()
    }

    fn authority(&self) -> &Level {
        &self.levels[self.authority]
    }

    /// The copies: every level but the authority.
    fn copies(&self) -> impl Iterator<Item = &Level> {
        self.levels.iter().enumerate().filter(|(index, _)| *index != self.authority).map(|(_, level)| level)
    }

    /// The levels that may answer `query`, in the order in which they are asked.
    fn order(&self, query: &Query<'_>) -> impl Iterator<Item = usize> + use<> {
        let first = query.needs_authority().then_some(self.authority);
        let count = self.levels.len();
        first.into_iter().chain((0..count).filter(move |index| Some(*index) != first))
    }

    pub(crate) fn stats(&self) -> Stats {
        Stats {
            levels: self.levels.iter().enumerate().map(|(i, level)| level.stats(i == self.authority)).collect(),
            degraded_misses: self.degraded_misses.get(),
            degraded_writes: self.degraded_writes.get(),
            repairs_queued: self.repairs.len(),
            repairs_given_up: self.repairs.given_up(),
            repairs_done: self.repairs_done.get(),
        }
    }
}
