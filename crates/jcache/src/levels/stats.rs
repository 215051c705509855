//! Counters that threads do not fight over.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// The first threads of the process that count have a stripe each, and need no atomic addition: it is the dearest part
/// of a hit in memory. All later threads share the other stripes.
const OWN: usize = 8;
const STRIPES: usize = 16;

/// One stripe on a cache line of its own.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Stripe(AtomicU64);

/// A count that many threads add to and few read.
#[derive(Debug, Default)]
pub(crate) struct Counter([Stripe; STRIPES]);

thread_local! {
    static STRIPE: Cell<usize> = const { Cell::new(usize::MAX) };
}

static NEXT: AtomicUsize = AtomicUsize::new(0);

#[inline]
fn stripe() -> usize {
    STRIPE.with(|stripe| {
        let mut mine = stripe.get();
        if mine == usize::MAX {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            mine = if number < OWN { number } else { OWN + number % (STRIPES - OWN) };
            stripe.set(mine);
        }
        mine
    })
}

impl Counter {
    #[inline]
    pub(crate) fn add(&self, n: u64) {
        let mine = stripe() % STRIPES;
        let stripe = &self.0[mine].0;
        if mine < OWN {
            stripe.store(stripe.load(Ordering::Relaxed) + n, Ordering::Relaxed);
        } else {
            stripe.fetch_add(n, Ordering::Relaxed);
        }
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.iter().map(|stripe| stripe.0.load(Ordering::Relaxed)).sum()
    }
}

/// What a level counts.
#[derive(Debug, Default)]
pub(crate) struct LevelCounters {
    pub(crate) hits: Counter,
    pub(crate) misses: Counter,
    pub(crate) failures: Counter,
    pub(crate) skipped: Counter,
    pub(crate) fills: Counter,
    pub(crate) voided_fills: Counter,
    pub(crate) effects: Counter,
    pub(crate) drops: Counter,
    pub(crate) writes: Counter,
}

/// What a level did since the cache was built.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LevelStats {
    /// The level's name.
    pub name: String,
    /// Whether this level decides writes.
    pub authority: bool,
    /// Whether the level is up, down, or being probed.
    pub health: super::HealthState,
    /// Reads that found what they asked for here.
    pub hits: u64,
    /// Reads that did not.
    pub misses: u64,
    /// Calls that failed or passed the level's deadline.
    pub failures: u64,
    /// Calls that did not ask this level because it was down.
    pub skipped: u64,
    /// Keys filled into this level from another one.
    pub fills: u64,
    /// Fills given up because the key was written meanwhile.
    pub voided_fills: u64,
    /// Effects of writes applied to this copy.
    pub effects: u64,
    /// Keys dropped from this copy because its state was not certain.
    pub drops: u64,
    /// Writes that this level decided.
    pub writes: u64,
    /// Keys that this copy has to drop before it answers for them; `None` when that is all of them.
    pub marked: Option<usize>,
}

/// What a cache did since it was built.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// The levels in order.
    pub levels: Vec<LevelStats>,
    /// Reads that answered "nothing there" although the authority could not be asked.
    pub degraded_misses: u64,
    /// Blind writes that the copies took while the authority was away.
    pub degraded_writes: u64,
    /// Keys whose write waits for the authority to come back.
    pub repairs_queued: usize,
    /// Waiting writes that were given up because the queue was full.
    pub repairs_given_up: u64,
    /// Waiting writes that were repeated at the authority.
    pub repairs_done: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_lost_by_any_number_of_threads() {
        let counter = Counter::default();
        std::thread::scope(|scope| {
            for _ in 0..3 * STRIPES {
                scope.spawn(|| (0..10_000).for_each(|_| counter.add(1)));
            }
        });
        assert_eq!(counter.get(), 3 * STRIPES as u64 * 10_000);
    }
}
