//! Who is measured: one small adapter for each engine, and the list of them all.
//!
//! An adapter is an [`Engine`]; what is done with it is generic, compiled for each, so that no call in a timed loop is
//! virtual. A [`Subject`] is an engine in a box, called once for a whole round.

mod cache;
mod maps;
mod memory;
mod peers;
mod subject;

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub use cache::{now, two_levels};
pub use memory::bounded as bounded_memory;
pub use subject::{Operation, Subject};

/// A cache or map under test. Reads give a handle to the value that lives on, as a cache's must.
pub trait Engine: Send + Sync {
    /// A handle to a value.
    type Value: AsRef<[u8]>;

    /// The value at a key.
    fn get(&self, key: &[u8]) -> Option<Self::Value>;

    /// Puts a value, for as long as the setting says.
    fn set(&self, key: &[u8], value: &[u8]);

    /// How many entries there are.
    fn entries(&self) -> usize;
}

/// How an engine is set up.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// How many different keys it will see.
    pub keys: usize,
    /// For how many there is room; for all when `None`.
    pub room: Option<usize>,
    /// How long each entry lives.
    pub ttl: Option<Duration>,
}

impl Setting {
    /// How many entries it will hold.
    pub fn entries(&self) -> usize {
        self.room.unwrap_or(self.keys)
    }
}

/// The engines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    /// jcache's memory engine: `Memory::get`, and `SET` by `try_mutate`.
    Memory,
    /// The same through the driver: `try_query` and `try_mutate`.
    Driver,
    /// The same through a cache of one level: `Cache::get` and `Cache::set`.
    Cache,
    /// quick_cache.
    QuickCache,
    /// moka, the synchronous one.
    Moka,
    /// foyer's memory cache with S3-FIFO.
    Foyer,
    /// scc's hash map.
    Scc,
    /// dashmap.
    Dashmap,
    /// papaya.
    Papaya,
    /// A hash map in 64 parts, each behind a mutex: the floor.
    Mutexes,
    /// The lru crate behind one mutex, as the exact LRU of the hit ratios.
    Lru,
}

impl Kind {
    /// Those of the throughput tables.
    pub const ALL: [Kind; 10] = [
        Kind::Memory,
        Kind::Driver,
        Kind::Cache,
        Kind::QuickCache,
        Kind::Moka,
        Kind::Foyer,
        Kind::Scc,
        Kind::Dashmap,
        Kind::Papaya,
        Kind::Mutexes,
    ];

    /// As the tables call it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Memory => "jcache Memory",
            Kind::Driver => "jcache Driver",
            Kind::Cache => "jcache Cache",
            Kind::QuickCache => "quick_cache",
            Kind::Moka => "moka",
            Kind::Foyer => "foyer",
            Kind::Scc => "scc",
            Kind::Dashmap => "dashmap",
            Kind::Papaya => "papaya",
            Kind::Mutexes => "mutex maps",
            Kind::Lru => "exact LRU",
        }
    }

    /// As the command line calls it.
    pub fn argument(self) -> String {
        clap::ValueEnum::to_possible_value(&self).expect("no variant is hidden").get_name().to_owned()
    }

    /// An engine of this kind; `None` when it cannot be bounded as the setting asks.
    pub fn build(self, setting: &Setting) -> Option<Box<dyn Subject>> {
        if setting.ttl.is_some() {
            self.build_storing::<Timed>(setting)
        } else {
            self.build_storing::<Arc<[u8]>>(setting)
        }
    }

    fn build_storing<V: Stored>(self, setting: &Setting) -> Option<Box<dyn Subject>> {
        let unbounded = setting.room.is_none();
        Some(match self {
            Kind::Memory => Box::new(memory::Raw::new(setting)?),
            Kind::Driver => Box::new(memory::Driven::new(setting)?),
            Kind::Cache => Box::new(cache::OneLevel::new(setting)?),
            Kind::QuickCache => Box::new(peers::QuickCache::<V>::new(setting)),
            Kind::Moka => Box::new(peers::Moka::new(setting)),
            Kind::Foyer => Box::new(peers::Foyer::<V>::new(setting)),
            Kind::Lru => Box::new(peers::Lru::<V>::new(setting)),
            Kind::Scc if unbounded => Box::new(maps::Scc::<V>::new(setting)),
            Kind::Dashmap if unbounded => Box::new(maps::Dashmap::<V>::new(setting)),
            Kind::Papaya if unbounded => Box::new(maps::Papaya::<V>::new(setting)),
            Kind::Mutexes if unbounded => Box::new(maps::Mutexes::<V>::new(setting)),
            Kind::Scc | Kind::Dashmap | Kind::Papaya | Kind::Mutexes => return None,
        })
    }
}

/// What peers keep for a value. `Arc<[u8]>` is the leanest handle that is cheap to clone: one block, and no second one at
/// the first clone as with `Bytes`.
pub trait Stored: Clone + Send + Sync + 'static {
    /// To be stored.
    fn new(value: &[u8], ttl: Option<Duration>) -> Self;

    /// The value, unless it is due.
    fn live(self) -> Option<Arc<[u8]>>;
}

impl Stored for Arc<[u8]> {
    #[inline]
    fn new(value: &[u8], _: Option<Duration>) -> Self {
        value.into()
    }

    #[inline]
    fn live(self) -> Option<Arc<[u8]>> {
        Some(self)
    }
}

/// A value with a deadline, for peers that know of none: what their users write themselves.
#[derive(Debug, Clone)]
pub struct Timed {
    deadline: u64,
    value: Arc<[u8]>,
}

impl Stored for Timed {
    #[inline]
    fn new(value: &[u8], ttl: Option<Duration>) -> Self {
        let ttl = ttl.map_or(u64::MAX, |ttl| ttl.as_millis() as u64);
        Self { deadline: millis().saturating_add(ttl), value: value.into() }
    }

    #[inline]
    fn live(self) -> Option<Arc<[u8]>> {
        (self.deadline > millis()).then_some(self.value)
    }
}

#[inline]
fn millis() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |it| it.as_millis() as u64)
}
