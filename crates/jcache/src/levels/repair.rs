//! Blind writes that the authority missed, to be repeated when it is back.
//!
//! One entry a key: the last whole write, and the last change of its deadline after it. Bounded by entries and bytes;
//! when it is full, what expires soonest is given up first and counted, and the copies drop that key, so that they do
//! not keep what the authority will never have. Entries that are due are not repeated.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use foldhash::fast::RandomState;
use jcache_core::effect::Reach;
use jcache_core::{Effect, Encoded, Key, Timestamp, Value};
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
    whole: Option<Encoded>,
    deadline_change: Option<Encoded>,
    deadline: Option<Timestamp>,
    ticket: u64,
    bytes: usize,
}

/// What to repeat for one key, or for all (`key` is `None`).
#[derive(Debug, Clone)]
pub(crate) struct Repair {
    pub(crate) key: Option<Value>,
    pub(crate) mutations: Vec<Encoded>,
    pub(crate) deadline: Option<Timestamp>,
    ticket: u64,
}

fn size(encoded: &Encoded) -> usize {
    encoded.args().iter().map(|arg| arg.len() + size_of::<Value>()).sum()
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

    /// Entries given up because the queue was full.
    pub(crate) fn given_up(&self) -> u64 {
        self.given_up.load(Ordering::Relaxed)
    }

    /// Queues the effect of a blind write of one key (or of all), and returns the keys that were given up for it.
    ///
    /// `deadline` is when the key expires after this effect, where the effect says so.
    pub(crate) fn push(&self, effect: &Effect<'_>, deadline: Option<Timestamp>) -> Vec<Value> {
        let Some(change) = &effect.change else { return Vec::new() };
        let encoded = Encoded::mutation(change);
        let mut inner = self.inner.lock();
        inner.next += 1;
        let ticket = inner.next;
        self.any.store(true, Ordering::Release);
        let Some(key) = change.first_key().map(|key: &Key<'_>| key.0.to_value()) else {
            // Everything is removed: what was queued before it no longer matters.
            *inner = Inner { flush: Some((encoded, ticket)), next: ticket, ..Inner::default() };
            return Vec::new();
        };
        let old = inner.remove(&key);
        let entry = match (effect.reach, old) {
            (Reach::Within, Some(old)) => {
                Entry { deadline_change: Some(encoded), deadline: deadline.or(old.deadline), ticket, ..old }
            }
            (Reach::Within, None) => Entry { whole: None, deadline_change: Some(encoded), deadline, ticket, bytes: 0 },
            _ => Entry { whole: Some(encoded), deadline_change: None, deadline, ticket, bytes: 0 },
        };
        let bytes = key.len() + entry.whole.iter().chain(&entry.deadline_change).map(size).sum::<usize>();
        inner.bytes += bytes;
        inner.order.insert((entry.deadline.unwrap_or(Timestamp::MAX), ticket, key.clone()));
        inner.entries.insert(key, Entry { bytes, ..entry });

        let mut given_up = Vec::new();
        while inner.entries.len() > self.limit.entries || inner.bytes > self.limit.bytes {
            let Some((_, _, soonest)) = inner.order.first().cloned() else { break };
            inner.remove(&soonest);
            given_up.push(soonest);
        }
        self.given_up.fetch_add(given_up.len() as u64, Ordering::Relaxed);
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
            return Some(Repair { key: None, mutations: vec![encoded.clone()], deadline: None, ticket: *ticket });
        }
        let (key, entry) = match key {
            Some(key) => inner.entries.get_key_value(key)?,
            None => inner.entries.get_key_value(&inner.order.first()?.2)?,
        };
        Some(Repair {
            key: Some(key.clone()),
            mutations: entry.whole.iter().chain(&entry.deadline_change).cloned().collect(),
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
    use jcache_core::command::key::PExpireAt;
    use jcache_core::command::string::Set;

    fn set(key: &'static str, value: &'static str, at: Option<u64>) -> (Effect<'static>, Option<Timestamp>) {
        let deadline = at.map(Timestamp::from_millis);
        (Effect::whole(Set::until(key.into(), value.into(), deadline)), deadline)
    }

    fn push(repairs: &Repairs, (effect, deadline): (Effect<'static>, Option<Timestamp>)) -> Vec<Value> {
        repairs.push(&effect, deadline)
    }

    fn lines(repair: &Repair) -> Vec<String> {
        let line = |encoded: &Encoded| {
            let words: Vec<_> = encoded.args().iter().map(|arg| String::from_utf8_lossy(arg).into_owned()).collect();
            words.join(" ")
        };
        repair.mutations.iter().map(line).collect()
    }

    #[test]
    fn the_last_write_of_a_key_wins_and_a_deadline_after_it_is_kept() {
        let repairs = Repairs::new(RepairLimit { entries: 10, bytes: 10_000 });
        push(&repairs, set("k", "1", None));
        push(&repairs, set("k", "2", None));
        let at = Timestamp::from_millis(77);
        repairs.push(&Effect::within(PExpireAt::at("k".into(), at)), Some(at));
        let repair = repairs.next(Some(b"k")).expect("queued");
        assert_eq!(lines(&repair), ["SET k 2", "PEXPIREAT k 77"]);
        push(&repairs, set("k", "3", None));
        repairs.done(&repair);
        let newer = repairs.next(None).expect("the later write stays queued");
        assert_eq!(lines(&newer), ["SET k 3"]);
        repairs.done(&newer);
        assert!(repairs.is_empty());
    }

    #[test]
    fn the_soonest_to_expire_is_given_up_first() {
        let repairs = Repairs::new(RepairLimit { entries: 2, bytes: 10_000 });
        assert!(push(&repairs, set("never", "x", None)).is_empty());
        assert!(push(&repairs, set("soon", "x", Some(5))).is_empty());
        assert_eq!(push(&repairs, set("later", "x", Some(50))), ["soon".into()] as [Value; 1]);
        assert_eq!((repairs.len(), repairs.given_up()), (2, 1));
    }

    #[test]
    fn bytes_are_bounded_and_given_back() {
        let repairs = Repairs::new(RepairLimit { entries: 100, bytes: 300 });
        let big: &'static str = Box::leak("v".repeat(150).into_boxed_str());
        assert!(push(&repairs, set("a", big, None)).is_empty());
        assert!(push(&repairs, set("a", big, None)).is_empty(), "replacing frees the old entry's bytes");
        assert_eq!(push(&repairs, set("b", big, None)).len(), 1);
        while let Some(repair) = repairs.next(None) {
            repairs.done(&repair);
        }
        assert_eq!(repairs.inner.lock().bytes, 0);
    }

    #[test]
    fn a_flush_comes_first_and_forgets_what_was_before_it() {
        let repairs = Repairs::new(RepairLimit { entries: 10, bytes: 10_000 });
        push(&repairs, set("old", "1", None));
        repairs.push(&Effect::whole(jcache_core::command::key::FlushAll::default()), None);
        push(&repairs, set("new", "1", None));
        assert!(repairs.concerns(Some(b"anything")));
        let first = repairs.next(Some(b"new")).expect("queued");
        assert_eq!(lines(&first), ["FLUSHALL"]);
        repairs.done(&first);
        assert!(repairs.concerns(Some(b"new")) && !repairs.concerns(Some(b"old")));
    }
}
