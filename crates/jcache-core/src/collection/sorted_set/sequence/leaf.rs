//! A leaf of a counted sequence: the entries themselves.

use super::{Entry, Run, node::left_share};

/// Up to `LEAF` entries, scores and ids apart: 12 bytes an entry, and a search by score reads scores only.
#[derive(Clone, Debug)]
pub(super) struct Leaf<const LEAF: usize> {
    scores: [f64; LEAF],
    ids: [u32; LEAF],
    len: u32,
}

impl<const LEAF: usize> Leaf<LEAF> {
    pub(super) fn new() -> Self {
        Self { scores: [0.0; LEAF], ids: [0; LEAF], len: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.len as usize
    }

    pub(super) fn get(&self, at: usize) -> Entry {
        Entry { score: self.scores[at], id: self.ids[at] }
    }

    pub(super) fn run(&self) -> Run<'_> {
        let len = self.len();
        Run { scores: &self.scores[..len], ids: &self.ids[..len] }
    }

    pub(super) fn partition_point(&self, before: impl Fn(Entry) -> bool) -> usize {
        let run = self.run();
        let (mut low, mut high) = (0, run.ids.len());
        while low < high {
            let middle = low.midpoint(high);
            if before(Entry { score: run.scores[middle], id: run.ids[middle] }) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    pub(super) fn set(&mut self, at: usize, entry: Entry) {
        self.scores[at] = entry.score;
        self.ids[at] = entry.id;
    }

    /// Makes `gap` free places at `at`.
    fn open(&mut self, at: usize, gap: usize) {
        let len = self.len();
        self.scores.copy_within(at..len, at + gap);
        self.ids.copy_within(at..len, at + gap);
        self.len += gap as u32;
    }

    /// Closes `gap` places at `at`.
    fn close(&mut self, at: usize, gap: usize) {
        let len = self.len();
        self.scores.copy_within(at + gap..len, at);
        self.ids.copy_within(at + gap..len, at);
        self.len -= gap as u32;
    }

    /// Copies entries `from..from + n` of `other` over those at `at`.
    fn copy(&mut self, at: usize, other: &Self, from: usize, n: usize) {
        self.scores[at..at + n].copy_from_slice(&other.scores[from..from + n]);
        self.ids[at..at + n].copy_from_slice(&other.ids[from..from + n]);
    }

    pub(super) fn insert_or_split(&mut self, at: usize, entry: Entry, append: bool) -> Option<Box<Self>> {
        if self.len() < LEAF {
            self.open(at, 1);
            self.set(at, entry);
            return None;
        }
        let cut = if append { LEAF } else { LEAF / 2 };
        let mut right = Box::new(Self::new());
        right.copy(0, self, cut, LEAF - cut);
        right.len = (LEAF - cut) as u32;
        self.len = cut as u32;
        let (half, at) = if at < cut { (self, at) } else { (&mut *right, at - cut) };
        half.open(at, 1);
        half.set(at, entry);
        Some(right)
    }

    pub(super) fn remove(&mut self, at: usize, len: usize, removed: &mut impl FnMut(Entry)) -> usize {
        let gone = len.min(self.len() - at);
        (at..at + gone).for_each(|at| removed(self.get(at)));
        self.close(at, gone);
        gone
    }

    pub(super) fn balance(&mut self, right: &mut Self) -> bool {
        let len = self.len();
        let share = left_share(len + right.len(), LEAF);
        if len < share {
            let moved = share - len;
            self.copy(len, right, 0, moved);
            self.len += moved as u32;
            right.close(0, moved);
        } else {
            let moved = len - share;
            right.open(0, moved);
            right.copy(0, self, share, moved);
            self.len = share as u32;
        }
        right.len == 0
    }
}
