//! One array of buckets: where an entry lives, by its hash.
//!
//! The high bits of a hash name its *home* bucket. An entry whose home is full lives in the next bucket with a free
//! slot, and each full one on the way counts it, so that searches know how far to go. Nothing else ever moves.

use jcache_value::fetch_ahead;

use super::bucket::{Bucket, Item, tag};
use super::due::{Due, NEVER};

/// Where an entry is: a bucket and a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) at: usize,
    pub(crate) slot: usize,
}

/// What a look-up reads comes first, in this order: see [`Shard`](crate::shard::Shard).
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Generation {
    /// There are 2^bits homes; at least 2, so that hashes can be shifted.
    bits: u32,
    /// All 2^bits of them, or as many from the front as the table has moved entries into: the array is never written in
    /// one go, which for millions of entries would take milliseconds.
    buckets: Vec<Bucket>,
    due: Due,
}

impl Generation {
    /// Room for 2^bits buckets, of which none is there yet; `timed`: room to note deadlines is made at once.
    pub(crate) fn with_bits(bits: u32, timed: bool) -> Self {
        debug_assert!((1..48).contains(&bits));
        let due = if timed { Due::with_capacity(1 << bits) } else { Due::default() };
        Self { buckets: Vec::with_capacity(1 << bits), bits, due }
    }

    pub(crate) fn bits(&self) -> u32 {
        self.bits
    }

    /// How many homes there are.
    #[inline]
    pub(crate) fn homes(&self) -> usize {
        1 << self.bits
    }

    #[inline]
    pub(crate) fn home(&self, hash: u64) -> usize {
        (hash >> (64 - self.bits)) as usize
    }

    /// The least hash whose home is `home`; `None` past the last.
    pub(crate) fn first_hash(&self, home: usize) -> Option<u64> {
        (home < self.homes()).then(|| (home as u64) << (64 - self.bits))
    }

    #[inline]
    fn after(&self, at: usize) -> usize {
        (at + 1) & (self.homes() - 1)
    }

    /// Makes buckets up to and with `at`.
    #[inline]
    pub(crate) fn reach(&mut self, at: usize) {
        while self.buckets.len() <= at {
            self.buckets.push(Bucket::default());
        }
    }

    #[inline]
    pub(crate) fn get(&self, place: Place) -> &Item {
        self.buckets[place.at].get(place.slot).expect("invariant: a place names an entry")
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, place: Place) -> &mut Item {
        self.buckets[place.at].get_mut(place.slot).expect("invariant: a place names an entry")
    }

    /// Where `key` is, which has `hash`.
    #[inline]
    pub(crate) fn find(&self, hash: u64, key: &[u8]) -> Option<Place> {
        self.find_with(hash, key).map(|(place, _)| place)
    }

    /// The entry of `key`, which has `hash`, and where it is. Always inlined: this is most of a hit.
    #[inline(always)]
    pub(crate) fn find_with(&self, hash: u64, key: &[u8]) -> Option<(Place, &Item)> {
        let home = self.home(hash);
        let bucket = self.buckets.get(home)?;
        match bucket.find(tag(hash), key) {
            Some((slot, item)) => Some((Place { at: home, slot }, item)),
            None if bucket.is_passed() => self.find_further(hash, key),
            None => None,
        }
    }

    /// The entry of `key`, which has `hash`, for changes of anything but its key. Always inlined: this is most of a hit.
    #[inline(always)]
    pub(crate) fn find_mut(&mut self, hash: u64, key: &[u8]) -> Option<&mut Item> {
        let home = self.home(hash);
        let bucket = self.buckets.get(home)?;
        match bucket.find(tag(hash), key) {
            Some((slot, _)) => self.buckets[home].get_mut(slot),
            None if bucket.is_passed() => {
                self.find_further(hash, key).map(|(place, _)| place).map(|place| self.get_mut(place))
            }
            None => None,
        }
    }

    /// [`Generation::find_with`] for an entry that is not in its home.
    #[cold]
    fn find_further(&self, hash: u64, key: &[u8]) -> Option<(Place, &Item)> {
        let (home, tag) = (self.home(hash), tag(hash));
        let mut at = self.after(home);
        while at != home {
            let bucket = self.buckets.get(at)?;
            if let Some((slot, item)) = bucket.find(tag, key) {
                return Some((Place { at, slot }, item));
            }
            if !bucket.is_passed() {
                return None;
            }
            at = self.after(at);
        }
        None
    }

