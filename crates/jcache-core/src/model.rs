//! The reference keyspace: a `BTreeMap`, with nothing clever in it.
//!
//! Tests hold engines against it, and a custom driver can keep its data in one.

use std::collections::BTreeMap;

use jcache_value::Value;

use crate::arg::Arg;
use crate::error::{Error, Result};
use crate::keyspace::{Found, Keyspace};
use crate::object::{Object, ObjectRef};
use crate::time::Timestamp;

/// A keyspace in a `BTreeMap`, at a moment that its owner sets.
///
/// ```
/// use jcache_core::{Context, Keyspace, Model, Mutation, Query, Reply, Timestamp, Arg};
///
/// let mut model = Model::default();
/// let now = Context::at(Timestamp::from_millis(1_000));
/// model.set_now(now.now);
/// Mutation::parse(&[Arg::from("SET"), "hello".into(), "world".into()]).unwrap().run(&mut model, now).unwrap();
/// let reply = Query::parse(&[Arg::from("GET"), "hello".into()]).unwrap().run(&model, now).unwrap();
/// assert_eq!(reply, Reply::Bulk("world".into()));
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Model {
    entries: BTreeMap<Vec<u8>, (Object, Option<Timestamp>)>,
    now: Timestamp,
}

impl Model {
    /// Sets the time of the following commands, and forgets entries that are due.
    pub fn set_now(&mut self, now: Timestamp) {
        self.now = now;
        self.entries.retain(|_, (_, deadline)| deadline.is_none_or(|d| d > now));
    }

    /// Sets the time of the following commands; entries that are due are hidden, and come back when it is set back.
    /// A copy does that: what expires there, somebody else decides.
    pub fn at(&mut self, now: Timestamp) {
        self.now = now;
    }

    /// The live entries in key order.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &Object, Option<Timestamp>)> {
        self.entries.iter().filter(|(_, (_, d))| self.lives(*d)).map(|(k, (o, d))| (k.as_slice(), o, *d))
    }

    fn lives(&self, deadline: Option<Timestamp>) -> bool {
        deadline.is_none_or(|d| d > self.now)
    }

    fn store(&mut self, key: &[u8], object: Object, deadline: Option<Timestamp>) {
        if self.lives(deadline) && !object.is_empty_collection() {
            self.entries.insert(key.to_vec(), (object, deadline));
        } else {
            self.entries.remove(key);
        }
    }
}

impl Keyspace for Model {
    fn find(&self, key: &[u8]) -> Option<Found<'_>> {
        let (object, deadline) = self.entries.get(key)?;
        self.lives(*deadline).then(|| Found { object: object.as_ref(), deadline: *deadline })
    }

    fn len(&self) -> usize {
        self.entries.len()
    }

    // The whole keyspace is one page: the simplest scan that keeps the promise.
    fn scan(&self, _cursor: u64, _count: usize, visit: &mut dyn FnMut(&[u8], ObjectRef<'_>)) -> u64 {
        for (key, object, _) in self.iter() {
            visit(key, object.as_ref());
        }
        0
    }

    fn random_key(&self, seed: u64) -> Option<Value> {
        let live = self.iter().count();
        let index = usize::try_from(seed % (live.max(1) as u64)).unwrap_or(0);
        self.iter().nth(index).map(|(key, _, _)| Value::new(key))
    }

    fn put_text(&mut self, key: &[u8], text: &Arg<'_>, deadline: Option<Timestamp>) -> Result<()> {
        self.put(key, Object::String(text.to_value()), deadline)
    }

    fn append_text(&mut self, key: &[u8], tail: &[u8]) -> Result<()> {
        let (head, deadline) = match self.find(key) {
            Some(Found { object: ObjectRef::String(head), deadline }) => (head.clone(), deadline),
            _ => return Err(Error::wrong_type()),
        };
        let whole = Value::from_parts(&[&head, tail]);
        self.put(key, Object::String(whole), deadline)
    }

    fn put(&mut self, key: &[u8], object: Object, deadline: Option<Timestamp>) -> Result<()> {
        self.store(key, object, deadline);
        Ok(())
    }

    fn edit<R>(&mut self, key: &[u8], change: impl FnOnce(&mut Object) -> R) -> Option<R> {
        let now = self.now;
        let (object, deadline) = self.entries.get_mut(key)?;
        if deadline.is_some_and(|d| d <= now) || matches!(object, Object::String(_)) {
            return None;
        }
        let result = change(object);
        if object.is_empty_collection() {
            self.entries.remove(key);
        }
        Some(result)
    }

    fn set_deadline(&mut self, key: &[u8], deadline: Option<Timestamp>) -> bool {
        match self.take(key) {
            None => false,
            Some((object, _)) => {
                self.store(key, object, deadline);
                true
            }
        }
    }

    fn take(&mut self, key: &[u8]) -> Option<(Object, Option<Timestamp>)> {
        self.find(key)?;
        self.entries.remove(key)
    }

    fn clear(&mut self) {
        self.entries.clear();
    }
}
