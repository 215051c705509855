//! What a view does more for a replica: removing what is due, keeping books without a bound, freeing elsewhere.

use std::thread;

use jcache_core::Value;

use super::{Hold, View};
use crate::engine::Keyed;
use crate::shard::{Garbage, Shard};

/// Entries that are freed within about a millisecond.
const AT_ONCE: usize = 10_000;

impl View<'_> {
    /// Removes those keys of `keyed` that are due, and adds them to `due`.
    #[inline]
    pub(crate) fn remove_due(&mut self, keyed: &impl Keyed, due: &mut Vec<Value>) {
        keyed.visit_keys(|key| {
            // What lives is found again without looking for it.
            if self.place(key).is_some() {
                return;
            }
            let (shard, hash) = self.shard(key);
            if let Some(place) = shard.table.place(hash, key) {
                due.push(key.0.to_value());
                let (shard, garbage) = self.shard_mut(hash);
                garbage.push(Garbage::Item(shard.remove(hash, place)));
                shard.counts.expirations += 1;
            }
        });
    }

    /// Books what was changed without regard to the bound, so that who evicts later knows how much there is to evict.
    pub(crate) fn settle_freely(&mut self) {
        let engine = self.engine;
        if !engine.is_bounded() {
            return;
        }
        let settle = |index: usize, shard: &mut Shard| {
            let Some(budget) = engine.budget(index) else { return };
            match usize::try_from(-shard.slack()) {
                Ok(missing @ 1..) => {
                    let leased = budget.lease(missing).unwrap_or_else(|| {
                        budget.overdraw(missing);
                        missing
                    });
                    shard.add_lease(leased);
                }
                _ => budget.give_back(shard.spare(budget)),
            }
            shard.publish(budget);
        };
        match &mut self.hold {
            Hold::One { shard, hash } => settle(engine.index(*hash), shard),
            Hold::Many(shards) => shards.iter_mut().for_each(|(index, shard)| settle(*index, shard)),
            Hold::Each => {}
        }
    }

    /// Lets go of the locks, and then frees what was removed. In a replica that is not the business of the one writer when
    /// it takes long.
    #[inline]
    pub(crate) fn release(self) {
        let Self { engine, hold, garbage, .. } = self;
        drop(hold);
        if !engine.expiry.is_on() && garbage.iter().map(Garbage::entries).sum::<usize>() > AT_ONCE {
            free_elsewhere(garbage);
        }
    }
}

/// Drops `what` in a thread of its own; here when there can be none.
pub(crate) fn free_elsewhere<T: Send + 'static>(what: T) {
    // A thread that cannot be made drops what it was to drop.
    let _ = thread::Builder::new().name("jcache-free".into()).spawn(move || drop(what));
}
