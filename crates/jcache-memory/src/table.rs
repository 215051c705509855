//! The hash table of a shard: pointers to entries in buckets of one cache line, growing and shrinking bit by bit.
//!
//! A look-up reads one bucket, where a byte of the hash tells which of its seven entries can be the one, and that entry.
//! Each insertion and removal moves the entries of a few homes while the table changes its size, so nobody ever waits
//! for all of them. Until that is done, a hash belongs to the old array or to the new one, told by how far it got:
//! still one look-up.
//!
//! Homes are the *high* bits of the hash, so the order of homes is the order of hashes at every size. That makes a scan
//! simple: its cursor is a hash, everything below it has been visited, and growing in between cannot change that.

mod bucket;
mod due;
mod generation;
#[cfg(test)]
mod tests;

pub(crate) use bucket::{Item, SLOTS};
pub(crate) use due::NEVER;
pub(crate) use generation::Place;

use crate::hash::Seed;
use generation::Generation;

/// Entries per bucket on average from which the table doubles.
const FULL: usize = 6;

/// Quarters of entries per bucket on average up to which a table does without doubling when there is no room for that:
/// searches are longer then. A bucket has seven slots.
const BRIM: usize = 27;

/// The table halves when this fraction is left of what made it double.
const SPARSE: usize = 8;

/// What a look-up reads comes first, in this order: see [`Shard`](crate::shard::Shard).
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Table {
    moving: Option<Box<Moving>>,
    current: Generation,
    len: usize,
    seed: Seed,
    /// Room to note deadlines is made with each array.
    timed: bool,
}

/// An array that is empty: one to move entries into, made before the table needs it, or one that they were moved out of.
/// Making and freeing one may take an allocator milliseconds, so it is done where nobody waits.
#[derive(Debug)]
pub(crate) struct Spare(Generation);

impl Spare {
    /// Bytes on the heap.
    pub(crate) fn heap_size(&self) -> usize {
        self.0.heap_size()
    }
}

/// The array that entries are moved out of.
#[derive(Debug)]
struct Moving {
    from: Generation,
    /// Homes below this are done; always even, so that two old homes become one new when the table halves.
    done: usize,
}

