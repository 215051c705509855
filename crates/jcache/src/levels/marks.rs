//! Keys that a copy must drop before it answers for them again.
//!
//! A copy that failed to take a write, or whose state is not known because the caller went away half-way, is marked
//! here. The set is bounded: when too many keys pile up, everything is marked at once.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};

use foldhash::fast::RandomState;
use jcache_core::{Mutation, Value};
use parking_lot::Mutex;

/// The most keys that are marked one by one; beyond, the whole level is.
pub(crate) const MOST_MARKS: usize = 65_536;

#[derive(Debug, Default)]
pub(crate) struct Marks {
    any: AtomicBool,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    /// Each key with the ticket of its latest mark.
    keys: HashMap<Value, u64, RandomState>,
    /// The ticket of the latest mark of everything.
    everything: Option<u64>,
    next: u64,
}

/// A mark that was seen: clearing it leaves a later mark of the same key in place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    Key(u64),
    Everything(u64),
}

impl Marks {
    /// Whether nothing is marked: one load.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        !self.any.load(Ordering::Acquire)
    }

    /// Marks the keys of `mutation`, or everything when it has none.
    pub(crate) fn add(&self, mutation: &Mutation<'_>) {
        let mut inner = self.inner.lock();
        inner.next += 1;
        let ticket = inner.next;
        let mut keyed = false;
        mutation.visit_keys(|key| {
            keyed = true;
            inner.keys.insert(key.0.to_value(), ticket);
        });
        if !keyed || inner.keys.len() > MOST_MARKS {
            inner.keys.clear();
            inner.everything = Some(ticket);
        }
        self.any.store(true, Ordering::Release);
    }

    /// Marks one key.
    pub(crate) fn add_key(&self, key: &[u8]) {
        self.add(&Mutation::removal(Some(key.into())));
    }

    /// The mark that concerns `key`; `None` for the key means any mark at all.
    pub(crate) fn find(&self, key: Option<&[u8]>) -> Option<Mark> {
        if self.is_empty() {
            return None;
        }
        let inner = self.inner.lock();
        if let Some(ticket) = inner.everything {
            return Some(Mark::Everything(ticket));
        }
        match key {
            Some(key) => inner.keys.get(key).map(|ticket| Mark::Key(*ticket)),
            // Something that concerns every key can only rely on a level that is wholly known.
            None => (!inner.keys.is_empty()).then_some(Mark::Everything(inner.next)),
        }
    }

    /// Forgets `mark` of `key`, after the key was dropped; a later mark stays.
    pub(crate) fn clear(&self, key: &[u8], mark: Mark) {
        let mut inner = self.inner.lock();
        match mark {
            Mark::Key(ticket) => {
                if inner.keys.get(key) == Some(&ticket) {
                    inner.keys.remove(key);
                }
            }
            Mark::Everything(ticket) => {
                if inner.everything.is_some_and(|latest| latest <= ticket) {
                    inner.everything = None;
                }
                inner.keys.retain(|_, latest| *latest > ticket);
            }
        }
        if inner.keys.is_empty() && inner.everything.is_none() {
            self.any.store(false, Ordering::Release);
        }
    }

    /// How many keys are marked; `None` when everything is.
    pub(crate) fn len(&self) -> Option<usize> {
        let inner = self.inner.lock();
        inner.everything.is_none().then(|| inner.keys.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_mark_survives_the_clearing_of_an_earlier_one() {
        let marks = Marks::default();
        marks.add_key(b"a");
        let first = marks.find(Some(b"a")).expect("marked");
        marks.add_key(b"a");
        marks.clear(b"a", first);
        let second = marks.find(Some(b"a")).expect("still marked");
        marks.clear(b"a", second);
        assert!(marks.is_empty());
    }

    #[test]
    fn too_many_marks_become_one_of_everything() {
        let marks = Marks::default();
        for n in 0..=MOST_MARKS {
            assert_eq!(marks.len(), Some(n));
            marks.add_key(n.to_string().as_bytes());
        }
        assert_eq!(marks.len(), None);
        let everything = marks.find(Some(b"never marked")).expect("everything is marked");
        marks.add_key(b"later");
        marks.clear(b"", everything);
        assert_eq!(marks.len(), Some(1));
        assert!(marks.find(Some(b"x")).is_none() && marks.find(Some(b"later")).is_some());
    }
}
