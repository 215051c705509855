//! What seeds the hash that places keys.

use std::fmt;

use jcache_memory::replica::Hasher;
use sha2::{Digest, Sha256};

/// Where the keys of a cluster are placed: the same in all its processes, and nowhere else.
///
/// Keys come from users. Who knew how keys are hashed could choose many that fall into one place, so the hash is seeded with
/// the cluster's name and, where there is one, its secret: the seed is the beginning of their SHA-256, which tells nothing
/// of the secret. Processes with different placements would take each other's shards for others: the digests of shards
/// show it, and the secret itself is compared when they meet.
///
/// ```
/// use jcache_cluster::store::Placement;
///
/// assert_eq!(Placement::of(&[b"demo", b"secret"]), Placement::of(&[b"demo", b"secret"]));
/// assert_ne!(Placement::of(&[b"demo", b"secret"]), Placement::of(&[b"demos", b"ecret"]));
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Placement(u64);

impl Placement {
    /// The placement of a cluster that is known by these parts.
    pub fn of(parts: &[&[u8]]) -> Self {
        let mut digest = Sha256::new_with_prefix(b"jcache placement 1");
        for part in parts {
            digest.update((part.len() as u64).to_le_bytes());
            digest.update(part);
        }
        let digest: [u8; 32] = digest.finalize().into();
        let (seed, _) = digest.split_first_chunk().expect("invariant: a SHA-256 has 32 bytes");
        Self(u64::from_le_bytes(*seed))
    }

    pub(crate) fn hasher(self) -> Hasher {
        Hasher::new(self.0)
    }

    pub(super) fn number(self) -> u64 {
        self.0
    }
}

/// The number is not shown: it would help those who want to make keys collide.
impl fmt::Debug for Placement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Placement").finish_non_exhaustive()
    }
}