impl Table {
    /// An empty table. `timed`: room to note deadlines is made with it, so that none is needed for them later.
    pub(crate) fn new(seed: Seed, timed: bool) -> Self {
        Self { current: Generation::with_bits(1, timed), moving: None, len: 0, seed, timed }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The array that `hash` belongs to.
    #[inline]
    fn generation(&self, hash: u64) -> &Generation {
        match &self.moving {
            Some(moving) if moving.from.home(hash) >= moving.done => &moving.from,
            _ => &self.current,
        }
    }

    #[inline]
    fn generation_mut(&mut self, hash: u64) -> &mut Generation {
        match &mut self.moving {
            Some(moving) if moving.from.home(hash) >= moving.done => &mut moving.from,
            _ => &mut self.current,
        }
    }

    /// Where `key` is, which has `hash`. Good until the next insertion or removal.
    #[inline]
    pub(crate) fn place(&self, hash: u64, key: &[u8]) -> Option<Place> {
        self.generation(hash).find(hash, key)
    }

    /// The entry of `key`, which has `hash`.
    #[inline]
    pub(crate) fn find(&self, hash: u64, key: &[u8]) -> Option<&Item> {
        self.generation(hash).find_with(hash, key).map(|(_, item)| item)
    }

    /// [`Table::find`], for changes of anything but the key.
    #[inline]
    pub(crate) fn find_mut(&mut self, hash: u64, key: &[u8]) -> Option<&mut Item> {
        self.generation_mut(hash).find_mut(hash, key)
    }

    /// The entry at `place`.
    #[inline]
    pub(crate) fn get(&self, hash: u64, place: Place) -> &Item {
        self.generation(hash).get(place)
    }

    /// The entry at `place`, for changes of anything but its key.
    #[inline]
    pub(crate) fn get_mut(&mut self, hash: u64, place: Place) -> &mut Item {
        self.generation_mut(hash).get_mut(place)
    }

    /// Says that the entry at `place` has got another deadline.
    #[inline]
    pub(crate) fn deadline_changed(&mut self, hash: u64, place: Place) {
        let generation = self.generation_mut(hash);
        let deadline = generation.get(place).deadline();
        generation.note(place.at, deadline);
    }

    /// Adds an entry whose key is not there.
    #[inline]
    pub(crate) fn insert(&mut self, hash: u64, item: Item) {
        self.insert_within(hash, item, true);
    }

    /// [`Table::insert`] that lets the table grow only if it `may`, or must.
    #[inline]
    pub(crate) fn insert_within(&mut self, hash: u64, item: Item, may: bool) {
        self.step();
        if self.len >= FULL << self.current.bits() && self.moving.is_none() && (may || self.is_brimful()) {
            self.resize(self.current.bits() + 1);
        }
        self.generation_mut(hash).insert(hash, item);
        self.len += 1;
    }

    /// Takes the entry at `place` out.
    #[inline]
    pub(crate) fn remove(&mut self, hash: u64, place: Place) -> Item {
        let item = self.generation_mut(hash).remove(hash, place);
        self.len -= 1;
        self.shrink();
        item
    }

    #[inline]
    fn shrink(&mut self) {
        self.step();
        if let Some(bits) = self.smaller() {
            self.resize(bits);
        }
    }

    fn resize(&mut self, bits: u32) {
        let from = std::mem::replace(&mut self.current, Generation::with_bits(bits, self.timed));
        self.moving = Some(Box::new(Moving { from, done: 0 }));
        self.step();
    }

    /// Begins to grow at once to where `entries` have room, so that they are not moved at every doubling on the way there.
    /// While the table changes its size nothing happens: whoever expects entries may ask again.
    pub(crate) fn expect(&mut self, entries: usize) {
        let mut bits = self.current.bits();
        while entries >= FULL << bits {
            bits += 1;
        }
        if bits > self.current.bits() && self.moving.is_none() {
            self.resize(bits);
        }
    }

    /// The bits of the smaller array that the table should move to, if it should.
    pub(crate) fn smaller(&self) -> Option<u32> {
        let bits = self.current.bits();
        (self.len * SPARSE < FULL << bits && bits > 1 && self.moving.is_none()).then(|| bits - 1)
    }

    /// Whether entries are being moved to a smaller array.
    pub(crate) fn is_shrinking(&self) -> bool {
        self.moving.as_ref().is_some_and(|moving| self.current.bits() < moving.from.bits())
    }

    /// Moves on to a smaller array, as so many removals would; returns the old one when that was all.
    pub(crate) fn go_on(&mut self, steps: usize) -> Option<Spare> {
        if self.is_shrinking() { self.move_on(steps) } else { None }
    }

    /// An array for [`Table::move_to`].
    pub(crate) fn spare(bits: u32) -> Spare {
        Spare(Generation::with_bits(bits, true))
    }

    /// Begins to move to `spare` if that is still what the table needs; gives it back if not.
    pub(crate) fn move_to(&mut self, spare: Spare) -> Option<Spare> {
        if self.smaller() != Some(spare.0.bits()) {
            return Some(spare);
        }
        let from = std::mem::replace(&mut self.current, spare.0);
        self.moving = Some(Box::new(Moving { from, done: 0 }));
        None
    }

    /// Moves a few homes, a dozen entries or fewer: done before the new array is due for another size.
    #[inline]
    fn step(&mut self) {
        if self.moving.is_some() {
            drop(self.move_homes());
        }
    }

    /// Moves homes in so many steps, fewer when as many entries were moved; returns the old array when that was all.
    ///
    /// The homes of a table that gets smaller hold few on average, but who empties it from the front leaves the last ones as
    /// full as they were: by steps alone, a thousand entries were seen to be moved under one lock, in 0.4 ms.
    fn move_on(&mut self, steps: usize) -> Option<Spare> {
        let (mut moved, mut step) = (0, 0);
        while step < steps && moved < steps {
            let (entries, emptied) = self.move_homes();
            if emptied.is_some() {
                return emptied;
            }
            (moved, step) = (moved + entries, step + 1);
        }
        None
    }

    /// Returns how many entries that were, and the old array when that was all.
    #[inline(never)]
    fn move_homes(&mut self) -> (usize, Option<Spare>) {
        let Some(moving) = &mut self.moving else { return (0, None) };
        let Moving { from, done } = &mut **moving;
        // A table that is to halve has hardly an entry in each, and before it halves again three entries leave for every
        // eight of its homes.
        let homes = if self.current.bits() < from.bits() { 4 } else { 2 };
        let end = from.homes().min(*done + homes);
        // The new array has every home below the border, also where there is nothing to move.
        self.current.reach(if end == from.homes() {
            self.current.homes() - 1
        } else {
            from.first_hash(end).map_or(0, |hash| self.current.home(hash)) - 1
        });
        let mut moved = 0;
        for home in *done..end {
            let hash = |key: &[u8]| self.seed.hash(key);
            from.drain_home(home, hash, |hash, item| {
                self.current.insert(hash, item);
                moved += 1;
            });
        }
        *done = end;
        if end < from.homes() {
            return (moved, None);
        }
        (moved, self.moving.take().map(|moving| Spare(moving.from)))
    }

    /// Visits the entries of the home of `cursor`, a hash, and returns the next cursor; from 0 to `None`.
    ///
    /// An entry that is there during the whole scan is visited at least once, whatever is added and removed meanwhile.
    pub(crate) fn scan(&self, cursor: u64, mut visit: impl FnMut(&Item)) -> Option<u64> {
        self.visit(cursor, |_, item| visit(item))
    }

    /// [`Table::scan`] that tells hashes too.
    pub(crate) fn visit(&self, cursor: u64, visit: impl FnMut(u64, &Item)) -> Option<u64> {
        let generation = self.generation(cursor);
        let home = generation.home(cursor);
        generation.visit_home(home, |key| self.seed.hash(key), visit);
        generation.first_hash(home + 1)
    }

    /// How many steps a scan takes, about.
    pub(crate) fn homes(&self) -> usize {
        self.current.homes() + self.moving.as_ref().map_or(0, |moving| moving.from.homes())
    }

    /// An entry of which only part of the hash is known, home and tag at least (the highest 24 bits name the home, up to
    /// a hundred million entries): one whose hash has the same `name` and that `accept` takes. Gives its hash and place.
    pub(crate) fn named<N: PartialEq>(
        &self,
        hash: u64,
        name: impl Fn(u64) -> N,
        accept: impl Fn(u64, &Item) -> bool,
    ) -> Option<(u64, Place)> {
        let wanted = name(hash);
        let accept = |hash: u64, item: &Item| name(hash) == wanted && accept(hash, item);
        self.generation(hash).find_like(hash, |key| self.seed.hash(key), accept)
    }

    /// Asks the processor for the entries that [`Table::named`] will look at; for the bucket first, some time before.
    pub(crate) fn fetch_ahead(&self, hash: u64) {
        self.generation(hash).fetch_ahead(hash);
    }

    /// Asks the processor for the bucket of `hash`.
    pub(crate) fn fetch_bucket_ahead(&self, hash: u64) {
        self.generation(hash).fetch_bucket_ahead(hash);
    }

    /// The entry that expires first, of those whose hash is not in `spared`.
    pub(crate) fn soonest(&mut self, spared: &[u64]) -> Option<(u64, Place)> {
        let generations = self.moving.as_mut().map(|moving| &mut moving.from).into_iter().chain([&mut self.current]);
        let seed = &self.seed;
        let each = generations.filter_map(|it| it.soonest(|key| seed.hash(key), |hash| !spared.contains(&hash)));
        each.min_by_key(|(deadline, ..)| *deadline).map(|(_, hash, place)| (hash, place))
    }

    /// Whether the next insertion cannot do without a larger table.
    pub(crate) fn is_brimful(&self) -> bool {
        self.len >= (BRIM << self.current.bits()) / 4 && self.moving.is_none()
    }

    /// Bytes that the next insertion would take to let the table grow; mostly 0.
    #[inline]
    pub(crate) fn growth_ahead(&self) -> usize {
        if self.len < FULL << self.current.bits() || self.moving.is_some() {
            return 0;
        }
        self.current.heap_size_of(self.current.bits() + 1)
    }

    /// An entry picked by `seed`, all about equally likely; may be `None` also when there are some.
    pub(crate) fn sample(&self, seed: u64) -> Option<&Item> {
        let generation = self.generation(seed);
        generation.sample(generation.home(seed), seed & 0xffff_ffff)
    }

    /// Moves entries that are due at `now` out to `to`, looking at no more than `buckets` buckets. Returns false when
    /// there may be more, and an array that was emptied on the way.
    pub(crate) fn reap(&mut self, now: u64, mut buckets: usize, mut to: impl FnMut(Item)) -> (bool, Option<Spare>) {
        let mut taken = 0;
        let mut done = true;
        for generation in self.moving.as_mut().map(|moving| &mut moving.from).into_iter().chain([&mut self.current]) {
            let hash = |key: &[u8]| self.seed.hash(key);
            let rest = generation.reap(0, now, &mut buckets, hash, |item| {
                taken += 1;
                to(item);
            });
            done &= rest.is_none();
        }
        self.len -= taken;
        // As many steps as single removals would have made. To move to a smaller array is for whoever brings one.
        let emptied = self.move_on(taken);
        (done, emptied)
    }

    /// Visits up to `limit` entries that are due at `now`, and leaves them there; returns how many.
    pub(crate) fn due(&mut self, now: u64, limit: usize, mut visit: impl FnMut(&Item)) -> usize {
        let moving = self.moving.as_mut().map(|moving| &mut moving.from);
        moving
            .into_iter()
            .chain([&mut self.current])
            .fold(0, |found, it| found + it.due(now, limit - found, &mut visit))
    }

    /// No later than the earliest deadline in the table; [`NEVER`] when there is none.
    pub(crate) fn earliest(&self) -> u64 {
        let moving = self.moving.as_ref().map_or(NEVER, |moving| moving.from.earliest());
        self.current.earliest().min(moving)
    }

    /// Bytes on the heap, the entries' own not included.
    #[inline]
    pub(crate) fn heap_size(&self) -> usize {
        self.current.heap_size() + self.moving.as_ref().map_or(0, |moving| moving.from.heap_size())
    }
}
