//! One of the parts that a cache is split in: a table and what it weighs, behind a lock of its own.
//!
//! A shard does to one key what a command asks for. All sizes go through [`Shard::account`], so `bytes` is at every
//! moment what the entries keep in memory. With a bound, a shard also knows how much it may keep and whom to evict; to
//! look for room before a change is the view's part (`view/room.rs`).

mod bounded;

use jcache_core::{Arg, Object, ObjectRef};
use jcache_value::{Entry, SHARE_MIN};

use crate::hash::Seed;
use crate::stats::{Counts, Queries};
use crate::table::{Item, Place, Spare, Table};
use crate::watched::Watched;

pub(crate) use bounded::{Bounded, is_due};

/// What was removed and takes long to free: for when the lock is released.
#[derive(Debug)]
#[allow(dead_code, reason = "only ever dropped")]
pub(crate) enum Garbage {
    Item(Item),
    Table(Box<Table>),
}

impl Garbage {
    /// How many entries take as long to free, about.
    pub(crate) fn entries(&self) -> usize {
        match self {
            Garbage::Item(item) => 1 + item.as_object().map_or(0, Object::heap_size) / ENTRY,
            Garbage::Table(table) => table.len(),
        }
    }
}

/// Bytes of a collection that take as long to free as an entry.
const ENTRY: usize = 100;

/// In the order of its fields: with the lock in front, a hit touches one cache line of a shard, which is all that two
/// processors have to pass to each other.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Shard {
    pub(crate) queries: Queries,
    pub(crate) table: Table,
    bytes: usize,
    pub(crate) counts: Counts,
    /// What a shard has more when there is a bound.
    pub(crate) bound: Option<Bounded>,
    /// The keys that somebody watches, if there are any.
    pub(crate) watched: Option<Box<Watched>>,
}

/// What is known of where a key is, so that nobody looks twice.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Known {
    Nothing,
    At(Place),
    Absent,
}

/// What an entry holds, as commands see it.
#[inline]
pub(crate) fn object_of(item: &Item) -> ObjectRef<'_> {
    match item.as_text() {
        Some(text) => ObjectRef::String(text),
        None => item.as_object().expect("invariant: an entry holds text or an object").as_ref(),
    }
}

/// The bytes that an entry and all it owns keep in memory.
#[inline]
pub(crate) fn weight(item: &Item) -> usize {
    item.size() + item.as_object().map_or(0, Object::heap_size)
}

/// Puts a text in the place of what `item` holds, in a new block. Returns what the entry weighed before, and weighs now.
fn replace_text(
    item: &mut Item,
    key: &[u8],
    text: &Arg<'_>,
    counts: &mut Counts,
    garbage: &mut Vec<Garbage>,
) -> (usize, usize) {
    let before = weight(item);
    if item.as_object().is_some() {
        counts.removed(item.as_object());
        let mut text = Entry::text(key, b"", item.deadline());
        text.inherit(item);
        garbage.push(Garbage::Item(std::mem::replace(item, text)));
    }
    match text {
        Arg::Slice(bytes) => item.set_text(bytes),
        Arg::Value(value) => item.set_shared(value.clone()),
    }
    (before, weight(item))
}

impl Shard {
    pub(crate) fn new(seed: Seed, bound: Option<Bounded>) -> Self {
        let table = Table::new(seed, bound.is_some());
        Self { queries: Queries::default(), table, bytes: 0, counts: Counts::default(), bound, watched: None }
    }

    /// Bytes that the entries, the table and the eviction policy keep in memory.
    #[inline]
    pub(crate) fn memory_used(&self) -> usize {
        self.bytes + self.overhead()
    }

    /// Those of them that no entry takes.
    #[inline]
    pub(crate) fn overhead(&self) -> usize {
        self.table.heap_size() + self.bound.as_ref().map_or(0, |bound| bound.policy.heap_size())
    }

    /// Books a change of what an entry with these marks weighs.
    #[inline]
    fn account(&mut self, marks: u8, before: usize, after: usize) {
        self.bytes = self.bytes + after - before;
        if let Some(bound) = &mut self.bound {
            bound.resized(marks, before, after);
        }
    }

