//! What happens when: the only clock of a simulation.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::history::Moment;

/// Things that will happen, in order of time; at one moment, in the order in which they were planned.
#[derive(Debug)]
pub(super) struct Agenda<T> {
    heap: BinaryHeap<Reverse<Entry<T>>>,
    planned: u64,
}

#[derive(Debug)]
struct Entry<T> {
    at: Moment,
    place: u64,
    what: T,
}

impl<T> PartialEq for Entry<T> {
    fn eq(&self, other: &Self) -> bool {
        self.place == other.place
    }
}

impl<T> Eq for Entry<T> {}

impl<T> PartialOrd for Entry<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Entry<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.place).cmp(&(other.at, other.place))
    }
}

impl<T> Default for Agenda<T> {
    fn default() -> Self {
        Self { heap: BinaryHeap::new(), planned: 0 }
    }
}

impl<T> Agenda<T> {
    pub(super) fn plan(&mut self, at: Moment, what: T) {
        self.planned += 1;
        self.heap.push(Reverse(Entry { at, place: self.planned, what }));
    }

    /// Takes things off the agenda.
    pub(super) fn forget(&mut self, which: impl Fn(&T) -> bool) {
        self.heap.retain(|Reverse(entry)| !which(&entry.what));
    }

    /// The next thing up to and including `until`.
    pub(super) fn next(&mut self, until: Moment) -> Option<(Moment, T)> {
        if self.heap.peek().is_none_or(|Reverse(entry)| entry.at > until) {
            return None;
        }
        self.heap.pop().map(|Reverse(entry)| (entry.at, entry.what))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_time_and_then_as_planned() {
        let mut agenda = Agenda::default();
        for (at, what) in [(5, 'c'), (1, 'a'), (5, 'd'), (2, 'b'), (9, 'e')] {
            agenda.plan(at, what);
        }
        agenda.plan(3, 'x');
        agenda.forget(|what| *what == 'x');
        let order: String = std::iter::from_fn(|| agenda.next(5)).map(|(_, what)| what).collect();
        assert_eq!(order, "abcd");
    }
}
