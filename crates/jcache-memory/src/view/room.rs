//! Room for a change, under a bound: found before anything is changed, and put in order after.
//!
//! A view looks for room while it holds the locks of its command. Another shard it only asks when that one's lock is free
//! just then, so nobody ever waits in a circle. When a lot is missing it gives up instead: the engine then makes room
//! without holding anything (`engine/bounded.rs`) and runs the command once more, which has changed nothing so far.

use std::cell::Cell;

use jcache_core::{Result, Timestamp};
use smallvec::SmallVec;

use super::{Hold, View, now_of};
use crate::bound::Budget;
use crate::engine::{Engine, Growth, Keyed};
use crate::removal::Removal;
use crate::shard::{Garbage, Shard, weight};
use crate::table::Item;

/// Bytes that are evicted while the locks of a command are held; more than some ten microseconds' worth are not.
pub(crate) const AT_ONCE: usize = 32 << 10;

/// A command that only moves what is there may grow a collection by one in so many bytes of the bound, room or not; when a
/// table doubles that is more than that, it is refused like any other.
const CREDIT: usize = 256;

/// Entries that one shard gives up for another at a time.
const FROM_ANOTHER: usize = 64;

/// Bytes of an area that no shard has leased.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Purse {
    pub(crate) area: usize,
    pub(crate) bytes: usize,
}

/// What a command did not find.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Want {
    pub(crate) area: usize,
    /// Bytes that are missing, of so many that the command grows by.
    pub(crate) bytes: usize,
    pub(crate) growth: usize,
}

/// What a view under a bound knows.
#[derive(Debug, Default)]
pub(crate) struct Room {
    /// The hashes of the command's keys, which are not evicted for it.
    pub(crate) own: SmallVec<[u64; 4]>,
    /// Leased for this command, and not by any of its shards.
    pub(crate) purse: Purse,
    /// A change that finds no room is made all the same: the command has begun, or takes no more room than it gives.
    pub(crate) is_forced: bool,
    /// Nobody will gather room for it: it is to find what it can.
    pub(crate) is_last: bool,
    /// What it gave up on.
    pub(crate) wanted: Want,
}

/// What eviction under locks needs besides a shard.
pub(crate) struct Hand<'h> {
    pub(crate) engine: &'h Engine,
    /// The hashes of the command's keys.
    pub(crate) own: &'h [u64],
    pub(crate) now: &'h Cell<Option<Timestamp>>,
    pub(crate) garbage: &'h mut Vec<Garbage>,
}

