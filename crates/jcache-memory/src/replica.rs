//! A keyspace of which other processes hold copies: the memory's engine with one writer, who is told the time.
//!
//! [`Memory`](crate::Memory) decides by itself what is due and whom to evict. In a replica one process of all decides, the
//! others repeat what it did; so here nothing is removed but by the writer, who hears of it, and where a key is placed is
//! the same in all processes: parts of the keyspace can be compared and sent. Who keeps copies equal builds on this; it is
//! of no use for others.

mod gate;
mod reads;

use std::sync::Arc;

use jcache_core::command::{Mutation, Query};
use jcache_core::keyspace::Found;
use jcache_core::{Context, Error, ErrorKind, Keyspace, ObjectRef, Reply, Result, Timestamp, Value};
use parking_lot::Mutex;

use crate::engine::Engine;
use crate::hash::Seed;
use crate::memory::Builder;
use crate::removal::Removals;
use crate::shard::object_of;
use crate::stats::Stats;
use crate::view::{Hold, View, free_elsewhere};
use gate::Gate;
pub use reads::Reads;

/// Which keys an effect may touch.
pub type Admits<'a> = &'a dyn Fn(&[u8]) -> bool;

/// What writer and readers share.
#[derive(Debug)]
struct Shared {
    engine: Arc<Engine>,
    gate: Gate,
}

/// The writer's side of a keyspace that is held in several processes; [`Reads`] is the readers'.
///
/// ```
/// use jcache_core::{Arg, Context, Mutation, Timestamp};
/// use jcache_memory::Memory;
///
/// let mut leader = Memory::builder().try_build_replica(42)?;
/// let mut copy = Memory::builder().shards(8).try_build_replica(42)?;
/// let args: [Arg; 5] = ["SET".into(), "key".into(), "value".into(), "PX".into(), "5".into()];
/// let (mutation, context) = (Mutation::parse(&args)?, Context::at(Timestamp::from_millis(1_000)));
/// let (mut due, mut evicted) = (Vec::new(), Vec::new());
/// let reply = leader.mutate(&mutation, context, &mut due, &mut evicted)?;
/// copy.apply(&mutation.effect(&reply, context)?.change.expect("something changed"), None)?;
/// assert_eq!(copy.look(b"key", |found| found.and_then(|it| it.deadline)), Some(Timestamp::from_millis(1_005)));
/// # Ok::<(), jcache_core::Error>(())
/// ```
#[derive(Debug)]
pub struct Replica {
    shared: Arc<Shared>,
    /// What was evicted since it was last asked for.
    evicted: Arc<Mutex<Vec<Value>>>,
}

impl Builder {
    /// A keyspace of which other processes hold copies. `placement` seeds the hash that says where a key is: the same in
    /// all of them, and best known to nobody else, who could otherwise make many keys fall into one place. The clock is what
    /// [`Reads`] go by.
    ///
    /// # Errors
    /// As [`Builder::try_build`]; and when there is a [listener](Builder::on_removal): the writer is told.
    pub fn try_build_replica(self, placement: u64) -> Result<Replica> {
        self.plan.check()?;
        if self.listener.is_some() {
            return Err(Error::new(
                ErrorKind::Configuration,
                "a replica tells removals to its writer, not to a listener",
            ));
        }
        let evicted: Arc<Mutex<Vec<Value>>> = Arc::default();
        let noted = evicted.clone();
        let removals = Removals::new(Arc::new(move |key: &[u8], _| noted.lock().push(Value::new(key))));
        let engine = Engine::new(self.shards, self.clock, &self.plan, Some(removals), Some(placement));
        Ok(Replica { shared: Arc::new(Shared { engine, gate: Gate::new() }), evicted })
    }
}

impl Replica {
    /// The readers' side.
    pub fn reads(&self) -> Reads {
        Reads(self.shared.clone())
    }

    /// Answers `query` at `context.now`: what is due by then is not there.
    ///
    /// # Errors
    /// The query's.
    pub fn query(&self, query: &Query<'_>, context: Context) -> Result<Reply> {
        let engine = &*self.shared.engine;
        let view = View::new(engine, engine.hold(query, || Hold::Each), Some(context.now));
        query.run(&view, context)
    }

