//! The search for an order, one operation after the other, with a way back.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::state::State;
use super::{Item, Verdict};
use crate::check::Violation;
use crate::history::{Moment, Outcome};

/// Which operations are done, and the state they lead to.
#[derive(Debug, Clone, Default)]
struct Position {
    /// All known operations below this are done, in the order of their calls …
    first: usize,
    /// … and these beyond it, sorted.
    ahead: Vec<usize>,
    /// The open operations that took effect, sorted.
    taken: Vec<usize>,
    state: State,
}

impl Position {
    /// Two hashes, so that two positions are never taken for one.
    fn hashes(&self) -> (u64, u64) {
        let hash = |salt: u8| {
            let mut hasher = DefaultHasher::new();
            (salt, self.first, &self.ahead, &self.taken, self.state.digest()).hash(&mut hasher);
            hasher.finish()
        };
        (hash(0), hash(1))
    }

    fn done(&mut self, index: usize) {
        if index != self.first {
            let place = self.ahead.partition_point(|it| *it < index);
            self.ahead.insert(place, index);
            return;
        }
        self.first += 1;
        while self.ahead.first() == Some(&self.first) {
            self.ahead.remove(0);
            self.first += 1;
        }
    }

    fn is_done(&self, index: usize) -> bool {
        index < self.first || self.ahead.binary_search(&index).is_ok()
    }

    fn count(&self) -> usize {
        self.first + self.ahead.len()
    }
}

#[derive(Debug, Clone, Copy)]
enum Candidate {
    Known(usize),
    Open(usize),
}

/// A position with what may come next, the best last.
#[derive(Debug)]
struct Frame {
    position: Position,
    candidates: Vec<Candidate>,
}

#[derive(Debug)]
pub(super) struct Search<'s, 'h> {
    known: &'s [Item<'h>],
    open: &'s [Item<'h>],
    /// For each open operation, an earlier one with the same command: that one goes first.
    twins: Vec<Option<usize>>,
    tried: HashSet<(u64, u64)>,
    furthest: Position,
}

impl<'s, 'h> Search<'s, 'h> {
    pub(super) fn new(known: &'s [Item<'h>], open: &'s [Item<'h>]) -> Self {
        let same = |a: &Item<'_>, b: &Item<'_>| a.operation.command == b.operation.command;
        let twins = (0..open.len()).map(|index| (0..index).rev().find(|twin| same(&open[*twin], &open[index])));
        Self { known, open, twins: twins.collect(), tried: HashSet::new(), furthest: Position::default() }
    }

    pub(super) fn run(mut self, most: usize) -> Verdict {
        let mut path = vec![self.frame(Position::default())];
        let mut steps = 0;
        while let Some(frame) = path.last_mut() {
            if frame.position.first == self.known.len() {
                return Verdict::Linearizable;
            }
            let Some(candidate) = frame.candidates.pop() else {
                path.pop();
                continue;
            };
            steps += 1;
            if steps > most {
                return Verdict::Undecided(steps);
            }
            let Some(next) = self.next(&path[path.len() - 1].position, candidate) else { continue };
            if self.tried.insert(next.hashes()) {
                if next.count() > self.furthest.count() {
                    self.furthest = next.clone();
                }
                let frame = self.frame(next);
                path.push(frame);
            }
        }
        Verdict::Violated(self.violation())
    }

    /// What may come next: operations that were called before any other that is not done had returned.
    fn frame(&self, position: Position) -> Frame {
        let (mut known, horizon) = self.next_known(&position);
        // What returned first is tried first; open ones only when nothing else fits.
        known.sort_by_key(|index| std::cmp::Reverse(self.known[*index].returned));
        let called = self.open.partition_point(|item| item.operation.invoked <= horizon);
        let taken = |index: usize| position.taken.binary_search(&index).is_ok();
        let open = (0..called).filter(|index| !taken(*index) && self.twins[*index].is_none_or(taken));
        let candidates = open.map(Candidate::Open).chain(known.into_iter().map(Candidate::Known)).collect();
        Frame { position, candidates }
    }

    fn next_known(&self, position: &Position) -> (Vec<usize>, Moment) {
        let (mut indexes, mut horizon) = (Vec::new(), Moment::MAX);
        for (index, item) in self.known.iter().enumerate().skip(position.first) {
            if item.operation.invoked > horizon {
                break;
            }
            if !position.is_done(index) {
                indexes.push(index);
                horizon = horizon.min(item.returned);
            }
        }
        (indexes, horizon)
    }

    /// The position after `candidate`, if its reply fits.
    fn next(&self, position: &Position, candidate: Candidate) -> Option<Position> {
        let mut next = position.clone();
        match candidate {
            Candidate::Known(index) => {
                let item = &self.known[index];
                let (reply, state) = position.state.run(&item.parsed);
                let fits = matches!(&item.operation.outcome, Outcome::Returned(_, seen) if *seen == reply);
                if !fits {
                    return None;
                }
                next.state = state;
                next.done(index);
            }
            Candidate::Open(index) => {
                let (_, state) = position.state.run(&self.open[index].parsed);
                if state.digest() == position.state.digest() {
                    return None;
                }
                next.state = state;
                next.taken.insert(next.taken.partition_point(|it| *it < index), index);
            }
        }
        Some(next)
    }

    fn violation(&self) -> Violation {
        let position = &self.furthest;
        let (stuck, _) = self.next_known(position);
        let stuck: Vec<String> = stuck.iter().take(6).map(|index| self.known[*index].operation.show()).collect();
        let model = crate::check::contents(position.state.model(), |_| true);
        let keys: Vec<String> =
            model.iter().take(20).map(|(element, _)| String::from_utf8_lossy(element).into_owned()).collect();
        let group = self.known.first().map_or(0, |item| item.operation.group);
        Violation::new(
            "C2",
            format!(
                "group {group}: no order explains the replies; {} of {} could be ordered, leading to {keys:?}; then stuck at: {}",
                position.count(),
                self.known.len(),
                stuck.join("; ")
            ),
        )
    }
}
