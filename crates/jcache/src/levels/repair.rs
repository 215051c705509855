//! Blind writes that the authority missed, to be repeated when it is back.
//!
//! One entry a key: the last write, with changes of its deadline worked in. Bounded by entries and bytes; when it is full, what expires soonest is given up first and counted, and the copies drop that key, so that they do
//! not keep what the authority will never have. Entries that are due are not repeated.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use foldhash::fast::RandomState;
use jcache_core::command::string::Set;
use jcache_core::effect::Reach;
use jcache_core::{Effect, Encoded, Mutation, Timestamp, Value};
use parking_lot::Mutex;

/// How much the queue holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RepairLimit {
    /// Keys.
    pub(crate) entries: usize,
    /// Bytes of keys and arguments.
    pub(crate) bytes: usize,
}

#[derive(Debug)]
pub(crate) struct Repairs {
    limit: RepairLimit,
    any: AtomicBool,
    given_up: AtomicU64,
    inner: Mutex<Inner>,
    /// Held by the one that repeats entries, so that no write of a key overtakes its repair.
    pub(crate) turn: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct Inner {
    flush: Option<(Encoded, u64)>,
    entries: HashMap<Value, Entry, RandomState>,
    /// Entries by deadline, soonest first; those without one come last.
    order: BTreeSet<(Timestamp, u64, Value)>,
    bytes: usize,
    next: u64,
}

#[derive(Debug, Clone)]
struct Entry {
    change: Encoded,
    /// Whether `change` says all about the key.
    whole: bool,
    /// When the key expires after it, as far as it says so.
    deadline: Option<Timestamp>,
    ticket: u64,
    bytes: usize,
}

/// What to repeat for one key, or for all (`key` is `None`).
#[derive(Debug, Clone)]
pub(crate) struct Repair {
    pub(crate) key: Option<Value>,
    pub(crate) mutation: Encoded,
    pub(crate) deadline: Option<Timestamp>,
    ticket: u64,
}

fn size(encoded: &Encoded) -> usize {
    encoded.args().iter().map(|arg| arg.len() + size_of::<Value>()).sum()
}

/// The whole write `old` with the deadline that a later change gives its key; `None` when `old` is not a whole write
/// of a value, so that the later change has to stand for itself.
fn with_deadline(old: &Entry, deadline: Option<Timestamp>) -> Option<Encoded> {
    let set = match old.change.as_mutation().ok().filter(|_| old.whole)? {
        Mutation::Set(set) => Set::until(set.key, set.value, deadline),
        Mutation::MSet(mset) => {
            let (key, value) = mset.pairs.into_iter().next()?;
            Set::until(key, value, deadline)
        }
        // What is removed has no deadline.
        removal if removal.only_removes() => return Some(old.change.clone()),
        _ => return None,
    };
    Some(Encoded::mutation(&set.into()))
}

impl Inner {
    fn remove(&mut self, key: &Value) -> Option<Entry> {
        let entry = self.entries.remove(key)?;
        self.order.remove(&(entry.deadline.unwrap_or(Timestamp::MAX), entry.ticket, key.clone()));
        self.bytes -= entry.bytes;
        Some(entry)
    }
}

impl Repairs {
    pub(crate) fn new(limit: RepairLimit) -> Self {
        Self {
            limit,
            any: AtomicBool::new(false),
            given_up: AtomicU64::new(0),
            inner: Mutex::default(),
            turn: tokio::sync::Mutex::new(()),
        }
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        !self.any.load(Ordering::Acquire)
    }

    /// Keys in the queue.
    pub(crate) fn len(&self) -> usize {
        self.inner.lock().entries.len()
    }

    /// Entries given up because the queue was full, or because the authority refused them.
    pub(crate) fn given_up(&self) -> u64 {
        self.given_up.load(Ordering::Relaxed)
    }

    /// Counts entries that were given up.
    pub(crate) fn give_up(&self, entries: u64) {
        self.given_up.fetch_add(entries, Ordering::Relaxed);
    }

