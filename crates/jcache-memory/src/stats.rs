//! What a cache has done so far, and what it holds.

use std::cell::Cell;
use std::time::Duration;

use jcache_core::{Object, Type};

/// Figures of a [`Memory`](crate::Memory): counts since it was built, and what it holds now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Stats {
    /// Queries that found every key they asked for; one of several keys counts once.
    pub hits: u64,
    /// Queries that lacked a key they asked for.
    pub misses: u64,
    /// Entries that were removed to make room.
    pub evictions: u64,
    /// Entries that were removed because they were due. One that was replaced or deleted before does not count.
    pub expirations: u64,
    /// Bytes that the data takes: see [`Memory::memory_used`](crate::Memory::memory_used).
    pub bytes: usize,
    /// The bound in bytes, if there is one.
    pub max_bytes: Option<usize>,
    /// Entries, those that are due but not yet freed included.
    pub entries: usize,
    /// Entries that are strings.
    pub strings: usize,
    /// Entries that are hashes.
    pub hashes: usize,
    /// Entries that are lists.
    pub lists: usize,
    /// Entries that are sets.
    pub sets: usize,
    /// Entries that are sorted sets.
    pub sorted_sets: usize,
}

/// How many entries of a [`Memory`](crate::Memory) expire, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Deadlines {
    /// Entries, those that are due but not yet freed included.
    pub entries: usize,
    /// Those of them that have a deadline.
    pub timed: usize,
    /// How long those that are not due yet live on average; zero when there are none. By a sample where there are many.
    pub mean_left: Duration,
    /// Whether `timed` was counted, or is an estimate by a sample.
    pub is_exact: bool,
}

/// Figures of a namespace with a quota.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Namespace {
    /// How its keys start.
    pub prefix: Vec<u8>,
    /// What it has done and holds; `max_bytes` is its quota.
    pub stats: Stats,
}

/// How often a shard's queries found what they asked for. They have the shard for themselves, but only to read.
#[derive(Debug, Default)]
pub(crate) struct Queries {
    hits: Cell<u64>,
    misses: Cell<u64>,
}

impl Queries {
    #[inline]
    pub(crate) fn count(&self, hit: bool) {
        let counter = if hit { &self.hits } else { &self.misses };
        counter.set(counter.get() + 1);
    }

    pub(crate) fn add_to(&self, stats: &mut Stats) {
        stats.hits += self.hits.get();
        stats.misses += self.misses.get();
    }
}

/// A shard's part of the other figures, changed under its lock.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) evictions: u64,
    pub(crate) expirations: u64,
    /// By type: hashes, lists, sets, sorted sets. The rest are strings.
    collections: [usize; 4],
}

impl Counts {
    fn collection(&mut self, object: &Object) -> Option<&mut usize> {
        match object.as_ref().kind() {
            Type::String => None,
            Type::Hash => Some(&mut self.collections[0]),
            Type::List => Some(&mut self.collections[1]),
            Type::Set => Some(&mut self.collections[2]),
            Type::SortedSet => Some(&mut self.collections[3]),
        }
    }

    /// A collection was added.
    #[inline]
    pub(crate) fn added(&mut self, object: Option<&Object>) {
        if let Some(count) = object.and_then(|object| self.collection(object)) {
            *count += 1;
        }
    }

    /// A collection was removed.
    #[inline]
    pub(crate) fn removed(&mut self, object: Option<&Object>) {
        if let Some(count) = object.and_then(|object| self.collection(object)) {
            *count -= 1;
        }
    }

    pub(crate) fn cleared(&mut self) {
        self.collections = [0; 4];
    }

    /// Changes places with another shard's, as far as they tell what there is.
    pub(crate) fn swap(&mut self, other: &mut Self) {
        std::mem::swap(&mut self.collections, &mut other.collections);
    }

    /// Adds these to `stats`, for a shard of so many entries and bytes.
    pub(crate) fn add_to(&self, stats: &mut Stats, entries: usize, bytes: usize) {
        let [hashes, lists, sets, sorted_sets] = self.collections;
        stats.evictions += self.evictions;
        stats.expirations += self.expirations;
        stats.bytes += bytes;
        stats.entries += entries;
        stats.strings += entries - hashes - lists - sets - sorted_sets;
        stats.hashes += hashes;
        stats.lists += lists;
        stats.sets += sets;
        stats.sorted_sets += sorted_sets;
    }
}
