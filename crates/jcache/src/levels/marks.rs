//! What a level must drop before it answers, and which of its keys are being filled.
//!
//! A copy that failed to take a write, or whose state is not known because the caller went away half-way, is marked
//! here. The marks are bounded: when too many pile up, everything is marked at once.
//!
//! A fill that is running is known here too, because its outcome may land after a write that overtook it. The filler
//! announces itself ([`Marks::begin_fill`]) and then looks at the fence; the writer raises the fence and then looks
//! here ([`Marks::overtake`]); so one of the two sees the other. A key that is marked stays so until no fill of it runs.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use foldhash::fast::RandomState;
use jcache_core::{Mutation, Value};
use parking_lot::Mutex;
use tokio::sync::Notify;

/// The most keys that are marked one by one; beyond, the whole level is.
pub(crate) const MOST_MARKS: usize = 65_536;

/// The most bytes that marked keys may have together.
pub(crate) const MOST_BYTES: usize = 64 << 20;

/// The most keys that are dropped at once.
const BATCH: usize = 128;

#[derive(Debug, Default)]
pub(crate) struct Marks {
    any: AtomicBool,
    /// Fills that run.
    filling: AtomicUsize,
    fill_ended: Notify,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    /// Each key with the ticket of its latest mark.
    keys: HashMap<Value, u64, RandomState>,
    /// The bytes of the keys.
    bytes: usize,
    /// The ticket of the latest mark of everything.
    everything: Option<u64>,
    next: u64,
    /// How many fills run of a key.
    filling: HashMap<Value, u32, RandomState>,
}

impl Inner {
    fn mark(&mut self, key: &[u8]) {
        self.next += 1;
        let ticket = self.next;
        match self.keys.get_mut(key) {
            Some(latest) => *latest = ticket,
            None => {
                self.bytes += key.len();
                self.keys.insert(Value::new(key), ticket);
            }
        }
        if self.keys.len() > MOST_MARKS || self.bytes > MOST_BYTES {
            self.mark_everything();
        }
    }

    fn mark_everything(&mut self) {
        self.next += 1;
        self.everything = Some(self.next);
        self.keys.clear();
        self.bytes = 0;
    }

    fn unmark(&mut self, key: &Value, ticket: u64) {
        if self.keys.get(key) == Some(&ticket) {
            self.keys.remove(key);
            self.bytes -= key.len();
        }
    }
}

