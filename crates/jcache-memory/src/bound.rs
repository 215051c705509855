//! The bound in bytes: what all shards together may keep, and who has leased how much of it.
//!
//! A shard may keep as much as it has leased. It leases in chunks, so that nobody writes to the shared rest of the bound
//! for each change, and gives back what it does not need. When nothing is left, a shard evicts entries of its own; one
//! that has less than its fair share takes from the one that has most.

mod ghost;
mod policy;
mod queue;

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use jcache_core::{Error, ErrorKind};

pub(crate) use policy::Policy;

use crate::sync::{AtomicIsize, AtomicUsize, Ordering};

/// Whom a [`Memory`](crate::Memory) with a bound evicts when there is no room; as words, Redis's where it has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Eviction {
    /// `s3fifo`, the default: entries wait in a small queue, a fiftieth of the memory, and only those that were read there
    /// come to stay, until they are not read any more. What was evicted lately and comes back stays at once. A burst of
    /// keys that are read once does no harm.
    #[default]
    S3Fifo,
    /// `allkeys-lru`: the entries that have not been read for longest, approximately: an entry that was read since it was
    /// last looked at gets a second chance.
    Lru,
    /// `allkeys-lfu`: the entries that are read least often, approximately: of each, up to three reads are remembered. A
    /// hand goes round over all entries and evicts those without; now and then it takes one from the others. Needs no
    /// memory.
    Lfu,
    /// `allkeys-random`: any. Needs no memory.
    Random,
    /// `volatile-ttl`: of the entries with a deadline, those that expire soonest. Entries without are never evicted; when
    /// only such are left, as `noeviction`.
    Ttl,
    /// `noeviction`: nobody; what would grow past the bound is refused.
    NoEviction,
}

const WORDS: [(Eviction, &str); 6] = [
    (Eviction::S3Fifo, "s3fifo"),
    (Eviction::Lru, "allkeys-lru"),
    (Eviction::Lfu, "allkeys-lfu"),
    (Eviction::Random, "allkeys-random"),
    (Eviction::Ttl, "volatile-ttl"),
    (Eviction::NoEviction, "noeviction"),
];

impl Eviction {
    /// A number for it.
    pub(crate) fn number(self) -> usize {
        WORDS.iter().position(|(policy, _)| *policy == self).unwrap_or(0)
    }

    /// The one with this number.
    pub(crate) fn numbered(number: usize) -> Self {
        WORDS.get(number).map_or_else(Self::default, |(policy, _)| *policy)
    }
}

impl fmt::Display for Eviction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        WORDS.iter().find(|(policy, _)| policy == self).map_or(Ok(()), |(_, word)| f.write_str(word))
    }
}

/// Reads the words, in any case; `lru`, `lfu`, `random` and `ttl` do too.
///
/// ```
/// use jcache_memory::Eviction;
///
/// assert_eq!("allkeys-lfu".parse(), Ok(Eviction::Lfu));
/// assert_eq!(Eviction::Ttl.to_string(), "volatile-ttl");
/// assert!("fifo".parse::<Eviction>().is_err());
/// ```
impl FromStr for Eviction {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let is = |word: &str| {
            let short = word.rsplit('-').next();
            word.eq_ignore_ascii_case(text) || short.is_some_and(|short| short.eq_ignore_ascii_case(text))
        };
        WORDS.iter().find(|(_, word)| is(word)).map(|(policy, _)| *policy).ok_or_else(|| {
            let words = WORDS.map(|(_, word)| word).join(", ");
            Error::new(ErrorKind::Configuration, format!("unknown eviction policy '{text}', expected one of {words}"))
        })
    }
}

/// What stands for no bound, once there was one: more than there can be.
const ENDLESS: usize = isize::MAX as usize / 2;

/// The bound, and what is left of it.
#[derive(Debug)]
pub(crate) struct Budget {
    max: AtomicUsize,
    /// The namespace whose bound it is, if it is one's.
    pub(crate) name: Option<Vec<u8>>,
    /// The first of its shards.
    first: usize,
    /// What is leased at a time.
    chunk: AtomicUsize,
    /// What nobody has leased; below zero when a change turned out larger than was foreseen.
    free: AtomicIsize,
    /// What each shard has leased for entries that are not large.
    leases: Box<[AtomicUsize]>,
    /// What large entries take, in all shards: they must not make their neighbours in the shard pay.
    large: AtomicIsize,
}

/// What is worth leasing at a time, of a bound for so many shards.
fn chunk(max: usize, shards: usize) -> usize {
    (max / shards / 128).clamp(256, 64 << 10)
}

impl Budget {
    pub(crate) fn new(max: usize, shards: Range<usize>, name: Option<Vec<u8>>) -> Self {
        let (first, shards) = (shards.start, shards.len());
        Self {
            max: AtomicUsize::new(max),
            name,
            first,
            chunk: AtomicUsize::new(chunk(max, shards)),
            free: AtomicIsize::new(max as isize),
            leases: (0..shards).map(|_| AtomicUsize::new(0)).collect(),
            large: AtomicIsize::new(0),
        }
    }

