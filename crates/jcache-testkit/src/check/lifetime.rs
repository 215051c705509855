//! C8: a key with a deadline lives as long as it was told to: not a moment longer for any reader, and not a moment
//! shorter for those who read what is acknowledged. How long a moment is, the caller says.

use super::Violation;
use crate::history::Moment;

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
            let latest = self.acknowledged.map(|written| written + self.lives + slack);
            if look.found && latest.is_some_and(|latest| look.invoked > latest) {
                return Err(Violation::new("C8", format!("{self:?} was seen too late: {look:?}")));
            }
            let written = self.acknowledged.is_some_and(|written| written < look.invoked);
            if !look.found && look.strong && written && look.returned + slack < self.invoked + self.lives {
                return Err(Violation::new("C8", format!("{self:?} was gone too early: {look:?}")));
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
            let looks = vec![Look { invoked, returned: invoked + 1, found, strong }];
            let life = Life { name: "k".into(), invoked: 0, acknowledged: Some(10), lives: 1_000, looks };
            assert_eq!(life.check(100).is_ok(), good, "{life:?}");
        }
    }

    #[test]
    fn a_write_of_unknown_outcome_may_come_late_or_never() {
        for found in [true, false] {
            let looks = vec![Look { invoked: 5_000, returned: 5_001, found, strong: true }];
            let life = Life { invoked: 0, acknowledged: None, lives: 1_000, looks, ..Life::default() };
            assert_eq!(life.check(0), Ok(()));
        }
    }
}