/// What is to be dropped. Each carries the tickets, so that clearing it leaves a later mark in place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Due {
    Keys(Vec<(Value, u64)>),
    Everything(u64),
    /// Nothing can be dropped yet: a fill is still running.
    Later,
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
        if mutation.first_key().is_none() {
            inner.mark_everything();
        }
        mutation.visit_keys(|key| inner.mark(key));
        self.any.store(true, Ordering::Release);
    }

    /// Marks one key.
    pub(crate) fn add_key(&self, key: &[u8]) {
        self.inner.lock().mark(key);
        self.any.store(true, Ordering::Release);
    }

    /// Whether `key` may not be answered from here.
    pub(crate) fn has(&self, key: &[u8]) -> bool {
        !self.is_empty() && {
            let inner = self.inner.lock();
            inner.everything.is_some() || inner.keys.contains_key(key)
        }
    }

    /// What is to be dropped for `key`, or for everything, a batch at a time.
    pub(crate) fn due(&self, key: Option<&[u8]>) -> Option<Due> {
        if self.is_empty() {
            return None;
        }
        let inner = self.inner.lock();
        if let Some(ticket) = inner.everything {
            return Some(if inner.filling.is_empty() { Due::Everything(ticket) } else { Due::Later });
        }
        let settled =
            |(key, ticket): (&Value, &u64)| (!inner.filling.contains_key(key)).then(|| (key.clone(), *ticket));
        let due: Vec<_> = match key {
            Some(key) => inner.keys.get_key_value(key).map(settled)?.into_iter().collect(),
            None if inner.keys.is_empty() => return None,
            None => inner.keys.iter().filter_map(settled).take(BATCH).collect(),
        };
        Some(if due.is_empty() { Due::Later } else { Due::Keys(due) })
    }

    /// Forgets what was dropped; later marks stay.
    pub(crate) fn clear(&self, due: &Due) {
        let mut inner = self.inner.lock();
        match due {
            Due::Keys(keys) => keys.iter().for_each(|(key, ticket)| inner.unmark(key, *ticket)),
            Due::Everything(ticket) => {
                if inner.everything == Some(*ticket) {
                    inner.everything = None;
                }
            }
            Due::Later => {}
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

    /// Announces a fill of `key`; refused while the key is marked.
    pub(crate) fn begin_fill(&self, key: &Value) -> Option<Fill<'_>> {
        let mut inner = self.inner.lock();
        if inner.everything.is_some() || inner.keys.contains_key(key) {
            return None;
        }
        *inner.filling.entry(key.clone()).or_default() += 1;
        self.filling.fetch_add(1, Ordering::SeqCst);
        Some(Fill { marks: self, key: key.clone() })
    }

    /// Whether a fill runs of a key of `mutation`, or any fill when it has no key.
    pub(crate) fn filling(&self, mutation: &Mutation<'_>) -> bool {
        if self.filling.load(Ordering::SeqCst) == 0 {
            return false;
        }
        let inner = self.inner.lock();
        let mut found = mutation.first_key().is_none() && !inner.filling.is_empty();
        mutation.visit_keys(|key| found = found || inner.filling.contains_key(key.as_bytes()));
        found
    }

    /// Marks what `mutation` changes when a fill of it runs, and says so: nobody knows which of the two comes last.
    pub(crate) fn overtake(&self, mutation: &Mutation<'_>) -> bool {
        let overtaken = self.filling(mutation);
        if overtaken {
            self.add(mutation);
        }
        overtaken
    }

    /// Waits until no fill runs of the keys of `mutation`. The caller has raised the fence, so that none begins.
    pub(crate) async fn fills_done(&self, mutation: &Mutation<'_>) {
        loop {
            let ended = self.fill_ended.notified();
            tokio::pin!(ended);
            ended.as_mut().enable();
            if !self.filling(mutation) {
                return;
            }
            ended.await;
        }
    }
}

/// A fill that runs.
#[derive(Debug)]
pub(crate) struct Fill<'m> {
    marks: &'m Marks,
    key: Value,
}

impl Drop for Fill<'_> {
    fn drop(&mut self) {
        let mut inner = self.marks.inner.lock();
        if let Some(count) = inner.filling.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                inner.filling.remove(&self.key);
            }
        }
        drop(inner);
        self.marks.filling.fetch_sub(1, Ordering::SeqCst);
        self.marks.fill_ended.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_mark_survives_the_clearing_of_an_earlier_one() {
        let marks = Marks::default();
        marks.add_key(b"a");
        let first = marks.due(Some(b"a")).expect("marked");
        marks.add_key(b"a");
        marks.clear(&first);
        let second = marks.due(Some(b"a")).expect("still marked");
        marks.clear(&second);
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
        assert!(marks.has(b"never marked"));
        let everything = marks.due(Some(b"never marked")).expect("everything is marked");
        marks.add_key(b"later");
        marks.clear(&everything);
        assert_eq!(marks.len(), Some(1));
        assert!(!marks.has(b"x") && marks.has(b"later"));
    }

    #[test]
    fn marks_are_bounded_in_bytes() {
        let marks = Marks::default();
        for n in 0..=MOST_BYTES >> 20 {
            marks.add_key(&[n as u8; 1 << 20]);
        }
        assert_eq!(marks.len(), None);
    }

    #[test]
    fn what_is_being_filled_is_not_dropped_yet() {
        let marks = Marks::default();
        let fill = marks.begin_fill(&"a".into()).expect("not marked");
        let removal = Mutation::removal(["a".into()]);
        assert!(marks.overtake(&removal) && !marks.overtake(&Mutation::removal(["b".into()])));
        marks.add_key(b"b");
        assert_eq!(marks.due(Some(b"a")), Some(Due::Later));
        assert!(matches!(marks.due(None), Some(Due::Keys(keys)) if keys.len() == 1), "the other one is due");
        assert!(marks.begin_fill(&"a".into()).is_none());
        assert!(marks.overtake(&Mutation::clearing()));
        assert_eq!(marks.due(Some(b"x")), Some(Due::Later));
        drop(fill);
        assert!(matches!(marks.due(Some(b"x")), Some(Due::Everything(_))));
    }
}
