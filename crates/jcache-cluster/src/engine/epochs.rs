//! Which epoch begins where in a log, and where two logs part.
//!
//! The lookup is that of Kafka's KIP-101 and KIP-279, in one step, because a follower sends its whole cache.

use super::member::{Epoch, Offset};

/// Epochs that are remembered; older ones are so long ago that a full synchronisation is right.
const KEPT: usize = 64;

/// Epochs that wrote something, and their first offsets, both growing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Epochs(Vec<(Epoch, Offset)>);

impl Epochs {
    pub(crate) fn from_pairs(mut pairs: Vec<(Epoch, Offset)>) -> Self {
        let excess = pairs.len().saturating_sub(KEPT);
        pairs.drain(..excess);
        Self(pairs)
    }

    pub(crate) fn pairs(&self) -> &[(Epoch, Offset)] {
        &self.0
    }

    /// Notes that `epoch` wrote at `offset`.
    #[inline]
    pub(crate) fn note(&mut self, epoch: Epoch, offset: Offset) {
        if self.last() >= epoch {
            return;
        }
        if self.0.len() == KEPT {
            self.0.remove(0);
        }
        self.0.push((epoch, offset));
    }

    /// The last epoch that wrote; 0 for none.
    #[inline]
    pub(crate) fn last(&self) -> Epoch {
        self.0.last().map_or(0, |(epoch, _)| *epoch)
    }

    /// Forgets what begins after `offset`.
    pub(crate) fn truncate(&mut self, offset: Offset) {
        self.0.retain(|(_, start)| *start <= offset);
    }

    /// The last offset of `epoch` in a log that ends at `leo`; `None` when it did not write there, or that is forgotten.
    pub(crate) fn end(&self, epoch: Epoch, leo: Offset) -> Option<Offset> {
        let at = self.0.iter().position(|(it, _)| *it == epoch)?;
        Some(self.0.get(at + 1).map_or(leo, |(_, start)| start.saturating_sub(1)))
    }

    /// Whether what was at `offset` in the history of `epoch` is lost: a later epoch began there, or before. So it is told
    /// also where nothing of `epoch` itself is left, or known any more.
    pub(crate) fn is_lost(&self, epoch: Epoch, offset: Offset) -> bool {
        epoch < self.last() && self.0.iter().find(|(it, _)| *it > epoch).is_some_and(|(_, start)| offset >= *start)
    }

    /// Where two logs part: everything up to this offset is the same in both. The largest epoch that both know ends the
    /// common part at the earlier of its two ends; all before its start is the same by log matching.
    pub(crate) fn divergence(&self, leo: Offset, other: &Epochs, other_leo: Offset) -> Offset {
        let common = self.0.iter().rev().find_map(|(epoch, _)| other.end(*epoch, other_leo).map(|end| (*epoch, end)));
        common.map_or(0, |(epoch, end)| end.min(self.end(epoch, leo).unwrap_or(0)))
    }
}

/// How a joining follower is brought up to date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plan {
    /// It drops what follows this offset, and gets the records from there on.
    Partial(Offset),
    /// It gets everything anew.
    Full,
    /// It gets everything anew, although it had executed what the leader does not have: this must not happen.
    Beyond,
}

/// A log, as a join tells it.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// Its epochs and their first offsets.
    pub epochs: Vec<(Epoch, Offset)>,
    /// Its last record.
    pub leo: Offset,
    /// The last record that was executed.
    pub applied: Offset,
    /// Whether that may be more than what is committed: a deposed leader's.
    pub tainted: bool,
}

/// Decides how a follower with `history` is brought up to date by a leader with the log `leader`, of which the records
/// from `first` on are kept; gives the point of divergence too.
pub fn reconcile(leader: &History, first: Offset, follower: &History) -> (Offset, Plan) {
    let ours = Epochs::from_pairs(leader.epochs.clone());
    let theirs = Epochs::from_pairs(follower.epochs.clone());
    let point = ours.divergence(leader.leo, &theirs, follower.leo);
    let plan = if follower.tainted && point < follower.leo {
        Plan::Full
    } else if follower.applied > point {
        Plan::Beyond
    } else if point + 1 >= first {
        Plan::Partial(point)
    } else {
        Plan::Full
    };
    (point, plan)
}
