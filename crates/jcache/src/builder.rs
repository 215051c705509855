//! Building a cache: levels in order, the policy of each, and what holds for all.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use jcache_core::driver::{HashDriver, ListDriver, SetDriver, SortedSetDriver, StringDriver};
use jcache_core::snapshot::FillLimit;
use jcache_core::{Driver, Error, ErrorKind, Result, Scope, Timestamp};
use jcache_memory::Memory;

use crate::cache::Cache;
use crate::levels::erased::DynDriver;
use crate::levels::level::{Level, new_level};
use crate::levels::{Levels, Settings};

/// How long a process-local copy beside a shared level lives at most, unless set otherwise: until processes tell
/// each other what they changed, this bounds how long another process's write may go unseen.
pub const DEFAULT_NEAR_TTL: Duration = Duration::from_secs(30);

/// How long a call to a shared level may take, unless its policy or its driver says otherwise.
pub const DEFAULT_DEADLINE: Duration = Duration::from_secs(1);

/// How a cache treats one level.
///
/// | setting | default | meaning |
/// | --- | --- | --- |
/// | [`name`](Self::name) | `level0`, `level1` … in order of adding | how reports, statistics and logs call it |
/// | [`weight`](Self::weight) | 0 | higher is read first; equal weights keep the order of adding |
/// | [`deadline`](Self::deadline) | what the driver says, else 1 s for a shared level, none for a local one | how long one call may take |
/// | [`ttl_cap`](Self::ttl_cap) | 30 s for a local level beside a shared one, else none | how long a copy lives at most |
/// | [`fill`](Self::fill) | yes for a local level, no for a shared one | whether reads put what they found into it |
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LevelPolicy {
    name: Option<String>,
    weight: i32,
    deadline: Option<Option<Duration>>,
    ttl_cap: Option<Option<Duration>>,
    fill: Option<bool>,
    authority: bool,
}

impl LevelPolicy {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// How reports, statistics and logs call the level; unique in its cache.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Levels are read by weight, highest first; equal weights keep the order in which they were added.
    #[must_use]
    pub fn weight(mut self, weight: i32) -> Self {
        self.weight = weight;
        self
    }

    /// How long one call to the level may take; `None` for no limit. A blocking command has its own timeout on top.
    #[must_use]
    pub fn deadline(mut self, deadline: impl Into<Option<Duration>>) -> Self {
        self.deadline = Some(deadline.into());
        self
    }

    /// How long anything may live in the level as a copy; `None` for no limit. Says nothing while the level is the
    /// authority.
    #[must_use]
    pub fn ttl_cap(mut self, cap: impl Into<Option<Duration>>) -> Self {
        self.ttl_cap = Some(cap.into());
        self
    }

    /// Whether reads that find a key elsewhere put it here. A shared level is not filled unless told so: between the
    /// read and the fill another process may write, and only writes of this process are fenced.
    #[must_use]
    pub fn fill(mut self, fill: bool) -> Self {
        self.fill = Some(fill);
        self
    }

    /// Makes this level the authority, the one that decides writes, in place of the first shared level.
    #[must_use]
    pub fn authority(mut self) -> Self {
        self.authority = true;
        self
    }
}

/// A driver that a builder of kind `F` accepts as a level.
#[diagnostic::on_unimplemented(
    message = "a cache of `{Self}` cannot stand on the driver `{D}`",
    label = "this driver does not serve what the cache offers",
    note = "a driver says what it serves by implementing `StringDriver`, `HashDriver`, `ListDriver`, `SetDriver` or `SortedSetDriver`",
    note = "a `Cache` needs all five, a `StringCache`, `HashCache`, `ListCache`, `SetCache` or `SortedSetCache` only its own"
)]
pub trait Accepts<D> {}

/// All five families: what [`Cache`] offers.
#[derive(Debug, Clone, Copy)]
pub enum Everything {}

// What is missing is then told in the words above.
#[diagnostic::do_not_recommend]
impl<D: StringDriver + HashDriver + ListDriver + SetDriver + SortedSetDriver> Accepts<D> for Everything {}

macro_rules! families {
    ($( $(#[$doc:meta])* $Family:ident: $Driver:ident; )*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        pub enum $Family {}

        #[diagnostic::do_not_recommend]
        impl<D: $Driver> Accepts<D> for $Family {}
    )*};
}
families! {
    /// Strings: what a [`StringCache`](crate::StringCache) offers.
    Strings: StringDriver;
    /// Hashes: what a [`HashCache`](crate::HashCache) offers.
    Hashes: HashDriver;
    /// Lists: what a [`ListCache`](crate::ListCache) offers.
    Lists: ListDriver;
    /// Sets: what a [`SetCache`](crate::SetCache) offers.
    Sets: SetDriver;
    /// Sorted sets: what a [`SortedSetCache`](crate::SortedSetCache) offers.
    SortedSets: SortedSetDriver;
}

/// Builds a cache of the families `F`.
pub struct Builder<F> {
    levels: Vec<(Box<dyn DynDriver>, LevelPolicy)>,
    strict: bool,
    limit: FillLimit,
    jitter: f64,
    repair_entries: usize,
    repair_bytes: usize,
    clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    family: PhantomData<fn() -> F>,
}

impl<F> fmt::Debug for Builder<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("levels", &self.levels).finish_non_exhaustive()
    }
}

