//! Fences: what keeps a fill from bringing back an old value, and two overlapping writes from leaving copies in the
//! wrong order.
//!
//! A read that may fill takes a [`ReadToken`] before it asks the level below, and needs an [`InstallPermit`] to put
//! what it got into a copy. A write holds a [`WriteGuard`] from before the authority is asked until its copies are
//! done. The rules:
//!
//! - a write that begins voids every token of its keys; while a write runs, tokens are void from the start;
//! - a write touches the copies only when no install is running ([`WriteGuard::installs_done`]), and none can begin;
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
use tokio::sync::Notify;

const SHARDS: usize = 64;

#[derive(Debug)]
pub(crate) struct Fences {
    hasher: RandomState,
    shards: Box<[Mutex<HashMap<u64, Traffic, RandomState>>]>,
    /// Writes of everything (`FLUSHALL`) that have begun, and those that are still running.
    flushes: AtomicU64,
    flushing: AtomicUsize,
    /// Installs that are running, of any key.
    installing: AtomicUsize,
    /// Writers wait here for installs to end.
    install_ended: Notify,
}

/// What is going on at one key.
#[derive(Debug, Default)]
struct Traffic {
    /// Goes up with every write that begins.
    generation: u64,
    writers: u32,
    readers: u32,
    installing: u32,
}

impl Traffic {
    fn is_quiet(&self) -> bool {
        self.writers == 0 && self.readers == 0 && self.installing == 0
    }
}

impl Fences {
    pub(crate) fn new() -> Self {
        let hasher = RandomState::default();
        let shards = (0..SHARDS).map(|_| Mutex::new(HashMap::with_hasher(hasher.clone()))).collect();
        Self {
            hasher,
            shards,
            flushes: AtomicU64::new(0),
            flushing: AtomicUsize::new(0),
            installing: AtomicUsize::new(0),
            install_ended: Notify::new(),
        }
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
        if self.flushing.load(Ordering::SeqCst) > 0 {
            return None;
        }
        let hash = self.hash(key);
        let generation = self.with(hash, |traffic| {
            (traffic.writers == 0).then(|| {
                traffic.readers += 1;
                traffic.generation
            })
        })?;
        Some(ReadToken { fences: self, hash, generation, flushes })
    }

    /// Begins a write of the mutation's keys, or of everything when it has none.
    pub(crate) fn begin_write(&self, mutation: &Mutation<'_>) -> WriteGuard<'_> {
        let mut keys: SmallVec<[(u64, u64); 2]> = SmallVec::new();
        mutation.visit_keys(|key| {
            let hash = self.hash(key);
            if !keys.iter().any(|(known, _)| *known == hash) {
                keys.push((hash, 0));
            }
        });
        let everything = keys.is_empty();
        if everything {
            self.flushing.fetch_add(1, Ordering::SeqCst);
            self.flushes.fetch_add(1, Ordering::SeqCst);
        }
        let flushes = self.flushes.load(Ordering::SeqCst);
        for (hash, generation) in &mut keys {
            *generation = self.with(*hash, |traffic| {
                traffic.generation += 1;
                traffic.writers += 1;
                traffic.generation
            });
        }
        WriteGuard { fences: self, keys, everything, flushes }
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

impl<'f> ReadToken<'f> {
    /// The permission to put what was read into copies; `None` when the key was written meanwhile.
    pub(crate) fn permit(&self) -> Option<InstallPermit<'f>> {
        let fences = self.fences;
        // Count first, then look: a flush looks the other way round, so one of the two sees the other.
        fences.installing.fetch_add(1, Ordering::SeqCst);
        let flushed = fences.flushing.load(Ordering::SeqCst) > 0 || fences.flushes.load(Ordering::SeqCst) != self.flushes;
        let granted = !flushed
            && fences.with(self.hash, |traffic| {
                let granted = traffic.writers == 0 && traffic.generation == self.generation;
                traffic.installing += u32::from(granted);
                granted
            });
        if granted {
            return Some(InstallPermit { fences, hash: self.hash });
        }
        fences.install_over();
        None
    }
}

impl Drop for ReadToken<'_> {
    fn drop(&mut self) {
        self.fences.with(self.hash, |traffic| traffic.readers -= 1);
    }
}

impl Fences {
    fn install_over(&self) {
        self.installing.fetch_sub(1, Ordering::SeqCst);
        self.install_ended.notify_waiters();
    }
}

/// An install that is running; writers of the key wait for its end before they touch the copies.
#[derive(Debug)]
pub(crate) struct InstallPermit<'f> {
    fences: &'f Fences,
    hash: u64,
}

