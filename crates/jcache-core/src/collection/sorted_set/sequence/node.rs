//! The nodes of a counted sequence: leaves, inner nodes, and how they split and mend.
//!
//! Fill: a node splits when it is full and is mended when it falls under a third (see [`minimum`]): merged with a
//! neighbour when both fit into three quarters of a node, otherwise evened out with it. Either way the node is then far
//! from its next split and its next mending. Appending splits off an almost empty right node instead of a half, so that
//! ascending input (time stamps, say) leaves full nodes behind; only nodes on the right edge may therefore be under the
//! minimum, though an inner node always has two children.

use super::super::heap_block;
use super::{Entry, Run};

/// The fill under which a node of this capacity is mended.
const fn minimum(capacity: usize) -> usize {
    if capacity / 3 > 2 { capacity / 3 } else { 2 }
}

/// What the left of two neighbours should hold so that one of them stays (all) or both are even.
fn left_share(total: usize, capacity: usize) -> usize {
    if total <= capacity * 3 / 4 { total } else { total / 2 }
}

/// A subtree.
#[derive(Clone, Debug)]
pub(super) enum Node<const LEAF: usize, const FAN: usize> {
    Leaf(Box<Leaf<LEAF>>),
    Inner(Box<Inner<LEAF, FAN>>),
}

impl<const LEAF: usize, const FAN: usize> Node<LEAF, FAN> {
    pub(super) fn empty() -> Self {
        Node::Leaf(Box::new(Leaf::new()))
    }

    /// A new root above two nodes.
    pub(super) fn parent(left: Self, right: Self) -> Self {
        let mut inner = Inner::new();
        inner.push(left);
        inner.push(right);
        Node::Inner(Box::new(inner))
    }

    /// Bytes of this node without its children.
    pub(super) fn heap(&self) -> usize {
        match self {
            Node::Leaf(_) => heap_block(size_of::<Leaf<LEAF>>()),
            Node::Inner(_) => {
                heap_block(size_of::<Inner<LEAF, FAN>>())
                    + heap_block((FAN + 1) * size_of::<Entry>())
                    + heap_block((FAN + 1) * size_of::<u32>())
                    + heap_block((FAN + 1) * size_of::<Self>())
            }
        }
    }

    /// Takes the child of an inner node that has just one.
    pub(super) fn only_child(&mut self) -> Option<Self> {
        match self {
            Node::Inner(inner) if inner.children.len() == 1 => inner.children.pop(),
            _ => None,
        }
    }

    /// Inserts at rank `at` of this subtree; a node split off to the right is returned.
    pub(super) fn insert(&mut self, at: usize, entry: Entry, append: bool, heap: &mut usize) -> Option<Self> {
        let right = match self {
            Node::Leaf(leaf) => Node::Leaf(leaf.insert_or_split(at, entry, append)?),
            Node::Inner(inner) => Node::Inner(inner.insert_or_split(at, entry, append, heap)?),
        };
        *heap += right.heap();
        Some(right)
    }

    /// Removes up to `len` entries from rank `at` on, from one leaf; returns how many.
    pub(super) fn remove(&mut self, at: usize, len: usize, heap: &mut usize, removed: &mut impl FnMut(Entry)) -> usize {
        match self {
            Node::Leaf(leaf) => leaf.remove(at, len, removed),
            Node::Inner(inner) => inner.remove(at, len, heap, removed),
        }
    }

    /// Entries in this subtree.
    pub(super) fn count(&self) -> u32 {
        match self {
            Node::Leaf(leaf) => leaf.len,
            Node::Inner(inner) => inner.counts.iter().sum(),
        }
    }

    pub(super) fn first(&self) -> Entry {
        match self {
            Node::Leaf(leaf) => Entry { score: leaf.scores[0], id: leaf.ids[0] },
            Node::Inner(inner) => inner.firsts[0],
        }
    }

    pub(super) fn is_underfull(&self) -> bool {
        match self {
            Node::Leaf(leaf) => (leaf.len as usize) < minimum(LEAF),
            Node::Inner(inner) => inner.children.len() < minimum(FAN),
        }
    }

