//! Telling a listener what the cache removed on its own account.
//!
//! Removals are noted under the lock of the shard, so those of one key are in order, and told when no lock is held: one
//! thread at a time tells what is there, also what others noted meanwhile.

use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::table::Item;

/// Why a cache removed a key that nobody asked it to remove.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Removal {
    /// To make room.
    Evicted,
    /// Its deadline came.
    Expired,
}

/// Who is told: see [`Builder::on_removal`](crate::Builder::on_removal).
pub type RemovalListener = Arc<dyn Fn(&[u8], Removal) + Send + Sync>;

pub(crate) struct Removals {
    listener: RemovalListener,
    noted: Mutex<Vec<(Item, Removal)>>,
    /// Held by whoever tells.
    telling: Mutex<()>,
}

impl fmt::Debug for Removals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Removals").finish_non_exhaustive()
    }
}

impl Removals {
    pub(crate) fn new(listener: RemovalListener) -> Self {
        Self { listener, noted: Mutex::default(), telling: Mutex::default() }
    }

    /// Notes a removal; under the lock of the shard.
    pub(crate) fn note(&self, item: Item, removal: Removal) {
        self.noted.lock().push((item, removal));
    }

    /// Tells what was noted; without any lock. When another thread does so already, or this one further up, it goes on
    /// until nothing is left.
    pub(crate) fn tell(&self) {
        while !self.noted.lock().is_empty() {
            let Some(_telling) = self.telling.try_lock() else { return };
            let noted = std::mem::take(&mut *self.noted.lock());
            for (item, removal) in noted {
                (self.listener)(item.key(), removal);
            }
        }
    }
}