    /// Makes `key` hold a string. A collection that was there goes to `garbage`.
    #[inline]
    pub(crate) fn put_text(
        &mut self,
        hash: u64,
        key: &[u8],
        known: Known,
        text: &Arg<'_>,
        deadline: u64,
        garbage: &mut Vec<Garbage>,
    ) {
        self.touch(hash);
        let place = match known {
            Known::Nothing => self.table.place(hash, key),
            Known::At(place) => Some(place),
            Known::Absent => None,
        };
        let Some(place) = place else {
            let item = match text {
                Arg::Slice(bytes) => Entry::text(key, bytes, deadline),
                Arg::Value(value) => Entry::shared(key, value.clone(), deadline),
            };
            return self.insert(hash, item);
        };
        let item = self.table.get_mut(hash, place);
        let is_in_place = match text {
            Arg::Slice(bytes) => item.overwrite(bytes),
            Arg::Value(value) => value.len() < SHARE_MIN && item.overwrite(value),
        };
        let weights = if is_in_place { None } else { Some(replace_text(item, key, text, &mut self.counts, garbage)) };
        if self.bound.is_some() {
            item.touch();
        }
        let marks = item.marks();
        if item.deadline() != deadline {
            item.set_deadline(deadline);
            self.table.deadline_changed(hash, place);
        }
        if let Some((before, after)) = weights {
            self.account(marks, before, after);
        }
    }

    /// Makes `key` hold a collection that is not empty. What was there goes to `garbage`.
    pub(crate) fn put_object(
        &mut self,
        hash: u64,
        key: &[u8],
        object: Object,
        deadline: u64,
        garbage: &mut Vec<Garbage>,
    ) {
        self.touch(hash);
        let mut new = Entry::object(key, object, deadline);
        self.counts.added(new.as_object());
        let Some(place) = self.table.place(hash, key) else { return self.insert(hash, new) };
        let item = self.table.get_mut(hash, place);
        self.counts.removed(item.as_object());
        new.inherit(item);
        let (before, after, marks) = (weight(item), weight(&new), new.marks());
        garbage.push(Garbage::Item(std::mem::replace(item, new)));
        self.table.deadline_changed(hash, place);
        self.account(marks, before, after);
    }

    /// Appends to the string at `place`.
    pub(crate) fn append_text(&mut self, hash: u64, place: Place, tail: &[u8]) {
        self.touch(hash);
        let item = self.table.get_mut(hash, place);
        let before = weight(item);
        item.append(tail);
        let (after, marks) = (weight(item), item.marks());
        self.account(marks, before, after);
    }

    /// Lets `change` work on the collection at `place` and removes it when it is empty after.
    ///
    /// Should `change` panic, nobody knows what it left behind: then the collection is removed too.
    pub(crate) fn edit<R>(&mut self, hash: u64, place: Place, change: impl FnOnce(&mut Object) -> R) -> R {
        let mut edit = Edit { before: 0, after: None, shard: self, hash, place };
        let item = edit.shard.table.get_mut(hash, place);
        let object = item.object_mut().expect("invariant: only collections are edited");
        edit.before = object.heap_size();
        let result = change(object);
        if !object.is_empty_collection() {
            edit.after = Some(object.heap_size());
        }
        result
    }

    /// Sets the deadline of the entry at `place`; 0 for never.
    pub(crate) fn set_deadline(&mut self, hash: u64, place: Place, deadline: u64) {
        self.touch(hash);
        self.table.get_mut(hash, place).set_deadline(deadline);
        self.table.deadline_changed(hash, place);
    }

    #[inline]
    fn insert(&mut self, hash: u64, item: Item) {
        if self.bound.is_some() {
            return self.admit(hash, item);
        }
        self.bytes += weight(&item);
        self.table.insert(hash, item);
    }

    /// Takes the entry at `place` out.
    pub(crate) fn remove(&mut self, hash: u64, place: Place) -> Item {
        self.gone(hash);
        let item = self.table.remove(hash, place);
        self.counts.removed(item.as_object());
        self.account(item.marks(), weight(&item), 0);
        item
    }

    /// Takes everything out.
    pub(crate) fn clear(&mut self, seed: Seed) -> Garbage {
        self.touch_all();
        self.bytes = 0;
        self.counts.cleared();
        if let Some(bound) = &mut self.bound {
            bound.clear();
        }
        Garbage::Table(Box::new(std::mem::replace(&mut self.table, Table::new(seed, self.bound.is_some()))))
    }