    /// Evens out two neighbours; true when `right` was merged into `self` and is empty.
    fn balance(&mut self, right: &mut Self) -> bool {
        match (self, right) {
            (Node::Leaf(left), Node::Leaf(right)) => left.balance(right),
            (Node::Inner(left), Node::Inner(right)) => left.balance(right),
            _ => unreachable!("invariant: neighbours are of one depth"),
        }
    }
}

/// Up to `LEAF` entries, scores and ids apart: 12 bytes an entry, and a search by score reads scores only.
#[derive(Clone, Debug)]
pub(super) struct Leaf<const LEAF: usize> {
    scores: [f64; LEAF],
    ids: [u32; LEAF],
    len: u32,
}

impl<const LEAF: usize> Leaf<LEAF> {
    fn new() -> Self {
        Self { scores: [0.0; LEAF], ids: [0; LEAF], len: 0 }
    }

    pub(super) fn run(&self) -> Run<'_> {
        let len = self.len as usize;
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
        let len = self.len as usize;
        self.scores.copy_within(at..len, at + gap);
        self.ids.copy_within(at..len, at + gap);
        self.len += gap as u32;
    }

    /// Closes `gap` places at `at`.
    fn close(&mut self, at: usize, gap: usize) {
        let len = self.len as usize;
        self.scores.copy_within(at + gap..len, at);
        self.ids.copy_within(at + gap..len, at);
        self.len -= gap as u32;
    }

    /// Copies entries `from..from + n` of `other` over those at `at`.
    fn copy(&mut self, at: usize, other: &Self, from: usize, n: usize) {
        self.scores[at..at + n].copy_from_slice(&other.scores[from..from + n]);
        self.ids[at..at + n].copy_from_slice(&other.ids[from..from + n]);
    }

    fn insert_or_split(&mut self, at: usize, entry: Entry, append: bool) -> Option<Box<Self>> {
        if (self.len as usize) < LEAF {
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

    fn remove(&mut self, at: usize, len: usize, removed: &mut impl FnMut(Entry)) -> usize {
        let gone = len.min(self.len as usize - at);
        for i in at..at + gone {
            removed(Entry { score: self.scores[i], id: self.ids[i] });
        }
        self.close(at, gone);
        gone
    }

    fn balance(&mut self, right: &mut Self) -> bool {
        let len = self.len as usize;
        let share = left_share(len + right.len as usize, LEAF);
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

/// Up to `FAN` children, each with its first entry and its count (always exact: an id may not outlive its entry).
#[derive(Debug)]
pub(super) struct Inner<const LEAF: usize, const FAN: usize> {
    firsts: Vec<Entry>,
    counts: Vec<u32>,
    children: Vec<Node<LEAF, FAN>>,
}

impl<const LEAF: usize, const FAN: usize> Inner<LEAF, FAN> {
    /// Room for one child more than allowed: it is taken in before the node splits.
    fn new() -> Self {
        Self {
            firsts: Vec::with_capacity(FAN + 1),
            counts: Vec::with_capacity(FAN + 1),
            children: Vec::with_capacity(FAN + 1),
        }
    }

    fn push(&mut self, child: Node<LEAF, FAN>) {
        self.place(self.children.len(), child);
    }

    fn place(&mut self, at: usize, child: Node<LEAF, FAN>) {
        self.firsts.insert(at, child.first());
        self.counts.insert(at, child.count());
        self.children.insert(at, child);
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

    fn insert_or_split(&mut self, at: usize, entry: Entry, append: bool, heap: &mut usize) -> Option<Box<Self>> {
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
        let len = self.children.len();
        (len > FAN).then(|| Box::new(self.split_off(if append { len - 2 } else { len / 2 })))
    }

    fn split_off(&mut self, cut: usize) -> Self {
        let mut right = Self::new();
        right.firsts.extend(self.firsts.drain(cut..));
        right.counts.extend(self.counts.drain(cut..));
        right.children.extend(self.children.drain(cut..));
        right
    }

    fn remove(&mut self, mut at: usize, len: usize, heap: &mut usize, removed: &mut impl FnMut(Entry)) -> usize {
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

    fn balance(&mut self, right: &mut Self) -> bool {
        let len = self.children.len();
        let share = left_share(len + right.children.len(), FAN);
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
