//! C8: a key with a deadline lives as long as it was told to: not a moment longer for any reader, and not a moment
//! shorter for those who read what is acknowledged.
//!
//! Two clocks tell. *Cluster time* is what deadlines are made of: there a moment is [`MOMENT_MS`], for whoever reads what
//! is acknowledged. The clients' clock tells whether cluster time itself runs; how long a moment is there, the caller says.

use super::Violation;
use crate::history::Moment;

/// Milliseconds of cluster time by which a deadline may be missed.
pub const MOMENT_MS: u64 = 100;

/// Cluster time around a read, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Times {
    /// The leader's time when the read was called, and when it was answered; `None` while nobody led.
    pub leaders: [Option<u64>; 2],
    /// The latest time that any leader has had when the read was answered.
    pub latest: u64,
    /// Milliseconds that the reader may be behind the leader's time: nothing for one who reads at the leader.
    pub behind: u64,
    /// The reader's own idea of it when the read was called, for one who answers by that.
    pub own: Option<u64>,
    /// Microseconds by which cluster time has moved against the clients' clock so far, whenever somebody else led.
    pub moved: u64,
}

/// A read of a key with a deadline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// When it was called.
    pub invoked: Moment,
    /// When it was answered.
    pub returned: Moment,
    /// Whether the key was there.
    pub found: bool,
    /// Whether the answer promises to see what is acknowledged.
    pub strong: bool,
    /// Cluster time.
    pub times: Times,
}

/// A key that was written once, to live for a time.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Life {
    /// The key, for the message.
    pub name: String,
    /// When the write was called.
    pub invoked: Moment,
    /// When it was acknowledged; `None` when that is unknown.
    pub acknowledged: Option<Moment>,
    /// How long it is to live, in microseconds.
    pub lives: u64,
    /// The deadline that it has got, in cluster time; `None` when that was not seen.
    pub deadline_ms: Option<u64>,
    /// Leaders' latest time when it was acknowledged.
    pub written_ms: u64,
    /// By how much cluster time had moved then, as in [`Times::moved`].
    pub moved: u64,
    /// The era in which it was acknowledged; what was acknowledged before may be lost, with its time.
    pub era: Option<usize>,
    /// Who looked.
    pub looks: Vec<Look>,
}

impl Life {
    /// Checks every look, with `slack` microseconds of tolerance: what clocks, their slewing and the network are
    /// allowed.
    ///
    /// # Errors
    /// The key was seen too late, or was gone too early.
    pub fn check(&self, slack: u64) -> Result<(), Violation> {
        for look in &self.looks {
            let slack = slack + look.times.moved.saturating_sub(self.moved);
            let latest = self.acknowledged.map(|written| written + self.lives + slack);
            if look.found && latest.is_some_and(|latest| look.invoked > latest) {
                return Err(Violation::new("C8", format!("{self:?} was seen too late: {look:?}")));
            }
            let written = self.acknowledged.is_some_and(|written| written < look.invoked);
            if !look.found && look.strong && written && look.returned + slack < self.invoked + self.lives {
                return Err(Violation::new("C8", format!("{self:?} was gone too early: {look:?}")));
            }
        }
        self.check_cluster_time()
    }