impl Hand<'_> {
    fn evict(&mut self, shard: &mut Shard) -> bool {
        // Most commands evict nobody, or nobody with a deadline, and need not know the time.
        let now = || now_of(self.engine, self.now).as_millis();
        let Some(item) = shard.evict(now, self.own) else { return false };
        self.engine.let_go(item, now, self.garbage);
        true
    }

    /// What `shard` can give away of `bytes`, after it has evicted some entries.
    fn take_from(&mut self, shard: &mut Shard, budget: &Budget, bytes: usize) -> usize {
        let (mut entries, before) = (0, shard.slack().min(0));
        let lacks = |shard: &Shard, entries| shard.slack() < bytes as isize && entries < FROM_ANOTHER;
        // A table that becomes smaller on the way takes room at first. That has to be found here: nobody comes back for it.
        while (lacks(shard, entries) || shard.slack() < before) && self.evict(shard) {
            entries += 1;
        }
        let taken = shard.cut_lease(bytes);
        shard.publish(budget);
        taken
    }

    /// The same of shard `index`, unless somebody else is busy there.
    fn take_from_other(&mut self, hold: &mut Hold<'_>, budget: &Budget, index: usize, bytes: usize) -> usize {
        match held(self.engine, hold, index) {
            Some(shard) => self.take_from(shard, budget, bytes),
            None => match self.engine.try_lock(index) {
                Some(mut shard) => {
                    let taken = self.take_from(&mut shard, budget, bytes);
                    // Nobody else puts it in order.
                    shard.square(budget);
                    taken
                }
                None => 0,
            },
        }
    }

    /// Looks for room for shard `index` to grow by `growth` bytes, for an entry that `is_new` or one that is there, without
    /// evicting for what it would not find; returns how many are missing. `is_last`: it is to find what it can.
    pub(crate) fn look(
        &mut self,
        hold: &mut Hold<'_>,
        purse: &mut Purse,
        index: usize,
        (growth, is_new): (usize, bool),
        is_last: bool,
    ) -> usize {
        let Some(budget) = self.engine.budget(index) else { return 0 };
        let at_once = if is_last { usize::MAX } else { AT_ONCE.min(budget.max() / 8) };
        let missing = self.search(hold, purse, index, growth, at_once);
        if missing > 0 || !is_new {
            return missing;
        }
        let Some(shard) = held(self.engine, hold, index) else { return 0 };
        let need = match shard.table.growth_ahead() {
            0 => return 0,
            ahead => growth + ahead,
        };
        // A larger table is for when there is room anyway; else the entry takes the place of another, or the table is
        // filled to the brim.
        let Ok(missing @ 1..) = usize::try_from(need as isize - shard.slack()) else { return 0 };
        match budget.lease(missing) {
            Some(leased) => shard.add_lease(leased),
            None if self.evict(shard) || !shard.table.is_brimful() => {}
            None => return self.search(hold, purse, index, need, at_once),
        }
        0
    }

    /// Leaves shard `index` with no more than it has leased, come what may.
    pub(crate) fn make_up(&mut self, hold: &mut Hold<'_>, purse: &mut Purse, index: usize) {
        let missing = self.search(hold, purse, index, 0, usize::MAX);
        if let (Some(budget), Some(shard)) = (self.engine.budget(index), held(self.engine, hold, index)) {
            if missing > 0 {
                budget.overdraw(missing);
                shard.add_lease(missing);
            }
            shard.publish(budget);
        }
    }

    /// Looks for `need` bytes that shard `index` has not leased yet; returns how many are missing.
    fn search(&mut self, hold: &mut Hold<'_>, purse: &mut Purse, index: usize, need: usize, at_once: usize) -> usize {
        let area = self.engine.area(index);
        let (shards, Some(budget)) = (&self.engine.areas[area].shards, self.engine.areas[area].budget()) else {
            return 0;
        };
        loop {
            let Some(shard) = held(self.engine, hold, index) else { return need };
            let Ok(missing @ 1..) = usize::try_from(need as isize - shard.slack()) else { return 0 };
            let from_purse = if purse.area == area { missing.min(purse.bytes) } else { 0 };
            if from_purse > 0 {
                purse.bytes -= from_purse;
                shard.add_lease(from_purse);
            } else if let Some(leased) = budget.lease(missing) {
                shard.add_lease(leased);
            } else if missing > at_once {
                return missing;
            } else {
                let richest = budget.richest_for(index);
                let wanted = missing + budget.chunk();
                let taken = richest.map_or(0, |richest| self.take_from_other(hold, budget, richest, wanted));
                let Some(shard) = held(self.engine, hold, index) else { return need };
                shard.add_lease(taken);
                if taken == 0 && !self.evict(shard) {
                    // The shard itself has nobody left that may go.
                    let mut found = 0;
                    for other in (index + 1..shards.end).chain(shards.start..index) {
                        if found >= missing {
                            break;
                        }
                        found += self.take_from_other(hold, budget, other, missing - found);
                    }
                    found += budget.lease_some(missing.saturating_sub(found));
                    let Some(shard) = held(self.engine, hold, index) else { return need };
                    shard.add_lease(found);
                    if found == 0 {
                        return missing;
                    }
                }
            }
        }
    }
}

/// The shard `index`, if it is held.
pub(crate) fn held<'h>(engine: &Engine, hold: &'h mut Hold<'_>, index: usize) -> Option<&'h mut Shard> {
    match hold {
        Hold::One { shard, hash } => (engine.index(*hash) == index).then_some(shard),
        Hold::Many(shards) => {
            let position = shards.binary_search_by_key(&index, |(index, _)| *index).ok()?;
            Some(&mut shards[position].1)
        }
        Hold::Each => None,
    }
}

