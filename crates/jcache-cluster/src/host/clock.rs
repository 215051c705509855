//! The time that the engine is told with each step.

use std::time::SystemTime;

use jcache_core::Timestamp;

use crate::engine::Now;
use crate::store::boot_us;

/// Boot time, which runs while the machine sleeps, and the wall clock.
pub(crate) fn now() -> Now {
    Now { boot_us: boot_us(), wall_ms: Timestamp::from_system(SystemTime::now()).as_millis() }
}
