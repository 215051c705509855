//! [`Memory`], the handle that users have, and how to build one.

use std::fmt;
use std::sync::Arc;

use jcache_core::{Result, Value};

use crate::area::Plan;
use crate::bound::Eviction;
use crate::clock::{Clock, Source};
use crate::engine::Engine;
use crate::removal::{RemovalListener, Removals};
use crate::stats::{Deadlines, Namespace, Stats};

/// A cache in the memory of this process: strings, hashes, lists, sets and sorted sets with deadlines.
///
/// Cloning it is cheap and gives another handle to the same data, which lives until the last handle is dropped. All
/// methods may be called from any thread; commands of one or several keys are atomic.
///
/// ```
/// use jcache_core::{Arg, Driver, Mutation, Reply};
/// use jcache_memory::Memory;
///
/// let memory = Memory::new();
/// let args: [Arg; 3] = ["SET".into(), "hello".into(), "world".into()];
/// assert_eq!(memory.try_mutate(&Mutation::parse(&args)?), Some(Ok(Reply::Ok)));
/// assert_eq!(memory.get(b"hello")?.as_deref(), Some(&b"world"[..]));
/// # Ok::<(), jcache_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Memory(pub(crate) Arc<Engine>);

impl Memory {
    /// An empty cache with the default settings.
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// Settings for a cache.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The string at `key`: what the command `GET` answers. O(1), no copy, no allocation.
    ///
    /// # Errors
    /// Wrong type when the key holds a collection.
    #[inline]
    pub fn get(&self, key: &[u8]) -> Result<Option<Value>> {
        self.0.get(key)
    }

    /// Bytes of memory that the data takes: tables, entries and what collections own, as the allocator rounds them, and
    /// the queues of the eviction policy. This is what [`Builder::max_memory`] bounds.
    /// O(number of shards).
    ///
    /// Entries that are due count until their memory is given back, soon after. Values that were handed out and replaced
    /// since do not count, though they keep their memory. All shards are locked for the sum: what moves from one to
    /// another does not count twice.
    pub fn memory_used(&self) -> usize {
        self.0.memory_used()
    }

    /// What the cache has done so far and what it holds. O(number of shards), each locked in turn: figures of different
    /// shards are of slightly different moments.
    ///
    /// ```
    /// # use jcache_memory::Memory;
    /// let memory = Memory::new();
    /// memory.get(b"absent")?;
    /// assert_eq!((memory.stats().hits, memory.stats().misses), (0, 1));
    /// # Ok::<(), jcache_core::Error>(())
    /// ```
    pub fn stats(&self) -> Stats {
        self.0.stats()
    }

    /// How many entries have a deadline, and how far those are away.
    ///
    /// Nothing is counted while commands run: this looks at up to some 400 entries of each shard, so it takes about a
    /// millisecond, holds no lock for more than some ten microseconds, and is exact up to some 10,000 keys and where none
    /// has a deadline.
    ///
    /// ```
    /// # use jcache_core::{Arg, Driver, Mutation};
    /// # use jcache_memory::Memory;
    /// let memory = Memory::new();
    /// let args: [Arg; 5] = ["SET".into(), "key".into(), "value".into(), "EX".into(), "100".into()];
    /// memory.try_mutate(&Mutation::parse(&args)?).expect("at once")?;
    /// assert_eq!((memory.deadlines().timed, memory.deadlines().is_exact), (1, true));
    /// assert!(memory.deadlines().mean_left.as_secs() >= 90);
    /// # Ok::<(), jcache_core::Error>(())
    /// ```
    pub fn deadlines(&self) -> Deadlines {
        self.0.deadlines()
    }

