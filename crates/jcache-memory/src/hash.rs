//! The hash of a key: taken once for each operation, it picks the shard, the bucket and the tag.
//!
//! Keys come from users, so the hash is seeded at random for every cache: nobody can prepare keys that collide. Copies
//! that must agree on where a key is have a fixed hash instead, seeded with what only they know.

use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;

use foldhash::fast::SeedableRandomState;
use rapidhash::v3::{RapidSecrets, rapidhash_v3_inline};

use crate::area::Namespaces;

/// How a cache hashes its keys. Where namespaces have shards of their own, a key's hash leads there.
#[derive(Debug, Clone)]
pub(crate) struct Seed {
    function: Function,
    namespaces: Option<Arc<Namespaces>>,
}

#[derive(Debug, Clone)]
enum Function {
    /// The fastest, another one for every cache.
    Own(SeedableRandomState),
    /// rapidhash V3, whose output is the same everywhere and in all versions, with secrets that come from a seed.
    Fixed(Arc<RapidSecrets>),
}

impl Seed {
    pub(crate) fn random(namespaces: Option<Arc<Namespaces>>) -> Self {
        // A schedule that was found can only be run again when keys live where they lived.
        #[cfg(shuttle)]
        let function = Self::fixed(1, None).function;
        #[cfg(not(shuttle))]
        let function = Function::Own(SeedableRandomState::random());
        Self { function, namespaces }
    }

    /// The same seed for the same number, everywhere and in all versions.
    pub(crate) fn fixed(number: u64, namespaces: Option<Arc<Namespaces>>) -> Self {
        Self { function: Function::Fixed(Arc::new(RapidSecrets::seed(number))), namespaces }
    }

    #[inline]
    pub(crate) fn hash(&self, key: &[u8]) -> u64 {
        match (&self.function, &self.namespaces) {
            (Function::Own(state), None) => own(state, key),
            _ => self.hash_and_lead(key),
        }
    }

    /// [`Seed::hash`] for all others; apart from it, so that most callers can take it in.
    #[inline(never)]
    fn hash_and_lead(&self, key: &[u8]) -> u64 {
        let hash = match &self.function {
            Function::Own(state) => own(state, key),
            Function::Fixed(secrets) => rapidhash_v3_inline::<true, false, true>(key, secrets),
        };
        match &self.namespaces {
            None => hash,
            Some(namespaces) => namespaces.lead(key, hash),
        }
    }
}

#[inline]
fn own(state: &SeedableRandomState, key: &[u8]) -> u64 {
    let mut hasher = state.build_hasher();
    hasher.write(key);
    hasher.finish()
}