    /// Changes places with what another shard with the same index holds; who watches and what was counted stays.
    pub(crate) fn swap(&mut self, other: &mut Shard) {
        for shard in [&*self, &*other] {
            if let Some(watched) = &shard.watched {
                watched.all_changed();
            }
        }
        std::mem::swap(&mut self.table, &mut other.table);
        std::mem::swap(&mut self.bytes, &mut other.bytes);
        std::mem::swap(&mut self.bound, &mut other.bound);
        self.counts.swap(&mut other.counts);
    }

    /// Lets the table move to a smaller array when there is room for both; gives it back if not.
    pub(crate) fn move_to(&mut self, spare: Spare) -> Option<Spare> {
        if self.slack() < spare.heap_size() as isize { Some(spare) } else { self.table.move_to(spare) }
    }

    /// Takes out entries that are due, looking at no more than `buckets` buckets; false when there may be more, with an array to free.
    pub(crate) fn reap(&mut self, now: u64, buckets: usize, mut to: impl FnMut(Item)) -> (bool, Option<Spare>) {
        let Self { table, bytes, counts, bound, watched, .. } = self;
        table.reap(now, buckets, |item| {
            if let Some(watched) = watched {
                watched.gone(watched.seed().hash(item.key()));
            }
            let weight = weight(&item);
            *bytes -= weight;
            if let Some(bound) = bound {
                bound.resized(item.marks(), weight, 0);
            }
            counts.removed(item.as_object());
            counts.expirations += 1;
            to(item);
        })
    }
}

/// An edit under way; dropping it books the new weight, or removes the entry.
struct Edit<'s> {
    /// What the object had on the heap before.
    before: usize,
    /// What it has now; `None` when the entry must go.
    after: Option<usize>,
    shard: &'s mut Shard,
    hash: u64,
    place: Place,
}

impl Edit<'_> {
    /// The weight has changed.
    fn book(&mut self) {
        let item = self.shard.table.get_mut(self.hash, self.place);
        let (own, marks) = (item.size(), item.marks());
        self.shard.account(marks, own + self.before, self.after.map_or(0, |after| own + after));
        if self.after.is_none() {
            self.shard.gone(self.hash);
            let item = self.shard.table.remove(self.hash, self.place);
            self.shard.counts.removed(item.as_object());
        }
    }
}

impl Drop for Edit<'_> {
    #[inline]
    fn drop(&mut self) {
        if self.after != Some(self.before) {
            self.book();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use jcache_core::collection::List;

    use super::*;

    #[test]
    fn a_panic_in_an_edit_costs_the_key_and_nothing_else() {
        let seed = Seed::fixed(1, None);
        let mut shard = Shard::new(seed.clone(), None);
        let (hash, mut garbage) = (seed.hash(b"list"), Vec::new());
        let mut list = List::default();
        list.push_back(b"element");
        shard.put_object(hash, b"list", Object::List(list), 0, &mut garbage);
        shard.put_text(seed.hash(b"text"), b"text", Known::Nothing, &Arg::from("x"), 0, &mut garbage);
        let place = shard.table.place(hash, b"list").expect("just put");
        let edit = AssertUnwindSafe(|| shard.edit(hash, place, |_| panic!("in the middle of a change")));
        catch_unwind(edit).expect_err("the panic goes on");
        assert_eq!(shard.table.place(hash, b"list"), None);
        assert_eq!(shard.bytes, 32, "what the text weighs");
    }

    #[test]
    fn the_books_balance_whatever_replaces_what() {
        let seed = Seed::fixed(2, None);
        let mut shard = Shard::new(seed.clone(), None);
        let (hash, mut garbage) = (seed.hash(b"key"), Vec::new());
        let (large, small) = ("x".repeat(10_000), "y");
        let list = || {
            let mut list = List::default();
            (0..100).for_each(|_| list.push_back(b"some element"));
            Object::List(list)
        };
        shard.put_text(hash, b"key", Known::Nothing, &Arg::from(small), 0, &mut garbage);
        shard.put_object(hash, b"key", list(), 5, &mut garbage);
        shard.put_object(hash, b"key", list(), 0, &mut garbage);
        shard.put_text(hash, b"key", Known::Nothing, &Arg::from(large.clone()), 7, &mut garbage);
        shard.put_text(hash, b"key", Known::Nothing, &Arg::from(&large), 0, &mut garbage);
        let place = shard.table.place(hash, b"key").expect("just put");
        shard.append_text(hash, place, large.as_bytes());
        assert!((20_000..50_000).contains(&shard.bytes), "{} bytes", shard.bytes);
        shard.remove(hash, place);
        assert_eq!(shard.bytes, 0);
    }
}
