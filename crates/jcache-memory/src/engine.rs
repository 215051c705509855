//! The parts of a cache put together: shards, clock, and what a command locks.

mod bounded;
mod transaction;

use std::sync::{Arc, Weak};

use jcache_core::command::{Mutation, Query};
use jcache_core::{Answer, Context, Error, Key, Reply, Result, Timestamp, Value};
use parking_lot::{Mutex, MutexGuard};
use smallvec::SmallVec;

use crate::bound::{Budget, Eviction};
use crate::clock::Source;
use crate::expiry::Expiry;
use crate::hash::Seed;
use crate::removal::Removals;
use crate::shard::{Bounded, Garbage, Shard};
use crate::stats::Stats;
use crate::view::{Hold, View};
use crate::waiters::Waiters;

/// More shards than this would take bits of the hash that the tables use.
pub(crate) const SHARDS_MAX: usize = 256;

/// The least part of a bound that is worth a shard of its own.
const SHARE_LEAST: usize = 64 << 10;

#[derive(Debug)]
pub(crate) struct Engine {
    /// A power of two of them.
    shards: Box<[Padded<Mutex<Shard>>]>,
    pub(crate) seed: Seed,
    pub(crate) clock: Source,
    pub(crate) expiry: Expiry,
    pub(crate) waiters: Waiters,
    /// The bound, if there is one.
    pub(crate) budget: Option<Budget>,
    /// Who wants to hear what was removed.
    pub(crate) removals: Option<Removals>,
}

/// Alone on its pair of cache lines, which processors fetch together.
#[derive(Debug)]
#[repr(align(128))]
struct Padded<T>(T);

/// How much room a command takes, as far as it can be told before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Growth {
    /// None worth mentioning; it is served also when there is no room.
    None,
    /// It changes only one key, by putting something there: what that takes is known then, and it can still be refused.
    Exact,
    /// About so many bytes, of which some may be taken before others: they have to be there first.
    About(usize),
}

/// Commands, as far as locks and room go: something with keys.
pub(crate) trait Keyed {
    fn visit_keys<'s>(&'s self, visit: impl FnMut(&'s Key<'s>));

    fn growth(&self) -> Growth;

    /// Whether carrying it out takes a true context.
    fn asks_context(&self) -> bool;
}

impl Keyed for Query<'_> {
    #[inline]
    fn visit_keys<'s>(&'s self, visit: impl FnMut(&'s Key<'s>)) {
        self.visit_keys(visit);
    }

    fn growth(&self) -> Growth {
        Growth::None
    }

    #[inline]
    fn asks_context(&self) -> bool {
        self.asks_context()
    }
}

impl Keyed for Mutation<'_> {
    #[inline]
    fn visit_keys<'s>(&'s self, visit: impl FnMut(&'s Key<'s>)) {
        self.visit_keys(visit);
    }

    fn growth(&self) -> Growth {
        bounded::growth(self)
    }

    #[inline]
    fn asks_context(&self) -> bool {
        self.asks_context()
    }
}

impl Keyed for Key<'_> {
    fn visit_keys<'s>(&'s self, mut visit: impl FnMut(&'s Key<'s>)) {
        visit(self);
    }

    /// A whole key is put there.
    fn growth(&self) -> Growth {
        Growth::Exact
    }

    fn asks_context(&self) -> bool {
        false
    }
}

