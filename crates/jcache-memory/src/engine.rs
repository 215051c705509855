//! The parts of a cache put together: shards, clock, and what a command locks.

mod bounded;
mod deadlines;
mod rebound;
mod replicated;
mod short;
mod transaction;

use std::ops::Range;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Weak};

use jcache_core::command::{Mutation, Query};
use jcache_core::{Answer, Context, Error, Key, Reply, Result, Timestamp, Value};
use smallvec::SmallVec;

use crate::area::{Area, Namespaces, Plan, SHARDS_MAX};
use crate::bound::{Budget, Eviction};
use crate::clock::Source;
use crate::expiry::Expiry;
use crate::hash::Seed;
use crate::removal::Removals;
use crate::shard::{Bounded, Garbage, Shard};
use crate::stats::Stats;
use crate::sync::{AtomicUsize, Guard, Lock, Ordering};
use crate::table::{Item, SLOTS, Table};
use crate::view::{Hold, View};
use crate::waiters::Waiters;

#[derive(Debug)]
pub(crate) struct Engine {
    shards: Box<[Padded<Lock<Shard>>]>,
    /// The bits of a hash that name the shard.
    mask: usize,
    /// Which shards keep within which budget: one area, and one for each namespace.
    pub(crate) areas: Box<[Area]>,
    /// The area of each shard.
    area_of: Box<[u8]>,
    /// Whether there is a bound anywhere.
    is_bounded: AtomicBool,
    /// Whom it evicts, by its number: one policy for all areas.
    eviction: AtomicUsize,
    /// Held by who changes the bound or the policy.
    rebinding: parking_lot::Mutex<()>,
    pub(crate) seed: Seed,
    pub(crate) clock: Source,
    pub(crate) expiry: Expiry,
    pub(crate) waiters: Waiters,
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
    /// It moves what is there to another key, and is served also when there is no room, but for moves into a namespace
    /// that is full and where a table doubles.
    Move,
    /// It adds to a collection that tells beforehand what that takes, or puts something at one key: that tells too, and
    /// can still be refused.
    Exact,
    /// About so many bytes, of which some are taken before others: they have to be there first.
    About(usize),
}

