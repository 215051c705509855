//! Fences: what keeps a fill from bringing back an old value, and two overlapping writes from leaving copies in the
//! wrong order.
//!
//! A read that may fill takes a [`ReadToken`] before it asks a level, and fills only while the token
//! [is valid](ReadToken::is_valid). A write holds a [`WriteGuard`] from before the authority is asked until its copies
//! are done. The rules:
//!
//! - a write that begins voids every token of its keys; while a write runs, there are none;
//! - a write that overlapped another of the same key knows it ([`WriteGuard::overlapped`]) and drops the key from the
//!   copies instead of applying its effect, because nobody knows which of the two the authority did first.
//!
//! Only keys with something going on have an entry, so the table is as large as the concurrency, not as the data.
//! Keys are told apart by a 64-bit hash: a collision costs a fill, never a wrong value.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use foldhash::fast::RandomState;
use jcache_core::Mutation;
use parking_lot::Mutex;
use smallvec::SmallVec;

use super::switch::{Mechanism, on};

const SHARDS: usize = 64;

#[derive(Debug)]
pub(crate) struct Fences {
    hasher: RandomState,
    shards: Box<[Mutex<HashMap<u64, Traffic, RandomState>>]>,
    /// Writes of everything (`FLUSHALL`) that have begun, and those that are still running.
    flushes: AtomicU64,
    flushing: AtomicUsize,
}

/// What is going on at one key.
#[derive(Debug, Default)]
struct Traffic {
    /// Goes up with every write that begins.
    generation: u64,
    writers: u32,
    readers: u32,
}

impl Traffic {
    fn is_quiet(&self) -> bool {
        self.writers == 0 && self.readers == 0
    }
}

impl Fences {
    pub(crate) fn new() -> Self {
        let hasher = RandomState::default();
        let shards = (0..SHARDS).map(|_| Mutex::new(HashMap::with_hasher(hasher.clone()))).collect();
        Self { hasher, shards, flushes: AtomicU64::new(0), flushing: AtomicUsize::new(0) }
    }

    fn hash(&self, key: &[u8]) -> u64 {
        self.hasher.hash_one(key)
    }

    fn with<R>(&self, hash: u64, change: impl FnOnce(&mut Traffic) -> R) -> R {
        let mut shard = self.shards[(hash >> 58) as usize & (SHARDS - 1)].lock();
        let traffic = shard.entry(hash).or_default();
        let result = change(traffic);
        if traffic.is_quiet() {
            shard.remove(&hash);
        }
        result
    }

    /// Begins a read of `key` that may fill; `None` while a write of the key runs.
    pub(crate) fn begin_read(&self, key: &[u8]) -> Option<ReadToken<'_>> {
        let flushes = self.flushes.load(Ordering::SeqCst);
        if self.flushing.load(Ordering::SeqCst) > 0 && on(Mechanism::Fence) {
            return None;
        }
        let hash = self.hash(key);
        let generation = self.with(hash, |traffic| {
            (traffic.writers == 0 || !on(Mechanism::Fence)).then(|| {
                traffic.readers += 1;
                traffic.generation
            })
        })?;
        Some(ReadToken { fences: self, hash, generation, flushes })
    }

    /// Begins a write of the mutation's keys, or of everything when it has none.
    pub(crate) fn begin_write(&self, mutation: &Mutation<'_>) -> WriteGuard<'_> {
        let mut keys: SmallVec<[(u64, u64); 2]> = SmallVec::new();
        mutation.visit_keys(|key| keys.push((self.hash(key), 0)));
        keys.sort_unstable();
        keys.dedup();
        let everything = keys.is_empty();
        if everything {
            self.flushing.fetch_add(1, Ordering::SeqCst);
            self.flushes.fetch_add(1, Ordering::SeqCst);
        }
        let flushes = self.flushes.load(Ordering::SeqCst);
        let mut joined = self.flushing.load(Ordering::SeqCst) > usize::from(everything);
        for (hash, generation) in &mut keys {
            *generation = self.with(*hash, |traffic| {
                joined |= traffic.writers > 0;
                traffic.generation += 1;
                traffic.writers += 1;
                traffic.generation
            });
        }
        WriteGuard { fences: self, keys, everything, flushes, joined }
    }

    /// Voids the fills of a key that are on their way, as an invalidation from outside does.
    pub(crate) fn void(&self, key: &[u8]) {
        self.with(self.hash(key), |traffic| traffic.generation += 1);
    }
}

/// A read below a copy, begun.
#[derive(Debug)]
pub(crate) struct ReadToken<'f> {
    fences: &'f Fences,
    hash: u64,
    generation: u64,
    flushes: u64,
}

