//! Adapters for caches: quick_cache, moka, foyer, and an exact LRU.
//!
//! All hash with foldhash, as jcache does; keys are `Box<[u8]>`, values as [`Stored`]. Numbers of shards are those that
//! each crate's authors chose.

use std::hash::Hash;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use foldhash::fast::RandomState;
use foyer_memory::{CacheBuilder, CacheEntry, CacheProperties, S3FifoConfig};
use parking_lot::Mutex;
use quick_cache::UnitWeighter;
use quick_cache::sync::DefaultLifecycle;

use super::{Engine, Setting, Stored};

type Key = Box<[u8]>;

/// Shards do not fill evenly: where all must fit, there is room for twice as many.
fn capacity(setting: &Setting) -> usize {
    setting.room.unwrap_or(setting.keys * 2)
}

pub(super) struct QuickCache<V: Stored> {
    cache: quick_cache::sync::Cache<Key, V, UnitWeighter, RandomState>,
    ttl: Option<Duration>,
}

impl<V: Stored> QuickCache<V> {
    pub(super) fn new(setting: &Setting) -> Self {
        let (hash, lifecycle) = (RandomState::default(), DefaultLifecycle::default());
        let room = capacity(setting) as u64;
        let cache = quick_cache::sync::Cache::with(setting.entries(), room, UnitWeighter, hash, lifecycle);
        Self { cache, ttl: setting.ttl }
    }
}

impl<V: Stored> Engine for QuickCache<V> {
    type Value = Arc<[u8]>;

    #[inline]
    fn get(&self, key: &[u8]) -> Option<Arc<[u8]>> {
        self.cache.get(key)?.live()
    }

    #[inline]
    fn set(&self, key: &[u8], value: &[u8]) {
        self.cache.insert(key.into(), V::new(value, self.ttl));
    }

    fn entries(&self) -> usize {
        self.cache.len()
    }
}

/// With moka's own time to live, one for the whole cache: cheaper than one for each entry.
pub(super) struct Moka(moka::sync::Cache<Key, Arc<[u8]>, RandomState>);

impl Moka {
    pub(super) fn new(setting: &Setting) -> Self {
        let mut builder = moka::sync::Cache::builder().initial_capacity(setting.entries());
        if let Some(room) = setting.room {
            builder = builder.max_capacity(room as u64);
        }
        if let Some(ttl) = setting.ttl {
            builder = builder.time_to_live(ttl);
        }
        Self(builder.build_with_hasher(RandomState::default()))
    }
}

impl Engine for Moka {
    type Value = Arc<[u8]>;

    #[inline]
    fn get(&self, key: &[u8]) -> Option<Arc<[u8]>> {
        self.0.get(key)
    }

    #[inline]
    fn set(&self, key: &[u8], value: &[u8]) {
        self.0.insert(key.into(), value.into());
    }

    fn entries(&self) -> usize {
        self.0.run_pending_tasks();
        self.0.entry_count() as usize
    }
}

type FoyerEntry<V> = CacheEntry<Key, V, RandomState, CacheProperties>;

/// foyer's entry is itself the handle.
pub(super) struct Foyer<V: Stored> {
    cache: foyer_memory::Cache<Key, V, RandomState, CacheProperties>,
    ttl: Option<Duration>,
}

impl<V: Stored> Foyer<V> {
    pub(super) fn new(setting: &Setting) -> Self {
        let builder = CacheBuilder::new(capacity(setting)).with_eviction_config(S3FifoConfig::default());
        Self { cache: builder.with_hash_builder(RandomState::default()).build(), ttl: setting.ttl }
    }
}

impl<V: Stored> Engine for Foyer<V> {
    type Value = Arc<[u8]>;

    #[inline]
    fn get(&self, key: &[u8]) -> Option<Arc<[u8]>> {
        let entry: FoyerEntry<V> = self.cache.get(key)?;
        entry.value().clone().live()
    }

    #[inline]
    fn set(&self, key: &[u8], value: &[u8]) {
        self.cache.insert(key.into(), V::new(value, self.ttl));
    }

    fn entries(&self) -> usize {
        self.cache.entries()
    }
}

pub(super) struct Lru<V: Stored> {
    cache: Mutex<lru::LruCache<Key, V, RandomState>>,
    ttl: Option<Duration>,
}

impl<V: Stored> Lru<V>
where
    Key: Hash + Eq,
{
    pub(super) fn new(setting: &Setting) -> Self {
        let room = NonZeroUsize::new(setting.entries()).expect("room for something");
        Self { cache: Mutex::new(lru::LruCache::with_hasher(room, RandomState::default())), ttl: setting.ttl }
    }
}

impl<V: Stored> Engine for Lru<V> {
    type Value = Arc<[u8]>;

    fn get(&self, key: &[u8]) -> Option<Arc<[u8]>> {
        self.cache.lock().get(key).cloned()?.live()
    }

    fn set(&self, key: &[u8], value: &[u8]) {
        self.cache.lock().put(key.into(), V::new(value, self.ttl));
    }

    fn entries(&self) -> usize {
        self.cache.lock().len()
    }
}