    /// Queues the effect of a blind write of one key (or of all), and returns the keys that were given up for it.
    pub(crate) fn push(&self, effect: &Effect<'_>) -> Vec<Value> {
        let Some(change) = &effect.change else { return Vec::new() };
        let encoded = Encoded::mutation(change);
        let deadline = change.deadline();
        let mut inner = self.inner.lock();
        inner.next += 1;
        let ticket = inner.next;
        self.any.store(true, Ordering::Release);
        let Some(key) = change.first_key().map(|key| key.0.to_value()) else {
            // Everything is removed: what was queued before it no longer matters.
            *inner = Inner { flush: Some((encoded, ticket)), next: ticket, ..Inner::default() };
            return Vec::new();
        };
        let old = inner.remove(&key);
        let merged = old.filter(|_| effect.reach == Reach::Within).and_then(|old| with_deadline(&old, deadline));
        let whole = merged.is_some() || effect.reach == Reach::Whole;
        let change = merged.unwrap_or(encoded);
        // A removal stays one whatever deadline was put on nothing.
        let deadline = change.as_mutation().ok().and_then(|change| change.deadline());
        let bytes = key.len() + size(&change);
        inner.bytes += bytes;
        inner.order.insert((deadline.unwrap_or(Timestamp::MAX), ticket, key.clone()));
        inner.entries.insert(key, Entry { change, whole, deadline, ticket, bytes });

        let mut given_up = Vec::new();
        while inner.entries.len() > self.limit.entries || inner.bytes > self.limit.bytes {
            let Some((_, _, soonest)) = inner.order.first().cloned() else { break };
            inner.remove(&soonest);
            given_up.push(soonest);
        }
        self.give_up(given_up.len() as u64);
        given_up
    }

    /// Whether something is queued that concerns `key`; `None` for the key means anything at all.
    pub(crate) fn concerns(&self, key: Option<&[u8]>) -> bool {
        if self.is_empty() {
            return false;
        }
        let inner = self.inner.lock();
        inner.flush.is_some() || key.map_or(!inner.entries.is_empty(), |key| inner.entries.contains_key(key))
    }

    /// The next entry to repeat: the flush first, then that of `key`, or any.
    pub(crate) fn next(&self, key: Option<&[u8]>) -> Option<Repair> {
        let inner = self.inner.lock();
        if let Some((encoded, ticket)) = &inner.flush {
            return Some(Repair { key: None, mutation: encoded.clone(), deadline: None, ticket: *ticket });
        }
        let (key, entry) = match key {
            Some(key) => inner.entries.get_key_value(key)?,
            None => inner.entries.get_key_value(&inner.order.first()?.2)?,
        };
        Some(Repair {
            key: Some(key.clone()),
            mutation: entry.change.clone(),
            deadline: entry.deadline,
            ticket: entry.ticket,
        })
    }

