//! The parts of a cache put together: shards, clock, and what a command locks.

use std::sync::{Arc, Weak};

use jcache_core::command::{Family, Mutation, Query};
use jcache_core::{Context, Error, Key, Result, Timestamp, Value};
use parking_lot::{Mutex, MutexGuard};
use smallvec::SmallVec;

use crate::clock::Source;
use crate::expiry::Expiry;
use crate::hash::Seed;
use crate::shard::Shard;
use crate::view::{Hold, View};
use crate::waiters::Waiters;

/// More shards than this would take bits of the hash that the tables use.
pub(crate) const SHARDS_MAX: usize = 256;

#[derive(Debug)]
pub(crate) struct Engine {
    /// A power of two of them.
    shards: Box<[Padded<Mutex<Shard>>]>,
    pub(crate) seed: Seed,
    pub(crate) clock: Source,
    pub(crate) expiry: Expiry,
    pub(crate) waiters: Waiters,
}

/// Alone on its pair of cache lines, which processors fetch together.
#[derive(Debug)]
#[repr(align(128))]
struct Padded<T>(T);

/// Commands, as far as locks go: something with keys.
pub(crate) trait Keyed {
    fn visit_keys<'s>(&'s self, visit: impl FnMut(&'s Key<'s>));
}

impl Keyed for Query<'_> {
    #[inline]
    fn visit_keys<'s>(&'s self, visit: impl FnMut(&'s Key<'s>)) {
        self.visit_keys(visit);
    }
}

impl Keyed for Mutation<'_> {
    #[inline]
    fn visit_keys<'s>(&'s self, visit: impl FnMut(&'s Key<'s>)) {
        self.visit_keys(visit);
    }
}

impl Keyed for Key<'_> {
    fn visit_keys<'s>(&'s self, mut visit: impl FnMut(&'s Key<'s>)) {
        visit(self);
    }
}

impl Engine {
    pub(crate) fn new(shards: usize, clock: Source) -> Arc<Self> {
        let seed = Seed::random();
        let shard = || Padded(Mutex::new(Shard::new(seed.clone())));
        let shards = std::iter::repeat_with(shard).take(shards.clamp(1, SHARDS_MAX).next_power_of_two()).collect();
        Arc::new_cyclic(|me: &Weak<Engine>| {
            let expiry = Expiry::new(me.clone());
            Self { shards, seed, clock, expiry, waiters: Waiters::default() }
        })
    }

    pub(crate) fn shards(&self) -> usize {
        self.shards.len()
    }

    /// The shard of a hash: its lowest bits.
    #[inline]
    pub(crate) fn index(&self, hash: u64) -> usize {
        hash as usize & (self.shards.len() - 1)
    }

    #[inline]
    pub(crate) fn lock(&self, index: usize) -> MutexGuard<'_, Shard> {
        self.shards[index].0.lock()
    }

    /// The value of the string at `key`, without the detour over a command.
    #[inline]
    pub(crate) fn get(&self, key: &[u8]) -> Result<Option<Value>> {
        let hash = self.seed.hash(key);
        let shard = self.lock(self.index(hash));
        let Some(item) = shard.table.find(hash, key) else { return Ok(None) };
        let deadline = item.deadline();
        if deadline != 0 && self.clock.has_come(deadline) {
            return Ok(None);
        }
        item.touch();
        item.as_text().map(|text| Some(text.clone())).ok_or_else(Error::wrong_type)
    }

    /// Locks what `query` reads. The clock is only read before the fact for commands that tell the time, which are
    /// those of keys in general.
    #[inline]
    pub(crate) fn read<R>(&self, query: &Query<'_>, run: impl FnOnce(&View<'_>, Context) -> R) -> R {
        let now = (query.spec().family == Family::Key).then(|| self.clock.now());
        let view = View::new(self, self.hold(query, || Hold::Each), now);
        run(&view, Context { now: now.unwrap_or_default(), seed: self.clock.seed() })
    }

    /// Locks what `keyed` names, everything when it names no key, and lets `run` change it. Whoever waits for one of the
    /// keys is served under the same locks.
    #[inline]
    pub(crate) fn change<R>(&self, keyed: &impl Keyed, run: impl FnOnce(&mut View<'_>, Context) -> R) -> R {
        let context = Context { now: self.clock.now(), seed: self.clock.seed() };
        let mut view = self.view(self.hold(keyed, || self.hold_all()), context.now);
        if self.waiters.is_empty() || !self.waiters.await_any(keyed) {
            return run(&mut view, context);
        }
        drop(view);
        self.change_and_serve(keyed, context, run)
    }

    /// Serving may touch any key, so it holds all shards.
    #[cold]
    fn change_and_serve<R>(
        &self,
        keyed: &impl Keyed,
        context: Context,
        run: impl FnOnce(&mut View<'_>, Context) -> R,
    ) -> R {
        let mut view = self.view(self.hold_all(), context.now);
        let result = run(&mut view, context);
        let wakers = self.waiters.serve(&mut view, keyed, context);
        drop(view);
        wakers.into_iter().for_each(std::task::Waker::wake);
        result
    }

    fn view<'a>(&'a self, hold: Hold<'a>, now: Timestamp) -> View<'a> {
        View::new(self, hold, Some(now))
    }

    #[inline]
    fn hold<'a>(&'a self, keyed: &impl Keyed, no_keys: impl FnOnce() -> Hold<'a>) -> Hold<'a> {
        let (mut first, mut is_alone) = (None, true);
        keyed.visit_keys(|key| match first {
            None => first = Some(key),
            Some(_) => is_alone = false,
        });
        match first {
            None => no_keys(),
            Some(key) if is_alone => {
                let hash = self.seed.hash(key);
                Hold::One { shard: self.lock(self.index(hash)), hash }
            }
            Some(_) => self.hold_several(keyed),
        }
    }

    fn hold_several(&self, keyed: &impl Keyed) -> Hold<'_> {
        let mut indexes = SmallVec::<[usize; 16]>::new();
        keyed.visit_keys(|key| indexes.push(self.index(self.seed.hash(key))));
        indexes.sort_unstable();
        indexes.dedup();
        Hold::Many(indexes.into_iter().map(|index| (index, self.lock(index))).collect())
    }

    fn hold_all(&self) -> Hold<'_> {
        Hold::Many((0..self.shards()).map(|index| (index, self.lock(index))).collect())
    }
}