/// Commands, as far as locks and room go: something with keys.
pub(crate) trait Keyed {
    fn visit_keys<'s>(&'s self, visit: impl FnMut(&'s Key<'s>));

    fn growth(&self) -> Growth;

    /// What collections that are there already grow by, when it grows one.
    fn growth_ahead(&self, view: &View<'_>) -> Option<usize> {
        let _ = view;
        None
    }

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

    fn growth_ahead(&self, view: &View<'_>) -> Option<usize> {
        self.growth_ahead(view)
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
    /// `placement` is for a replica: where a key is does not depend on the process, and nothing expires by itself.
    pub(crate) fn new(
        wanted: usize,
        clock: Source,
        plan: &Plan,
        removals: Option<Removals>,
        placement: Option<u64>,
    ) -> Arc<Self> {
        let areas = plan.areas(wanted);
        let namespaces = Namespaces::new(&areas).map(Arc::new);
        let seed = match placement {
            None => Seed::random(namespaces),
            Some(number) => Seed::fixed(number, namespaces),
        };
        let shard = |area: &Area, index| {
            let budget = area.budget();
            let bound = budget.map(|budget| Bounded::new(index, budget, plan.eviction));
            let mut shard = Shard::new(seed.clone(), bound);
            if let Some(budget) = budget {
                shard.settle_in(budget);
            }
            Padded(Lock::new(shard))
        };
        let shards: Box<[_]> =
            areas.iter().flat_map(|area| area.shards.clone().map(move |index| shard(area, index))).collect();
        let numbered = areas.iter().enumerate();
        let area_of = numbered.flat_map(|(number, area)| area.shards.clone().map(move |_| number as u8)).collect();
        let is_bounded = AtomicBool::new(areas.iter().any(|area| area.budget().is_some()));
        let (eviction, rebinding) = (AtomicUsize::new(plan.eviction.number()), parking_lot::Mutex::new(()));
        let mask = if areas.len() == 1 { shards.len() - 1 } else { SHARDS_MAX - 1 };
        Arc::new_cyclic(|me: &Weak<Engine>| {
            let expiry = Expiry::new(placement.is_none().then(|| me.clone()));
            let waiters = Waiters::default();
            Self {
                shards,
                mask,
                areas,
                area_of,
                is_bounded,
                eviction,
                rebinding,
                seed,
                clock,
                expiry,
                waiters,
                removals,
            }
        })
    }

    /// The area of shard `index`.
    #[inline]
    pub(crate) fn area(&self, index: usize) -> usize {
        self.area_of[index].into()
    }

    /// The budget that shard `index` keeps within, if there is one.
    #[inline]
    pub(crate) fn budget(&self, index: usize) -> Option<&Budget> {
        self.areas[self.area(index)].budget()
    }

    /// Whether commands go by a bound, anywhere.
    #[inline]
    pub(crate) fn is_bounded(&self) -> bool {
        self.is_bounded.load(Ordering::Acquire)
    }

    /// Whom it evicts, where there is a bound anywhere: one policy for all areas.
    pub(crate) fn eviction(&self) -> Option<Eviction> {
        let number = self.eviction.load(Ordering::Relaxed);
        self.is_bounded().then(|| Eviction::numbered(number))
    }

    pub(crate) fn shards(&self) -> usize {
        self.shards.len()
    }

    /// The shard of a hash: its lowest bits.
    #[inline]
    pub(crate) fn index(&self, hash: u64) -> usize {
        hash as usize & self.mask
    }

    #[inline]
    pub(crate) fn lock(&self, index: usize) -> Guard<'_, Shard> {
        self.shards[index].0.lock()
    }

    #[inline]
    pub(crate) fn try_lock(&self, index: usize) -> Option<Guard<'_, Shard>> {
        self.shards[index].0.try_lock()
    }

    /// How many entries all shards hold, due or not.
    pub(crate) fn len(&self) -> usize {
        (0..self.shards()).map(|index| self.lock(index).table.len()).sum()
    }

    /// Bytes that all shards keep, at one moment.
    pub(crate) fn memory_used(&self) -> usize {
        let shards: Vec<_> = (0..self.shards()).map(|index| self.lock(index)).collect();
        shards.iter().map(|shard| shard.memory_used()).sum()
    }

    /// The figures of all shards.
    pub(crate) fn stats(&self) -> Stats {
        let mut stats = self.stats_of(0..self.shards());
        // Where keys without a namespace have no bound, the whole has none.
        let rest = self.areas[0].budget().and_then(Budget::end);
        let quotas = self.areas[1..].iter().filter_map(|area| Some(area.budget()?.max()));
        stats.max_bytes = rest.map(|rest| rest + quotas.sum::<usize>());
        stats
    }

    /// The figures of some shards, without a bound.
    pub(crate) fn stats_of(&self, shards: Range<usize>) -> Stats {
        let mut stats = Stats::default();
        for index in shards {
            let shard = self.lock(index);
            shard.queries.add_to(&mut stats);
            shard.counts.add_to(&mut stats, shard.table.len(), shard.memory_used());
        }
        stats
    }

    /// Frees what is due in shard `index`, looking at no more than `buckets` buckets. Returns whether that was all, and
    /// how many entries are left.
    pub(crate) fn reap(&self, index: usize, now: u64, buckets: usize) -> (bool, usize) {
        // What is freed, and the array of a table that gets smaller, are for before and after the lock.
        let mut garbage: Vec<Garbage> = Vec::with_capacity(buckets * SLOTS);
        let mut shard = self.lock(index);
        let (done, emptied) = shard.reap(now, buckets, |item| match &self.removals {
            None => garbage.push(Garbage::Item(item)),
            Some(_) => self.let_go(item, || now, &mut garbage),
        });
        if let Some(budget) = self.budget(index) {
            budget.give_back(shard.spare(budget));
            shard.publish(budget);
        }
        let (left, smaller) = (shard.table.len(), shard.table.smaller());
        drop(shard);
        drop((garbage, emptied));
        if let Some(bits) = smaller {
            self.move_to_smaller(index, bits);
        }
        self.tell();
        (done, left)
    }

    /// Lets the table of shard `index` begin to move to an array of 2^bits buckets; false when it does not.
    fn move_to_smaller(&self, index: usize, bits: u32) -> bool {
        let spare = Table::spare(bits);
        let refused = self.lock(index).move_to(spare);
        refused.is_none()
    }

    /// Goes on with making the table of shard `index` smaller, after many entries have left; true when that is all.
    pub(crate) fn tidy(&self, index: usize, steps: usize) -> bool {
        let (is_over, emptied, smaller) = {
            let mut shard = self.lock(index);
            let emptied = shard.table.go_on(steps);
            (!shard.table.is_shrinking(), emptied, shard.table.smaller())
        };
        drop(emptied);
        match smaller {
            Some(bits) => !self.move_to_smaller(index, bits),
            None => is_over,
        }
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
        self.get_from(&mut self.lock(self.index(hash)), hash, key)
    }

    /// [`Engine::get`] from the key's shard.
    #[inline]
    pub(crate) fn get_from(&self, shard: &mut Shard, hash: u64, key: &[u8]) -> Result<Option<Value>> {
        let lives = |item: &Item| !item.has_deadline() || !self.clock.has_come(item.deadline());
        let Some(item) = shard.table.find_mut(hash, key).filter(|item| lives(item)) else {
            shard.queries.count(false);
            return Ok(None);
        };
        shard.queries.count(true);
        match item.lend_text() {
            None => Err(wrong_type(item)),
            text => Ok(text),
        }
    }

    /// The answer to `query`. Always inlined: a caller who has made a `GET` just so is then left with that.
    #[inline(always)]
    pub(crate) fn answer(&self, query: &Query<'_>) -> Result<Answer> {
        match query.whole_string() {
            Some(key) => text_answer(self.get(key)),
            None => self.answer_any(query),
        }
    }

    /// [`Engine::answer`] to any query.
    #[inline(never)]
    fn answer_any(&self, query: &Query<'_>) -> Result<Answer> {
        self.read(query, |view, context| {
            let answer = query.answer(view, context)?;
            view.count(answer.hit);
            Ok(answer)
        })
    }

    /// The time, and the context of a command: for one that does not ask, neither is found out, which would cost more
    /// than many a command itself.
    #[inline]
    pub(crate) fn context(&self, asked: bool) -> (Option<Timestamp>, Context) {
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
        if self.is_bounded() {
            return self.change_bounded(keyed, (now, context), &mut run);
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
    pub(crate) fn hold<'a>(&'a self, keyed: &impl Keyed, no_keys: impl FnOnce() -> Hold<'a>) -> Hold<'a> {
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

    pub(crate) fn hold_all(&self) -> Hold<'_> {
        Hold::Many((0..self.shards()).map(|index| (index, self.lock(index))).collect())
    }
}

/// What `GET` answers.
#[inline]
pub(crate) fn text_answer(text: Result<Option<Value>>) -> Result<Answer> {
    match text {
        Ok(Some(text)) => Ok(Answer::hit(Reply::Bulk(text))),
        Ok(None) => Ok(Answer::miss(Reply::Nil)),
        Err(error) => Err(error),
    }
}

/// The answer of a read of text that met a collection.
#[cold]
fn wrong_type(item: &Item) -> Error {
    item.touch();
    Error::wrong_type()
}
