//! The keyspace as one command sees it: the shards of its keys, locked, at one moment.
//!
//! A view locks what the command names and nothing else: one shard for one key, several in the order of their index
//! (so that two commands never wait for each other), or none for a command that looks at the whole keyspace, which then
//! goes from shard to shard. The clock is read when a deadline is met, unless the command asks for the time. What is removed
//! and would be slow to free is kept until the locks are released.

mod hiding;
mod replicated;
mod room;
mod whole;

use std::cell::Cell;

use jcache_core::keyspace::{Found, Recency, Usage};
use jcache_core::{Arg, Context, Error, Keyspace, Object, ObjectRef, Result, Timestamp, Value};
use jcache_value::{Entry, SHARE_MIN};
use smallvec::SmallVec;

use crate::bound::Eviction;
use crate::clock::COARSE_LAG;
use crate::engine::Engine;
use crate::shard::{Garbage, Known, Shard, object_of, weight};
use crate::sync;
use crate::table::{Item, Place};
use crate::watched::Edits;

pub(crate) use hiding::Hiding;
pub(crate) use replicated::free_elsewhere;
pub(crate) use room::{Hand, Purse, Room, Want, held};

type Guard<'a> = sync::Guard<'a, Shard>;

/// The locks that a view holds.
pub(crate) enum Hold<'a> {
    /// The shard of the only key, and the key's hash.
    One { shard: Guard<'a>, hash: u64 },
    /// The shards of several keys, or all of them, with their indexes in ascending order.
    Many(SmallVec<[(usize, Guard<'a>); 4]>),
    /// None: for queries of the whole keyspace.
    Each,
}

// The order of the fields matters: the locks are released first, then what was removed is freed.
pub(crate) struct View<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) hold: Hold<'a>,
    now: Cell<Option<Timestamp>>,
    /// The coarse clock, once it was read: within a command a key is due or it is not.
    coarse: Cell<Option<u64>>,
    /// Where the live entry of the only key is, once it was found; until anything is changed.
    seen: Cell<Option<Place>>,
    garbage: Vec<Garbage>,
    /// Looking does not count as reading now.
    is_unnoticed: bool,
    /// What a command that changes something knows of the bound, where there is one.
    room: Option<Room>,
    /// What a command under way may have changed of what somebody watches.
    pub(crate) edits: Option<Box<Edits>>,
}

impl<'a> View<'a> {
    /// A view at `now`, or at the moment when it first matters.
    #[inline]
    pub(crate) fn new(engine: &'a Engine, hold: Hold<'a>, now: Option<Timestamp>) -> Self {
        let (now, coarse, seen) = (Cell::new(now), Cell::new(None), Cell::new(None));
        Self { engine, hold, now, coarse, seen, garbage: Vec::new(), is_unnoticed: false, room: None, edits: None }
    }

    #[inline]
    pub(crate) fn now(&self) -> Timestamp {
        now_of(self.engine, &self.now)
    }

    /// What a command is told that was not asked for one before.
    pub(crate) fn context(&self) -> Context {
        Context { now: self.now(), seed: self.engine.clock.seed() }
    }

    /// Whether `item` is not due.
    #[inline]
    fn lives(&self, item: &Item) -> bool {
        !item.has_deadline() || !self.has_come(item.deadline())
    }

    /// Whether `deadline`, in milliseconds, has come. The answer for a deadline stays what it is for as long as the view.
    fn has_come(&self, deadline: u64) -> bool {
        let coarse = self.coarse.get().or_else(|| {
            // Who knows the time needs no coarse one.
            let coarse = self.now.get().is_none().then(|| self.engine.clock.coarse())?;
            self.coarse.set(coarse);
            coarse
        });
        match coarse {
            Some(coarse) if deadline <= coarse => true,
            Some(coarse) if deadline > coarse + COARSE_LAG => false,
            _ => deadline <= self.now().as_millis(),
        }
    }

    /// The shard of `key`, and its hash.
    #[inline]
    fn shard(&self, key: &[u8]) -> (&Shard, u64) {
        match &self.hold {
            Hold::One { shard, hash } => {
                debug_assert_eq!(*hash, self.engine.seed.hash(key), "a command touches the keys it names");
                (shard, *hash)
            }
            Hold::Many(shards) => {
                let hash = self.engine.seed.hash(key);
                (&shards[self.position(shards, hash)].1, hash)
            }
            Hold::Each => unreachable!("invariant: a command without keys looks at no single key"),
        }
    }

    /// The shard of `hash`, to change.
    #[inline]
    pub(crate) fn shard_mut(&mut self, hash: u64) -> (&mut Shard, &mut Vec<Garbage>) {
        self.seen.set(None);
        let position = match &self.hold {
            Hold::Many(shards) => self.position(shards, hash),
            _ => 0,
        };
        let shard = match &mut self.hold {
            Hold::One { shard, .. } => shard,
            Hold::Many(shards) => &mut shards[position].1,
            Hold::Each => unreachable!("invariant: a command without keys changes no single key"),
        };
        (shard, &mut self.garbage)
    }

    /// The shard of `hash`.
    pub(crate) fn shard_of(&self, hash: u64) -> &Shard {
        match &self.hold {
            Hold::One { shard, .. } => shard,
            Hold::Many(shards) => &shards[self.position(shards, hash)].1,
            Hold::Each => unreachable!("invariant: only commands with keys ask for a shard"),
        }
    }

    fn position(&self, shards: &[(usize, Guard<'a>)], hash: u64) -> usize {
        let index = self.engine.index(hash);
        shards.binary_search_by_key(&index, |(index, _)| *index).expect("invariant: the shards of all keys are locked")
    }

    /// Where the live entry at `key` is, with its shard and hash.
    #[inline]
    fn place(&self, key: &[u8]) -> Option<(&Shard, u64, Place)> {
        let (shard, hash) = self.shard(key);
        if let Some(place) = self.seen.get() {
            return Some((shard, hash, place));
        }
        let place = shard.table.place(hash, key)?;
        if !self.lives(shard.table.get(hash, place)) {
            return None;
        }
        if let Hold::One { .. } = self.hold {
            self.seen.set(Some(place));
        }
        Some((shard, hash, place))
    }

    /// The deadline as entries keep it, 0 for never; `None` when it is due.
    #[inline]
    fn pending(&self, deadline: Option<Timestamp>) -> Option<u64> {
        match deadline {
            None => Some(0),
            Some(deadline) => (!self.has_come(deadline.as_millis())).then(|| deadline.min(Timestamp::MAX).as_millis()),
        }
    }

    /// Sees that `key` can hold what makes an entry of `weight` bytes. Returns what is known of where it is.
    #[inline]
    fn room_for(&mut self, key: &[u8], hash: u64, weight_after: usize) -> Result<Known> {
        let known = self.seen.get().map_or(Known::Nothing, Known::At);
        if self.room.is_none() {
            return Ok(known);
        }
        let (shard, _) = self.shard_mut(hash);
        // Mostly there is room, whatever was there before.
        if shard.slack() >= weight_after as isize && shard.table.growth_ahead() == 0 {
            return Ok(known);
        }
        let before = shard.table.find(hash, key).map(weight);
        self.make_room(hash, weight_after.saturating_sub(before.unwrap_or(0)), before.is_none())?;
        Ok(if before.is_none() { Known::Absent } else { Known::Nothing })
    }

    /// Lets `look` see the keyspace without a trace for the eviction policy.
    fn unnoticed<R>(&mut self, look: impl FnOnce(&Self) -> R) -> R {
        self.is_unnoticed = true;
        let result = look(self);
        // Whoever reads what was seen now is to be noticed.
        self.seen.set(None);
        self.is_unnoticed = false;
        result
    }

    /// Counts a query that was answered.
    #[inline]
    pub(crate) fn count(&self, hit: bool) {
        match &self.hold {
            Hold::One { shard, .. } => shard.queries.count(hit),
            Hold::Many(shards) => shards.iter().take(1).for_each(|(_, shard)| shard.queries.count(hit)),
            Hold::Each => {}
        }
    }

    /// Removes the entry at `key`, also when it is due.
    fn discard(&mut self, key: &[u8]) {
        let (shard, hash) = self.shard(key);
        if let Some(place) = shard.table.place(hash, key) {
            let (shard, garbage) = self.shard_mut(hash);
            garbage.push(Garbage::Item(shard.remove(hash, place)));
        }
    }
}

/// The time, read once.
#[inline]
fn now_of(engine: &Engine, now: &Cell<Option<Timestamp>>) -> Timestamp {
    now.get().unwrap_or_else(|| {
        let read = engine.clock.now();
        now.set(Some(read));
        read
    })
}

/// No less than what an entry of a text of `len` bytes weighs, inline or by reference.
#[inline]
pub(crate) fn text_weight(key: &[u8], len: usize) -> usize {
    let by_reference = if len < SHARE_MIN { 0 } else { 2 * size_of::<Value>() + 64 };
    Entry::<Object>::text_size(key.len(), len, false) + by_reference
}

impl Keyspace for View<'_> {
    #[inline]
    fn find(&self, key: &[u8]) -> Option<Found<'_>> {
        let is_known = self.seen.get().is_some();
        let (shard, hash, place) = self.place(key)?;
        let item = shard.table.get(hash, place);
        if !is_known && !self.is_unnoticed {
            item.touch();
        }
        let deadline = Some(item.deadline()).filter(|deadline| *deadline != 0).map(Timestamp::from_millis);
        Some(Found { object: object_of(item), deadline })
    }

    fn usage(&self, key: &[u8]) -> Option<Usage> {
        let (shard, hash, place) = self.place(key)?;
        let item = shard.table.get(hash, place);
        let is_lfu = self.engine.eviction() == Some(Eviction::Lfu);
        let recency = if is_lfu { Recency::Frequency(item.frequency()) } else { Recency::Idle(None) };
        Some(Usage { bytes: weight(item) + size_of::<Item>(), recency })
    }

    fn len(&self) -> usize {
        whole::len(self)
    }

    fn scan(&self, cursor: u64, count: usize, visit: &mut dyn FnMut(&[u8], ObjectRef<'_>)) -> u64 {
        whole::scan(self, cursor, count, visit)
    }

    fn random_key(&self, seed: u64) -> Option<Value> {
        whole::random_key(self, seed)
    }

    #[inline]
    fn put_text(&mut self, key: &[u8], text: &Arg<'_>, deadline: Option<Timestamp>) -> Result<()> {
        if text.len() > Value::MAX {
            return Err(Error::too_large(text.len()));
        }
        let Some(pending) = self.pending(deadline) else {
            self.discard(key);
            return Ok(());
        };
        let (_, hash) = self.shard(key);
        let known = self.room_for(key, hash, text_weight(key, text.len()))?;
        let (shard, garbage) = self.shard_mut(hash);
        shard.put_text(hash, key, known, text, pending, garbage);
        self.engine.expiry.note(pending);
        Ok(())
    }

    fn append_text(&mut self, key: &[u8], tail: &[u8]) -> Result<()> {
        let (shard, hash, place) = self.place(key).ok_or_else(Error::wrong_type)?;
        let text = shard.table.get(hash, place).as_text().ok_or_else(Error::wrong_type)?;
        let len = text.len() + tail.len();
        if len > Value::MAX {
            return Err(Error::too_large(len));
        }
        if self.room.is_some() {
            let after = Entry::<Object>::text_size(key.len(), len, true);
            let before = weight(shard.table.get(hash, place));
            self.make_room(hash, after.saturating_sub(before), false)?;
        }
        // Making room has moved other entries.
        let Some((_, _, place)) = self.place(key) else { unreachable!("invariant: a command's keys are not evicted") };
        self.shard_mut(hash).0.append_text(hash, place, tail);
        Ok(())
    }

    fn put(&mut self, key: &[u8], object: Object, deadline: Option<Timestamp>) -> Result<()> {
        if let Object::String(text) = object {
            return self.put_text(key, &Arg::Value(text), deadline);
        }
        match self.pending(deadline).filter(|_| !object.is_empty_collection()) {
            None => self.discard(key),
            Some(pending) => {
                let (_, hash) = self.shard(key);
                self.room_for(key, hash, text_weight(key, size_of::<Object>()) + object.heap_size())?;
                let (shard, garbage) = self.shard_mut(hash);
                shard.put_object(hash, key, object, pending, garbage);
                self.engine.expiry.note(pending);
            }
        }
        Ok(())
    }

    fn edit<R>(&mut self, key: &[u8], change: impl FnOnce(&mut Object) -> R) -> Option<R> {
        let (shard, hash, place) = self.place(key)?;
        shard.table.get(hash, place).as_object()?;
        if shard.is_watched(hash) {
            return self.edit_watched(hash, key, change);
        }
        Some(self.shard_mut(hash).0.edit(hash, place, change))
    }

    fn set_deadline(&mut self, key: &[u8], deadline: Option<Timestamp>) -> bool {
        let Some((_, hash, place)) = self.place(key) else { return false };
        match self.pending(deadline) {
            None => self.discard(key),
            Some(pending) => {
                self.shard_mut(hash).0.set_deadline(hash, place, pending);
                self.engine.expiry.note(pending);
            }
        }
        true
    }

    fn take(&mut self, key: &[u8]) -> Option<(Object, Option<Timestamp>)> {
        let (_, hash, place) = self.place(key)?;
        let item = self.shard_mut(hash).0.remove(hash, place);
        let deadline = Some(item.deadline()).filter(|deadline| *deadline != 0).map(Timestamp::from_millis);
        let object = item.into_object().unwrap_or_else(|item| object_of(&item).to_object());
        Some((object, deadline))
    }

    fn remove(&mut self, key: &[u8]) -> bool {
        let Some((_, hash, place)) = self.place(key) else { return false };
        let (shard, garbage) = self.shard_mut(hash);
        let item = shard.remove(hash, place);
        // Many elements take long to free; a text does not.
        if item.as_object().is_some() {
            garbage.push(Garbage::Item(item));
        }
        true
    }

    #[inline]
    fn unchanged(&mut self, key: &[u8]) {
        if self.edits.is_some() {
            self.forget_edit(key);
        }
    }

    fn clear(&mut self) {
        let seed = &self.engine.seed;
        self.seen.set(None);
        match &mut self.hold {
            Hold::One { shard, .. } => self.garbage.push(shard.clear(seed.clone())),
            Hold::Many(shards) => self.garbage.extend(shards.iter_mut().map(|(_, shard)| shard.clear(seed.clone()))),
            Hold::Each => unreachable!("invariant: a query changes nothing"),
        }
    }
}