    /// The bound in bytes.
    #[inline]
    pub(crate) fn max(&self) -> usize {
        self.max.load(Ordering::Relaxed)
    }

    /// The bound in bytes, unless there is none any more.
    pub(crate) fn end(&self) -> Option<usize> {
        Some(self.max()).filter(|max| *max < ENDLESS)
    }

    /// What is leased at a time.
    #[inline]
    pub(crate) fn chunk(&self) -> usize {
        self.chunk.load(Ordering::Relaxed)
    }

    /// Makes it another bound, or none. Where more is leased than the new one allows, the difference is a debt.
    pub(crate) fn set_max(&self, max: Option<usize>) {
        let max = max.unwrap_or(ENDLESS).min(ENDLESS);
        self.chunk.store(chunk(max, self.leases.len()), Ordering::Relaxed);
        let before = self.max.swap(max, Ordering::Relaxed);
        self.free.fetch_add(max as isize - before as isize, Ordering::Relaxed);
    }

    /// The answer to a command that there is no room for: Redis's, unless it is a namespace that is full.
    #[cold]
    pub(crate) fn out_of_memory(&self) -> Error {
        let limit = match &self.name {
            None => "'maxmemory'".to_owned(),
            Some(prefix) => format!("the quota of '{}'", prefix.escape_ascii()),
        };
        Error::new(ErrorKind::OutOfMemory, format!("OOM command not allowed when used memory > {limit}."))
    }

    /// An entry from this size on is large: so many of its kind would fill a shard that it says nothing about the others.
    pub(crate) fn large_from(&self) -> usize {
        (self.max() / self.leases.len() / 8).max(1)
    }

    /// Leases `bytes`, and up to a chunk more; `None` when there is less.
    pub(crate) fn lease(&self, bytes: usize) -> Option<usize> {
        // Read once: it changes with the bound, and what is taken is what is leased.
        let chunk = self.chunk();
        let take = |free: isize| {
            let free = usize::try_from(free).ok()?;
            (free >= bytes).then(|| free.min(bytes + chunk))
        };
        let free =
            self.free.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |free| Some(free - take(free)? as isize));
        take(free.ok()?)
    }

    /// Leases `bytes` or what there is of them.
    pub(crate) fn lease_some(&self, bytes: usize) -> usize {
        let take = |free: isize| bytes.min(usize::try_from(free).unwrap_or(0));
        let free =
            self.free.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |free| Some(free - take(free) as isize));
        free.map_or(0, take)
    }

    /// Leases `bytes` that there may not be.
    pub(crate) fn overdraw(&self, bytes: usize) {
        self.free.fetch_sub(bytes as isize, Ordering::Relaxed);
    }

    /// What was overdrawn and is not made up for yet.
    #[inline]
    pub(crate) fn debt(&self) -> usize {
        usize::try_from(-self.free.load(Ordering::Relaxed)).unwrap_or(0)
    }

    /// What nobody has leased; below zero when it is overdrawn.
    #[cfg(all(test, shuttle))]
    pub(crate) fn left(&self) -> isize {
        self.free.load(Ordering::Relaxed)
    }

    pub(crate) fn give_back(&self, bytes: usize) {
        // All threads share it.
        if bytes > 0 {
            self.free.fetch_add(bytes as isize, Ordering::Relaxed);
        }
    }

    /// Changes places with the books of another one of the same size, under the locks of all shards of both.
    pub(crate) fn swap(&self, other: &Self) {
        let swap = |own: &AtomicIsize, other: &AtomicIsize| {
            other.store(own.swap(other.load(Ordering::Relaxed), Ordering::Relaxed), Ordering::Relaxed);
        };
        swap(&self.free, &other.free);
        swap(&self.large, &other.large);
        for (own, other) in self.leases.iter().zip(&other.leases) {
            other.store(own.swap(other.load(Ordering::Relaxed), Ordering::Relaxed), Ordering::Relaxed);
        }
    }

    /// Says what shard `index` has leased, `large` of it for large entries, of which there were `large_before`.
    pub(crate) fn publish(&self, index: usize, leased: usize, large: usize, large_before: usize) {
        self.leases[index - self.first].store(leased.saturating_sub(large), Ordering::Relaxed);
        if large != large_before {
            self.large.fetch_add(large as isize - large_before as isize, Ordering::Relaxed);
        }
    }

    /// The shard that shard `index` may take from: the one that has most, when this one has clearly less than its share.
    pub(crate) fn richest_for(&self, index: usize) -> Option<usize> {
        let index = index - self.first;
        let large = usize::try_from(self.large.load(Ordering::Relaxed)).unwrap_or(0);
        let fair = self.max().saturating_sub(large) / self.leases.len();
        if self.leases[index].load(Ordering::Relaxed) >= fair - fair / 8 {
            return None;
        }
        let richest = (0..self.leases.len()).max_by_key(|index| self.leases[*index].load(Ordering::Relaxed));
        richest.filter(|richest| *richest != index).map(|richest| richest + self.first)
    }
}
