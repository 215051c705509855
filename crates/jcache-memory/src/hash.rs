//! The hash of a key: taken once for each operation, it picks the shard, the bucket and the tag.
//!
//! Keys come from users, so the hash is seeded at random for every cache: nobody can prepare keys that collide.

use std::hash::{BuildHasher, Hasher};

use foldhash::fast::SeedableRandomState;

#[derive(Debug, Clone)]
pub(crate) struct Seed(SeedableRandomState);

impl Seed {
    pub(crate) fn random() -> Self {
        Self(SeedableRandomState::random())
    }

    /// The same seed for the same number.
    #[cfg(test)]
    pub(crate) fn fixed(number: u64) -> Self {
        Self(SeedableRandomState::with_seed(number, foldhash::SharedSeed::global_fixed()))
    }

    #[inline]
    pub(crate) fn hash(&self, key: &[u8]) -> u64 {
        let mut hasher = self.0.build_hasher();
        hasher.write(key);
        hasher.finish()
    }
}
