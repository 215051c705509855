//! The full form of a sorted set: a hash index over stable slots, and a counted sequence of their ids in order.
//!
//! A member lives in one slot, once: `slots[id]` holds its handle and score. The hash index (a table of ids) finds the slot
//! of a member, the sequence (a counted B+tree) the slot of a rank; both name it by its four-byte id. A member of 20
//! bytes takes about 90 in all, near half of which is its own block.
//!
//! A slot keeps its id as long as its member stays, through all changes of score. That is what scans rest on: they go
//! down the ids. Free slots are chained and used again; when three of four are free the rest is packed together, each at
//! a lower id than before, so a scan going down still meets those it has not met.

use std::{hash::BuildHasher, sync::LazyLock};

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use jcache_value::Value;

use super::Place;
use super::sequence::{self, Entry, Sequence};
use crate::collection::{allocated, growth};

/// Entries in a leaf and children of an inner node, by measurement: leaves of 64 are slower to range over and no faster to
/// change, and the number of children hardly matters.
const LEAF: usize = 128;
const FAN: usize = 32;

/// Slots under which the free ones are not worth packing.
const PACK_MIN: usize = 64;

/// Seeded once per process, so that nobody outside can choose members that collide.
static HASHER: LazyLock<RandomState> = LazyLock::new(RandomState::default);

fn hash(member: &[u8]) -> u64 {
    HASHER.hash_one(member)
}

/// Bytes that a member's block takes beside the member: header, and the allocator's rounding.
const BLOCK: usize = 40;

/// Slots grow by an eighth, not by doubling: one is 16 bytes, quickly moved and dear to waste.
fn step(slots: usize) -> usize {
    slots / 8 + 16
}

/// What an id stands for.
#[derive(Clone, Debug)]
enum Slot {
    Member(Value, f64),
    /// The next free slot, or [`NONE`].
    Free(u32),
}

/// No slot: one set holds fewer members than that.
const NONE: u32 = u32::MAX;

const _: () = assert!(size_of::<Slot>() == 16);

/// Members by id.
#[derive(Clone, Debug)]
struct Slots {
    slots: Vec<Slot>,
    /// The first free slot, or [`NONE`].
    free: u32,
}

impl Slots {
    fn get(&self, id: u32) -> (&Value, f64) {
        match &self.slots[id as usize] {
            Slot::Member(member, score) => (member, *score),
            Slot::Free(_) => unreachable!("invariant: index and order name members only"),
        }
    }

    fn member(&self, id: u32) -> &[u8] {
        self.get(id).0.as_bytes()
    }

    fn set_score(&mut self, id: u32, new: f64) {
        if let Slot::Member(_, score) = &mut self.slots[id as usize] {
            *score = new;
        }
    }

    fn add(&mut self, member: Value, score: f64) -> u32 {
        let slot = Slot::Member(member, score);
        if let Some(place) = self.slots.get_mut(self.free as usize) {
            let Slot::Free(next) = std::mem::replace(place, slot) else {
                unreachable!("invariant: the chain of free slots holds free slots")
            };
            return std::mem::replace(&mut self.free, next);
        }
        let id = u32::try_from(self.slots.len()).ok().filter(|&id| id != NONE);
        let id = id.expect("invariant: a sorted set has fewer than 2^32 - 1 members");
        if self.slots.len() == self.slots.capacity() {
            self.slots.reserve_exact(step(self.slots.len()));
        }
        self.slots.push(slot);
        id
    }

    fn remove(&mut self, id: u32) -> Value {
        let slot = std::mem::replace(&mut self.slots[id as usize], Slot::Free(self.free));
        self.free = id;
        match slot {
            Slot::Member(member, _) => member,
            Slot::Free(_) => unreachable!("invariant: a slot is freed once"),
        }
    }

    /// Packs the members into the lowest ids, in the order of the old ones; returns the new id of each old one.
    fn pack(&mut self) -> Vec<u32> {
        let mut ids = vec![NONE; self.slots.len()];
        let mut next = 0;
        for (old, slot) in self.slots.iter().enumerate() {
            if matches!(slot, Slot::Member(..)) {
                ids[old] = next;
                next += 1;
            }
        }
        self.slots.retain(|slot| matches!(slot, Slot::Member(..)));
        self.slots.shrink_to_fit();
        self.free = NONE;
        ids
    }
}

/// A sorted set of any size.
#[derive(Clone, Debug)]
pub(super) struct Indexed {
    slots: Slots,
    index: HashTable<u32>,
    order: Sequence<LEAF, FAN>,
    /// Bytes of all members' blocks.
    blocks: usize,
}

