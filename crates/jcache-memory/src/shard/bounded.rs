//! A shard under a bound: how much it has leased of it, and whom it evicts.

use super::{Shard, weight};
use crate::bound::{Budget, Eviction, Policy};
use crate::table::Item;

#[derive(Debug)]
pub(crate) struct Bounded {
    pub(crate) policy: Policy,
    index: usize,
    /// What the shard may keep.
    leased: usize,
    /// What its large entries weigh, and from what weight on an entry is one.
    large: usize,
    large_from: usize,
    /// `large` as the budget knows it, and whether it has to be told anything.
    large_told: usize,
    is_changed: bool,
}

impl Bounded {
    pub(crate) fn new(index: usize, budget: &Budget, eviction: Eviction) -> Self {
        Self {
            policy: Policy::new(eviction, index as u64),
            index,
            leased: 0,
            large: 0,
            large_from: budget.large_from(),
            large_told: 0,
            is_changed: false,
        }
    }

    #[inline]
    pub(super) fn resized(&mut self, marks: u8, before: usize, after: usize) {
        self.policy.resized(marks, before, after);
        if before.max(after) >= self.large_from {
            let large = |weight: usize| if weight >= self.large_from { weight } else { 0 };
            self.large = self.large + large(after) - large(before);
            self.is_changed = true;
        }
    }

    pub(super) fn clear(&mut self) {
        self.policy.clear();
        self.is_changed |= self.large > 0;
        self.large = 0;
    }
}

/// What a shard does only under a bound.
impl Shard {
    fn bound_mut(&mut self) -> &mut Bounded {
        self.bound.as_mut().expect("invariant: the cache has a bound")
    }

    /// What is left of the lease; below zero when more is in use. Without a bound there is no end to it.
    #[inline]
    pub(crate) fn slack(&self) -> isize {
        self.bound.as_ref().map_or(isize::MAX, |bound| bound.leased as isize - self.memory_used() as isize)
    }

    /// Leases what an empty shard takes.
    pub(crate) fn settle_in(&mut self, budget: &Budget) {
        let used = self.memory_used();
        budget.overdraw(used);
        self.add_lease(used);
        self.publish(budget);
    }

    /// Gets a bound with what is there already. O(entries).
    pub(crate) fn become_bounded(&mut self, index: usize, budget: &Budget, eviction: Eviction) {
        let bound = self.bound.insert(Bounded::new(index, budget, eviction));
        let (mut large, mut cursor) = (0, Some(0));
        while let Some(at) = cursor {
            cursor = self.table.visit(at, |_, item| {
                let weight = weight(item);
                large += if weight >= bound.large_from { weight } else { 0 };
            });
        }
        bound.large = large;
        self.adopt();
        self.settle_in(budget);
    }

    /// Evicts by another policy from here on, which begins anew with what is there. O(entries).
    pub(crate) fn evict_by(&mut self, eviction: Eviction) {
        if let Some(bound) = &mut self.bound {
            bound.policy = Policy::new(eviction, bound.index as u64);
            self.adopt();
        }
    }

    /// Tells the policy of the entries that are there.
    fn adopt(&mut self) {
        let Self { table, bound: Some(bound), .. } = self else { return };
        let (mut hashes, mut cursor) = (Vec::with_capacity(table.len()), Some(0));
        while let Some(at) = cursor {
            cursor = table.visit(at, |hash, _| hashes.push(hash));
        }
        for hash in hashes {
            if let Some((hash, place)) = table.named(hash, |hash| hash, |_, _| true) {
                bound.policy.adopt(hash, table.get_mut(hash, place));
            }
        }
    }

    /// Leases what is in use beyond the lease, which the budget may not have; returns how much that was.
    pub(crate) fn square(&mut self, budget: &Budget) -> usize {
        let missing = usize::try_from(-self.slack().max(-isize::MAX)).unwrap_or(0);
        if missing > 0 {
            budget.overdraw(missing);
            self.add_lease(missing);
        }
        self.publish(budget);
        missing
    }

    /// Adds an entry whose key is not there.
    pub(super) fn admit(&mut self, hash: u64, mut item: Item) {
        let weight = weight(&item);
        let Self { table, bound, .. } = self;
        if let Some(bound) = bound {
            bound.policy.admit(hash, &mut item, weight, table);
            // The policy has booked the entry itself.
            if weight >= bound.large_from {
                bound.large += weight;
                bound.is_changed = true;
            }
        }
        self.bytes += weight;
        // A larger table is for when it was leased.
        let may_grow = self.table.growth_ahead() <= usize::try_from(self.slack()).unwrap_or(0);
        self.table.insert_within(hash, item, may_grow);
    }

    /// Takes out the entry that the policy wants to go, none whose hash is in `spared`; `None` when there is none.
    pub(crate) fn evict(&mut self, now: impl FnOnce() -> u64, spared: &[u64]) -> Option<Item> {
        let Self { table, bound, bytes, .. } = self;
        let (hash, place) = bound.as_mut()?.policy.victim(table, *bytes, spared, weight)?;
        let item = self.remove(hash, place);
        if is_due(&item, now) {
            self.counts.expirations += 1;
        } else {
            self.counts.evictions += 1;
        }
        Some(item)
    }

    /// What the entry with this hash weighs; 0 when there is none.
    pub(crate) fn weight_of(&self, hash: u64) -> usize {
        let place = self.table.named(hash, |hash| hash, |_, _| true);
        place.map_or(0, |(hash, place)| weight(self.table.get(hash, place)))
    }

    pub(crate) fn add_lease(&mut self, bytes: usize) {
        let bound = self.bound_mut();
        bound.leased += bytes;
        bound.is_changed = true;
    }

    /// Gives up to `bytes` away that the shard does not use.
    pub(crate) fn cut_lease(&mut self, bytes: usize) -> usize {
        let bytes = bytes.min(usize::try_from(self.slack()).unwrap_or(0));
        let bound = self.bound_mut();
        bound.leased -= bytes;
        bound.is_changed |= bytes > 0;
        bytes
    }

    /// Whether the shard has leased what it uses, and nothing to spare.
    #[inline]
    pub(crate) fn is_at_ease(&self, budget: &Budget) -> bool {
        usize::try_from(self.slack()).is_ok_and(|slack| slack <= 2 * budget.chunk())
    }

    /// Gives away what the shard has to spare: when more than two chunks are left over, all but one.
    #[inline]
    pub(crate) fn spare(&mut self, budget: &Budget) -> usize {
        match usize::try_from(self.slack()) {
            Ok(slack) if slack > 2 * budget.chunk() => self.cut_lease(slack - budget.chunk()),
            _ => 0,
        }
    }

    /// Tells the budget what it has to know.
    #[inline]
    pub(crate) fn publish(&mut self, budget: &Budget) {
        if let Some(bound) = self.bound.as_mut().filter(|bound| bound.is_changed) {
            budget.publish(bound.index, bound.leased, bound.large, bound.large_told);
            (bound.large_told, bound.is_changed) = (bound.large, false);
        }
    }
}

/// Whether the deadline of `item` has come at `now`, which is asked only when there is one.
pub(crate) fn is_due(item: &Item, now: impl FnOnce() -> u64) -> bool {
    item.has_deadline() && item.deadline() <= now()
}
