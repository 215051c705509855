//! Cluster time: one clock for deadlines, kept by the leader and told in every frame (2.16).
//!
//! It runs with `CLOCK_BOOTTIME` and is slewed towards the wall clock by at most 500 ppm, so a step of the wall clock
//! never expires the cache at once. A new leader goes on from what it last heard.

use super::member::Now;

/// The most that cluster time is slewed: microseconds per second.
const SLEW_PPM: u64 = 500;

/// A wall clock further away than this is told, in milliseconds.
const JUMP_MS: i64 = 1_000;

#[derive(Debug)]
pub(crate) struct ClusterTime {
    /// Cluster time in microseconds at `at`.
    time_us: u64,
    /// Boot time in microseconds.
    at: u64,
    /// Whether this came from a leader, or from leading; before, it is only the wall clock.
    set: bool,
    /// Whether the wall clock was far away at the last look.
    jumped: bool,
}

impl ClusterTime {
    pub(crate) fn new(now: Now) -> Self {
        Self { time_us: now.wall_ms * 1000, at: now.boot_us, set: false, jumped: false }
    }

    /// Cluster time in milliseconds.
    #[inline]
    pub(crate) fn time_ms(&self, now: Now) -> u64 {
        (self.time_us + now.boot_us.saturating_sub(self.at)) / 1000
    }

    /// Takes over the leader's time as it was when a frame arrived. It never goes back here.
    pub(crate) fn hear(&mut self, now: Now, time_ms: u64) {
        if !self.set || time_ms > self.time_ms(now) {
            self.time_us = time_ms * 1000;
            self.at = now.boot_us;
            self.set = true;
        }
    }

    /// Begins to keep the time: from what was heard, or from the wall clock in a new cluster, or `anew`.
    pub(crate) fn lead(&mut self, now: Now, anew: bool) {
        if !self.set || anew {
            *self = Self { set: true, ..Self::new(now) };
        }
    }

    /// Slews towards the wall clock; gives how far ahead that is, in milliseconds, when it has just jumped.
    pub(crate) fn slew(&mut self, now: Now) -> Option<i64> {
        let passed = now.boot_us.saturating_sub(self.at);
        let time = self.time_us + passed;
        let wall = now.wall_ms * 1000;
        let most = passed * SLEW_PPM / 1_000_000;
        // Only once a step can be made: else rounding would eat it up.
        if most > 0 {
            self.time_us = if wall >= time { time + most.min(wall - time) } else { time - most.min(time - wall) };
            self.at = now.boot_us;
        }
        let ahead = (now.wall_ms as i64).wrapping_sub(self.time_ms(now) as i64);
        let far = ahead.abs() > JUMP_MS;
        let news = far && !self.jumped;
        self.jumped = far;
        news.then_some(ahead)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now(boot_ms: u64, wall_ms: u64) -> Now {
        Now { boot_us: boot_ms * 1000, wall_ms }
    }

    #[test]
    fn a_step_of_the_wall_clock_is_slewed() {
        let mut time = ClusterTime::new(now(0, 1_000_000));
        time.lead(now(0, 1_000_000), false);
        let mut told = 0;
        for tick in 1..=100 {
            told += u32::from(time.slew(now(tick * 10, 4_600_000 + tick * 10)).is_some());
        }
        assert_eq!(told, 1, "an hour ahead, told once");
        let ahead = time.time_ms(now(1000, 0)) - 1_001_000;
        assert!(ahead <= 1, "slewed by {ahead} ms in a second");
    }

    #[test]
    fn a_new_leader_goes_on_from_what_it_heard() {
        let mut time = ClusterTime::new(now(0, 9_000_000));
        time.hear(now(10, 9_000_010), 5_000);
        time.lead(now(20, 9_000_020), false);
        assert_eq!(time.time_ms(now(20, 9_000_020)), 5_010);
        time.hear(now(30, 0), 4_000);
        assert_eq!(time.time_ms(now(30, 0)), 5_020, "it does not go back");
    }
}
