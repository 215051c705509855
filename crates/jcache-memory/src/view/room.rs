//! Room for a change, under a bound: found before anything is changed, and put in order after.
//!
//! A view looks for room while it holds the locks of its command. Another shard it only asks when that one's lock is free
//! just then, so nobody ever waits in a circle. When a lot is missing it gives up instead: the engine then makes room
//! without holding anything (`engine/gather.rs`) and runs the command once more, which has changed nothing so far.

use jcache_core::Result;
use smallvec::SmallVec;

use super::{Hold, View};
use crate::bound::{Budget, out_of_memory};
use crate::engine::Engine;
use crate::removal::Removal;
use crate::shard::{Garbage, Shard};
use crate::table::Item;

/// Bytes that are evicted while the locks of a command are held; more than some ten microseconds' worth are not.
const AT_ONCE: usize = 32 << 10;

/// Entries that one shard gives up for another at a time.
const FROM_ANOTHER: usize = 64;

/// What a view under a bound knows.
#[derive(Debug, Default)]
pub(crate) struct Room {
    /// The hashes of the command's keys, which are not evicted for it.
    pub(crate) own: SmallVec<[u64; 4]>,
    /// Leased for this command, and not by any of its shards.
    pub(crate) purse: usize,
    /// A change that finds no room is made all the same: the command has begun, or takes no more room than it gives.
    pub(crate) is_forced: bool,
    /// Nobody will gather room for it: it is to find what it can.
    pub(crate) is_last: bool,
    /// What it gave up on.
    pub(crate) wanted: usize,
}

/// What eviction under a view needs besides a shard.
struct Hand<'h> {
    engine: &'h Engine,
    budget: &'h Budget,
    own: &'h [u64],
    now: u64,
    garbage: &'h mut Vec<Garbage>,
}

