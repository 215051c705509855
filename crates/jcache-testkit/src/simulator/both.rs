//! What a simulated process holds: core's model, and beside it the in-process memory, held against it at every call.
//!
//! So every seed becomes a test of the memory as the engine's state machine: what it answers, removes, finds due, sums up
//! and hands over must be what the model does. Where that is not asked for there is only the model, which is faster.

use bytes::Bytes;
use jcache_cluster::engine::{ModelStore, Removed, Side, Store};
use jcache_cluster::store::{MemoryStore, Placement, entry_digest};
use jcache_core::{Context, Error, Model, Mutation, Query, Reply, Timestamp, Value};
use jcache_memory::{ManualClock, Memory};

/// A [`ModelStore`], and a [`MemoryStore`] that has to agree with it.
///
/// Its methods panic when it does not.
#[derive(Debug)]
pub struct BothStores {
    model: ModelStore,
    memory: Option<MemoryStore>,
    /// What was there before the first command since somebody asked for that.
    before: Before,
}

/// A copy to be made before the first command.
#[derive(Debug, Default)]
enum Before {
    #[default]
    Unwanted,
    Wanted,
    Made(Model),
}

impl BothStores {
    /// Two empty stores of 2^`bits` shards; the memory has few locks, so that keys meet.
    pub fn new(bits: u32) -> Self {
        let placement = Placement::of(&[b"simulated"]);
        let clock = std::sync::Arc::new(ManualClock::default());
        let memory = MemoryStore::new(Memory::builder().shards(4), placement, clock).expect("invariant: no bounds");
        let memory = Some(memory.with_shard_bits(bits));
        Self { model: ModelStore::new(1 << bits).with_placement(placement), memory, before: Before::default() }
    }

    /// Only the model, with so many shards.
    pub fn model_only(shards: usize) -> Self {
        Self { model: ModelStore::new(shards), memory: None, before: Before::default() }
    }

    /// From now on what is here before the first command is kept.
    pub(super) fn keep_before(&mut self) {
        self.before = Before::Wanted;
    }

    /// What was here before the first command since, or is here, without any.
    pub(super) fn before(&mut self) -> Model {
        match std::mem::take(&mut self.before) {
            Before::Made(model) => model,
            _ => self.model().clone(),
        }
    }

    /// What is in both, as the model has it.
    pub fn model(&self) -> &Model {
        self.model.model()
    }
}

/// Answers whose order, or choice, is the keyspace's own.
fn is_of_all(query: &Query<'_>) -> bool {
    query.first_key().is_none()
}

impl Store for BothStores {
    fn query(&mut self, query: &Query<'_>, context: Context) -> Result<Reply, Error> {
        let model = self.model.query(query, context);
        match &mut self.memory {
            Some(memory) if !is_of_all(query) => {
                assert_eq!(memory.query(query, context), model, "{query:?} at {context:?}");
            }
            _ => {}
        }
        model
    }

    fn mutate(&mut self, mutation: &Mutation<'_>, context: Context, removed: &mut Removed) -> Result<Reply, Error> {
        if let Before::Wanted = self.before {
            self.before = Before::Made(self.model().clone());
        }
        let due = removed.due.len();
        let model = self.model.mutate(mutation, context, removed);
        if let Some(memory) = &mut self.memory {
            let mut own = Removed::default();
            assert_eq!(memory.mutate(mutation, context, &mut own), model, "{mutation:?} at {context:?}");
            assert_eq!(own.due, removed.due[due..], "due at {mutation:?}");
            assert!(own.evicted.is_empty(), "there is no bound");
        }
        model
    }

    fn apply(&mut self, effect: &Mutation<'_>, side: Side, admits: &dyn Fn(usize) -> bool) -> Result<(), Error> {
        let model = self.model.apply(effect, side, admits);
        if let Some(memory) = &mut self.memory {
            assert_eq!(memory.apply(effect, side, admits), model, "{effect:?} on {side:?}");
        }
        model
    }

    fn together(&mut self, begins: bool) {
        if let Some(memory) = &mut self.memory {
            memory.together(begins);
        }
    }

    fn whole(&mut self, key: &[u8], visit: &mut dyn FnMut(&Mutation<'_>)) {
        let Some(memory) = &mut self.memory else { return self.model.whole(key, visit) };
        let (mut own, mut expected, context) = (Model::default(), Model::default(), Context::at(Timestamp::ZERO));
        self.model.whole(key, &mut |mutation| drop(mutation.run(&mut expected, context)));
        memory.whole(key, &mut |mutation| {
            drop(mutation.run(&mut own, context));
            visit(mutation);
        });
        assert_eq!(digest(own.iter()), digest(expected.iter()), "all of {}", key.escape_ascii());
    }

    fn due(&mut self, now: Timestamp, limit: usize) -> Vec<Value> {
        let Some(memory) = &mut self.memory else { return self.model.due(now, limit) };
        let (due, all) = (memory.due(now, limit), self.model.due(now, usize::MAX));
        let fits = due.len() == all.len().min(limit) && due.iter().all(|key| all.contains(key));
        assert!(fits, "due at {now:?}: {due:?} of {all:?}");
        due
    }

    fn shards(&self) -> usize {
        self.model.shards()
    }

    fn shard_of(&self, key: &[u8]) -> usize {
        let shard = self.model.shard_of(key);
        if let Some(memory) = &self.memory {
            assert_eq!(memory.shard_of(key), shard, "the shard of {}", key.escape_ascii());
        }
        shard
    }

    fn digest(&mut self, shard: usize) -> u64 {
        // What is due is shown after this, too.
        let model = self.model.digest(shard);
        if let Some(memory) = &mut self.memory {
            let entries = self.model.model().iter().filter(|(key, ..)| self.model.shard_of(key) == shard);
            assert_eq!(memory.digest(shard), digest(entries), "the digest of shard {shard}");
        }
        model
    }

    fn snapshot(&mut self, shard: usize, chunk: usize) -> Vec<Bytes> {
        match &mut self.memory {
            Some(memory) => memory.snapshot(shard, chunk),
            None => self.model.snapshot(shard, chunk),
        }
    }

    fn load_begin(&mut self) {
        self.memory.iter_mut().for_each(Store::load_begin);
        self.model.load_begin();
    }

    fn load(&mut self, shard: usize, piece: &[u8]) -> Result<(), Error> {
        let model = self.model.load(shard, piece);
        if let Some(memory) = &mut self.memory {
            assert_eq!(memory.load(shard, piece), model, "a piece of shard {shard}");
        }
        model
    }

    fn load_swap(&mut self) {
        self.memory.iter_mut().for_each(Store::load_swap);
        self.model.load_swap();
    }

    fn load_abort(&mut self) {
        self.memory.iter_mut().for_each(Store::load_abort);
        self.model.load_abort();
    }
}

fn digest<'m>(entries: impl Iterator<Item = (&'m [u8], &'m jcache_core::Object, Option<Timestamp>)>) -> u64 {
    entries.fold(0, |sum, (key, object, deadline)| sum.wrapping_add(entry_digest(key, object.as_ref(), deadline)))
}