    /// Where an entry is that has the tag and the home of `like`, and that `accept` takes, given its hash.
    pub(crate) fn find_like(
        &self,
        like: u64,
        hash: impl Fn(&[u8]) -> u64,
        mut accept: impl FnMut(u64, &Item) -> bool,
    ) -> Option<(u64, Place)> {
        let home = self.home(like);
        let mut at = home;
        loop {
            let bucket = self.buckets.get(at)?;
            for slot in bucket.matches(tag(like)) {
                let Some(item) = bucket.get(slot) else { continue };
                let hash = hash(item.key());
                if self.home(hash) == home && accept(hash, item) {
                    return Some((hash, Place { at, slot }));
                }
            }
            at = self.after(at);
            if !bucket.is_passed() || at == home {
                return None;
            }
        }
    }

    /// Asks the processor for what in the home of `hash` has its tag.
    pub(crate) fn fetch_ahead(&self, hash: u64) {
        if let Some(bucket) = self.buckets.get(self.home(hash)) {
            bucket.matches(tag(hash)).filter_map(|slot| bucket.get(slot)).for_each(|item| item.fetch_header_ahead());
        }
    }

    /// Asks the processor for the home of `hash`.
    pub(crate) fn fetch_bucket_ahead(&self, hash: u64) {
        if let Some(bucket) = self.buckets.get(self.home(hash)) {
            fetch_ahead(bucket);
        }
    }

    /// Where the entry is that expires first, of those that `may` go, given their hashes; also its deadline.
    pub(crate) fn soonest(
        &mut self,
        hash: impl Fn(&[u8]) -> u64,
        may: impl Fn(u64) -> bool,
    ) -> Option<(u64, u64, Place)> {
        while let Some((at, bound)) = self.due.first() {
            let (slot, deadline) = self.first_in(at).unwrap_or((0, NEVER));
            if deadline > bound {
                // The bound was too early: nothing there is due by then any more.
                self.due.set(at, deadline);
                continue;
            }
            let place = Place { at, slot };
            let found = hash(self.get(place).key());
            if may(found) {
                return Some((deadline, found, place));
            }
            return self.soonest_of_all(hash, may);
        }
        None
    }

    /// The first entry of bucket `at` to expire, and when.
    fn first_in(&self, at: usize) -> Option<(usize, u64)> {
        let bucket = self.buckets.get(at)?;
        let timed = bucket.occupied().filter_map(|slot| Some((slot, bucket.get(slot)?.deadline())));
        timed.filter(|(_, deadline)| *deadline != 0).min_by_key(|(_, deadline)| *deadline)
    }

    /// [`Generation::soonest`] when the first of all may not go: looks at every bucket.
    #[cold]
    fn soonest_of_all(&self, hash: impl Fn(&[u8]) -> u64, may: impl Fn(u64) -> bool) -> Option<(u64, u64, Place)> {
        let mut first: Option<(u64, u64, Place)> = None;
        for (at, bucket) in self.buckets.iter().enumerate() {
            for slot in bucket.occupied() {
                let Some(item) = bucket.get(slot) else { continue };
                let deadline = item.deadline();
                if deadline == 0 || first.is_some_and(|(least, ..)| least <= deadline) {
                    continue;
                }
                let hash = hash(item.key());
                if may(hash) {
                    first = Some((deadline, hash, Place { at, slot }));
                }
            }
        }
        first
    }

    /// Adds an entry whose key is not there, when there is room, which the table sees to.
    #[inline]
    pub(crate) fn insert(&mut self, hash: u64, item: Item) {
        let mut at = self.home(hash);
        loop {
            self.reach(at);
            let bucket = &mut self.buckets[at];
            if let Some(slot) = bucket.free() {
                let deadline = item.deadline();
                bucket.put(slot, tag(hash), item);
                return self.note(at, deadline);
            }
            bucket.pass();
            at = self.after(at);
        }
    }

    /// Says that the entry in bucket `at` now expires at `deadline`; 0 for never.
    #[inline]
    pub(crate) fn note(&mut self, at: usize, deadline: u64) {
        if deadline != 0 {
            self.due.note(at, deadline, 1 << self.bits);
        }
    }