    /// Changes the bound while the cache is in use: see [`Builder::max_memory`]; `None` is for none.
    ///
    /// Quotas stay what they are, and are taken off it. Where more is kept than the new bound allows, the cache begins to
    /// evict at once, by a thread that ends with it: some entries of a shard at a time, so nobody waits for all of them.
    /// Until it is through, commands that need room evict too, and what finds none is refused. The first bound of a cache
    /// takes a look at all its entries, with the lock of one shard at a time.
    ///
    /// In how many shards the keys are split was decided when the cache was built.
    ///
    /// ```
    /// # use jcache_core::{Arg, Driver, Mutation};
    /// # use jcache_memory::Memory;
    /// let memory = Memory::new();
    /// memory.set_max_memory(Some(64 << 20))?;
    /// assert_eq!(memory.stats().max_bytes, Some(64 << 20));
    /// memory.set_max_memory(None)?;
    /// assert_eq!(memory.stats().max_bytes, None);
    /// # Ok::<(), jcache_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Configuration`](jcache_core::ErrorKind::Configuration) when the quotas leave nothing of it.
    pub fn set_max_memory(&self, bytes: Option<usize>) -> Result<()> {
        self.0.set_max(bytes)
    }

    /// Changes whom to evict while the cache is in use: see [`Builder::eviction`]. What the policy before knew of the
    /// entries is forgotten, but for how often they were read. O(entries), with the lock of one shard at a time.
    pub fn set_eviction(&self, eviction: Eviction) {
        self.0.set_eviction(eviction);
    }

    /// Whom the cache evicts; `None` while there is no bound.
    pub fn eviction(&self) -> Option<Eviction> {
        self.0.eviction()
    }

    /// What each namespace with a [quota](Builder::quota) has done and holds, in the order in which they were named. All
    /// of it is in [`Memory::stats`] too. O(number of shards).
    pub fn namespaces(&self) -> Vec<Namespace> {
        self.0
            .areas
            .iter()
            .filter_map(|area| {
                let budget = area.budget()?;
                let stats = Stats { max_bytes: Some(budget.max()), ..self.0.stats_of(area.shards.clone()) };
                Some(Namespace { prefix: budget.name.clone()?, stats })
            })
            .collect()
    }

    /// How many keys there are, including those that are due but not yet freed. O(number of shards).
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self::new()
    }
}

/// Settings of a [`Memory`].
#[derive(Clone)]
pub struct Builder {
    pub(crate) shards: usize,
    pub(crate) clock: Source,
    pub(crate) plan: Plan,
    pub(crate) listener: Option<RemovalListener>,
}

impl Default for Builder {
    /// 64 shards, the system's clock, no bound.
    fn default() -> Self {
        Self { shards: 64, clock: Source::System, plan: Plan::default(), listener: None }
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Builder");
        out.field("shards", &self.shards).field("clock", &self.clock).field("plan", &self.plan);
        out.finish_non_exhaustive()
    }
}

impl Builder {
    /// In how many parts the keys are split, each with a lock of its own; 64 by default. Rounded up to a power of two,
    /// 256 at most; fewer when a bound leaves less than 64 KiB for each.
    #[must_use]
    pub fn shards(mut self, shards: usize) -> Self {
        self.shards = shards;
        self
    }

