//! C6 and C7: one committer an epoch, what is committed stays committed, and a follower takes nothing back.

use std::collections::BTreeMap;

use super::Violation;

/// What one process shows of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sight {
    /// The process; another incarnation is another one.
    pub process: String,
    /// Whether it leads.
    pub leads: bool,
    /// The epoch that it leads or follows in.
    pub epoch: u64,
    /// The highest epoch that it has promised to follow.
    pub promised: u64,
    /// Its commit point.
    pub committed: u64,
    /// The last offset that it has executed.
    pub applied: u64,
    /// The last offset of its log, and the epoch in which that was written.
    pub end: u64,
    /// See there.
    pub written: u64,
    /// Whether it shows readers what it has executed.
    pub readable: bool,
    /// Whether it takes everything anew, and so may come to more than is committed.
    pub syncing: bool,
}

#[derive(Debug, Default)]
struct Before {
    promised: u64,
    committed: u64,
    applied: u64,
    syncing: bool,
    /// The last offset that readers were shown.
    shown: u64,
    /// It has led, and may still hold what it executed before that was committed: it may take something back.
    led: bool,
    /// The last unclean start that it has come to know by its data.
    since: u64,
    /// Its commit point then: of the history before, of which the new one may keep less.
    stale: u64,
}

/// Watches every process after every step.
#[derive(Debug, Default)]
pub struct Progress {
    leaders: BTreeMap<u64, String>,
    before: BTreeMap<String, Before>,
    /// The highest offset that a leader has committed.
    committed: (u64, String),
    /// The epoch of the last unclean start.
    since: u64,
}

impl Progress {
    /// From this epoch on acknowledged writes may have been lost, as an operator allowed: what was committed counts no
    /// more, and each process may once go back to what is left. Until then it is held to what it has shown.
    pub fn forgive(&mut self, epoch: u64) {
        self.committed = Default::default();
        self.since = epoch;
    }