    /// Takes the entry with `hash` out of `place`.
    #[inline]
    pub(crate) fn remove(&mut self, hash: u64, place: Place) -> Item {
        let mut at = self.home(hash);
        while at != place.at {
            self.buckets[at].unpass();
            at = self.after(at);
        }
        self.buckets[at].take(place.slot).expect("invariant: a place names an entry")
    }

    /// Visits the entries that live in `home`, wherever they are, with their hashes, which `hash` takes from the keys.
    pub(crate) fn visit_home(&self, home: usize, hash: impl Fn(&[u8]) -> u64, mut visit: impl FnMut(u64, &Item)) {
        let mut at = home;
        while let Some(bucket) = self.buckets.get(at) {
            bucket.fetch_entries_ahead();
            for item in bucket.occupied().filter_map(|slot| bucket.get(slot)) {
                let hash = hash(item.key());
                if self.home(hash) == home {
                    visit(hash, item);
                }
            }
            at = self.after(at);
            if !bucket.is_passed() || at == home {
                return;
            }
        }
    }

    /// Moves the entries that live in `home` out to `to`.
    pub(crate) fn drain_home(&mut self, home: usize, hash: impl Fn(&[u8]) -> u64, mut to: impl FnMut(u64, Item)) {
        let mut at = home;
        while let Some(bucket) = self.buckets.get(at) {
            bucket.fetch_entries_ahead();
            for slot in bucket.occupied() {
                let hash = hash(self.get(Place { at, slot }).key());
                if self.home(hash) == home {
                    to(hash, self.remove(hash, Place { at, slot }));
                }
            }
            // Entries further on still count here; those taken do not any more.
            let is_passed = self.buckets[at].is_passed();
            at = self.after(at);
            if !is_passed || at == home {
                return;
            }
        }
    }

    /// The entry in a slot that `seed` picks, when one is there: each entry of a complete array is as likely.
    pub(crate) fn sample(&self, home: usize, seed: u64) -> Option<&Item> {
        self.buckets.get(home)?.get((seed % super::bucket::SLOTS as u64) as usize)
    }

    /// Moves what is due at `now` out to `to`, from bucket `from` on, until `buckets` buckets have been looked at;
    /// returns where to go on.
    pub(crate) fn reap(
        &mut self,
        mut from: usize,
        now: u64,
        buckets: &mut usize,
        hash: impl Fn(&[u8]) -> u64,
        mut to: impl FnMut(Item),
    ) -> Option<usize> {
        while let Some(at) = self.due.next(from, now) {
            if *buckets == 0 {
                return Some(at);
            }
            *buckets -= 1;
            let mut bound = NEVER;
            for slot in self.buckets.get(at).map(Bucket::occupied).into_iter().flatten() {
                let place = Place { at, slot };
                match self.get(place).deadline() {
                    0 => {}
                    deadline if deadline <= now => to(self.remove(hash(self.get(place).key()), place)),
                    deadline => bound = bound.min(deadline),
                }
            }
            self.due.set(at, bound);
            from = at + 1;
        }
        None
    }

    /// Visits up to `limit` entries that are due at `now`, and puts the bounds of their buckets right; returns how many.
    pub(crate) fn due(&mut self, now: u64, limit: usize, visit: &mut impl FnMut(&Item)) -> usize {
        let (mut from, mut found) = (0, 0);
        while found < limit
            && let Some(at) = self.due.next(from, now)
        {
            let mut bound = NEVER;
            let items = self.buckets.get(at).into_iter().flat_map(|it| it.occupied().filter_map(|slot| it.get(slot)));
            for item in items.filter(|item| item.deadline() != 0) {
                bound = bound.min(item.deadline());
                if item.deadline() <= now && found < limit {
                    visit(item);
                    found += 1;
                }
            }
            self.due.set(at, bound);
            from = at + 1;
        }
        found
    }

    /// No later than the earliest deadline.
    pub(crate) fn earliest(&self) -> u64 {
        self.due.earliest()
    }

    /// Bytes on the heap that a generation of 2^bits buckets will take; with deadlines as this one has.
    pub(crate) fn heap_size_of(&self, bits: u32) -> usize {
        (size_of::<Bucket>() << bits) + self.due.heap_size_of(1 << bits)
    }

    /// Bytes on the heap.
    #[inline]
    pub(crate) fn heap_size(&self) -> usize {
        self.buckets.capacity() * size_of::<Bucket>() + self.due.heap_size()
    }
}
