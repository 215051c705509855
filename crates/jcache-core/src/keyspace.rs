//! What a command sees of the data: keys with objects and deadlines, where a key that is due is not there.
//!
//! Commands are generic over this trait, so the memory engine is free in its representation and the reference model
//! is a plain map behind the same commands. The view knows the time: no command can forget to ask whether a key has
//! expired, because an expired key is never found.

use std::time::Duration;

use jcache_value::Value;

use crate::error::{Error, Result};
use crate::object::{Collection, Object, ObjectRef};
use crate::time::Timestamp;

/// A live entry, as [`Keyspace::find`] gives it.
#[derive(Debug, Clone, Copy)]
pub struct Found<'a> {
    /// What the key holds.
    pub object: ObjectRef<'a>,
    /// When it expires; `None` for never.
    pub deadline: Option<Timestamp>,
}

/// How an entry is kept, as [`Keyspace::usage`] gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Bytes that the key, the value and all that belongs to them keep in memory.
    pub bytes: usize,
    /// What is known of its reads.
    pub recency: Recency,
}

/// What an engine knows of the reads of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recency {
    /// How often it was read lately; more is more. Only where the eviction goes by that.
    Frequency(u8),
    /// How long ago it was read last; `None` where no engine keeps that.
    Idle(Option<Duration>),
}

/// The keys that a command may see and change, at one moment.
pub trait Keyspace {
    /// The live entry at `key`.
    fn find(&self, key: &[u8]) -> Option<Found<'_>>;

    /// How the live entry at `key` is kept; looking at it is no read. The default is an estimate.
    fn usage(&self, key: &[u8]) -> Option<Usage> {
        let found = self.find(key)?;
        let bytes = size_of::<Object>() + key.len() + found.object.heap_size();
        Some(Usage { bytes, recency: Recency::Idle(None) })
    }

    /// How many entries there are. Entries that are due but not yet reclaimed may count, as in Redis.
    fn len(&self) -> usize;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Visits live entries from `cursor` on, at least `count` steps, and returns the next cursor; 0 starts and 0 ends.
    ///
    /// An entry that is there during the whole scan is visited at least once.
    fn scan(&self, cursor: u64, count: usize, visit: &mut dyn FnMut(&[u8], ObjectRef<'_>)) -> u64;

    /// A live key picked by `seed`, or `None` when there is none.
    fn random_key(&self, seed: u64) -> Option<Value>;

    /// Makes `key` hold the string `text`, replacing whatever is there, with `deadline`.
    ///
    /// # Errors
    /// Too large, or out of memory; then nothing has changed.
    fn put_text(&mut self, key: &[u8], text: &crate::Arg<'_>, deadline: Option<Timestamp>) -> Result<()>;

    /// Appends `tail` to the string at `key`, which is there and is a string, and keeps its deadline.
    ///
    /// # Errors
    /// Too large, or out of memory; then nothing has changed.
    fn append_text(&mut self, key: &[u8], tail: &[u8]) -> Result<()>;

    /// Makes `key` hold `object`, replacing whatever is there, with `deadline`. An empty collection is not kept.
    ///
    /// # Errors
    /// Out of memory; then nothing has changed.
    fn put(&mut self, key: &[u8], object: Object, deadline: Option<Timestamp>) -> Result<()>;

    /// Lets `change` work on the live collection at `key`, then accounts for its size and removes it when empty.
    /// `None` when there is no live collection (absent, or a string).
    fn edit<R>(&mut self, key: &[u8], change: impl FnOnce(&mut Object) -> R) -> Option<R>;

    /// Sets or clears the deadline of the live entry at `key`; says whether there was one. A deadline that is due
    /// removes the entry.
    fn set_deadline(&mut self, key: &[u8], deadline: Option<Timestamp>) -> bool;

    /// Removes the live entry at `key` and returns what it held and its deadline.
    fn take(&mut self, key: &[u8]) -> Option<(Object, Option<Timestamp>)>;

    /// Removes the live entry at `key`; says whether there was one.
    fn remove(&mut self, key: &[u8]) -> bool {
        self.take(key).is_some()
    }

    /// Removes everything.
    fn clear(&mut self);

    /// Says that the last edit of `key` left it as it was, where neither the number of elements nor the reply shows it:
    /// whoever watches the key need not hear of it.
    fn unchanged(&mut self, key: &[u8]) {
        let _ = key;
    }

    /// Whether `key` is live.
    #[inline]
    fn contains(&self, key: &[u8]) -> bool {
        self.find(key).is_some()
    }

    /// The string at `key`.
    ///
    /// # Errors
    /// Wrong type when the key holds a collection.
    #[inline]
    fn text(&self, key: &[u8]) -> Result<Option<&Value>> {
        match self.find(key) {
            None => Ok(None),
            Some(Found { object: ObjectRef::String(value), .. }) => Ok(Some(value)),
            Some(_) => Err(Error::wrong_type()),
        }
    }

    /// The collection of type `C` at `key`.
    ///
    /// # Errors
    /// Wrong type when the key holds another type.
    #[inline]
    fn collection<C: Collection>(&self, key: &[u8]) -> Result<Option<&C>> {
        match self.find(key) {
            None => Ok(None),
            Some(found) => C::of(found.object).map(Some).ok_or_else(Error::wrong_type),
        }
    }

    /// Lets `change` work on the collection of type `C` at `key`, if there is one.
    ///
    /// # Errors
    /// Wrong type when the key holds another type.
    fn update<C: Collection, R>(&mut self, key: &[u8], change: impl FnOnce(&mut C) -> R) -> Result<Option<R>> {
        if self.collection::<C>(key)?.is_none() {
            return Ok(None);
        }
        Ok(self.edit(key, |object| change(C::of_mut(object).expect("the type was checked just before"))))
    }

    /// Lets `change` work on the collection of type `C` at `key`, made first when there is none.
    ///
    /// # Errors
    /// Wrong type when the key holds another type; out of memory.
    fn upsert<C: Collection, R>(&mut self, key: &[u8], change: impl FnOnce(&mut C) -> R) -> Result<R> {
        if self.collection::<C>(key)?.is_some() {
            let change = |object: &mut Object| change(C::of_mut(object).expect("the type was checked just before"));
            return Ok(self.edit(key, change).expect("the key was found just before"));
        }
        let mut fresh = C::default();
        let result = change(&mut fresh);
        self.put(key, fresh.into_object(), None)?;
        Ok(result)
    }
}
