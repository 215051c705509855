//! The search for an order, one operation after the other, with a way back.

use std::collections::HashMap;
use std::hash::BuildHasher;

use foldhash::quality::FixedState;

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
    /// How many of them since the last known one.
    side_by_side: usize,
    /// When the last of all these was called: nothing that had returned by then can come any more.
    latest: Moment,
    state: State,
}

impl Position {
    /// Two hashes of all but the open operations, so that two positions are never taken for one.
    fn hashes(&self) -> (u64, u64) {
        let hash = |salt: u8| {
            FixedState::default().hash_one((salt, self.first, &self.ahead, self.side_by_side, self.state.digest()))
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
    /// How many open operations may take effect one after the other.
    side_by_side: usize,
    /// Whether that limit kept something from being tried.
    limited: bool,
    /// For each open operation, an earlier one with the same command: that one goes first.
    twins: Vec<Option<usize>>,
    /// The open operations, the most promising last.
    order: Vec<usize>,
    /// For each position, which open operations had taken effect when it was tried.
    tried: HashMap<(u64, u64), Vec<Vec<usize>>>,
    /// What it begins with.
    beginning: State,
    furthest: Position,
}

impl<'s, 'h> Search<'s, 'h> {
    pub(super) fn new(known: &'s [Item<'h>], open: &'s [Item<'h>], side_by_side: usize, beginning: &State) -> Self {
        let same = |a: &Item<'_>, b: &Item<'_>| {
            a.operation.command == b.operation.command && (a.returned, b.returned) == (Moment::MAX, Moment::MAX)
        };
        let twins = (0..open.len()).map(|index| (0..index).rev().find(|twin| same(&open[*twin], &open[index])));
        let (twins, order) = (twins.collect(), by_promise(known, open));
        Self {
            known,
            open,
            side_by_side,
            limited: false,
            twins,
            order,
            tried: HashMap::new(),
            beginning: beginning.clone(),
            furthest: Position::default(),
        }
    }

    pub(super) fn run(mut self, most: usize) -> Verdict {
        let mut path = vec![self.frame(Position { state: self.beginning.clone(), ..Position::default() })];
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
            if self.is_new(&next) {
                if next.count() > self.furthest.count() {
                    self.furthest = next.clone();
                }
                let frame = self.frame(next);
                path.push(frame);
            }
        }
        if self.limited { Verdict::Undecided(steps) } else { Verdict::Violated(self.violation()) }
    }

    /// Whether nothing like it was tried. A position from which fewer open operations have taken effect can do all that
    /// this one can.
    fn is_new(&mut self, position: &Position) -> bool {
        let tried = self.tried.entry(position.hashes()).or_default();
        let within = |fewer: &Vec<usize>| fewer.iter().all(|index| position.taken.binary_search(index).is_ok());
        if tried.iter().any(within) {
            return false;
        }
        tried.push(position.taken.clone());
        true
    }

    /// What may come next: operations that were called before any other that is not done had returned.
    fn frame(&mut self, position: Position) -> Frame {
        let (mut known, horizon) = self.next_known(&position);
        // What returned first is tried first; open ones only when nothing else fits.
        known.sort_by_key(|index| std::cmp::Reverse(self.known[*index].returned));
        let called = self.open.partition_point(|item| item.operation.invoked <= horizon);
        let taken = |index: usize| position.taken.binary_search(&index).is_ok();
        let in_time = |index: usize| self.open[index].returned >= position.latest;
        let may = |index: &usize| {
            *index < called && !taken(*index) && in_time(*index) && self.twins[*index].is_none_or(taken)
        };
        let full = position.side_by_side >= self.side_by_side;
        let open: Vec<usize> = self.order.iter().copied().filter(may).collect();
        self.limited |= full && !open.is_empty();
        let open = open.into_iter().filter(|_| !full);
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
                next.side_by_side = 0;
                next.latest = next.latest.max(item.operation.invoked);
                next.done(index);
            }
            Candidate::Open(index) => {
                let item = &self.open[index];
                let (reply, state) = position.state.run(&item.parsed);
                let fits = match &item.operation.outcome {
                    Outcome::Returned(_, seen) => *seen == reply,
                    _ => true,
                };
                if !fits || state.digest() == position.state.digest() {
                    return None;
                }
                next.state = state;
                next.side_by_side += 1;
                next.latest = next.latest.max(item.operation.invoked);
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

/// Open operations whose arguments a reply shows took effect: they are tried first, in the order in which replies show
/// them. The others are tried when nothing else helps.
fn by_promise(known: &[Item<'_>], open: &[Item<'_>]) -> Vec<usize> {
    let mut by_return: Vec<&Item<'_>> = known.iter().collect();
    by_return.sort_by_key(|item| item.returned);
    let (mut shown, mut first) = (Vec::new(), HashMap::new());
    for item in by_return {
        shown.clear();
        item.operation.reply().into_iter().for_each(|reply| crate::check::elements(reply, &mut shown));
        for element in shown.drain(..) {
            let place = first.len();
            first.entry(element).or_insert(place);
        }
    }
    let place = |index: &usize| {
        let args = &open[*index].operation.command.args()[1..];
        let places = args.iter().filter_map(|arg| first.get(arg.as_ref()));
        places.min().copied().unwrap_or(usize::MAX)
    };
    let mut order: Vec<usize> = (0..open.len()).collect();
    order.sort_by_key(|index| std::cmp::Reverse(place(index)));
    order
}
