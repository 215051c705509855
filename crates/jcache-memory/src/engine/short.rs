//! The short way to put a plain string: what `SET key value` does, without a view.
//!
//! It is taken where everything that a command may need besides is out of the question: several shards, the time, a
//! condition, a caller who waits. Under a bound it makes room as a view does (`view/room.rs`) as long as the key's own shard
//! can see to that. Where it does not lead on, the command goes its usual way.

use jcache_core::{Arg, Value};

use super::Engine;
use crate::bound::Budget;
use crate::shard::{Garbage, Known, Shard, weight};
use crate::view::{AT_ONCE, text_weight};

impl Engine {
    /// Makes `key` hold a string without a deadline. False: it is not there yet, and nobody knows of it.
    #[inline]
    pub(crate) fn set(&self, key: &[u8], text: &Arg<'_>) -> bool {
        if text.len() > Value::MAX {
            return false;
        }
        let hash = self.seed.hash(key);
        let index = self.index(hash);
        // It is freed when the lock is released.
        let mut garbage = Vec::new();
        let mut shard = self.lock(index);
        if !self.waiters.is_empty() {
            return false;
        }
        if self.is_bounded()
            && let Some(budget) = self.budget(index)
        {
            let is_put = self.set_within(budget, index, &mut shard, (hash, key), text, &mut garbage);
            drop(shard);
            self.tell();
            return is_put;
        }
        shard.put_text(hash, key, Known::Nothing, text, 0, &mut garbage);
        true
    }

    /// [`Engine::set`] in shard `index`, within its budget.
    fn set_within(
        &self,
        budget: &Budget,
        index: usize,
        shard: &mut Shard,
        (hash, key): (u64, &[u8]),
        text: &Arg<'_>,
        garbage: &mut Vec<Garbage>,
    ) -> bool {
        if budget.debt() > 0 {
            return false;
        }
        let after = text_weight(key, text.len());
        let mut known = Known::Nothing;
        if shard.slack() < after as isize || shard.table.growth_ahead() > 0 {
            let before = shard.table.find(hash, key).map(weight);
            if before.is_none() {
                known = Known::Absent;
            }
            let growth = after.saturating_sub(before.unwrap_or(0));
            if !self.find_room(budget, index, shard, (hash, growth, before.is_none()), garbage) {
                shard.publish(budget);
                return false;
            }
        }
        shard.put_text(hash, key, known, text, 0, garbage);
        // The policy remembers the entry, which may take some room too.
        while let Ok(missing @ 1..) = usize::try_from(-shard.slack()) {
            if let Some(leased) = budget.lease(missing) {
                shard.add_lease(leased);
            } else if !self.evict_for(hash, shard, garbage) {
                budget.overdraw(missing);
                shard.add_lease(missing);
            }
        }
        budget.give_back(shard.spare(budget));
        shard.publish(budget);
        true
    }

    /// Sees that `shard` may grow by `growth`; false when that takes long, or others would have to help.
    fn find_room(
        &self,
        budget: &Budget,
        index: usize,
        shard: &mut Shard,
        (hash, growth, is_new): (u64, usize, bool),
        garbage: &mut Vec<Garbage>,
    ) -> bool {
        if growth > AT_ONCE.min(budget.max() / 8) {
            return false;
        }
        if is_new
            && let ahead @ 1.. = shard.table.growth_ahead()
            && (budget.has((growth + ahead).saturating_sub(usize::try_from(shard.slack()).unwrap_or(0)))
                || !self.evict_for(hash, shard, garbage))
        {
            return false;
        }
        while let Ok(missing @ 1..) = usize::try_from(growth as isize - shard.slack()) {
            if let Some(leased) = budget.lease(missing) {
                shard.add_lease(leased);
            } else if budget.richest_for(index).is_some() || !self.evict_for(hash, shard, garbage) {
                return false;
            }
        }
        true
    }

    /// Evicts an entry, but not that of `hash`; false when there is none that may go.
    fn evict_for(&self, hash: u64, shard: &mut Shard, garbage: &mut Vec<Garbage>) -> bool {
        let now = || self.clock.now().as_millis();
        let Some(item) = shard.evict(now, &[hash]) else { return false };
        self.let_go(item, now, garbage);
        true
    }
}