impl<'a> View<'a> {
    /// A view under a bound.
    #[inline]
    pub(crate) fn bounded(engine: &'a Engine, hold: Hold<'a>, now: Option<Timestamp>, room: Room) -> Self {
        Self { room: Some(room), ..Self::new(engine, hold, now) }
    }

    /// The hashes of the command's keys, for the next view of the same command.
    pub(crate) fn take_own(&mut self) -> SmallVec<[u64; 4]> {
        self.room.as_mut().map(|room| std::mem::take(&mut room.own)).unwrap_or_default()
    }

    /// What eviction needs, with the rest of the view.
    fn hand<R>(&mut self, act: impl FnOnce(&mut Hand<'_>, &mut Hold<'a>, &mut Room) -> R) -> Option<R> {
        self.seen.set(None);
        let room = self.room.as_mut()?;
        let own = std::mem::take(&mut room.own);
        let mut hand = Hand { engine: self.engine, own: &own, now: &self.now, garbage: &mut self.garbage };
        let result = act(&mut hand, &mut self.hold, room);
        room.own = own;
        Some(result)
    }

    /// Sees that the shard of `hash` may grow by `growth` bytes, for an entry that is `new` or one that is there.
    ///
    /// # Errors
    /// Out of memory.
    #[inline]
    pub(super) fn make_room(&mut self, hash: u64, growth: usize, new: bool) -> Result<()> {
        if self.room.is_none() {
            return Ok(());
        }
        let (shard, _) = self.shard_mut(hash);
        if shard.slack() >= growth as isize && !(new && shard.table.growth_ahead() > 0) {
            return Ok(());
        }
        self.look_for_room(hash, growth, new)
    }

    #[cold]
    fn look_for_room(&mut self, hash: u64, growth: usize, new: bool) -> Result<()> {
        let index = self.engine.index(hash);
        let area = self.engine.area(index);
        let Some(budget) = self.engine.budget(index) else { return Ok(()) };
        let missing = self.hand(|hand, hold, room| {
            let missing = hand.look(hold, &mut room.purse, index, (growth, new), room.is_last);
            room.wanted = Want { area, bytes: if room.is_last { 0 } else { missing }, growth };
            missing > 0 && !room.is_forced
        });
        if missing == Some(true) { Err(budget.out_of_memory()) } else { Ok(()) }
    }

    /// Sees that there is room for what `keyed` adds to what is there, before it changes anything: later it cannot be
    /// refused any more. What it puts there whole is seen to when it does.
    pub(crate) fn provide(&mut self, keyed: &impl Keyed) -> Result<()> {
        let growth = keyed.growth();
        if self.room.is_none() || growth == Growth::None {
            self.force(true);
            return Ok(());
        }
        // What moves, moves to the last key.
        let Some((first, last)) = self.room.as_ref().and_then(|room| Some((*room.own.first()?, *room.own.last()?)))
        else {
            return Ok(());
        };
        let area = |hash: u64| self.engine.area(self.engine.index(hash));
        let ahead = self.unnoticed(|view| keyed.growth_ahead(view));
        match growth {
            Growth::About(bytes) => {
                self.force(false);
                let mut keys = self.room.as_ref().map(|room| room.own.clone()).unwrap_or_default();
                keys.sort_unstable_by_key(|hash| area(*hash));
                keys.dedup_by_key(|hash| area(*hash));
                for hash in keys {
                    self.make_room(hash, bytes, true)?;
                }
                self.force(true);
            }
            Growth::Move => {
                let leaves = area(first) != area(last);
                let comes = ahead.or_else(|| leaves.then(|| self.weight_of_first(keyed)));
                let credit = self.engine.budget(self.engine.index(last)).map_or(usize::MAX, |it| it.max() / CREDIT);
                self.force(comes.is_none_or(|bytes| bytes <= credit));
                self.make_room(last, comes.unwrap_or(0), false)?;
                self.force(true);
            }
            Growth::None | Growth::Exact => {
                self.force(false);
                if let Some(bytes) = ahead {
                    self.make_room(last, bytes, false)?;
                    self.force(true);
                }
            }
        }
        Ok(())
    }

