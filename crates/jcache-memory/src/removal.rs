//! Telling a listener what the cache removed on its own account.
//!
//! Removals are noted under the lock of the shard, so those of one key are in order, and told when no lock is held: one
//! thread at a time tells what is there, also what others noted meanwhile. A listener that cannot keep up makes those
//! wait that cause removals.

use std::cell::Cell;
use std::fmt;
use std::sync::Arc;

use jcache_core::Value;
use parking_lot::{Mutex, ReentrantMutex};

use crate::shard::Garbage;
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

/// Removals that wait to be told; with more of them whoever brings about another one waits for the listener.
const WAITING: usize = 16_384;

/// Entries up to this size wait as they are; of larger ones only the key does, so that they do not stay in memory.
const KEPT: usize = 512;

/// What was removed.
#[derive(Debug)]
enum Noted {
    Item(Item),
    Key(Value),
}

impl Noted {
    fn key(&self) -> &[u8] {
        match self {
            Noted::Item(item) => item.key(),
            Noted::Key(key) => key,
        }
    }
}

pub(crate) struct Removals {
    listener: RemovalListener,
    noted: Mutex<Vec<(Noted, Removal)>>,
    /// Held by whoever tells; by the same thread again when the listener uses the cache.
    telling: ReentrantMutex<Cell<bool>>,
}

impl fmt::Debug for Removals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Removals").finish_non_exhaustive()
    }
}

impl Removals {
    pub(crate) fn new(listener: RemovalListener) -> Self {
        Self { listener, noted: Mutex::default(), telling: ReentrantMutex::default() }
    }

    /// Notes a removal; under the lock of the shard. What takes long to free goes to `garbage`.
    pub(crate) fn note(&self, item: Item, removal: Removal, garbage: &mut Vec<Garbage>) {
        let noted = if item.as_object().is_none() && item.size() <= KEPT {
            Noted::Item(item)
        } else {
            let key = Value::new(item.key());
            garbage.push(Garbage::Item(item));
            Noted::Key(key)
        };
        self.noted.lock().push((noted, removal));
    }

    /// Tells what was noted; without any lock. When another thread does so already it goes on until nothing is left, and
    /// so does this one, further up, when the listener itself has caused removals.
    pub(crate) fn tell(&self) {
        loop {
            let waiting = self.noted.lock().len();
            if waiting == 0 {
                return;
            }
            let telling = if waiting > WAITING { Some(self.telling.lock()) } else { self.telling.try_lock() };
            let Some(telling) = telling.filter(|telling| !telling.get()) else { return };
            telling.set(true);
            let _done = Done(&telling);
            let all = std::mem::take(&mut *self.noted.lock());
            for (noted, removal) in all {
                (self.listener)(noted.key(), removal);
            }
        }
    }
}

/// The telling is over, also when the listener has panicked.
struct Done<'t>(&'t Cell<bool>);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.set(false);
    }
}
