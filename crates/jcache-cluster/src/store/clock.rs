//! The cluster's time for those who read without asking the engine.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jcache_core::Timestamp;
use jcache_memory::Clock;

/// Cluster time: how long the machine has been up, plus an offset that the engine knows.
///
/// It is lock-free to read and to set; clones share it. Until it is first [set](ClusterClock::set) it is the wall clock's
/// time, as the engine's is.
#[derive(Debug, Clone)]
pub struct ClusterClock(Arc<AtomicI64>);

impl ClusterClock {
    /// A clock that shows the wall clock's time.
    pub fn new() -> Self {
        let clock = Self(Arc::default());
        clock.set(boot_us(), Timestamp::from_system(std::time::SystemTime::now()).as_millis());
        clock
    }

    /// Says that it was `time_ms`, in milliseconds since the epoch, when the machine had been up for `boot_us`
    /// microseconds.
    #[inline]
    pub fn set(&self, boot_us: u64, time_ms: u64) {
        self.0.store((time_ms as i64).wrapping_mul(1000).wrapping_sub(boot_us as i64), Ordering::Relaxed);
    }
}

impl Default for ClusterClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for ClusterClock {
    #[inline]
    fn now(&self) -> Timestamp {
        let micros = self.0.load(Ordering::Relaxed).wrapping_add(boot_us() as i64);
        Timestamp::from_millis(u64::try_from(micros).unwrap_or(0) / 1000)
    }
}

/// How long the machine has been up, in microseconds, sleep included: `CLOCK_BOOTTIME`.
#[cfg(target_os = "linux")]
#[inline]
pub fn boot_us() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    u64::try_from(now.tv_sec).unwrap_or(0) * 1_000_000 + now.tv_nsec as u64 / 1000
}

/// How long this process has been up, in microseconds: the nearest thing to `CLOCK_BOOTTIME` that every system has.
#[cfg(not(target_os = "linux"))]
pub fn boot_us() -> u64 {
    static START: std::sync::LazyLock<std::time::Instant> = std::sync::LazyLock::new(std::time::Instant::now);
    START.elapsed().as_micros() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_runs_on_from_what_it_was_set_to() {
        let clock = ClusterClock::new();
        let copy = clock.clone();
        for time_ms in [0, 5_000, 1_800_000_000_000] {
            clock.set(boot_us(), time_ms);
            let shown = copy.now().as_millis();
            assert!((time_ms..time_ms + 10_000).contains(&shown), "{shown} after {time_ms}");
        }
        clock.set(boot_us() + 3_600_000_000, 1_000);
        assert_eq!(copy.now(), Timestamp::ZERO, "before the epoch");
    }
}
