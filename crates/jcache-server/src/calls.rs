//! How often each command was called, counted without one word that all threads write.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crate::command;

/// Threads that count apart from each other; more share.
const LANES: usize = 16;

#[derive(Debug)]
pub(crate) struct Calls([Box<[Count]>; LANES]);

#[derive(Debug, Default)]
struct Count {
    calls: AtomicU64,
    failed: AtomicU64,
}

impl Calls {
    pub(crate) fn new() -> Self {
        Self(std::array::from_fn(|_| (0..command::count()).map(|_| Count::default()).collect()))
    }

    /// Counts calls of the command at place `command` of the table.
    #[inline]
    pub(crate) fn add(&self, command: usize, calls: u64, failed: u64) {
        thread_local! { static LANE: Cell<usize> = const { Cell::new(usize::MAX) } }
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let lane = LANE.with(|lane| {
            if lane.get() == usize::MAX {
                lane.set(NEXT.fetch_add(1, Ordering::Relaxed) % LANES);
            }
            lane.get()
        });
        let count = &self.0[lane][command];
        count.calls.fetch_add(calls, Ordering::Relaxed);
        if failed > 0 {
            count.failed.fetch_add(failed, Ordering::Relaxed);
        }
    }

    /// Calls and failures of the command at place `command`.
    pub(crate) fn of(&self, command: usize) -> (u64, u64) {
        let sum = |get: fn(&Count) -> &AtomicU64| {
            self.0.iter().map(|lane| get(&lane[command]).load(Ordering::Relaxed)).sum::<u64>()
        };
        (sum(|count| &count.calls), sum(|count| &count.failed))
    }

    pub(crate) fn reset(&self) {
        for count in self.0.iter().flatten() {
            count.calls.store(0, Ordering::Relaxed);
            count.failed.store(0, Ordering::Relaxed);
        }
    }
}
