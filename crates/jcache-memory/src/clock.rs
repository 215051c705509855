//! What time it is, and chance: the two things that commands are told from outside.

use std::cell::Cell;
use std::fmt::Debug;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use jcache_core::Timestamp;

/// A clock that a [`Memory`](crate::Memory) goes by instead of the system's, and its source of randomness.
///
/// It may step either way, as a system's wall clock may: a key is due when its deadline is not after `now`.
pub trait Clock: Debug + Send + Sync {
    /// The time now.
    fn now(&self) -> Timestamp;

    /// A number that commands such as `SPOP` pick by; random by default.
    fn seed(&self) -> u64 {
        random()
    }
}

/// A clock that stands still until it is told otherwise: for tests.
///
/// ```
/// use std::{sync::Arc, time::Duration};
/// use jcache_memory::{ManualClock, Memory};
///
/// let clock = Arc::new(ManualClock::default());
/// let memory = Memory::builder().clock(clock.clone()).build();
/// clock.advance(Duration::from_secs(1));
/// # drop(memory);
/// ```
#[derive(Debug)]
pub struct ManualClock {
    now: AtomicU64,
    seed: AtomicU64,
}

impl Default for ManualClock {
    /// A clock at 2001-09-09 01:46:40 UTC, whose seeds are zero.
    fn default() -> Self {
        Self { now: AtomicU64::new(1_000_000_000_000), seed: AtomicU64::new(0) }
    }
}

impl ManualClock {
    /// Sets the time.
    pub fn set(&self, now: Timestamp) {
        self.now.store(now.as_millis(), Ordering::SeqCst);
    }

    /// Lets `duration` pass, in whole milliseconds.
    pub fn advance(&self, duration: Duration) {
        self.set(self.now().plus(duration));
    }

    /// Sets the number that commands pick by from now on.
    pub fn set_seed(&self, seed: u64) {
        self.seed.store(seed, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.now.load(Ordering::SeqCst))
    }
    fn seed(&self) -> u64 {
        self.seed.load(Ordering::SeqCst)
    }
}

/// The clock of an engine; the system's is called directly.
#[derive(Debug, Clone, Default)]
pub(crate) enum Source {
    #[default]
    System,
    Custom(Arc<dyn Clock>),
}

impl Source {
    #[inline]
    pub(crate) fn now(&self) -> Timestamp {
        match self {
            Source::System => Timestamp::from_system(SystemTime::now()),
            Source::Custom(clock) => clock.now(),
        }
    }

    /// The kernel's coarse clock in milliseconds, where the system's is gone by and has one: it costs a sixth, and runs
    /// behind by less than [`COARSE_LAG`]. Most deadlines are further away than that.
    #[inline]
    pub(crate) fn coarse(&self) -> Option<u64> {
        match self {
            Source::System => coarse_millis(),
            Source::Custom(_) => None,
        }
    }

    /// Whether `deadline`, in milliseconds, has come.
    #[inline]
    pub(crate) fn has_come(&self, deadline: u64) -> bool {
        match self.coarse() {
            Some(coarse) if deadline <= coarse => true,
            Some(coarse) if deadline > coarse + COARSE_LAG => false,
            _ => deadline <= self.now().as_millis(),
        }
    }

    #[inline]
    pub(crate) fn seed(&self) -> u64 {
        match self {
            Source::System => random(),
            Source::Custom(clock) => clock.seed(),
        }
    }
}

/// Far more than the coarse clock ever lags behind, in milliseconds: it is set at each tick, every 1 to 10.
pub(crate) const COARSE_LAG: u64 = 100;

#[cfg(target_os = "linux")]
#[inline]
fn coarse_millis() -> Option<u64> {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::RealtimeCoarse);
    Some(u64::try_from(now.tv_sec).ok()? * 1000 + now.tv_nsec as u64 / 1_000_000)
}

#[cfg(not(target_os = "linux"))]
#[inline]
fn coarse_millis() -> Option<u64> {
    None
}

/// A random number: a thread's own SplitMix64, which picks well and protects nothing.
#[inline]
fn random() -> u64 {
    thread_local! { static STATE: Cell<u64> = const { Cell::new(0) } }
    STATE.with(|state| {
        let seed = match state.get() {
            0 => RandomState::new().hash_one(0),
            seed => seed,
        };
        let next = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        state.set(next);
        mix(next)
    })
}

/// SplitMix64's output: neighbours become unrelated.
#[inline]
pub(crate) fn mix(number: u64) -> u64 {
    let mut z = number;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
