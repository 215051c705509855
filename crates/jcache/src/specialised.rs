//! Caches of one family, for drivers that serve only that family.
//!
//! | cache | drivers | methods |
//! | --- | --- | --- |
//! | [`Cache`] | all five families | all |
//! | [`StringCache`] | [`StringDriver`](crate::driver::StringDriver) | keys and strings |
//! | [`HashCache`] | [`HashDriver`](crate::driver::HashDriver) | keys and hashes |
//! | [`ListCache`] | [`ListDriver`](crate::driver::ListDriver) | keys and lists |
//! | [`SetCache`] | [`SetDriver`](crate::driver::SetDriver) | keys and sets |
//! | [`SortedSetCache`] | [`SortedSetDriver`](crate::driver::SortedSetDriver) | keys and sorted sets |
//!
//! What a cache does not serve does not compile: neither a driver that lacks the family, nor a method of another one,
//! nor a command of another one as a value:
//!
//! ```compile_fail
//! use jcache::command::hash::HLen;
//! use jcache::{Execute, StringCache};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> jcache::Result<()> {
//! StringCache::new().query(HLen { key: "h".into() }).await?;
//! # Ok(()) }
//! ```

use jcache_core::command::Family;
use jcache_core::{Reply, Request, Result, Value};

use crate::builder::{Builder, Hashes, Lists, Sets, SortedSets, Strings};
use crate::cache::{Cache, Execute, Serves};
use crate::commands::{HashCommands, KeyCommands, ListCommands, SetCommands, SortedSetCommands, StringCommands};
use crate::levels::{Explained, Stats};

macro_rules! specialised {
    ($( $(#[$doc:meta])* $Name:ident: $Methods:ident, $Drivers:ident, $Family:ident; )*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Default)]
        pub struct $Name(Cache);

        impl $Name {
            /// A cache with one memory level.
            pub fn new() -> Self {
                Self(Cache::new())
            }

            /// Starts to build a cache; without a level it gets one memory level.
            pub fn builder() -> Builder<$Drivers> {
                Builder::new()
            }

            /// The same cache, where a read answers "nothing there" only when the authority itself said so.
            #[must_use]
            pub fn strict(&self) -> Self {
                Self(self.0.strict())
            }

            /// The names of the levels in the order in which they are read.
            pub fn level_names(&self) -> impl Iterator<Item = &str> {
                self.0.level_names()
            }

            /// What the cache and its levels did so far.
            pub fn stats(&self) -> Stats {
                self.0.stats()
            }

            /// Makes the copies of this process forget `key`, as [`Cache::invalidate`] does.
            pub fn invalidate(&self, key: &[u8]) {
                self.0.invalidate(key);
            }

            /// Per level: whether it has `key`, for how long and how large, as [`Cache::explain`] says it.
            pub async fn explain(&self, key: &[u8]) -> Vec<Explained> {
                self.0.explain(key).await
            }
        }

        impl Builder<$Drivers> {
            /// Builds the cache.
            ///
            /// # Errors
            /// Configuration: two levels of one name, two authorities, or a jitter out of range.
            pub fn build(self) -> Result<$Name> {
                self.into_cache().map($Name)
            }
        }

        impl Execute for $Name {
            const SERVES: Serves = Serves::Only(Family::$Family);

            #[inline]
            fn try_call(&self, request: &Request<'_>) -> Option<Result<Reply>> {
                self.0.try_call(request)
            }

            #[inline]
            fn try_text(&self, key: &[u8]) -> Option<Result<Option<Value>>> {
                self.0.try_text(key)
            }

            async fn call(&self, request: &Request<'_>) -> Result<Reply> {
                Execute::call(&self.0, request).await
            }
        }

        impl KeyCommands for $Name {}
        impl $Methods for $Name {}
    )*};
}

specialised! {
    /// A cache of strings: keys and [`StringCommands`] on drivers that serve strings.
    ///
    /// ```
    /// use jcache::StringCache;
    /// use jcache::prelude::*;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> jcache::Result<()> {
    /// let cache = StringCache::new();
    /// cache.set("visits", 1).await?;
    /// assert_eq!(cache.incr("visits").await?, 2);
    /// # Ok(()) }
    /// ```
    StringCache: StringCommands, Strings, String;
    /// A cache of hashes: keys and [`HashCommands`] on drivers that serve hashes.
    HashCache: HashCommands, Hashes, Hash;
    /// A cache of lists: keys and [`ListCommands`] on drivers that serve lists.
    ListCache: ListCommands, Lists, List;
    /// A cache of sets: keys and [`SetCommands`] on drivers that serve sets.
    SetCache: SetCommands, Sets, Set;
    /// A cache of sorted sets: keys and [`SortedSetCommands`] on drivers that serve sorted sets.
    SortedSetCache: SortedSetCommands, SortedSets, SortedSet;
}