impl Engine {
    pub(crate) fn new(
        shards: usize,
        clock: Source,
        bound: Option<(usize, Eviction)>,
        removals: Option<Removals>,
    ) -> Arc<Self> {
        let seed = Seed::random();
        let most = bound.map_or(SHARDS_MAX, |(max, _)| (max / SHARE_LEAST).clamp(1, SHARDS_MAX));
        let wanted = shards.clamp(1, SHARDS_MAX).next_power_of_two();
        let shards = if wanted <= most { wanted } else { 1 << most.ilog2() };
        let budget = bound.map(|(max, eviction)| Budget::new(max, eviction, shards));
        let shard = |index| {
            let mut shard = Shard::new(seed.clone(), budget.as_ref().map(|budget| Bounded::new(index, budget)));
            if let Some(budget) = &budget {
                shard.settle_in(budget);
            }
            Padded(Mutex::new(shard))
        };
        let shards = (0..shards).map(shard).collect();
        Arc::new_cyclic(|me: &Weak<Engine>| {
            let expiry = Expiry::new(me.clone());
            Self { shards, seed, clock, expiry, waiters: Waiters::default(), budget, removals }
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

    #[inline]
    pub(crate) fn try_lock(&self, index: usize) -> Option<MutexGuard<'_, Shard>> {
        self.shards[index].0.try_lock()
    }

    /// Bytes that all shards keep, at one moment.
    pub(crate) fn memory_used(&self) -> usize {
        let shards: Vec<_> = (0..self.shards()).map(|index| self.lock(index)).collect();
        shards.iter().map(|shard| shard.memory_used()).sum()
    }

    /// The figures of all shards.
    pub(crate) fn stats(&self) -> Stats {
        let mut stats = Stats { max_bytes: self.budget.as_ref().map(|budget| budget.max), ..Stats::default() };
        for index in 0..self.shards() {
            let shard = self.lock(index);
            shard.counts.add_to(&mut stats, shard.table.len(), shard.memory_used());
        }
        stats
    }

    /// Frees what is due in shard `index`, looking at no more than `buckets` buckets. Returns whether that was all, and
    /// how many entries are left.
    pub(crate) fn reap(&self, index: usize, now: u64, buckets: usize) -> (bool, usize) {
        let mut garbage: Vec<Garbage> = Vec::new();
        let mut shard = self.lock(index);
        let done = shard.reap(now, buckets, |item| self.let_go(item, now, &mut garbage));
        if let Some(budget) = &self.budget {
            budget.give_back(shard.spare(budget));
            shard.publish(budget);
        }
        let left = shard.table.len();
        drop(shard);
        drop(garbage);
        self.tell();
        (done, left)
    }

    /// Tells the listener what was removed; without any lock.
    #[inline]
    pub(crate) fn tell(&self) {
        if let Some(removals) = &self.removals {
            removals.tell();
        }
    }

    /// The value of the string at `key`, without the detour over a command.
    #[inline]
    pub(crate) fn get(&self, key: &[u8]) -> Result<Option<Value>> {
        let hash = self.seed.hash(key);
        let shard = self.lock(self.index(hash));
        let lives = |deadline| deadline == 0 || !self.clock.has_come(deadline);
        let Some(item) = shard.table.find(hash, key).filter(|item| lives(item.deadline())) else {
            shard.counts.query(false);
            return Ok(None);
        };
        shard.counts.query(true);
        item.touch();
        item.as_text().map(|text| Some(text.clone())).ok_or_else(Error::wrong_type)
    }

    /// The answer to `query`.
    #[inline]
    pub(crate) fn answer(&self, query: &Query<'_>) -> Result<Answer> {
        if let Some(key) = query.whole_string() {
            return self.get(key).map(|text| text.map_or(Answer::miss(Reply::Nil), |it| Answer::hit(Reply::Bulk(it))));
        }
        self.read(query, |view, context| {
            let answer = query.answer(view, context)?;
            view.count(answer.hit);
            Ok(answer)
        })
    }

    /// The time, and the context of a command: for one that does not ask, neither is found out, which would cost more
    /// than many a command itself.
    #[inline]
    fn context(&self, asked: bool) -> (Option<Timestamp>, Context) {
        if asked { self.true_context() } else { (None, Context::at(Timestamp::ZERO)) }
    }

    #[inline(never)]
    fn true_context(&self) -> (Option<Timestamp>, Context) {
        let context = Context { now: self.clock.now(), seed: self.clock.seed() };
        (Some(context.now), context)
    }

    /// Locks what `query` reads.
    #[inline]
    pub(crate) fn read<R>(&self, query: &Query<'_>, run: impl FnOnce(&View<'_>, Context) -> R) -> R {
        let (now, context) = self.context(query.asks_context());
        let view = View::new(self, self.hold(query, || Hold::Each), now);
        run(&view, context)
    }

    /// Locks what `keyed` names, everything when it names no key, and lets `run` change it. Whoever waits for one of the
    /// keys is served under the same locks.
    ///
    /// With a bound, `run` may be called again after it failed for lack of room: an error means that nothing changed.
    ///
    /// # Errors
    /// Those of `run`, and out of memory.
    #[inline]
    pub(crate) fn change<R>(
        &self,
        keyed: &impl Keyed,
        mut run: impl FnMut(&mut View<'_>, Context) -> Result<R>,
    ) -> Result<R> {
        let (now, context) = self.context(keyed.asks_context());
        if let Some(budget) = &self.budget {
            return self.change_bounded(budget, keyed, (now, context), &mut run);
        }
        let mut view = View::new(self, self.hold(keyed, || self.hold_all()), now);
        if self.waiters.is_empty() || !self.waiters.await_any(keyed) {
            return run(&mut view, context);
        }
        drop(view);
        self.change_and_serve(keyed, run)
    }

    /// Serving may touch any key, so it holds all shards.
    #[cold]
    fn change_and_serve<R>(
        &self,
        keyed: &impl Keyed,
        mut run: impl FnMut(&mut View<'_>, Context) -> Result<R>,
    ) -> Result<R> {
        let (now, context) = self.context(keyed.asks_context());
        let mut view = View::new(self, self.hold_all(), now);
        let result = run(&mut view, context);
        let wakers = self.waiters.serve(&mut view, keyed);
        drop(view);
        wakers.into_iter().for_each(std::task::Waker::wake);
        result
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
        // A bit a shard: they come out in order, each once.
        let mut wanted = [0u64; SHARDS_MAX / 64];
        keyed.visit_keys(|key| {
            let index = self.index(self.seed.hash(key));
            wanted[index / 64] |= 1 << (index % 64);
        });
        let count = wanted.iter().map(|bits| bits.count_ones() as usize).sum();
        let mut held = SmallVec::with_capacity(count);
        for (word, mut bits) in wanted.into_iter().enumerate() {
            while bits != 0 {
                let index = word * 64 + bits.trailing_zeros() as usize;
                held.push((index, self.lock(index)));
                bits &= bits - 1;
            }
        }
        Hold::Many(held)
    }

    fn hold_all(&self) -> Hold<'_> {
        Hold::Many((0..self.shards()).map(|index| (index, self.lock(index))).collect())
    }
}