impl Drop for InstallPermit<'_> {
    fn drop(&mut self) {
        self.fences.with(self.hash, |traffic| traffic.installing -= 1);
        self.fences.install_over();
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
}

impl WriteGuard<'_> {
    /// Whether another write of one of the keys ran at the same time.
    pub(crate) fn overlapped(&self) -> bool {
        let flushing = self.fences.flushing.load(Ordering::SeqCst);
        if flushing > usize::from(self.everything) || self.fences.flushes.load(Ordering::SeqCst) != self.flushes {
            return true;
        }
        self.keys.iter().any(|(hash, generation)| {
            self.fences.with(*hash, |traffic| traffic.writers > 1 || traffic.generation != *generation)
        })
    }

    /// Waits until no install of the keys is running; none can begin while this guard lives.
    pub(crate) async fn installs_done(&self) {
        loop {
            let ended = self.fences.install_ended.notified();
            tokio::pin!(ended);
            ended.as_mut().enable();
            if !self.installing() {
                return;
            }
            ended.await;
        }
    }

    fn installing(&self) -> bool {
        if self.everything {
            return self.fences.installing.load(Ordering::SeqCst) > 0;
        }
        self.keys.iter().any(|(hash, _)| self.fences.with(*hash, |traffic| traffic.installing > 0))
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
        fences.shards.iter().all(|shard| shard.lock().is_empty()) && fences.installing.load(Ordering::SeqCst) == 0
    }

    #[test]
    fn a_write_voids_reads_before_and_during_it() {
        let fences = Fences::new();
        let before = fences.begin_read(b"k").expect("nothing is written");
        assert!(before.permit().is_some(), "an undisturbed read may fill");
        let guard = write(&fences, &["SET", "k", "1"]);
        assert!(before.permit().is_none());
        assert!(fences.begin_read(b"k").is_none());
        assert!(fences.begin_read(b"other").is_some());
        drop(guard);
        assert!(before.permit().is_none(), "the write may have passed the read");
        drop(before);
        assert!(fences.begin_read(b"k").expect("the write is over").permit().is_some());
        assert!(quiet(&fences));
    }

    #[test]
    fn an_invalidation_voids_reads() {
        let fences = Fences::new();
        let read = fences.begin_read(b"k").expect("nothing is written");
        fences.void(b"k");
        assert!(read.permit().is_none());
    }

    #[test]
    fn overlapping_writes_know_it_and_later_ones_do_not_care() {
        let fences = Fences::new();
        let first = write(&fences, &["DEL", "a", "b"]);
        let second = write(&fences, &["SET", "b", "1"]);
        let apart = write(&fences, &["SET", "c", "1"]);
        assert!(first.overlapped() && second.overlapped() && !apart.overlapped());
        drop(second);
        assert!(first.overlapped(), "also when the other is over");
        drop((first, apart));
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
        drop(flush);
        assert!(set.overlapped() && read.permit().is_none());
    }

    #[test]
    fn a_write_waits_for_a_running_install() {
        use std::future::Future;
        use std::task::{Context, Poll, Waker};
        for command in [&["SET", "k", "1"][..], &["FLUSHALL"]] {
            let fences = Fences::new();
            let read = fences.begin_read(b"k").expect("nothing is written");
            let permit = read.permit().expect("nothing was written");
            let guard = write(&fences, command);
            let mut waiting = std::pin::pin!(guard.installs_done());
            let mut context = Context::from_waker(Waker::noop());
            assert_eq!(waiting.as_mut().poll(&mut context), Poll::Pending);
            drop(permit);
            assert_eq!(waiting.as_mut().poll(&mut context), Poll::Ready(()));
        }
    }
}
