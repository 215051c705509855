//! Another bound, or another policy, while the cache is in use.
//!
//! A bound that becomes smaller leaves a debt in its budget. Commands that need room pay it off, as any debt; so that it is
//! paid also when nobody writes, a thread does the same for as long as it takes, a few entries at a time.
//!
//! A cache without a bound has shards without a lease and without a policy. They get them one after the other, and only
//! when all have them do commands begin to go by the bound. A command that began before that may still put something into
//! a shard that has its lease; it is squared afterwards, or by the next command of that shard.

use std::sync::Arc;
use std::thread;

use jcache_core::{Error, ErrorKind, Result};

use super::Engine;
use crate::bound::{Budget, Eviction};
use crate::sync::Ordering;

/// Entries that are evicted under one lock.
const BATCH: usize = 64;

impl Engine {
    /// Makes `max` the bound of all areas together.
    ///
    /// # Errors
    /// When the quotas leave nothing of it.
    pub(crate) fn set_max(self: &Arc<Self>, max: Option<usize>) -> Result<()> {
        let _alone = self.rebinding.lock();
        let reserved: usize = self.areas[1..].iter().filter_map(|area| Some(area.budget()?.max())).sum();
        let rest = match max.map(|max| max.checked_sub(reserved).filter(|rest| *rest > 0)) {
            None => None,
            Some(Some(rest)) => Some(rest),
            Some(None) => {
                let text = format!("the quotas leave nothing of max_memory, {} bytes", max.unwrap_or(0));
                return Err(Error::new(ErrorKind::Configuration, text));
            }
        };
        match (self.areas[0].budget(), rest) {
            (Some(budget), rest) => budget.set_max(rest),
            (None, Some(rest)) => self.bind(rest),
            (None, None) => {}
        }
        self.pay_off();
        Ok(())
    }

    /// Gives the area of keys without a namespace its first bound.
    fn bind(&self, max: usize) {
        let area = &self.areas[0];
        let budget = Budget::new(max, area.shards.clone(), None);
        let eviction = Eviction::numbered(self.eviction.load(Ordering::Relaxed));
        for index in area.shards.clone() {
            self.lock(index).become_bounded(index, &budget, eviction);
        }
        let budget = area.budget.get_or_init(|| budget);
        self.is_bounded.store(true, Ordering::Release);
        for index in area.shards.clone() {
            self.lock(index).square(budget);
        }
    }

    /// Evicts by another policy from here on.
    pub(crate) fn set_eviction(self: &Arc<Self>, eviction: Eviction) {
        let _alone = self.rebinding.lock();
        if self.eviction.swap(eviction.number(), Ordering::Relaxed) == eviction.number() {
            return;
        }
        for index in 0..self.shards() {
            let Some(budget) = self.budget(index) else { continue };
            let mut shard = self.lock(index);
            shard.evict_by(eviction);
            // Its queues are part of what is in use.
            shard.square(budget);
        }
        self.pay_off();
    }

    /// Lets a thread pay off what areas are in debt, if they are.
    fn pay_off(self: &Arc<Self>) {
        if !self.areas.iter().any(|area| area.budget().is_some_and(|budget| budget.debt() > 0)) {
            return;
        }
        let engine = Arc::downgrade(self);
        let pay = move || {
            while engine.upgrade().is_some_and(|engine| engine.pay_some()) {
                thread::yield_now();
            }
        };
        // Without the thread it is the commands' part alone.
        let _ = thread::Builder::new().name("jcache-bound".into()).spawn(pay);
    }

    /// Evicts some entries of each shard whose area is in debt; false when there is nothing left to do.
    fn pay_some(&self) -> bool {
        let now = self.clock.now().as_millis();
        // Who evicted has come closer, also when nothing was paid: a table that becomes smaller takes room at first.
        let mut is_closer = false;
        for index in 0..self.shards() {
            let Some(budget) = self.budget(index) else { continue };
            let debt = budget.debt();
            if debt == 0 {
                continue;
            }
            // Each pays its part, so that no shard bears more than others.
            let part = debt.div_ceil(self.areas[self.area(index)].shards.len());
            let mut garbage = Vec::new();
            let mut shard = self.lock(index);
            shard.square(budget);
            let mut entries = 0;
            while shard.slack() < part as isize && entries < BATCH {
                let Some(item) = shard.evict(|| now, &[]) else { break };
                self.let_go(item, || now, &mut garbage);
                entries += 1;
            }
            let given = shard.cut_lease(debt);
            // What such a table takes is owed as well.
            shard.square(budget);
            drop(shard);
            budget.give_back(given);
            is_closer |= entries > 0 || given > 0;
        }
        self.tell();
        is_closer
    }
}

#[cfg(test)]
mod tests {
    use jcache_core::{Arg, Driver, Mutation};

    use crate::{Eviction, Memory};

    /// The table halves several times on the way, and takes more than a batch of entries gives.
    #[test]
    fn a_debt_is_paid_to_the_end() {
        for eviction in [Eviction::S3Fifo, Eviction::Lru, Eviction::Lfu, Eviction::Random] {
            let memory = Memory::builder().shards(1).max_memory(8 << 20).eviction(eviction).build();
            let engine = &memory.0;
            for number in 0..60_000 {
                let args: [Arg<'_>; 3] = ["SET".into(), format!("key:{number}").into(), "x".repeat(20).into()];
                memory.try_mutate(&Mutation::parse(&args).expect("a command")).expect("at once").expect("room");
            }
            let budget = engine.budget(0).expect("a bound");
            for max in [2 << 20, 400 << 10, 70 << 10, 1] {
                budget.set_max(Some(max));
                while engine.pay_some() {}
                if max == 1 {
                    assert!(memory.is_empty(), "{eviction}");
                } else {
                    assert_eq!(budget.debt(), 0, "{eviction}, {max} bytes");
                    assert!(memory.memory_used() <= max, "{eviction}: {} bytes of {max}", memory.memory_used());
                }
            }
        }
    }
}
