//! A counted sequence: `(score, id)` entries addressed by rank, every operation in O(log n).
//!
//! The structure is a B+tree with subtree counts (Bayer & McCreight's B-tree, entries in the leaves only; counts as in
//! Knuth, TAOCP 3, 6.2.3, "linear lists"). It does not know how its entries are ordered: the owner finds a rank with
//! [`Sequence::partition_point`] and then inserts, replaces or removes at that rank. So all orders a sorted set is asked
//! for (score and member, score alone, member alone) share one descent, and changes never compare anything.
//!
//! Nodes own their children and know neither parent nor neighbour: an iterator that leaves a leaf descends again by rank,
//! which costs some nanoseconds per leaf and saves all the links that would have to be kept right.

mod inner;
mod leaf;
mod node;

use node::Node;

/// One entry: a score, and the id under which the owner keeps the rest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Entry {
    pub(super) score: f64,
    pub(super) id: u32,
}

/// Entries in an order of the owner's making; up to `LEAF` in a leaf, up to `FAN` children in an inner node.
#[derive(Clone, Debug)]
pub(super) struct Sequence<const LEAF: usize, const FAN: usize> {
    root: Node<LEAF, FAN>,
    len: usize,
    heap: usize,
}

impl<const LEAF: usize, const FAN: usize> Sequence<LEAF, FAN> {
    pub(super) fn new() -> Self {
        const { assert!(LEAF >= 4 && FAN >= 4, "halves must hold two each") };
        let root = Node::empty();
        let heap = root.heap();
        Self { root, len: 0, heap }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Bytes of all nodes, allocator rounding included.
    pub(super) fn heap_size(&self) -> usize {
        self.heap
    }

    /// No less than the bytes that the nodes grow by when `count` entries are put in.
    pub(super) fn growth_ahead(&self, count: usize) -> usize {
        let leaf = Node::<LEAF, FAN>::leaf_heap();
        let inner = Node::<LEAF, FAN>::inner_heap();
        // A full node becomes two, and takes half a node's entries until it is full again; at the worst the first entry
        // splits a node on every level.
        let levels = (self.len + count).checked_ilog(FAN / 3).unwrap_or(0) as usize + 1;
        (count.div_ceil(LEAF / 2) + 1) * leaf + (count.div_ceil(LEAF / 2 * FAN / 2) + levels) * inner
    }

    /// The number of leading entries for which `before` holds; it must hold for a prefix.
    ///
    /// When it does not, the answer is some rank from 0 to `len`.
    pub(super) fn partition_point(&self, before: impl Fn(Entry) -> bool) -> usize {
        let mut node = &self.root;
        let mut rank = 0;
        loop {
            match node {
                Node::Leaf(leaf) => return rank + leaf.partition_point(before),
                Node::Inner(inner) => {
                    let child = inner.partition_point(&before);
                    rank += inner.count_before(child);
                    node = inner.child(child);
                }
            }
        }
    }

    /// Puts `entry` at `rank`, moving those from there on one up. `rank` is at most `len`.
    pub(super) fn insert(&mut self, rank: usize, entry: Entry) {
        debug_assert!(rank <= self.len);
        let append = rank == self.len;
        if let Some(right) = self.root.insert(rank, entry, append, &mut self.heap) {
            let left = std::mem::replace(&mut self.root, Node::empty());
            self.root = Node::parent(left, right);
            self.heap += self.root.heap();
        }
        self.len += 1;
    }

    /// Overwrites the entry at `rank`, which must exist.
    pub(super) fn replace(&mut self, rank: usize, entry: Entry) {
        debug_assert!(rank < self.len);
        let (mut node, mut at) = (&mut self.root, rank);
        loop {
            match node {
                Node::Leaf(leaf) => return leaf.set(at, entry),
                Node::Inner(inner) => {
                    let child = inner.locate(&mut at);
                    node = inner.child_mut(child, (at == 0).then_some(entry));
                }
            }
        }
    }

    /// Removes `len` entries from `rank` on, as many as there are, and shows each to `removed`.
    ///
    /// Goes leaf by leaf: O(len + log n for each leaf touched).
    pub(super) fn remove(&mut self, rank: usize, len: usize, mut removed: impl FnMut(Entry)) {
        let mut left = len.min(self.len.saturating_sub(rank));
        while left > 0 {
            let gone = self.root.remove(rank, left, &mut self.heap, &mut removed);
            self.len -= gone;
            left -= gone;
            while let Some(only) = self.root.only_child() {
                self.heap -= self.root.heap();
                self.root = only;
            }
        }
    }

    /// The entries of the ranks `start..end`, which must exist.
    pub(super) fn range(&self, start: usize, end: usize) -> Iter<'_, LEAF, FAN> {
        debug_assert!(start <= end && end <= self.len);
        Iter { sequence: self, start, end, front: Run::EMPTY, back: Run::EMPTY }
    }