    /// # Errors
    /// What it shows cannot be after what was seen before.
    pub fn see(&mut self, sight: &Sight) -> Result<(), Violation> {
        let Sight { process, leads, epoch, promised, committed, applied, end, written, readable, syncing } = sight;
        let before = self.before.entry(process.clone()).or_default();
        let current = *written >= self.since;
        if current && before.since < self.since {
            let stale = *committed;
            *before = Before { promised: before.promised, since: self.since, stale, ..Before::default() };
            // A leader's copy, and one that was just taken from it, may be ahead of what is committed.
            (before.applied, before.led) = (*applied, *leads);
        }
        let c6 = |what: String| Err(Violation::new("C6", format!("{process}: {what}")));
        if *promised < before.promised {
            return c6(format!("it promised epoch {} and now {promised}", before.promised));
        }
        if *committed < before.committed && before.committed > before.stale {
            return c6(format!("its commit point fell from {} to {committed}", before.committed));
        }
        if *leads {
            let leader = self.leaders.entry(*epoch).or_insert_with(|| process.clone());
            if leader != process {
                return c6(format!("it leads epoch {epoch}, which {leader} led"));
            }
            let newest = self.leaders.last_key_value().is_some_and(|(newest, _)| newest == epoch);
            if current && newest && *end < self.committed.0 {
                let (offset, by) = &self.committed;
                return c6(format!("it leads epoch {epoch} with a log up to {end}; {by} had committed {offset}"));
            }
            if current && *committed > self.committed.0 {
                self.committed = (*committed, process.clone());
            }
        } else if !before.led && *applied > before.applied && applied > committed && !syncing && !before.syncing {
            let what = format!("{process}: a follower has executed {applied}; committed is {committed}");
            return Err(Violation::new("C7", what));
        } else if !before.led && *readable {
            if *applied < before.shown && before.shown > before.stale {
                let what = format!("{process}: a follower showed {} and shows {applied} now", before.shown);
                return Err(Violation::new("C7", what));
            }
            // What a full synchronisation brings may be shown when it is committed.
            if *applied > *committed {
                let what = format!("{process}: a follower shows {applied}; committed is {committed}");
                return Err(Violation::new("C7", what));
            }
        }
        let led = *leads || before.led && (*applied > *committed || *syncing);
        let shown = match *readable {
            true if before.led => *applied,
            true => before.shown.max(*applied),
            false => before.shown,
        };
        let (applied, syncing) = (*applied, *syncing);
        let (since, stale) = (before.since, before.stale);
        *before = Before { promised: *promised, committed: *committed, applied, syncing, shown, led, since, stale };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sight(process: &str, leads: bool, epoch: u64, committed: u64, applied: u64, end: u64) -> Sight {
        Sight {
            process: process.into(),
            leads,
            epoch,
            promised: epoch,
            committed,
            applied,
            end,
            written: epoch,
            readable: true,
            syncing: false,
        }
    }

    /// An unclean start in epoch 3.
    #[test]
    fn what_is_forgiven_is_forgiven_once() {
        let follows =
            |epoch, written, committed| Sight { written, ..sight("b", false, epoch, committed, committed, committed) };
        for (sights, check) in [
            (vec![follows(3, 1, 9), follows(3, 3, 4), follows(3, 3, 5)], None),
            (vec![follows(3, 3, 4), follows(3, 3, 3)], None),
            (vec![follows(3, 3, 4), follows(3, 3, 5), follows(3, 3, 4)], Some("C6")),
            (vec![follows(3, 1, 8)], Some("C6")),
            (vec![sight("d", true, 3, 2, 2, 2), sight("a", true, 1, 10, 10, 10)], None),
            (vec![sight("c", true, 1, 9, 9, 9)], Some("C6")),
            (vec![sight("c", true, 3, 2, 2, 2), sight("a", true, 4, 1, 1, 1)], Some("C6")),
        ] {
            let mut progress = Progress::default();
            progress.see(&sight("a", true, 1, 9, 9, 9)).unwrap();
            progress.see(&follows(1, 1, 9)).unwrap();
            progress.forgive(3);
            let seen = sights.iter().try_for_each(|sight| progress.see(sight));
            assert_eq!(seen.err().map(|it| it.check), check, "{sights:?}");
        }
    }

    #[test]
    fn good_and_bad_sequences() {
        let a = |committed, end| sight("a", true, 1, committed, end, end);
        for (sights, check) in [
            (vec![a(1, 3), a(2, 4), sight("b", true, 2, 2, 2, 2)], None),
            (vec![a(1, 3), sight("a", false, 2, 1, 1, 1)], None),
            (vec![a(1, 3), sight("b", true, 1, 1, 1, 3)], Some("C6")),
            (vec![a(2, 3), a(1, 3)], Some("C6")),
            (vec![a(2, 3), sight("b", true, 2, 1, 1, 1)], Some("C6")),
            (vec![sight("b", false, 2, 1, 1, 1), sight("b", false, 1, 1, 1, 1)], Some("C6")),
            (vec![sight("b", false, 1, 2, 2, 2), sight("b", false, 1, 2, 1, 2)], Some("C7")),
            (vec![sight("b", false, 1, 1, 2, 2)], Some("C7")),
            (vec![a(1, 3), sight("a", false, 2, 1, 3, 3), sight("a", false, 2, 2, 2, 2)], None),
            (vec![a(1, 3), sight("a", false, 2, 3, 3, 3), sight("a", false, 2, 3, 2, 3)], Some("C7")),
            (vec![a(1, 3), sight("a", false, 2, 3, 3, 3), sight("a", false, 2, 3, 4, 4)], Some("C7")),
            (vec![Sight { readable: false, ..sight("b", false, 1, 1, 2, 2) }], Some("C7")),
            (vec![Sight { readable: false, syncing: true, ..sight("b", false, 1, 1, 2, 2) }], None),
            (vec![sight("b", false, 1, 2, 2, 2), Sight { readable: false, ..sight("b", false, 1, 2, 1, 1) }], None),
        ] {
            let mut progress = Progress::default();
            let seen = sights.iter().try_for_each(|sight| progress.see(sight));
            assert_eq!(seen.err().map(|it| it.check), check, "{sights:?}");
        }
    }
}
