//! Giving back the memory of keys that are due: one thread for the process, started by the first key with a deadline.
//!
//! Reads need none of this: a view never finds what is due. The thread sleeps until about the earliest deadline of all
//! caches and then goes from shard to shard, holding each lock for a few dozen buckets at a time. Which buckets, their
//! bounds tell (`table/due.rs`): nothing is swept. With no deadline anywhere it sleeps until there is one.
//!
//! A replica is left alone: what is due there its leader says. It only keeps in mind when there may be something.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::Duration;

use jcache_core::Timestamp;
use parking_lot::{Condvar, Mutex};

use crate::engine::Engine;
use crate::table::NEVER;

/// The least time between two rounds: what falls due meanwhile is freed together.
const PAUSE: Duration = Duration::from_millis(50);

/// The longest sleep while there are deadlines: a wall clock may be set forward.
const LONGEST: Duration = Duration::from_secs(1);

/// Buckets that are emptied under one lock: up to some hundred entries, and as many moves of others while the table gets
/// smaller. Four times as many were seen to hold the lock for milliseconds.
pub(crate) const BATCH: usize = 16;

/// Steps of making a table smaller under one lock.
const TIDY: usize = 64;

/// What an engine tells the reaper.
#[derive(Debug)]
pub(crate) struct Expiry {
    /// No later than the earliest deadline, or than the next round; [`NEVER`] when the reaper need not come.
    next: AtomicU64,
    /// What the reaper looks after; `None` for a replica.
    engine: Option<Weak<Engine>>,
}

impl Expiry {
    pub(crate) fn new(engine: Option<Weak<Engine>>) -> Self {
        Self { next: AtomicU64::new(NEVER), engine }
    }

    /// Whether what is due is removed here without anybody asking for it.
    pub(crate) fn is_on(&self) -> bool {
        self.engine.is_some()
    }

    /// No later than the earliest deadline, as noted since it was last [forgotten](Expiry::forget).
    pub(crate) fn next(&self) -> u64 {
        self.next.load(Ordering::Relaxed)
    }

    /// Forgets what was noted: for who looks at every deadline now.
    pub(crate) fn forget(&self) {
        self.next.store(NEVER, Ordering::Relaxed);
    }

    /// Changes places with what another one has in mind.
    pub(crate) fn swap(&self, other: &Self) {
        other.next.store(self.next.swap(other.next(), Ordering::Relaxed), Ordering::Relaxed);
    }

    /// Says that an entry expires at `deadline`; 0 for never. To be called under the lock of its shard: so either the
    /// round under way has yet to see the entry, or this sees that the round has begun.
    #[inline]
    pub(crate) fn note(&self, deadline: u64) {
        if deadline != 0 && deadline < self.next.load(Ordering::Relaxed) {
            self.plan(deadline);
        }
    }

    #[cold]
    fn plan(&self, deadline: u64) {
        let is_first = self.next.fetch_min(deadline, Ordering::Relaxed) == NEVER;
        match &self.engine {
            Some(engine) if is_first => REAPER.enrol(engine),
            Some(_) => REAPER.wake(),
            None => {}
        }
    }

    /// Frees what is due, and returns when to come again.
    fn round(&self, engine: &Engine) -> u64 {
        self.next.store(NEVER, Ordering::Relaxed);
        let now = engine.clock.now().as_millis();
        let mut left: Vec<usize> = (0..engine.shards()).collect();
        let mut earliest = NEVER;
        // Turn by turn, so that each shard is left alone between its batches.
        while !left.is_empty() {
            left.retain(|index| {
                let (done, _) = engine.reap(*index, now, BATCH);
                if !done || !engine.tidy(*index, TIDY) {
                    return true;
                }
                earliest = earliest.min(engine.lock(*index).table.earliest());
                false
            });
        }
        if earliest != NEVER {
            earliest = earliest.min(self.next.fetch_min(earliest, Ordering::Relaxed));
        }
        earliest
    }
}

/// The thread's side.
struct Reaper {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    engines: Vec<Weak<Engine>>,
    is_running: bool,
    /// Somebody has an earlier deadline than the reaper knows of.
    is_called: bool,
}

static REAPER: Reaper = Reaper {
    state: Mutex::new(State { engines: Vec::new(), is_running: false, is_called: false }),
    changed: Condvar::new(),
};

impl Reaper {
    /// Lets the thread look after `engine`, and starts it if it is not running.
    fn enrol(&'static self, engine: &Weak<Engine>) {
        let mut state = self.state.lock();
        if !state.engines.iter().any(|other| other.ptr_eq(engine)) {
            state.engines.push(engine.clone());
        }
        state.is_called = true;
        if !state.is_running {
            // Without the thread nothing is wrong but memory; the next deadline tries again.
            let thread = thread::Builder::new().name("jcache-expiry".into());
            state.is_running = thread.spawn(|| self.run()).is_ok();
        }
        self.changed.notify_one();
    }

    fn wake(&self) {
        self.state.lock().is_called = true;
        self.changed.notify_one();
    }

    fn run(&self) {
        loop {
            let sleep = self.rounds();
            let mut state = self.state.lock();
            if !state.is_called {
                match sleep {
                    Some(sleep) => drop(self.changed.wait_for(&mut state, sleep)),
                    None if state.engines.is_empty() => {
                        state.is_running = false;
                        return;
                    }
                    None => self.changed.wait(&mut state),
                }
            }
            state.is_called = false;
            drop(state);
            thread::sleep(PAUSE);
        }
    }

    /// A round of every engine that is left; returns how long to sleep, `None` when there are no deadlines.
    fn rounds(&self) -> Option<Duration> {
        let engines: Vec<Arc<Engine>> = {
            let mut state = self.state.lock();
            state.engines.retain(|engine| engine.strong_count() > 0);
            state.engines.iter().filter_map(Weak::upgrade).collect()
        };
        engines
            .iter()
            .filter_map(|engine| match engine.expiry.round(engine) {
                NEVER => None,
                next => Some(Timestamp::from_millis(next).since(engine.clock.now()).min(LONGEST)),
            })
            .min()
    }
}

impl Drop for Expiry {
    /// The engine is gone: the thread forgets it, and ends if it was the last.
    fn drop(&mut self) {
        if self.is_on() && REAPER.state.lock().is_running {
            REAPER.wake();
        }
    }
}
