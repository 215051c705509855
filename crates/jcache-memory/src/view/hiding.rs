//! A keyspace in which some keys are not to be seen: what a waiting command is served from.

use jcache_core::keyspace::{Found, Usage};
use jcache_core::{Arg, Key, Keyspace, Object, ObjectRef, Result, Timestamp, Value};

/// `inner`, in which the keys `hidden` seem to be absent.
pub(crate) struct Hiding<'k, K> {
    pub(crate) inner: &'k mut K,
    pub(crate) hidden: &'k [Key<'k>],
}

impl<K> Hiding<'_, K> {
    fn is_hidden(&self, key: &[u8]) -> bool {
        self.hidden.iter().any(|hidden| hidden.as_bytes() == key)
    }
}

impl<K: Keyspace> Keyspace for Hiding<'_, K> {
    fn find(&self, key: &[u8]) -> Option<Found<'_>> {
        if self.is_hidden(key) { None } else { self.inner.find(key) }
    }

    fn usage(&self, key: &[u8]) -> Option<Usage> {
        if self.is_hidden(key) { None } else { self.inner.usage(key) }
    }

    fn len(&self) -> usize {
        self.inner.len()
    }

    fn scan(&self, cursor: u64, count: usize, visit: &mut dyn FnMut(&[u8], ObjectRef<'_>)) -> u64 {
        self.inner.scan(cursor, count, visit)
    }

    fn random_key(&self, seed: u64) -> Option<Value> {
        self.inner.random_key(seed)
    }

    fn put_text(&mut self, key: &[u8], text: &Arg<'_>, deadline: Option<Timestamp>) -> Result<()> {
        self.inner.put_text(key, text, deadline)
    }

    fn append_text(&mut self, key: &[u8], tail: &[u8]) -> Result<()> {
        self.inner.append_text(key, tail)
    }

    fn put(&mut self, key: &[u8], object: Object, deadline: Option<Timestamp>) -> Result<()> {
        self.inner.put(key, object, deadline)
    }

    fn edit<R>(&mut self, key: &[u8], change: impl FnOnce(&mut Object) -> R) -> Option<R> {
        if self.is_hidden(key) { None } else { self.inner.edit(key, change) }
    }

    fn set_deadline(&mut self, key: &[u8], deadline: Option<Timestamp>) -> bool {
        !self.is_hidden(key) && self.inner.set_deadline(key, deadline)
    }

    fn take(&mut self, key: &[u8]) -> Option<(Object, Option<Timestamp>)> {
        if self.is_hidden(key) { None } else { self.inner.take(key) }
    }

    fn remove(&mut self, key: &[u8]) -> bool {
        !self.is_hidden(key) && self.inner.remove(key)
    }

    fn unchanged(&mut self, key: &[u8]) {
        self.inner.unchanged(key);
    }

    fn clear(&mut self) {
        self.inner.clear();
    }
}
