//! A vector of elements with a hash index over it: the full form of hashes and sets.
//!
//! The elements lie densely in a vector and the index holds their positions, four bytes each. So picking an element by
//! number is O(1), which random picks need, and walking is as fast as walking a vector. An element that leaves is
//! replaced by the last one; elements only ever move towards the front, which is what [`Dense::scan`] builds on.

use std::hash::{BuildHasher, Hasher};
use std::sync::LazyLock;

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use jcache_value::Value;

use super::{allocated, growth};

/// Room for this many elements is kept when elements leave.
const KEEP: usize = 64;

/// Seeded per process: keys come from users, who must not be able to choose collisions.
static STATE: LazyLock<RandomState> = LazyLock::new(RandomState::default);

fn hash(key: &[u8]) -> u64 {
    let mut hasher = STATE.build_hasher();
    hasher.write(key);
    hasher.finish()
}

/// What [`Dense`] holds: something with a key.
pub(crate) trait Keyed {
    /// The bytes that tell this element from the others; they never change.
    fn key(&self) -> &[u8];
    /// The bytes it holds on the heap.
    fn heap_size(&self) -> usize;
    /// An equal element, sharing what can be shared.
    fn duplicate(&self) -> Self;
}

impl Keyed for Value {
    #[inline]
    fn key(&self) -> &[u8] {
        self
    }
    #[inline]
    fn heap_size(&self) -> usize {
        Value::heap_size(self)
    }
    fn duplicate(&self) -> Self {
        self.clone()
    }
}

/// A set of elements by key, with a number for each.
pub(crate) struct Dense<E> {
    elements: Vec<E>,
    index: HashTable<u32>,
    held: usize,
}

impl<E: Keyed> Dense<E> {
    /// An empty set with room for `capacity` elements.
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        Dense { elements: Vec::with_capacity(capacity), index: HashTable::with_capacity(capacity), held: 0 }
    }

    /// How many elements there are.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.elements.len()
    }

    /// The bytes on the heap: vector, index and what the elements hold. O(1).
    pub(crate) fn heap_size(&self) -> usize {
        allocated(self.elements.capacity() * size_of::<E>()) + allocated(self.index.allocation_size()) + self.held
    }

    /// No less than the bytes that vector and index grow by for `count` elements, of which `new` tells how many are new.
    pub(crate) fn growth_ahead(&self, count: usize, new: impl FnOnce() -> usize) -> usize {
        let parts = |more: usize| {
            let vector = growth::of_vec(self.len(), self.elements.capacity(), more, size_of::<E>(), growth::step);
            // A full index grows before it is asked whether it has an element.
            vector + growth::of_index(&self.index, more + 1)
        };
        if parts(count) == 0 { 0 } else { parts(new()) }
    }

    /// What a set of so many elements takes, the elements' own bytes aside.
    pub(crate) fn size_of_new(capacity: usize) -> usize {
        allocated(size_of::<Self>()) + allocated(capacity * size_of::<E>()) + growth::of_new_index(capacity)
    }

    /// The elements by number.
    #[inline]
    pub(crate) fn elements(&self) -> &[E] {
        &self.elements
    }

    /// The element with this key.
    #[inline]
    pub(crate) fn get(&self, key: &[u8]) -> Option<&E> {
        let at = self.index.find(hash(key), |&at| self.elements[at as usize].key() == key)?;
        Some(&self.elements[*at as usize])
    }

    /// Changes the element with this key, in place or for the one that `change` returns, or adds the one that `create`
    /// returns. Returns whether it was added.
    pub(crate) fn upsert(
        &mut self,
        key: &[u8],
        change: impl FnOnce(&mut E) -> Option<E>,
        create: impl FnOnce() -> E,
    ) -> bool {
        let Dense { elements, index, held } = self;
        let same = |&at: &u32| elements[at as usize].key() == key;
        match index.entry(hash(key), same, |&at| hash(elements[at as usize].key())) {
            Entry::Occupied(at) => {
                let element = &mut elements[*at.get() as usize];
                if let Some(new) = change(element) {
                    *held = *held + new.heap_size() - element.heap_size();
                    *element = new;
                }
                false
            }
            Entry::Vacant(vacant) => {
                vacant
                    .insert(u32::try_from(elements.len()).expect("invariant: fewer than 2^32 elements fit in memory"));
                let element = create();
                *held += element.heap_size();
                if elements.len() == elements.capacity() {
                    elements.reserve_exact(growth::step(elements.len()));
                }
                elements.push(element);
                true
            }
        }
    }

    /// Removes the element with this key. The last element takes its number.
    pub(crate) fn remove(&mut self, key: &[u8]) -> Option<E> {
        let same = |&at: &u32| self.elements[at as usize].key() == key;
        let (at, _) = self.index.find_entry(hash(key), same).ok()?.remove();
        Some(self.take(at))
    }

    /// Removes the element with this number. The last element takes it.
    pub(crate) fn remove_nth(&mut self, number: usize) -> Option<E> {
        let at = number as u32;
        let key = self.elements.get(number)?.key();
        let entry = self.index.find_entry(hash(key), |&other| other == at).ok();
        entry.expect("invariant: every element is in the index").remove();
        Some(self.take(at))
    }

    /// Visits about `count` elements and returns the cursor to go on with: 0 begins, and 0 is returned at the end.
    ///
    /// The cursor is how many elements are still to come, and the walk goes from the last to the first. What moves
    /// meanwhile moves towards the front, so it may be seen twice but is never missed.
    pub(crate) fn scan(&self, cursor: u64, count: usize, mut visit: impl FnMut(&E)) -> u64 {
        let len = self.elements.len();
        let end = usize::try_from(cursor).ok().filter(|&end| 0 < end && end < len).unwrap_or(len);
        let start = end.saturating_sub(count.max(1));
        self.elements[start..end].iter().rev().for_each(&mut visit);
        start as u64
    }

    /// Takes the element `at` out of the vector after it has left the index.
    fn take(&mut self, at: u32) -> E {
        let element = self.elements.swap_remove(at as usize);
        self.held -= element.heap_size();
        let last = self.elements.len() as u32;
        if let Some(moved) = self.elements.get(at as usize) {
            let entry = self.index.find_mut(hash(moved.key()), |&other| other == last);
            *entry.expect("invariant: every element is in the index") = at;
        }
        if self.elements.capacity() > KEEP && self.elements.len() < self.elements.capacity() / 4 {
            let room = self.elements.len() * 2;
            self.elements.shrink_to(room);
            self.index.shrink_to(room, |&at| hash(self.elements[at as usize].key()));
        }
        element
    }
}

impl<E: Keyed> Clone for Dense<E> {
    fn clone(&self) -> Self {
        let elements: Vec<E> = self.elements.iter().map(E::duplicate).collect();
        let held = elements.iter().map(E::heap_size).sum();
        Dense { elements, index: self.index.clone(), held }
    }
}