impl Hand<'_> {
    fn evict(&mut self, shard: &mut Shard) -> bool {
        let Some(item) = shard.evict(self.now, self.own) else { return false };
        self.engine.let_go(item, self.now, self.garbage);
        true
    }

    /// What `shard` can give away of `bytes`, after it has evicted some entries.
    fn take_from(&mut self, shard: &mut Shard, bytes: usize) -> usize {
        let mut entries = 0;
        while shard.slack() < bytes as isize && entries < FROM_ANOTHER && self.evict(shard) {
            entries += 1;
        }
        let taken = shard.cut_lease(bytes);
        shard.publish(self.budget);
        taken
    }

    /// The same of shard `index`, unless somebody else is busy there.
    fn take_from_other(&mut self, hold: &mut Hold<'_>, index: usize, bytes: usize) -> usize {
        match held(self.engine, hold, index) {
            Some(shard) => self.take_from(shard, bytes),
            None => match self.engine.try_lock(index) {
                Some(mut shard) => self.take_from(&mut shard, bytes),
                None => 0,
            },
        }
    }

    /// Looks for `need` bytes that shard `index` has not leased yet; returns how many are missing.
    fn search(&mut self, hold: &mut Hold<'_>, purse: &mut usize, index: usize, need: usize, at_once: usize) -> usize {
        let shards = self.engine.shards();
        loop {
            let Some(shard) = held(self.engine, hold, index) else { return need };
            let Ok(missing @ 1..) = usize::try_from(need as isize - shard.slack()) else { return 0 };
            let from_purse = missing.min(*purse);
            if from_purse > 0 {
                *purse -= from_purse;
                shard.add_lease(from_purse);
            } else if let Some(leased) = self.budget.lease(missing) {
                shard.add_lease(leased);
            } else if missing > at_once {
                return missing;
            } else {
                let richest = self.budget.richest_for(index);
                let wanted = missing + self.budget.chunk;
                let taken = richest.map_or(0, |richest| self.take_from_other(hold, richest, wanted));
                let Some(shard) = held(self.engine, hold, index) else { return need };
                shard.add_lease(taken);
                if taken == 0 && !self.evict(shard) {
                    // The shard itself has nobody left that may go.
                    let mut found = 0;
                    for other in (1..shards).map(|step| (index + step) % shards) {
                        if found >= missing {
                            break;
                        }
                        found += self.take_from_other(hold, other, missing - found);
                    }
                    found += self.budget.lease_some(missing.saturating_sub(found));
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
fn held<'h>(engine: &Engine, hold: &'h mut Hold<'_>, index: usize) -> Option<&'h mut Shard> {
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
    pub(crate) fn bounded(engine: &'a Engine, hold: Hold<'a>, now: Option<jcache_core::Timestamp>, room: Room) -> Self {
        Self { room: Some(room), ..Self::new(engine, hold, now) }
    }

    /// What eviction needs, with the rest of the view.
    fn hand<R>(&mut self, act: impl FnOnce(&mut Hand<'_>, &mut Hold<'a>, &mut Room) -> R) -> Option<R> {
        let now = self.now().as_millis();
        self.seen.set(None);
        let (room, budget) = (self.room.as_mut()?, self.engine.budget.as_ref()?);
        let own = std::mem::take(&mut room.own);
        let mut hand = Hand { engine: self.engine, budget, own: &own, now, garbage: &mut self.garbage };
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
        let missing = self.hand(|hand, hold, room| {
            let mut need = growth;
            if let Some(shard) = held(hand.engine, hold, index).filter(|_| new)
                && let ahead @ 1.. = shard.table.growth_ahead()
            {
                // A larger table is for when there is room anyway; else the entry takes the place of another.
                let missing = usize::try_from((growth + ahead) as isize - shard.slack()).unwrap_or(0);
                match hand.budget.lease(missing) {
                    Some(leased) => shard.add_lease(leased),
                    None if hand.evict(shard) => {}
                    None => need += ahead,
                }
            }
            let at_once = if room.is_last { usize::MAX } else { AT_ONCE.min(hand.budget.max / 8) };
            let missing = hand.search(hold, &mut room.purse, index, need, at_once);
            room.wanted = if room.is_last { 0 } else { missing };
            missing > 0 && !room.is_forced
        });
        if missing == Some(true) { Err(out_of_memory()) } else { Ok(()) }
    }

    /// Sees that there is room for `bytes` before a command changes anything that cannot be refused later.
    pub(crate) fn reserve(&mut self, bytes: usize) -> Result<()> {
        let Some(hash) = self.room.as_ref().and_then(|room| room.own.first().copied()) else { return Ok(()) };
        self.reserve_at(hash, bytes)
    }

    /// [`View::reserve`] in the shard of `hash`.
    pub(crate) fn reserve_at(&mut self, hash: u64, bytes: usize) -> Result<()> {
        let found = self.make_room(hash, bytes, true);
        self.force(true);
        found
    }

    /// Says whether the next changes are made also when they find no room.
    pub(crate) fn force(&mut self, is_forced: bool) {
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

    /// Bytes that a command gave up on, for the engine to gather.
    pub(crate) fn wanted(&self) -> usize {
        self.room.as_ref().map_or(0, |room| room.wanted)
    }

    /// Leaves every shard with no more than it has leased, and about a chunk to spare.
    pub(crate) fn settle(&mut self) {
        self.hand(|hand, hold, room| {
            let budget = hand.budget;
            let indexes: SmallVec<[usize; 4]> = match hold {
                Hold::One { hash, .. } => SmallVec::from_slice(&[hand.engine.index(*hash)]),
                Hold::Many(shards) => shards.iter().map(|(index, _)| *index).collect(),
                Hold::Each => SmallVec::new(),
            };
            let (mut lacking, mut debt) = (false, budget.debt().min(AT_ONCE));
            for index in &indexes {
                let Some(shard) = held(hand.engine, hold, *index) else { continue };
                room.purse += shard.spare(budget);
                if debt > 0 {
                    let paid = hand.take_from(shard, debt);
                    debt -= paid;
                    budget.give_back(paid);
                }
                lacking |= shard.slack() < 0;
            }
            for index in indexes {
                let missing = if lacking { hand.search(hold, &mut room.purse, index, 0, usize::MAX) } else { 0 };
                let Some(shard) = held(hand.engine, hold, index) else { continue };
                if missing > 0 {
                    budget.overdraw(missing);
                    shard.add_lease(missing);
                }
                shard.publish(budget);
            }
            if room.purse > 0 {
                budget.give_back(std::mem::take(&mut room.purse));
            }
        });
    }
}

impl Engine {
    /// Takes leave of an entry that was removed because it was due or to make room.
    pub(crate) fn let_go(&self, item: Item, now: u64, garbage: &mut Vec<Garbage>) {
        match &self.removals {
            None if item.as_object().is_none() => drop(item),
            None => garbage.push(Garbage::Item(item)),
            Some(removals) => {
                let removal = if crate::shard::is_due(&item, now) { Removal::Expired } else { Removal::Evicted };
                removals.note(item, removal);
            }
        }
    }
}