    /// What the first key of `keyed` keeps in memory.
    fn weight_of_first(&self, keyed: &impl Keyed) -> usize {
        let mut first = None;
        keyed.visit_keys(|key| first = first.or(Some(key)));
        let item = first.and_then(|key| self.place(key)).map(|(shard, hash, place)| shard.table.get(hash, place));
        item.map_or(0, weight)
    }

    /// Says whether the next changes are made also when they find no room.
    fn force(&mut self, is_forced: bool) {
        if let Some(room) = &mut self.room {
            room.is_forced = is_forced;
        }
    }

    /// Goes on as a command that may not fail for lack of room, and whose keys are these too.
    pub(crate) fn oblige<'k>(&mut self, keys: impl Iterator<Item = &'k [u8]>) {
        let seed = &self.engine.seed;
        if let Some(room) = &mut self.room {
            room.own.extend(keys.map(|key| seed.hash(key)));
            (room.is_forced, room.is_last) = (true, true);
        }
    }

    /// What a command gave up on, for the engine to gather.
    pub(crate) fn wanted(&self) -> Want {
        self.room.as_ref().map_or_else(Want::default, |room| room.wanted)
    }

    /// Leaves every shard with no more than it has leased, and about a chunk to spare.
    #[inline]
    pub(crate) fn settle(&mut self) {
        if !self.is_settled() {
            self.settle_up();
        }
    }

    /// Whether there is nothing to put in order, which is how most commands of one key end; tells the budget what it has
    /// to know.
    #[inline]
    fn is_settled(&mut self) -> bool {
        let (Hold::One { shard, hash }, Some(room)) = (&mut self.hold, &self.room) else { return false };
        let Some(budget) = self.engine.budget(self.engine.index(*hash)) else { return room.purse.bytes == 0 };
        let is_settled = room.purse.bytes == 0 && budget.debt() == 0 && shard.is_at_ease(budget);
        if is_settled {
            shard.publish(budget);
        }
        is_settled
    }

    #[inline(never)]
    fn settle_up(&mut self) {
        self.hand(|hand, hold, room| {
            let indexes: SmallVec<[usize; 4]> = match hold {
                Hold::One { hash, .. } => SmallVec::from_slice(&[hand.engine.index(*hash)]),
                Hold::Many(shards) => shards.iter().map(|(index, _)| *index).collect(),
                Hold::Each => SmallVec::new(),
            };
            let mut lacking = false;
            for index in &indexes {
                let Some(budget) = hand.engine.budget(*index) else { continue };
                let Some(shard) = held(hand.engine, hold, *index) else { continue };
                budget.give_back(shard.spare(budget));
                let debt = budget.debt().min(AT_ONCE);
                if debt > 0 {
                    budget.give_back(hand.take_from(shard, budget, debt));
                }
                lacking |= shard.slack() < 0;
            }
            for index in indexes {
                if lacking {
                    hand.make_up(hold, &mut room.purse, index);
                } else if let Some(budget) = hand.engine.budget(index)
                    && let Some(shard) = held(hand.engine, hold, index)
                {
                    shard.publish(budget);
                }
            }
            let purse = std::mem::take(&mut room.purse);
            if let Some(budget) = hand.engine.areas[purse.area].budget() {
                budget.give_back(purse.bytes);
            }
        });
    }
}

impl Engine {
    /// Takes leave of an entry that was removed because it was due or to make room.
    pub(crate) fn let_go(&self, item: Item, now: impl FnOnce() -> u64, garbage: &mut Vec<Garbage>) {
        match &self.removals {
            None if item.as_object().is_none() => drop(item),
            None => garbage.push(Garbage::Item(item)),
            Some(removals) => {
                let removal = if crate::shard::is_due(&item, now) { Removal::Expired } else { Removal::Evicted };
                removals.note(item, removal, garbage);
            }
        }
    }
}
