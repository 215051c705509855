//! Watched keys: what a transaction is made to depend on.

use std::any::Any;
use std::fmt;

/// The keys that a caller watches at a driver, so that [`transact`](crate::Driver::transact) runs only when none of them
/// has changed since.
///
/// An empty one comes from [`Watch::new`]; [`Driver::watch`](crate::Driver::watch) adds keys. Dropping it stops the
/// watching, and so does using it for a transaction. It belongs to the driver that first added a key.
///
/// A key has changed when a write touched it in the sense of Redis 7.0: also when it was written with the same value,
/// expired, was evicted, or was flushed; not by commands that found nothing to do (`DEL` of an absent key, `SADD` of a
/// member that is there). A write by the watcher itself, outside of the transaction, counts too.
#[derive(Default)]
pub struct Watch {
    keys: usize,
    state: Option<Box<dyn Any + Send + Sync>>,
}

impl Watch {
    /// Nothing watched yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether no key is watched.
    pub fn is_empty(&self) -> bool {
        self.keys == 0
    }

    /// How many keys are watched. A driver has no bound for it: who lets strangers watch sets one.
    pub fn len(&self) -> usize {
        self.keys
    }

    /// For drivers: what this driver keeps in the watch, made first where there is nothing yet. `None` when it belongs to
    /// a driver that keeps something else there.
    pub fn state<T: Any + Send + Sync>(&mut self, make: impl FnOnce() -> T) -> Option<&mut T> {
        self.state.get_or_insert_with(|| Box::new(make())).downcast_mut()
    }

    /// For drivers: what this driver keeps in the watch already. `None` when there is nothing, or something else.
    pub fn state_mut<T: Any + Send + Sync>(&mut self) -> Option<&mut T> {
        self.state.as_mut()?.downcast_mut()
    }

    /// For drivers: what this driver kept in the watch. `None` when there is nothing, or something else.
    pub fn into_state<T: Any + Send + Sync>(self) -> Option<Box<T>> {
        self.state?.downcast().ok()
    }

    /// For drivers: sets how many keys are watched.
    pub fn set_len(&mut self, keys: usize) {
        self.keys = keys;
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("keys", &self.keys).finish_non_exhaustive()
    }
}