    /// Carries `mutation` out at `context.now`. Those of its keys that are due by then are removed first and added to `due`;
    /// what has to go for want of room is added to `evicted`. A blocking command answers nil where it would block.
    ///
    /// # Errors
    /// The command's, or that there is no room; then only what was added to `due` and `evicted` has changed.
    pub fn mutate(
        &mut self,
        mutation: &Mutation<'_>,
        context: Context,
        due: &mut Vec<Value>,
        evicted: &mut Vec<Value>,
    ) -> Result<Reply> {
        let engine = &*self.shared.engine;
        let reply = engine.change_at(mutation, context, due);
        if engine.is_bounded() {
            evicted.append(&mut self.evicted.lock());
        }
        reply
    }

    /// Repeats what `effect` did at another replica: nothing counts as due, nothing is evicted, and there is room for
    /// everything. With `admits`, keys that it does not take are neither read nor written.
    ///
    /// # Errors
    /// The command's, which it had not at the other.
    pub fn apply(&mut self, effect: &Mutation<'_>, admits: Option<Admits<'_>>) -> Result<()> {
        self.shared.engine.repeat(effect, admits)
    }

    /// Lets `look` see what is at `key`, due or not.
    pub fn look<R>(&self, key: &[u8], look: impl FnOnce(Option<Found<'_>>) -> R) -> R {
        let engine = &*self.shared.engine;
        let hash = engine.seed.hash(key);
        let hold = Hold::One { shard: engine.lock(engine.index(hash)), hash };
        look(View::new(engine, hold, Some(Timestamp::ZERO)).find(key))
    }

    /// Visits up to `limit` keys that are due at `now`. When none is, that is found out without looking at anything.
    pub fn due(&mut self, now: Timestamp, limit: usize, visit: &mut dyn FnMut(&[u8])) {
        self.shared.engine.due(now.as_millis(), limit, visit);
    }

    /// Visits all entries whose hash begins with the `bits` bits of `part`, due or not, with their deadlines; in any order.
    /// O(entries visited + shards).
    pub fn visit(&self, part: u64, bits: u32, mut visit: impl FnMut(&[u8], ObjectRef<'_>, Option<Timestamp>)) {
        let rest = 64 - bits;
        let first = part << rest;
        self.shared.engine.visit(first, first | ((1 << rest) - 1), &mut |item| {
            let deadline = Some(item.deadline()).filter(|deadline| *deadline != 0).map(Timestamp::from_millis);
            visit(item.key(), object_of(item), deadline);
        });
    }

    /// Says that there will be `times` as many keys as there are: its tables grow to that size at once, and are not moved to
    /// larger ones again and again. It costs what an empty table of that size takes, whether the keys come or not.
    pub fn expect(&mut self, times: usize) {
        self.shared.engine.expect(times);
    }

    /// What is changed from now until [`Replica::end`] is one change to readers: those who come meanwhile wait.
    pub fn begin(&mut self) {
        self.shared.gate.begin();
    }

    /// See [`Replica::begin`].
    pub fn end(&mut self) {
        self.shared.gate.end();
    }

    /// Changes places with all that `other` holds, which was made with the same settings. Readers see one or the other, and
    /// are not let in any more when they see the new.
    pub fn swap(&mut self, other: &mut Replica) {
        self.shared.engine.swap(&other.shared.engine, || self.shared.gate.swap());
    }

    /// Drops it, in another thread when that takes long.
    pub fn discard(self) {
        if self.shared.engine.memory_used() > LARGE {
            free_elsewhere(self);
        }
    }

    /// See [`Reads::stats`].
    pub fn stats(&self) -> Stats {
        self.shared.engine.stats()
    }

    /// How many keys there are, due or not. O(number of shards).
    pub fn len(&self) -> usize {
        self.shared.engine.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The hash that places keys: the same everywhere and in all versions for the same placement.
///
/// It is rapidhash V3 (with its stronger mixing), seeded with secrets made of the placement.
#[derive(Debug, Clone)]
pub struct Hasher(Seed);

impl Hasher {
    /// The hash of replicas that were made with `placement`.
    pub fn new(placement: u64) -> Self {
        Self(Seed::fixed(placement, None))
    }

    /// The hash of `key`; by its highest bits [`Replica::visit`] goes.
    #[inline]
    pub fn hash(&self, key: &[u8]) -> u64 {
        self.0.hash(key)
    }
}

/// Bytes that are freed within about a millisecond.
const LARGE: usize = 2 << 20;
