//! Cluster time: one clock for deadlines, kept by the leader and told in every frame (2.16).
//!
//! It runs with `CLOCK_BOOTTIME` and is slewed towards the wall clock by at most 500 ppm, so a step of the wall clock
//! never expires the cache at once. A new leader goes on from what it last heard.

use super::member::Now;

/// The most that cluster time is slewed: microseconds per second.
const SLEW_PPM: u64 = 500;

/// By how much a follower that is ahead of its leader goes slower: more than the clocks of two machines and the leader's
/// own slewing differ by. Microseconds per second.
const HEARD_PPM: u64 = 2 * SLEW_PPM;

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
    /// Microseconds by which this is ahead of the leader's: they are lost as time passes, so that time never goes back.
    ahead_us: u64,
    /// Whether the wall clock was far away at the last look.
    jumped: bool,
}

impl ClusterTime {
    pub(crate) fn new(now: Now) -> Self {
        Self { time_us: now.wall_ms * 1000, at: now.boot_us, set: false, ahead_us: 0, jumped: false }
    }

    /// Cluster time in milliseconds.
    #[inline]
    pub(crate) fn time_ms(&self, now: Now) -> u64 {
        self.time_us(now) / 1000
    }

    #[inline]
    fn time_us(&self, now: Now) -> u64 {
        let passed = now.boot_us.saturating_sub(self.at);
        self.time_us + passed - self.ahead_us.min(passed * HEARD_PPM / 1_000_000)
    }

    /// Takes over the leader's time as it was when a frame arrived. It never goes back here: ahead of the leader's, it
    /// goes slower until it is not.
    pub(crate) fn hear(&mut self, now: Now, time_ms: u64) {
        let (own, told) = (self.time_us(now), time_ms * 1000);
        if !self.set || told > own {
            (self.time_us, self.at, self.ahead_us) = (told, now.boot_us, 0);
            self.set = true;
        } else if now.boot_us.saturating_sub(self.at) >= 1_000_000 / HEARD_PPM {
            // Only once something was lost: else rounding would eat it up.
            (self.time_us, self.at, self.ahead_us) = (own, now.boot_us, own - told);
        }
    }

    /// Everything here was taken from the leader, and so is the time that it goes by: also where that is far behind, as when
    /// somebody began anew, uncleanly, with a wall clock that is wrong.
    pub(crate) fn take_over(&mut self, now: Now) {
        let own = self.time_us(now);
        let ahead = self.ahead_us - (self.time_us + now.boot_us.saturating_sub(self.at) - own);
        if ahead > JUMP_MS as u64 * 1000 {
            (self.time_us, self.at, self.ahead_us) = (own - ahead, now.boot_us, 0);
        }
    }

    /// Begins to keep the time: from what was heard, or from the wall clock in a new cluster, or `anew`.
    pub(crate) fn lead(&mut self, now: Now, anew: bool) {
        if !self.set || anew {
            *self = Self { set: true, ..Self::new(now) };
        }
        (self.time_us, self.at, self.ahead_us) = (self.time_us(now), now.boot_us, 0);
    }

    /// Slews towards the wall clock; gives how far ahead that is, in milliseconds, when it has just jumped.
    pub(crate) fn slew(&mut self, now: Now) -> Option<i64> {
        let passed = now.boot_us.saturating_sub(self.at);
        let time = self.time_us(now);
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

    #[test]
    fn who_takes_everything_anew_takes_the_time_too() {
        for (told, expected) in [(1_000_u64, 1_050_u64), (9_500, 10_059)] {
            let mut time = ClusterTime::new(now(0, 0));
            time.hear(now(0, 0), 10_000);
            time.hear(now(10, 0), told);
            time.take_over(now(60, 0));
            assert_eq!(time.time_ms(now(60, 0)), expected, "told {told}: as it is, or by a moment slower");
        }
    }

    /// A follower's clock goes wrong for a day, and frames come after different times on the way.
    #[test]
    fn a_follower_stays_with_its_leader() {
        for (ppm, every_ms) in [(200_i64, 100_u64), (-200, 100), (400, 3), (0, 1_000)] {
            let mut time = ClusterTime::new(now(0, 0));
            let mut last = 0;
            for frame in 1..24 * 3_600 * 10 / 10_u64.pow(u32::from(every_ms < 10)) {
                let leaders = 1_000_000 + frame * every_ms;
                let late_us = (frame * 7_919) % 20_000;
                let boot_us = frame * every_ms * 1000 + late_us;
                let own = Now { boot_us: (boot_us as i64 + boot_us as i64 / 1_000_000 * ppm) as u64, wall_ms: 0 };
                time.hear(own, leaders);
                let shown = time.time_ms(own);
                assert!(shown >= last, "{ppm} ppm: it goes back from {last} to {shown}");
                last = shown;
                let off = shown as i64 - leaders as i64;
                assert!((-100..=100).contains(&off), "{ppm} ppm, frame {frame}: {off} ms off");
            }
        }
    }
}
