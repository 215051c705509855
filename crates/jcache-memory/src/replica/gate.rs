//! Whether readers may come in: not while the data are not to be read, and not between two changes that are one.
//!
//! A reader asks when it has its locks. The writer shuts the gate before it takes the first lock of what readers must not
//! see half done, so whoever has seen a part of it under a lock sees the gate shut.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use parking_lot::{Condvar, Mutex};

const CLOSED: u8 = 1;
const BUSY: u8 = 2;

#[derive(Debug)]
pub(super) struct Gate {
    state: AtomicU8,
    /// How often the data were exchanged for others.
    swaps: AtomicU64,
    waiting: Mutex<()>,
    passed: Condvar,
}

/// What a reader is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Read.
    Open,
    /// Somebody else has to answer.
    Closed,
    /// Let go of the locks, and [wait](Gate::wait).
    Busy,
}

impl Gate {
    /// A gate that is closed.
    pub(super) fn new() -> Self {
        Self { state: AtomicU8::new(CLOSED), swaps: AtomicU64::new(0), waiting: Mutex::new(()), passed: Condvar::new() }
    }

    #[inline]
    pub(super) fn state(&self) -> State {
        match self.state.load(Ordering::Acquire) {
            0 => State::Open,
            BUSY => State::Busy,
            _ => State::Closed,
        }
    }

    #[inline]
    pub(super) fn set_open(&self, is_open: bool) {
        let was_open = self.state.load(Ordering::Relaxed) & CLOSED == 0;
        if is_open == was_open {
            return;
        }
        match is_open {
            true => drop(self.state.fetch_and(!CLOSED, Ordering::AcqRel)),
            false => drop(self.state.fetch_or(CLOSED, Ordering::AcqRel)),
        }
        self.wake();
    }

    /// Closes it, for other data.
    pub(super) fn swap(&self) {
        self.set_open(false);
        self.swaps.fetch_add(1, Ordering::AcqRel);
    }

    pub(super) fn swaps(&self) -> u64 {
        self.swaps.load(Ordering::Acquire)
    }

    /// What is changed from now until [`Gate::end`] is one change.
    pub(super) fn begin(&self) {
        self.state.fetch_or(BUSY, Ordering::AcqRel);
    }

    pub(super) fn end(&self) {
        self.state.fetch_and(!BUSY, Ordering::AcqRel);
        self.wake();
    }

    /// Waits until the gate is not busy.
    #[cold]
    pub(super) fn wait(&self) {
        let mut waiting = self.waiting.lock();
        while self.state() == State::Busy {
            self.passed.wait(&mut waiting);
        }
    }

    fn wake(&self) {
        // Under the lock: nobody is between looking and waiting.
        drop(self.waiting.lock());
        self.passed.notify_all();
    }
}
