//! A node of a counted sequence, leaf or inner node, and the rules of splitting and mending that both follow.
//!
//! Fill: a node splits when it is full and is mended when it falls under a third (see [`minimum`]): merged with a
//! neighbour when both fit into three quarters of a node, otherwise evened out with it. Either way the node is then far
//! from its next split and its next mending. Appending splits off an almost empty right node instead of a half, so that
//! ascending input (time stamps, say) leaves full nodes behind; only nodes on the right edge may therefore be under the
//! minimum, though an inner node always has two children.

use super::{Entry, inner::Inner, leaf::Leaf};
use crate::collection::allocated;

/// The fill under which a node of this capacity is mended.
const fn minimum(capacity: usize) -> usize {
    if capacity / 3 > 2 { capacity / 3 } else { 2 }
}

/// What the left of two neighbours should hold so that one of them stays (all) or both are even.
pub(super) fn left_share(total: usize, capacity: usize) -> usize {
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
            Node::Leaf(_) => Self::leaf_heap(),
            Node::Inner(_) => Self::inner_heap(),
        }
    }

    /// Bytes of a leaf.
    pub(super) fn leaf_heap() -> usize {
        allocated(size_of::<Leaf<LEAF>>())
    }

    /// Bytes of an inner node without its children.
    pub(super) fn inner_heap() -> usize {
        allocated(size_of::<Inner<LEAF, FAN>>()) + Inner::<LEAF, FAN>::HEAP
    }

    /// Takes the child of an inner node that has just one.
    pub(super) fn only_child(&mut self) -> Option<Self> {
        match self {
            Node::Inner(inner) if inner.len() == 1 => inner.pop(),
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
            Node::Leaf(leaf) => leaf.len() as u32,
            Node::Inner(inner) => inner.count_before(inner.len()) as u32,
        }
    }

    pub(super) fn first(&self) -> Entry {
        match self {
            Node::Leaf(leaf) => leaf.get(0),
            Node::Inner(inner) => inner.first(),
        }
    }

    pub(super) fn is_underfull(&self) -> bool {
        match self {
            Node::Leaf(leaf) => leaf.len() < minimum(LEAF),
            Node::Inner(inner) => inner.len() < minimum(FAN),
        }
    }

    /// Evens out two neighbours; true when `right` was merged into `self` and is empty.
    pub(super) fn balance(&mut self, right: &mut Self) -> bool {
        match (self, right) {
            (Node::Leaf(left), Node::Leaf(right)) => left.balance(right),
            (Node::Inner(left), Node::Inner(right)) => left.balance(right),
            _ => unreachable!("invariant: neighbours are of one depth"),
        }
    }
}