    /// The entries from `rank` to the end of its leaf.
    fn run_from(&self, rank: usize) -> Run<'_> {
        let (run, at) = self.leaf_with(rank);
        Run { scores: &run.scores[at..], ids: &run.ids[at..] }
    }

    /// The entries from the start of its leaf to `rank` inclusive.
    fn run_to(&self, rank: usize) -> Run<'_> {
        let (run, at) = self.leaf_with(rank);
        Run { scores: &run.scores[..=at], ids: &run.ids[..=at] }
    }

    /// The leaf with `rank`, which must exist, and where in it.
    fn leaf_with(&self, rank: usize) -> (Run<'_>, usize) {
        let (mut node, mut at) = (&self.root, rank);
        loop {
            match node {
                Node::Leaf(leaf) => return (leaf.run(), at),
                Node::Inner(inner) => node = inner.child(inner.locate(&mut at)),
            }
        }
    }
}

impl<const LEAF: usize, const FAN: usize> FromIterator<Entry> for Sequence<LEAF, FAN> {
    /// Appends each in turn; appending fills leaves to the last place.
    fn from_iter<I: IntoIterator<Item = Entry>>(entries: I) -> Self {
        let mut sequence = Self::new();
        for entry in entries {
            sequence.insert(sequence.len, entry);
        }
        sequence
    }
}

/// Neighbouring entries of one leaf.
#[derive(Clone, Copy, Debug)]
struct Run<'a> {
    scores: &'a [f64],
    ids: &'a [u32],
}

impl Run<'_> {
    const EMPTY: Self = Run { scores: &[], ids: &[] };

    #[inline]
    fn pop_front(&mut self) -> Option<Entry> {
        let (&score, scores) = self.scores.split_first()?;
        let (&id, ids) = self.ids.split_first()?;
        *self = Run { scores, ids };
        Some(Entry { score, id })
    }

    #[inline]
    fn pop_back(&mut self) -> Option<Entry> {
        let (&score, scores) = self.scores.split_last()?;
        let (&id, ids) = self.ids.split_last()?;
        *self = Run { scores, ids };
        Some(Entry { score, id })
    }
}

/// Entries of a range of ranks, from both ends.
#[derive(Clone, Debug)]
pub(super) struct Iter<'a, const LEAF: usize, const FAN: usize> {
    sequence: &'a Sequence<LEAF, FAN>,
    start: usize,
    end: usize,
    front: Run<'a>,
    back: Run<'a>,
}

impl<const LEAF: usize, const FAN: usize> Iterator for Iter<'_, LEAF, FAN> {
    type Item = Entry;

    #[inline]
    fn next(&mut self) -> Option<Entry> {
        if self.start == self.end {
            return None;
        }
        if self.front.ids.is_empty() {
            self.front = self.sequence.run_from(self.start);
        }
        self.start += 1;
        self.front.pop_front()
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.end - self.start, Some(self.end - self.start))
    }
}

impl<const LEAF: usize, const FAN: usize> DoubleEndedIterator for Iter<'_, LEAF, FAN> {
    #[inline]
    fn next_back(&mut self) -> Option<Entry> {
        if self.start == self.end {
            return None;
        }
        if self.back.ids.is_empty() {
            self.back = self.sequence.run_to(self.end - 1);
        }
        self.end -= 1;
        self.back.pop_back()
    }
}

#[cfg(test)]
mod tests;