    /// Forgets `repair`, unless a later write of the key was queued meanwhile.
    pub(crate) fn done(&self, repair: &Repair) {
        let mut inner = self.inner.lock();
        match &repair.key {
            None => {
                if inner.flush.as_ref().is_some_and(|(_, ticket)| *ticket == repair.ticket) {
                    inner.flush = None;
                }
            }
            Some(key) => {
                if inner.entries.get(key).is_some_and(|entry| entry.ticket == repair.ticket) {
                    inner.remove(key);
                }
            }
        }
        if inner.entries.is_empty() && inner.flush.is_none() {
            self.any.store(false, Ordering::Release);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jcache_core::command::key::{Del, PExpireAt, Persist};
    use jcache_core::command::string::MSet;

    fn set(key: &'static str, value: &'static str, at: Option<u64>) -> Effect<'static> {
        Effect::whole(Set::until(key.into(), value.into(), at.map(Timestamp::from_millis)))
    }

    fn expire(key: &'static str, at: u64) -> Effect<'static> {
        Effect::within(PExpireAt::at(key.into(), Timestamp::from_millis(at)))
    }

    fn line(repair: &Repair) -> String {
        let words: Vec<_> = repair.mutation.args().iter().map(|arg| String::from_utf8_lossy(arg)).collect();
        words.join(" ")
    }

    fn next(repairs: &Repairs, key: &'static str) -> String {
        line(&repairs.next(Some(key.as_bytes())).expect("queued"))
    }

    #[test]
    fn the_last_write_of_a_key_wins() {
        let repairs = Repairs::new(RepairLimit { entries: 10, bytes: 10_000 });
        repairs.push(&set("k", "1", None));
        repairs.push(&set("k", "2", None));
        let repair = repairs.next(Some(b"k")).expect("queued");
        assert_eq!(line(&repair), "SET k 2");
        repairs.push(&set("k", "3", None));
        repairs.done(&repair);
        let newer = repairs.next(None).expect("the later write stays queued");
        assert_eq!(line(&newer), "SET k 3");
        repairs.done(&newer);
        assert!(repairs.is_empty());
    }

    #[test]
    fn a_later_deadline_replaces_that_of_the_write() {
        let repairs = Repairs::new(RepairLimit { entries: 10, bytes: 10_000 });
        let deadline = || repairs.next(Some(b"k")).expect("queued").deadline.map(Timestamp::as_millis);
        repairs.push(&expire("k", 5));
        assert_eq!((next(&repairs, "k").as_str(), deadline()), ("PEXPIREAT k 5", Some(5)));
        repairs.push(&set("k", "2", Some(70)));
        repairs.push(&expire("k", 99));
        assert_eq!((next(&repairs, "k").as_str(), deadline()), ("SET k 2 PXAT 99", Some(99)));
        repairs.push(&Effect::within(Persist { key: "k".into() }));
        assert_eq!((next(&repairs, "k").as_str(), deadline()), ("SET k 2", None));
        repairs.push(&Effect::whole(MSet { pairs: vec![("k".into(), "3".into())] }));
        repairs.push(&expire("k", 99));
        assert_eq!(next(&repairs, "k"), "SET k 3 PXAT 99");
        repairs.push(&Effect::whole(Del { keys: vec!["k".into()] }));
        repairs.push(&expire("k", 99));
        assert_eq!((next(&repairs, "k").as_str(), deadline()), ("DEL k", None));
    }

    #[test]
    fn the_soonest_to_expire_is_given_up_first() {
        let repairs = Repairs::new(RepairLimit { entries: 2, bytes: 10_000 });
        assert!(repairs.push(&set("never", "x", None)).is_empty());
        assert!(repairs.push(&set("soon", "x", Some(5))).is_empty());
        assert_eq!(repairs.push(&set("later", "x", Some(50))), ["soon".into()] as [Value; 1]);
        assert_eq!((repairs.len(), repairs.given_up()), (2, 1));
    }

    #[test]
    fn bytes_are_bounded_and_given_back() {
        let repairs = Repairs::new(RepairLimit { entries: 100, bytes: 300 });
        let big: &'static str = Box::leak("v".repeat(150).into_boxed_str());
        assert!(repairs.push(&set("a", big, None)).is_empty());
        assert!(repairs.push(&set("a", big, None)).is_empty(), "replacing frees the old entry's bytes");
        assert_eq!(repairs.push(&set("b", big, None)).len(), 1);
        while let Some(repair) = repairs.next(None) {
            repairs.done(&repair);
        }
        assert_eq!(repairs.inner.lock().bytes, 0);
    }

    #[test]
    fn a_flush_comes_first_and_forgets_what_was_before_it() {
        let repairs = Repairs::new(RepairLimit { entries: 10, bytes: 10_000 });
        repairs.push(&set("old", "1", None));
        repairs.push(&Effect::whole(jcache_core::command::key::FlushAll::default()));
        repairs.push(&set("new", "1", None));
        assert!(repairs.concerns(Some(b"anything")));
        let first = repairs.next(Some(b"new")).expect("queued");
        assert_eq!(line(&first), "FLUSHALL");
        repairs.done(&first);
        assert!(repairs.concerns(Some(b"new")) && !repairs.concerns(Some(b"old")));
    }
}
