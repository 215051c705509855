//! The in-process memory as the engine's [`Store`].
//!
//! A [`MemoryStore`] sits behind the engine's mutex and is its one writer; [`LocalReads`] go around both, from any thread,
//! while the engine works. Where a key is placed is the same in all processes of a cluster, so a part of the keyspace is
//! found without looking at the rest: the shards of a full synchronisation are ranges of the hash that also places keys in
//! the memory's tables.

mod changes;
mod clock;
mod digest;
mod pieces;
mod placement;

use std::sync::Arc;

use bytes::Bytes;
use jcache_core::portions::portions;
use jcache_core::{Context, Error, Key, Mutation, Query, Reply, Result, Timestamp, Value};
use jcache_memory::replica::{Hasher, Replica};
use jcache_memory::{Builder, Clock, Stats};

use crate::engine::{Removed, Side, Store};
use changes::Feeds;
pub use changes::{Changed, Changes};
pub use clock::{ClusterClock, boot_us};
pub use digest::entry_digest;
pub use jcache_memory::replica::Reads as LocalReads;
use pieces::Pieces;
pub use placement::Placement;

/// When one of so many parts of a keyspace has been loaded, room is made for the rest. Whoever sends many keys in the first
/// part makes us take no more than so many times the room that they need in a table.
const FORESEEN: usize = 8;

/// Bits of a key's hash that name its shard.
const SHARD_BITS: u32 = 10;

/// The in-process memory as a [`Store`]: what a process of a cluster holds.
///
/// The leader's keeps within the memory's bound, as [`Builder::max_memory`] and the quotas say. A follower's only repeats
/// what the leader did, so it stays within the leader's bound and does not look at its own: that counts once it leads. While
/// a full synchronisation is loaded there are two keyspaces, each of which may be as large as the bound.
///
/// ```
/// use std::sync::Arc;
/// use jcache_cluster::engine::{Removed, Store};
/// use jcache_cluster::store::{ClusterClock, MemoryStore, Placement};
/// use jcache_core::{Arg, Context, Mutation, Timestamp};
/// use jcache_memory::Memory;
///
/// let clock = ClusterClock::new();
/// let mut store = MemoryStore::new(Memory::builder(), Placement::of(&[b"demo"]), Arc::new(clock.clone()))?;
/// let reads = store.reads();
/// let args: [Arg; 3] = ["SET".into(), "hello".into(), "world".into()];
/// let context = Context::at(Timestamp::from_millis(1_000));
/// store.mutate(&Mutation::parse(&args)?, context, &mut Removed::default())?;
/// assert_eq!(reads.try_text(b"hello"), None, "not to be read yet");
/// reads.set_open(true);
/// assert_eq!(reads.try_text(b"hello"), Some(Ok(Some("world".into()))));
/// # Ok::<(), jcache_core::Error>(())
/// ```
#[derive(Debug)]
pub struct MemoryStore {
    live: Replica,
    loading: Option<Replica>,
    /// What the live keyspace was made with.
    settings: (Builder, Placement),
    hasher: Hasher,
    feeds: Arc<Feeds>,
    shard_bits: u32,
    /// Nested changes that are one.
    together: usize,
    pieces: Pieces,
}

impl MemoryStore {
    /// How many shards there are, in every process and version.
    pub const SHARDS: usize = 1 << SHARD_BITS;

    /// An empty store. `memory` says how many locks there are and what the bounds are; `placement` must be that of all
    /// processes of the cluster; `clock` tells the cluster's time to [`LocalReads`].
    ///
    /// # Errors
    /// Settings of the memory that contradict each other, or a removal listener among them.
    pub fn new(memory: Builder, placement: Placement, clock: Arc<dyn Clock>) -> Result<Self> {
        let memory = memory.clock(clock);
        let live = memory.clone().try_build_replica(placement.number())?;
        Ok(Self {
            live,
            loading: None,
            settings: (memory, placement),
            hasher: Hasher::new(placement.number()),
            feeds: Arc::default(),
            shard_bits: SHARD_BITS,
            together: 0,
            pieces: Pieces::default(),
        })
    }

    /// The same with 2^`bits` shards: for simulations, where all copies are of one making. 16 bits at most.
    #[must_use]
    pub fn with_shard_bits(mut self, bits: u32) -> Self {
        self.shard_bits = bits.clamp(1, 16);
        self
    }

    /// Reads that go around the engine. They are closed until somebody opens them: who knows whether what is here may be
    /// read yet.
    pub fn reads(&self) -> LocalReads {
        self.live.reads()
    }

    /// What changes from now on.
    pub fn changes(&self) -> Changes {
        Feeds::subscribe(&self.feeds)
    }

    /// What the store holds and what it has done.
    pub fn stats(&self) -> Stats {
        self.live.stats()
    }

    fn empty(&self) -> Replica {
        let (memory, placement) = &self.settings;
        let built = memory.clone().try_build_replica(placement.number());
        built.expect("invariant: the live keyspace was made with these settings")
    }

    fn discard_loading(&mut self) {
        if let Some(old) = self.loading.take() {
            old.discard();
        }
    }
}

