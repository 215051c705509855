//! Adapters for maps that hold everything: scc, dashmap, papaya, and a hash map in parts behind mutexes as the floor.
//!
//! All hash with foldhash; keys are `Box<[u8]>`, values as [`Stored`]; 64 shards where that can be chosen, as jcache has.

use std::hash::BuildHasher;
use std::sync::Arc;
use std::time::Duration;

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use parking_lot::Mutex;

use super::{Engine, Setting, Stored};

type Key = Box<[u8]>;

pub(super) struct Scc<V: Stored> {
    map: scc::HashMap<Key, V, RandomState>,
    ttl: Option<Duration>,
}

impl<V: Stored> Scc<V> {
    pub(super) fn new(setting: &Setting) -> Self {
        let map = scc::HashMap::with_capacity_and_hasher(setting.entries(), RandomState::default());
        Self { map, ttl: setting.ttl }
    }
}

impl<V: Stored> Engine for Scc<V> {
    type Value = Arc<[u8]>;

    #[inline]
    fn get(&self, key: &[u8]) -> Option<Arc<[u8]>> {
        self.map.read_sync(key, |_, value| value.clone())?.live()
    }

    #[inline]
    fn set(&self, key: &[u8], value: &[u8]) {
        self.map.upsert_sync(key.into(), V::new(value, self.ttl));
    }

    fn entries(&self) -> usize {
        self.map.len()
    }
}

pub(super) struct Dashmap<V: Stored> {
    map: dashmap::DashMap<Key, V, RandomState>,
    ttl: Option<Duration>,
}

impl<V: Stored> Dashmap<V> {
    pub(super) fn new(setting: &Setting) -> Self {
        let (entries, hash) = (setting.entries(), RandomState::default());
        Self { map: dashmap::DashMap::with_capacity_and_hasher_and_shard_amount(entries, hash, 64), ttl: setting.ttl }
    }
}

impl<V: Stored> Engine for Dashmap<V> {
    type Value = Arc<[u8]>;

    #[inline]
    fn get(&self, key: &[u8]) -> Option<Arc<[u8]>> {
        let value = self.map.get(key)?.value().clone();
        value.live()
    }

    #[inline]
    fn set(&self, key: &[u8], value: &[u8]) {
        self.map.insert(key.into(), V::new(value, self.ttl));
    }

    fn entries(&self) -> usize {
        self.map.len()
    }
}

pub(super) struct Papaya<V: Stored> {
    map: papaya::HashMap<Key, V, RandomState>,
    ttl: Option<Duration>,
}

impl<V: Stored> Papaya<V> {
    pub(super) fn new(setting: &Setting) -> Self {
        let map = papaya::HashMap::with_capacity_and_hasher(setting.entries(), RandomState::default());
        Self { map, ttl: setting.ttl }
    }
}

impl<V: Stored> Engine for Papaya<V> {
    type Value = Arc<[u8]>;

    #[inline]
    fn get(&self, key: &[u8]) -> Option<Arc<[u8]>> {
        self.map.pin().get(key)?.clone().live()
    }

    #[inline]
    fn set(&self, key: &[u8], value: &[u8]) {
        self.map.pin().insert(key.into(), V::new(value, self.ttl));
    }

    fn entries(&self) -> usize {
        self.map.len()
    }
}

/// One hash for the part and the table, one lock for each operation: what anybody can write in half an hour.
pub(super) struct Mutexes<V: Stored> {
    parts: Vec<Part<V>>,
    hash: RandomState,
    ttl: Option<Duration>,
}

#[repr(align(128))]
struct Part<V>(Mutex<HashTable<(Key, V)>>);

impl<V: Stored> Mutexes<V> {
    pub(super) fn new(setting: &Setting) -> Self {
        let part = || Part(Mutex::new(HashTable::with_capacity(setting.entries() / 64 * 9 / 8)));
        Self { parts: std::iter::repeat_with(part).take(64).collect(), hash: RandomState::default(), ttl: setting.ttl }
    }
}

impl<V: Stored> Engine for Mutexes<V> {
    type Value = Arc<[u8]>;

    #[inline]
    fn get(&self, key: &[u8]) -> Option<Arc<[u8]>> {
        let hash = self.hash.hash_one(key);
        // The table uses the lowest bits for the place and the highest for the tag.
        let table = self.parts[(hash >> 40) as usize % 64].0.lock();
        let value = table.find(hash, |entry| *entry.0 == *key)?.1.clone();
        drop(table);
        value.live()
    }

    #[inline]
    fn set(&self, key: &[u8], value: &[u8]) {
        let (hash, value) = (self.hash.hash_one(key), V::new(value, self.ttl));
        let mut table = self.parts[(hash >> 40) as usize % 64].0.lock();
        let entry = table.entry(hash, |entry| *entry.0 == *key, |entry| self.hash.hash_one(&*entry.0));
        let old = match entry {
            hashbrown::hash_table::Entry::Occupied(mut found) => Some(std::mem::replace(&mut found.get_mut().1, value)),
            hashbrown::hash_table::Entry::Vacant(free) => {
                free.insert((key.into(), value));
                None
            }
        };
        drop(table);
        drop(old);
    }

    fn entries(&self) -> usize {
        self.parts.iter().map(|part| part.0.lock().len()).sum()
    }
}
