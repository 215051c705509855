//! The time that the engine is told with each step.

use std::time::SystemTime;

use jcache_core::Timestamp;
use rustix::time::{ClockId, clock_gettime};

use crate::engine::Now;

/// Boot time, which runs while the machine sleeps, and the wall clock.
pub(crate) fn now() -> Now {
    let boot = clock_gettime(ClockId::Boottime);
    let micros = boot.tv_sec.unsigned_abs() * 1_000_000 + boot.tv_nsec.unsigned_abs() / 1000;
    Now { boot_us: micros, wall_ms: Timestamp::from_system(SystemTime::now()).as_millis() }
}
