//! The short way to put a plain string: what `SET key value` does, without a view.
//!
//! It is taken where everything that a command may need besides is out of the question: several shards, the time, a
//! condition, a caller who waits. Under a bound it makes room as a view does (`view/room.rs`) as long as the key's own shard
//! can see to that. Where it does not lead on, the command goes its usual way.

use std::cell::Cell;

use jcache_core::{Arg, Value};

use super::Engine;
use crate::shard::{Garbage, Known, weight};
use crate::view::{Hand, Hold, Purse, held, text_weight};

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
        if self.is_bounded() && self.budget(index).is_some() {
            let mut hold = Hold::One { shard, hash };
            let is_put = self.set_within(&mut hold, index, (hash, key), text, &mut garbage);
            drop(hold);
            self.tell();
            return is_put;
        }
        shard.put_text(hash, key, Known::Nothing, text, 0, &mut garbage);
        true
    }

    /// [`Engine::set`] in shard `index`, which is held, within its budget.
    fn set_within(
        &self,
        hold: &mut Hold<'_>,
        index: usize,
        (hash, key): (u64, &[u8]),
        text: &Arg<'_>,
        garbage: &mut Vec<Garbage>,
    ) -> bool {
        let (Some(budget), Some(shard)) = (self.budget(index), held(self, hold, index)) else { return false };
        if budget.debt() > 0 {
            return false;
        }
        let after = text_weight(key, text.len());
        let (mut known, mut purse, now) = (Known::Nothing, Purse::default(), Cell::new(None));
        if shard.slack() < after as isize || shard.table.growth_ahead() > 0 {
            let before = shard.table.find(hash, key).map(weight);
            if before.is_none() {
                known = Known::Absent;
            }
            let growth = (after.saturating_sub(before.unwrap_or(0)), before.is_none());
            let mut hand = Hand { engine: self, own: &[hash], now: &now, garbage };
            if hand.look(hold, &mut purse, index, growth, false) > 0 {
                if let Some(shard) = held(self, hold, index) {
                    shard.publish(budget);
                }
                return false;
            }
        }
        let Some(shard) = held(self, hold, index) else { return false };
        shard.put_text(hash, key, known, text, 0, garbage);
        if shard.slack() < 0 {
            // The policy remembers the entry, which may take some room too.
            Hand { engine: self, own: &[hash], now: &now, garbage }.make_up(hold, &mut purse, index);
        }
        let Some(shard) = held(self, hold, index) else { return false };
        budget.give_back(shard.spare(budget));
        shard.publish(budget);
        true
    }
}
