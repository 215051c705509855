//! An inner node of a counted sequence: children, with what is known of each without visiting it.

use super::{
    Entry,
    node::{Node, left_share},
};
use crate::collection::allocated;

/// Up to `FAN` children, each with its first entry and its count (always exact: an id may not outlive its entry).
#[derive(Debug)]
pub(super) struct Inner<const LEAF: usize, const FAN: usize> {
    firsts: Vec<Entry>,
    counts: Vec<u32>,
    children: Vec<Node<LEAF, FAN>>,
}

impl<const LEAF: usize, const FAN: usize> Inner<LEAF, FAN> {
    /// Bytes of the three vectors.
    pub(super) const HEAP: usize = allocated((FAN + 1) * size_of::<Entry>())
        + allocated((FAN + 1) * size_of::<u32>())
        + allocated((FAN + 1) * size_of::<Node<LEAF, FAN>>());

    /// Room for one child more than allowed: it is taken in before the node splits.
    pub(super) fn new() -> Self {
        Self {
            firsts: Vec::with_capacity(FAN + 1),
            counts: Vec::with_capacity(FAN + 1),
            children: Vec::with_capacity(FAN + 1),
        }
    }

    pub(super) fn push(&mut self, child: Node<LEAF, FAN>) {
        self.place(self.len(), child);
    }

    pub(super) fn pop(&mut self) -> Option<Node<LEAF, FAN>> {
        self.firsts.pop();
        self.counts.pop();
        self.children.pop()
    }

    fn place(&mut self, at: usize, child: Node<LEAF, FAN>) {
        self.firsts.insert(at, child.first());
        self.counts.insert(at, child.count());
        self.children.insert(at, child);
    }

    /// How many children.
    pub(super) fn len(&self) -> usize {
        self.children.len()
    }

    pub(super) fn first(&self) -> Entry {
        self.firsts[0]
    }

    /// The child in which a prefix ends.
    pub(super) fn partition_point(&self, before: impl Fn(Entry) -> bool) -> usize {
        self.firsts.partition_point(|&first| before(first)).saturating_sub(1)
    }

    pub(super) fn count_before(&self, child: usize) -> usize {
        self.counts[..child].iter().sum::<u32>() as usize
    }

    pub(super) fn child(&self, child: usize) -> &Node<LEAF, FAN> {
        &self.children[child]
    }

    /// The child, whose first entry becomes `first` if given.
    pub(super) fn child_mut(&mut self, child: usize, first: Option<Entry>) -> &mut Node<LEAF, FAN> {
        if let Some(first) = first {
            self.firsts[child] = first;
        }
        &mut self.children[child]
    }

    /// The children with what is noted of them.
    #[cfg(test)]
    pub(super) fn parts(&self) -> impl Iterator<Item = (Entry, u32, &Node<LEAF, FAN>)> {
        let noted = self.firsts.iter().copied().zip(self.counts.iter().copied());
        noted.zip(&self.children).map(|((first, count), child)| (first, count, child))
    }

    /// The child with the entry of rank `at`, which becomes the rank inside of it.
    pub(super) fn locate(&self, at: &mut usize) -> usize {
        let mut child = 0;
        while *at >= self.counts[child] as usize {
            *at -= self.counts[child] as usize;
            child += 1;
        }
        child
    }

    pub(super) fn insert_or_split(
        &mut self,
        at: usize,
        entry: Entry,
        append: bool,
        heap: &mut usize,
    ) -> Option<Box<Self>> {
        // Between two children the left one takes it: the end of a leaf is its cheapest place.
        let mut inside = at.saturating_sub(1);
        let child = self.locate(&mut inside);
        inside += usize::from(at > 0);
        if at == 0 {
            self.firsts[0] = entry;
        }
        self.counts[child] += 1;
        let right = self.children[child].insert(inside, entry, append, heap)?;
        self.counts[child] -= right.count();
        self.place(child + 1, right);
        let len = self.len();
        (len > FAN).then(|| Box::new(self.split_off(if append { len - 2 } else { len / 2 })))
    }

    fn split_off(&mut self, cut: usize) -> Self {
        let mut right = Self::new();
        right.firsts.extend(self.firsts.drain(cut..));
        right.counts.extend(self.counts.drain(cut..));
        right.children.extend(self.children.drain(cut..));
        right
    }

    pub(super) fn remove(
        &mut self,
        mut at: usize,
        len: usize,
        heap: &mut usize,
        removed: &mut impl FnMut(Entry),
    ) -> usize {
        let child = self.locate(&mut at);
        let gone = self.children[child].remove(at, len, heap, removed);
        self.counts[child] -= gone as u32;
        if self.children[child].is_underfull() {
            self.mend(child, heap);
        } else if at == 0 {
            self.firsts[child] = self.children[child].first();
        }
        gone
    }

    /// Merges an underfull child with a neighbour, or evens them out.
    fn mend(&mut self, child: usize, heap: &mut usize) {
        let at = child.saturating_sub(1);
        let [left, right] = &mut self.children[at..at + 2] else {
            unreachable!("invariant: an inner node has two children")
        };
        let merged = left.balance(right);
        let total = self.counts[at] + self.counts[at + 1];
        self.firsts[at] = left.first();
        if merged {
            *heap -= right.heap();
            self.counts[at] = total;
            self.firsts.remove(at + 1);
            self.counts.remove(at + 1);
            self.children.remove(at + 1);
        } else {
            self.firsts[at + 1] = right.first();
            self.counts[at] = left.count();
            self.counts[at + 1] = total - self.counts[at];
        }
    }

    pub(super) fn balance(&mut self, right: &mut Self) -> bool {
        let len = self.len();
        let share = left_share(len + right.len(), FAN);
        if len < share {
            self.firsts.extend(right.firsts.drain(..share - len));
            self.counts.extend(right.counts.drain(..share - len));
            self.children.extend(right.children.drain(..share - len));
        } else {
            right.firsts.splice(0..0, self.firsts.drain(share..));
            right.counts.splice(0..0, self.counts.drain(share..));
            right.children.splice(0..0, self.children.drain(share..));
        }
        right.children.is_empty()
    }
}

impl<const LEAF: usize, const FAN: usize> Clone for Inner<LEAF, FAN> {
    /// By hand, since a cloned `Vec` does not keep its spare room.
    fn clone(&self) -> Self {
        let mut copy = Self::new();
        copy.firsts.extend_from_slice(&self.firsts);
        copy.counts.extend_from_slice(&self.counts);
        copy.children.extend_from_slice(&self.children);
        copy
    }
}
