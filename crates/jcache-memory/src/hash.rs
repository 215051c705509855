//! The hash of a key: taken once for each operation, it picks the shard, the bucket and the tag.
//!
//! Keys come from users, so the hash is seeded at random for every cache: nobody can prepare keys that collide.

use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;

use foldhash::fast::SeedableRandomState;

use crate::area::Namespaces;

/// How a cache hashes its keys. Where namespaces have shards of their own, a key's hash leads there.
#[derive(Debug, Clone)]
pub(crate) struct Seed {
    state: SeedableRandomState,
    namespaces: Option<Arc<Namespaces>>,
}

impl Seed {
    pub(crate) fn random(namespaces: Option<Arc<Namespaces>>) -> Self {
        // A schedule that was found can only be run again when keys live where they lived.
        #[cfg(shuttle)]
        let state = Self::fixed(1).state;
        #[cfg(not(shuttle))]
        let state = SeedableRandomState::random();
        Self { state, namespaces }
    }

    /// The same seed for the same number.
    #[cfg(any(test, shuttle))]
    pub(crate) fn fixed(number: u64) -> Self {
        let state = SeedableRandomState::with_seed(number, foldhash::SharedSeed::global_fixed());
        Self { state, namespaces: None }
    }

    #[inline]
    pub(crate) fn hash(&self, key: &[u8]) -> u64 {
        let mut hasher = self.state.build_hasher();
        hasher.write(key);
        let hash = hasher.finish();
        match &self.namespaces {
            None => hash,
            Some(namespaces) => namespaces.lead(key, hash),
        }
    }
}
