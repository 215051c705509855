//! [`Memory`], the handle that users have, and how to build one.

use std::sync::Arc;

use jcache_core::{Result, Value};

use crate::clock::{Clock, Source};
use crate::engine::Engine;

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

    /// Bytes of memory that the data takes: tables, entries and what collections own, as the allocator rounds them.
    /// O(number of shards).
    ///
    /// Entries that are due count until their memory is given back, soon after. Values that were handed out and replaced
    /// since do not count, though they keep their memory.
    pub fn memory_used(&self) -> usize {
        (0..self.0.shards()).map(|index| self.0.lock(index).memory_used()).sum()
    }

    /// How many keys there are, including those that are due but not yet freed. O(number of shards).
    pub fn len(&self) -> usize {
        (0..self.0.shards()).map(|index| self.0.lock(index).table.len()).sum()
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
#[derive(Debug, Clone)]
pub struct Builder {
    shards: usize,
    clock: Source,
}

impl Default for Builder {
    /// 64 shards and the system's clock.
    fn default() -> Self {
        Self { shards: 64, clock: Source::System }
    }
}

impl Builder {
    /// In how many parts the keys are split, each with a lock of its own; 64 by default. Rounded up to a power of two,
    /// 256 at most.
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

    /// The cache.
    pub fn build(self) -> Memory {
        Memory(Engine::new(self.shards, self.clock))
    }
}