impl<F> Builder<F> {
    pub(crate) fn new() -> Self {
        Self {
            levels: Vec::new(),
            strict: false,
            limit: FillLimit::default(),
            jitter: 0.0,
            repair_entries: 10_000,
            repair_bytes: 64 << 20,
            clock: Arc::new(|| Timestamp::from_system(SystemTime::now())),
            family: PhantomData,
        }
    }

    /// Adds a level after those already added.
    #[must_use]
    pub fn level<D: Driver>(self, driver: D) -> Self
    where
        F: Accepts<D>,
    {
        self.level_with(driver, LevelPolicy::new())
    }

    /// Adds a level with a policy.
    #[must_use]
    pub fn level_with<D: Driver>(mut self, driver: D, policy: LevelPolicy) -> Self
    where
        F: Accepts<D>,
    {
        self.levels.push((Box::new(driver), policy));
        self
    }

    /// Whether reads answer "nothing there" only when the authority itself said so; otherwise they fail. Off by
    /// default; [`Cache::strict`] is the same for single calls.
    #[must_use]
    pub fn strict(mut self, strict: bool) -> Self {
        self.strict = strict;
        self
    }

    /// The largest collection that a read copies into another level, in elements; 1,024 by default.
    #[must_use]
    pub fn fill_max_elements(mut self, elements: usize) -> Self {
        self.limit.elements = elements;
        self
    }

    /// The largest string or collection that a read copies into another level, in bytes; 1 MiB by default.
    #[must_use]
    pub fn fill_max_bytes(mut self, bytes: usize) -> Self {
        self.limit.bytes = bytes;
        self
    }

    /// Spreads the relative TTLs of blind writes by up to `fraction` of each, both ways, so that keys written together
    /// do not expire together; from 0 (the default) to below 1.
    #[must_use]
    pub fn jitter(mut self, fraction: f64) -> Self {
        self.jitter = fraction;
        self
    }

    /// How many keys, and how many bytes, wait at most for an authority that is away; 10,000 and 64 MiB by default.
    /// Beyond, what expires soonest is given up first.
    #[must_use]
    pub fn repair_queue(mut self, entries: usize, bytes: usize) -> Self {
        self.repair_entries = entries;
        self.repair_bytes = bytes;
        self
    }

    /// Replaces the wall clock by which copies expire; for tests.
    #[must_use]
    pub fn clock(mut self, clock: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Puts the levels in order and finds the authority.
    pub(crate) fn into_cache(self) -> Result<Cache> {
        let Self { mut levels, strict, limit, jitter, repair_entries, repair_bytes, clock, .. } = self;
        if !(0.0..1.0).contains(&jitter) {
            return Err(configuration(format!("jitter must be at least 0 and below 1, not {jitter}")));
        }
        if levels.is_empty() {
            levels.push((Box::new(Memory::new()), LevelPolicy::new().name("memory")));
        }
        for (index, (_, policy)) in levels.iter_mut().enumerate() {
            policy.name.get_or_insert_with(|| format!("level{index}"));
        }
        levels.sort_by_key(|(_, policy)| std::cmp::Reverse(policy.weight));

        for (index, (_, policy)) in levels.iter().enumerate() {
            if levels[..index].iter().any(|(_, other)| other.name == policy.name) {
                let name = policy.name.as_deref().unwrap_or_default();
                return Err(configuration(format!("two levels are named '{name}'")));
            }
        }
        let chosen: Vec<usize> = (0..levels.len()).filter(|index| levels[*index].1.authority).collect();
        let first_shared = levels.iter().position(|(driver, _)| driver.scope() == Scope::Shared);
        let authority = match chosen[..] {
            [] => first_shared.unwrap_or(0),
            [one] => one,
            _ => return Err(configuration("more than one level is said to be the authority".into())),
        };
        let levels = levels.into_iter().enumerate().map(|(index, (driver, policy))| {
            // Wherever it stands: other processes delete what this copy still has.
            let near = first_shared.is_some() && driver.scope() == Scope::Process;
            let shared = driver.scope() == Scope::Shared;
            let cap = policy.ttl_cap.unwrap_or(near.then_some(DEFAULT_NEAR_TTL));
            let usual = driver.patience().or(shared.then_some(DEFAULT_DEADLINE));
            let deadline = policy.deadline.unwrap_or(usual);
            let name = policy.name.expect("every level was named above");
            new_level(name, driver, deadline, cap.filter(|_| index != authority), policy.fill.unwrap_or(!shared), limit)
        });
        let levels: Vec<Level> = levels.collect();
        let settings = Settings { authority, jitter, repair_entries, repair_bytes, clock };
        Ok(Cache::from_levels(Levels::new(levels, settings), strict))
    }
}

impl Builder<Everything> {
    /// Builds the cache.
    ///
    /// # Errors
    /// Configuration: two levels of one name, two authorities, or a jitter out of range.
    pub fn build(self) -> Result<Cache> {
        self.into_cache()
    }
}

fn configuration(text: String) -> Error {
    Error::new(ErrorKind::Configuration, text)
}