/// The shard of a key: the highest bits of the hash that places it, in reverse.
///
/// In reverse, because shards are loaded in their order: one after the other in the order of the hash they would all crowd
/// into one end of a table that is still small, and each would wade through those before it.
#[inline]
fn shard_of(hasher: &Hasher, bits: u32, key: &[u8]) -> usize {
    (hasher.hash(key).reverse_bits() & ((1 << bits) - 1)) as usize
}

/// The highest bits of the hashes in `shard`.
#[inline]
fn prefix_of(shard: usize, bits: u32) -> u64 {
    (shard as u64).reverse_bits() >> (64 - bits)
}

impl Store for MemoryStore {
    fn query(&mut self, query: &Query<'_>, context: Context) -> Result<Reply> {
        self.live.query(query, context)
    }

    fn mutate(&mut self, mutation: &Mutation<'_>, context: Context, removed: &mut Removed) -> Result<Reply> {
        let (due, evicted) = (removed.due.len(), removed.evicted.len());
        let reply = self.live.mutate(mutation, context, &mut removed.due, &mut removed.evicted);
        if self.feeds.is_heard() {
            let removed = removed.due.iter().skip(due).chain(removed.evicted.iter().skip(evicted));
            self.feeds.note(reply.is_ok().then_some(mutation), removed);
        }
        reply
    }

    fn apply(&mut self, effect: &Mutation<'_>, side: Side, admits: &dyn Fn(usize) -> bool) -> Result<()> {
        if side == Side::Loading && self.loading.is_none() {
            self.load_begin();
        }
        let shards = self.shards();
        let Self { live, loading, hasher, shard_bits, .. } = self;
        let replica = match (side, loading) {
            (Side::Loading, Some(loading)) => loading,
            _ => live,
        };
        let admits_key = |key: &[u8]| admits(shard_of(hasher, *shard_bits, key));
        let (mut has_keys, mut is_admitted) = (false, true);
        effect.visit_keys(|key| {
            has_keys = true;
            is_admitted &= admits_key(key);
        });
        if !has_keys {
            is_admitted = (0..shards).all(admits);
        }
        replica.apply(effect, if is_admitted { None } else { Some(&admits_key) })?;
        if side == Side::Live && self.feeds.is_heard() {
            self.feeds.note(Some(effect), std::iter::empty());
        }
        Ok(())
    }

    fn together(&mut self, begins: bool) {
        match (begins, self.together) {
            (true, 0) => self.live.begin(),
            (false, 1) => self.live.end(),
            _ => {}
        }
        self.together = if begins { self.together + 1 } else { self.together.saturating_sub(1) };
    }

    fn whole(&mut self, key: &[u8], visit: &mut dyn FnMut(&Mutation<'_>)) {
        self.live.look(key, |found| {
            // What is there must go: a string replaces it, elements would be added to it.
            if found.is_none_or(|found| found.object.elements().is_some()) {
                visit(&Mutation::removal([Key::from(key)]));
            }
            if let Some(found) = found {
                portions(key, found.object, found.deadline, usize::MAX, visit);
            }
        });
    }

    fn due(&mut self, now: Timestamp, limit: usize) -> Vec<Value> {
        let mut due = Vec::new();
        self.live.due(now, limit, &mut |key| due.push(Value::new(key)));
        due
    }

    fn shards(&self) -> usize {
        1 << self.shard_bits
    }

    fn shard_of(&self, key: &[u8]) -> usize {
        shard_of(&self.hasher, self.shard_bits, key)
    }

    fn digest(&mut self, shard: usize) -> u64 {
        let mut digest = 0_u64;
        self.live.visit(prefix_of(shard, self.shard_bits), self.shard_bits, |key, object, deadline| {
            digest = digest.wrapping_add(entry_digest(key, object, deadline));
        });
        digest
    }

    fn snapshot(&mut self, shard: usize, chunk: usize) -> Vec<Bytes> {
        let Self { live, pieces, shard_bits, .. } = self;
        live.visit(prefix_of(shard, *shard_bits), *shard_bits, |key, object, deadline| {
            portions(key, object, deadline, chunk, &mut |mutation| pieces.add(mutation, chunk));
        });
        pieces.take()
    }

    fn load_begin(&mut self) {
        self.discard_loading();
        self.loading = Some(self.empty());
    }

    fn load(&mut self, shard: usize, piece: &[u8]) -> Result<(), Error> {
        if self.loading.is_none() {
            self.load_begin();
        }
        let shards = self.shards();
        let Some(loading) = &mut self.loading else { return Ok(()) };
        // Shards are alike, as the hash makes them: from some on it is known how many keys there will be. A table that is
        // just growing takes no notice, so it is told again.
        if shard >= shards / FORESEEN && shard.is_multiple_of((shards / (2 * FORESEEN)).max(1)) && shard > 0 {
            loading.expect(shards.div_ceil(shard));
        }
        pieces::read(piece, |mutation| loading.apply(mutation, None))
    }

    fn load_swap(&mut self) {
        let mut loaded = self.loading.take().unwrap_or_else(|| self.empty());
        self.live.swap(&mut loaded);
        loaded.discard();
        self.feeds.everything();
    }

    fn load_abort(&mut self) {
        self.discard_loading();
    }
}