impl Indexed {
    pub(super) fn with_capacity(members: usize) -> Self {
        Self {
            slots: Slots { slots: Vec::with_capacity(members), free: NONE },
            index: HashTable::with_capacity(members),
            order: Sequence::new(),
            blocks: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.order.len()
    }

    pub(super) fn heap_size(&self) -> usize {
        allocated(self.slots.slots.capacity() * size_of::<Slot>())
            + allocated(self.index.allocation_size())
            + self.order.heap_size()
            + self.blocks
    }

    /// No less than the bytes that the set grows by for `count` members, of which `new` tells how many are new, of so
    /// many bytes.
    pub(super) fn growth_ahead(&self, count: usize, new: impl FnOnce() -> usize, bytes: usize) -> usize {
        let slots = &self.slots.slots;
        let parts = |more: usize| {
            // Free slots are used first, but nobody counts them.
            let room = growth::of_vec(slots.len(), slots.capacity(), more, size_of::<Slot>(), step);
            room + growth::of_index(&self.index, more)
        };
        let parts = if parts(count) == 0 { 0 } else { parts(new()) };
        parts + self.order.growth_ahead(count) + count * BLOCK + bytes
    }

    /// What a set of so many members takes that have so many bytes.
    pub(super) fn size_of_new(members: usize, bytes: usize) -> usize {
        let slots = allocated((members + step(members)) * size_of::<Slot>());
        let order = Sequence::<LEAF, FAN>::new();
        let nodes = order.heap_size() + order.growth_ahead(members);
        allocated(size_of::<Self>()) + slots + growth::of_new_index(members) + nodes + members * BLOCK + bytes
    }

    fn find(&self, member: &[u8]) -> Option<u32> {
        self.index.find(hash(member), |&id| self.slots.member(id) == member).copied()
    }

    pub(super) fn score(&self, member: &[u8]) -> Option<f64> {
        self.find(member).map(|id| self.slots.get(id).1)
    }

    pub(super) fn rank(&self, member: &[u8]) -> Option<usize> {
        let id = self.find(member)?;
        Some(self.rank_of(Place::Entry(self.slots.get(id).1, member)))
    }

    pub(super) fn rank_of(&self, place: Place<'_>) -> usize {
        self.order.partition_point(|entry| place.is_after(entry.score, || self.slots.member(entry.id)))
    }

    pub(super) fn insert(&mut self, member: &[u8], score: f64) -> Option<f64> {
        match self.find(member) {
            Some(id) => Some(self.update(id, member, score)),
            None => {
                let rank = self.rank_of(Place::Entry(score, member));
                self.add(rank, member, score);
                None
            }
        }
    }

    /// Adds a member that is greater than all there are.
    pub(super) fn append(&mut self, member: &[u8], score: f64) {
        self.add(self.len(), member, score);
    }

    fn add(&mut self, rank: usize, member: &[u8], score: f64) {
        let value = Value::new(member);
        self.blocks += value.heap_size();
        let id = self.slots.add(value, score);
        self.order.insert(rank, Entry { score, id });
        self.index.insert_unique(hash(member), id, |&id| hash(self.slots.member(id)));
    }

    fn update(&mut self, id: u32, member: &[u8], score: f64) -> f64 {
        let old = self.slots.get(id).1;
        if old == score {
            return old;
        }
        let from = self.rank_of(Place::Entry(old, member));
        let to = self.rank_of(Place::Entry(score, member));
        let entry = Entry { score, id };
        if to == from || to == from + 1 {
            self.order.replace(from, entry);
        } else {
            self.order.remove(from, 1, |_| {});
            self.order.insert(if to > from { to - 1 } else { to }, entry);
        }
        self.slots.set_score(id, score);
        old
    }

    pub(super) fn remove(&mut self, member: &[u8]) -> Option<f64> {
        let score = self.score(member)?;
        self.remove_range(self.rank_of(Place::Entry(score, member)), 1);
        Some(score)
    }

    pub(super) fn remove_range(&mut self, start: usize, len: usize) {
        let Self { slots, index, order, blocks } = self;
        order.remove(start, len, |entry| {
            let member = slots.remove(entry.id);
            *blocks -= member.heap_size();
            let place = index.find_entry(hash(member.as_bytes()), |&id| id == entry.id);
            place.expect("invariant: every member is indexed").remove();
        });
        if self.slots.slots.len() >= PACK_MIN && self.len() <= self.slots.slots.len() / 4 {
            self.pack();
        }
    }

    fn pack(&mut self) {
        let ids = self.slots.pack();
        let entries = self.order.range(0, self.order.len());
        self.order = entries.map(|Entry { score, id }| Entry { score, id: ids[id as usize] }).collect();
        self.index = HashTable::with_capacity(self.slots.slots.len());
        let hasher = |&id: &u32| hash(self.slots.member(id));
        for id in 0..self.order.len() as u32 {
            self.index.insert_unique(hasher(&id), id, hasher);
        }
    }

    /// The members of the ranks `start..end`, which must exist.
    pub(super) fn range(&self, start: usize, end: usize) -> Iter<'_> {
        Iter { slots: &self.slots, entries: self.order.range(start, end) }
    }

    /// The cursor is the number of slots, from the first, that are still to be visited.
    pub(super) fn scan(&self, cursor: u64, count: usize, visit: &mut impl FnMut(&[u8], f64)) -> u64 {
        let slots = &self.slots.slots;
        let end =
            if cursor == 0 { slots.len() } else { slots.len().min(usize::try_from(cursor).unwrap_or(usize::MAX)) };
        let mut left = count.max(1);
        for (id, slot) in slots[..end].iter().enumerate().rev() {
            if let Slot::Member(member, score) = slot {
                visit(member.as_bytes(), *score);
                left -= 1;
                if left == 0 {
                    return id as u64;
                }
            }
        }
        0
    }
}

/// Members of a range of ranks, from both ends.
#[derive(Clone, Debug)]
pub(super) struct Iter<'a> {
    slots: &'a Slots,
    entries: sequence::Iter<'a, LEAF, FAN>,
}

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a Value, f64);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let entry = self.entries.next()?;
        Some((self.slots.get(entry.id).0, entry.score))
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        self.entries.size_hint()
    }
}

impl DoubleEndedIterator for Iter<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        let entry = self.entries.next_back()?;
        Some((self.slots.get(entry.id).0, entry.score))
    }
}