    /// The clock to go by instead of the system's.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Source::Custom(clock);
        self
    }

    /// Bounds the memory that the data takes, in bytes; none by default.
    ///
    /// Everything counts that [`Memory::memory_used`] tells. A command that needs more evicts other keys first, as
    /// [`Builder::eviction`] says; when that is not enough it fails with
    /// [`OutOfMemory`](jcache_core::ErrorKind::OutOfMemory) and nothing has changed. Commands that remove or read are
    /// served always. Besides, commands under way keep their arguments and replies, and replaced values live on while
    /// somebody holds them.
    ///
    /// The bound is kept to one percent at every moment, from some megabytes on: growth is counted before it happens. So a
    /// single collection or text that is most of what there is may be refused its next element somewhat early: the
    /// table that comes with that element, or the next megabyte of the text, has to fit beside what is there.
    ///
    /// ```
    /// use jcache_core::{Arg, Driver, Mutation};
    /// use jcache_memory::Memory;
    ///
    /// let memory = Memory::builder().max_memory(1 << 20).build();
    /// for i in 0..20_000 {
    ///     let args: [Arg; 3] = ["SET".into(), format!("key:{i}").into(), vec![b'x'; 100].into()];
    ///     memory.try_mutate(&Mutation::parse(&args)?).expect("at once")?;
    /// }
    /// assert!(memory.memory_used() <= 1 << 20);
    /// assert!(memory.get(b"key:19999")?.is_some());
    /// assert!(memory.stats().evictions > 10_000);
    /// # Ok::<(), jcache_core::Error>(())
    /// ```
    #[must_use]
    pub fn max_memory(mut self, bytes: usize) -> Self {
        self.plan.max_memory = Some(bytes);
        self
    }

    /// Whom to evict when [`Builder::max_memory`] leaves no room; [`Eviction::S3Fifo`] by default. Without a bound
    /// nobody is evicted.
    #[must_use]
    pub fn eviction(mut self, eviction: Eviction) -> Self {
        self.plan.eviction = eviction;
        self
    }

    /// Gives the keys that start with `prefix` a part of the memory to themselves, of at most so many bytes.
    ///
    /// They never take more, nor do they have less because of others: a namespace that is full makes room among its own
    /// keys, as [`Builder::eviction`] says, or refuses what does not fit with
    /// [`OutOfMemory`](jcache_core::ErrorKind::OutOfMemory). What counts is what counts for [`Builder::max_memory`]. That
    /// bounds everything: the quotas are taken off it, and the rest is for all other keys; without it they have no bound. A
    /// key belongs to the namespace with the longest prefix that fits; 31 namespaces at most. [`Memory::namespaces`]
    /// tells what each holds.
    ///
    /// ```
    /// use jcache_core::{Arg, Driver, Mutation};
    /// use jcache_memory::Memory;
    ///
    /// let memory = Memory::builder().quota("session:", 1 << 20).build();
    /// for i in 0..20_000 {
    ///     for key in [format!("session:{i}"), format!("user:{i}")] {
    ///         let args: [Arg; 3] = ["SET".into(), key.into(), vec![b'x'; 100].into()];
    ///         memory.try_mutate(&Mutation::parse(&args)?).expect("at once")?;
    ///     }
    /// }
    /// let sessions = &memory.namespaces()[0];
    /// assert!(sessions.stats.bytes <= 1 << 20 && sessions.stats.evictions > 10_000);
    /// assert_eq!(memory.len() - sessions.stats.entries, 20_000, "all users are there");
    /// # Ok::<(), jcache_core::Error>(())
    /// ```
    #[must_use]
    pub fn quota(mut self, prefix: impl Into<Vec<u8>>, bytes: usize) -> Self {
        self.plan.quotas.push((prefix.into(), bytes));
        self
    }

    /// Tells `listener` of every key that the cache removes on its own account, to make room or because it is due.
    ///
    /// It is called soon after, when no lock is held, by a thread that used the cache or the one that frees what is due;
    /// removals of one key are told in order, and never two at a time. It may use the cache. A key that is deleted or
    /// replaced is not told, also when it was due. While more than 16,384 removals wait to be told, commands that cause
    /// more wait for the listener.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use jcache_memory::{Memory, Removal};
    ///
    /// let memory = Memory::builder()
    ///     .max_memory(1 << 20)
    ///     .on_removal(Arc::new(|key: &[u8], removal: Removal| println!("{} {removal:?}", key.escape_ascii())))
    ///     .build();
    /// # drop(memory);
    /// ```
    #[must_use]
    pub fn on_removal(mut self, listener: RemovalListener) -> Self {
        self.listener = Some(listener);
        self
    }

    /// The cache.
    ///
    /// # Panics
    /// When the quotas contradict each other or the bound: see [`Builder::try_build`].
    pub fn build(self) -> Memory {
        self.try_build().unwrap_or_else(|error| panic!("{error}"))
    }

    /// The cache.
    ///
    /// # Errors
    /// [`Configuration`](jcache_core::ErrorKind::Configuration) when the quotas leave nothing of the bound for other keys,
    /// when a prefix is empty or has two quotas, and when there are more than 31.
    pub fn try_build(self) -> Result<Memory> {
        self.plan.check()?;
        Ok(Memory(Engine::new(self.shards, self.clock, &self.plan, self.listener.map(Removals::new), None)))
    }
}