impl ReadToken<'_> {
    /// Whether the key was not written since the token was taken.
    pub(crate) fn is_valid(&self) -> bool {
        if !on(Mechanism::Fence) {
            return true;
        }
        let fences = self.fences;
        let flushed =
            fences.flushing.load(Ordering::SeqCst) > 0 || fences.flushes.load(Ordering::SeqCst) != self.flushes;
        !flushed
            && fences.with(self.hash, |traffic| {
                traffic.writers == 0 && (traffic.generation == self.generation || !on(Mechanism::Generation))
            })
    }
}

impl Drop for ReadToken<'_> {
    fn drop(&mut self) {
        self.fences.with(self.hash, |traffic| traffic.readers -= 1);
    }
}

/// A write that is running.
#[derive(Debug)]
pub(crate) struct WriteGuard<'f> {
    fences: &'f Fences,
    /// Hash and generation of each key.
    keys: SmallVec<[(u64, u64); 2]>,
    everything: bool,
    flushes: u64,
    /// Whether another write of one of the keys was running when this one began.
    joined: bool,
}

impl WriteGuard<'_> {
    /// Whether another write of one of the keys ran at the same time.
    pub(crate) fn overlapped(&self) -> bool {
        if !on(Mechanism::Overlap) {
            return false;
        }
        if self.joined && on(Mechanism::OverlapFromStart) {
            return true;
        }
        let flushing = self.fences.flushing.load(Ordering::SeqCst);
        if flushing > usize::from(self.everything) || self.fences.flushes.load(Ordering::SeqCst) != self.flushes {
            return true;
        }
        self.keys.iter().any(|(hash, generation)| {
            self.fences.with(*hash, |traffic| traffic.writers > 1 || traffic.generation != *generation)
        })
    }
}

impl Drop for WriteGuard<'_> {
    fn drop(&mut self) {
        for (hash, _) in &self.keys {
            self.fences.with(*hash, |traffic| traffic.writers -= 1);
        }
        if self.everything {
            self.fences.flushing.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jcache_core::Arg;

    fn write<'f>(fences: &'f Fences, line: &[&'static str]) -> WriteGuard<'f> {
        let args: Vec<Arg<'_>> = line.iter().map(|word| Arg::from(*word)).collect();
        fences.begin_write(&Mutation::parse(&args).expect("the test's command is right"))
    }

    fn quiet(fences: &Fences) -> bool {
        fences.shards.iter().all(|shard| shard.lock().is_empty())
    }

    #[test]
    fn a_write_voids_reads_before_and_during_it() {
        let fences = Fences::new();
        let before = fences.begin_read(b"k").expect("nothing is written");
        assert!(before.is_valid(), "an undisturbed read may fill");
        let guard = write(&fences, &["SET", "k", "1"]);
        assert!(!before.is_valid());
        assert!(fences.begin_read(b"k").is_none());
        assert!(fences.begin_read(b"other").is_some());
        drop(guard);
        assert!(!before.is_valid(), "the write may have passed the read");
        drop(before);
        assert!(fences.begin_read(b"k").expect("the write is over").is_valid());
        assert!(quiet(&fences));
    }

    #[test]
    fn an_invalidation_voids_reads() {
        let fences = Fences::new();
        let read = fences.begin_read(b"k").expect("nothing is written");
        fences.void(b"k");
        assert!(!read.is_valid());
    }

    #[test]
    fn overlapping_writes_know_it_and_later_ones_do_not_care() {
        let fences = Fences::new();
        let first = write(&fences, &["DEL", "a", "b"]);
        let second = write(&fences, &["SET", "b", "1"]);
        let apart = write(&fences, &["SET", "c", "1"]);
        assert!(first.overlapped() && second.overlapped() && !apart.overlapped());
        drop(second);
        assert!(first.overlapped(), "also when the later one is over");
        let third = write(&fences, &["SET", "a", "1"]);
        drop(first);
        assert!(third.overlapped(), "also when the earlier one is over");
        drop((third, apart));
        assert!(!write(&fences, &["SET", "b", "1"]).overlapped());
        assert!(quiet(&fences));
    }

    #[test]
    fn a_flush_overlaps_everything() {
        let fences = Fences::new();
        let read = fences.begin_read(b"k").expect("nothing is written");
        let set = write(&fences, &["SET", "k", "1"]);
        let flush = write(&fences, &["FLUSHALL"]);
        assert!(set.overlapped() && !flush.overlapped());
        assert!(fences.begin_read(b"x").is_none());
        let during = write(&fences, &["SET", "y", "1"]);
        drop(flush);
        assert!(during.overlapped(), "the authority may have flushed last");
        assert!(set.overlapped() && !read.is_valid());
    }

    #[test]
    fn a_key_that_is_named_many_times_is_written_once() {
        let fences = Fences::new();
        let guard = write(&fences, &["DEL", "a", "b", "a", "a"]);
        assert!(!guard.overlapped());
        drop(guard);
        assert!(quiet(&fences));
    }
}