    /// The same by the clock that deadlines are made of.
    fn check_cluster_time(&self) -> Result<(), Violation> {
        let (Some(deadline), Some(acknowledged)) = (self.deadline_ms, self.acknowledged) else { return Ok(()) };
        if deadline > self.written_ms + self.lives / 1_000 + MOMENT_MS {
            return Err(Violation::new("C8", format!("{self:?} was given too late a deadline")));
        }
        for look in &self.looks {
            let Times { leaders, latest, behind, own, .. } = look.times;
            // Executed after it was called, maybe long before it was answered; while nobody led, nobody knows when.
            let earliest = leaders[0].map(|called| leaders[1].map_or(called, |answered| answered.min(called)));
            if look.found && earliest.is_some_and(|time| time > deadline + MOMENT_MS + behind) {
                return Err(Violation::new("C8", format!("{self:?} was seen after its deadline: {look:?}")));
            }
            // Whoever answers by a time of its own hides what is due by that.
            if look.found && own.is_some_and(|time| time > deadline + MOMENT_MS) {
                return Err(Violation::new("C8", format!("{self:?} was seen after its reader's time: {look:?}")));
            }
            let gone = !look.found && look.strong && acknowledged < look.invoked;
            if gone && latest + MOMENT_MS < deadline {
                return Err(Violation::new("C8", format!("{self:?} was gone before its deadline: {look:?}")));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_there_until_its_time() {
        for (invoked, found, strong, good) in [
            (500, true, true, true),
            (500, false, true, false),
            (500, false, false, true),
            (1_050, true, false, true),
            (1_050, false, true, true),
            (1_200, true, false, false),
            (1_200, false, true, true),
        ] {
            let times = Times::default();
            let looks = vec![Look { invoked, returned: invoked + 1, found, strong, times }];
            let life = Life { name: "k".into(), acknowledged: Some(10), lives: 1_000, looks, ..Life::default() };
            assert_eq!(life.check(100).is_ok(), good, "{life:?}");
        }
    }

    #[test]
    fn cluster_time_allows_a_tenth_of_a_second() {
        let look = |found, leaders: [u64; 2], latest, behind| {
            let times = Times { leaders: leaders.map(Some), latest, behind, ..Times::default() };
            Look { invoked: 500_000, returned: 500_001, found, strong: true, times }
        };
        for (deadline, look, good) in [
            (2_000, look(true, [2_050, 2_050], 2_050, 0), true),
            (2_000, look(true, [2_200, 2_050], 2_200, 0), true),
            (2_000, look(true, [2_101, 2_101], 2_101, 0), false),
            (2_000, look(true, [2_101, 2_101], 2_101, 50), true),
            (2_000, look(true, [1_900, 2_500], 2_500, 0), true),
            (2_000, look(false, [1_900, 1_900], 1_900, 0), true),
            (2_000, look(false, [1_899, 1_899], 1_899, 0), false),
            (2_000, look(false, [1_500, 1_500], 2_000, 0), true),
            (2_101, look(true, [1_500, 1_500], 1_500, 0), false),
        ] {
            let (lives, written_ms) = (1_000_000, 1_000);
            let (acknowledged, deadline_ms, looks) = (Some(10), Some(deadline), vec![look]);
            let life = Life { acknowledged, lives, deadline_ms, written_ms, looks, ..Life::default() };
            assert_eq!(life.check(10_000_000).is_ok(), good, "{life:?}");
        }
    }

    #[test]
    fn a_reader_hides_what_is_due_by_its_own_time() {
        for (own, good) in [(None, true), (Some(2_100), true), (Some(2_101), false)] {
            let times = Times { own, latest: 2_000, ..Times::default() };
            let looks = vec![Look { invoked: 500_000, returned: 500_001, found: true, strong: false, times }];
            let life = Life { acknowledged: Some(10), lives: 1_000_000, written_ms: 1_000, looks, ..Life::default() };
            assert_eq!(Life { deadline_ms: Some(2_000), ..life }.check(10_000_000).is_ok(), good, "{own:?}");
        }
    }

    #[test]
    fn what_a_take_over_moved_is_allowed() {
        for (moved, good) in [(0, false), (200, false), (300, true)] {
            let times = Times { moved: moved + 1_000, ..Times::default() };
            let looks = vec![Look { invoked: 1_400, returned: 1_401, found: true, strong: true, times }];
            let life = Life { acknowledged: Some(10), lives: 1_000, moved: 1_000, looks, ..Life::default() };
            assert_eq!(life.check(100).is_ok(), good, "{moved}");
        }
    }

    #[test]
    fn a_write_of_unknown_outcome_may_come_late_or_never() {
        for found in [true, false] {
            let times = Times { latest: 5, ..Times::default() };
            let looks = vec![Look { invoked: 5_000, returned: 5_001, found, strong: true, times }];
            let life = Life { invoked: 0, acknowledged: None, lives: 1_000, looks, ..Life::default() };
            assert_eq!(life.check(0), Ok(()));
        }
    }
}
