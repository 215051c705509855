//! What an engine does for a replica: it is told the time, says what it removes, and repeats what another one did.
//!
//! There is one writer, who comes with `&mut Replica`; readers come at any time. So between two locks of the writer nothing
//! changes, and no waiter, reaper or listener has a say.

use jcache_core::command::Mutation;
use jcache_core::{Context, Masked, Reply, Result, Timestamp, Value};

use super::Engine;
use crate::replica::Admits;
use crate::table::{Item, NEVER};
use crate::view::View;

impl Engine {
    /// Runs `mutation` at `context.now`. Those of its keys that are due by then are removed first, and put in `due`.
    ///
    /// # Errors
    /// Those of the command, and out of memory.
    pub(crate) fn change_at(&self, mutation: &Mutation<'_>, context: Context, due: &mut Vec<Value>) -> Result<Reply> {
        let mut run = |view: &mut View<'_>, context| {
            view.remove_due(mutation, due);
            view.carry_out(mutation, context)
        };
        if self.is_bounded() {
            return self.change_bounded(mutation, (Some(context.now), context), &mut run);
        }
        let mut view = View::new(self, self.hold(mutation, || self.hold_all()), Some(context.now));
        let reply = run(&mut view, context);
        view.release();
        reply
    }

    /// Runs `effect` where nothing is due and there is room for everything; on the keys that `admits` takes, if it is given.
    ///
    /// # Errors
    /// Those of the command.
    pub(crate) fn repeat(&self, effect: &Mutation<'_>, admits: Option<Admits<'_>>) -> Result<()> {
        let context = Context::at(Timestamp::ZERO);
        let mut view = View::new(self, self.hold(effect, || self.hold_all()), Some(context.now));
        let reply = match admits {
            None => view.carry_out(effect, context),
            Some(admits) => {
                let reply = effect.run(&mut Masked::new(&mut view, admits), context);
                view.carried_out(effect, &reply, context);
                reply
            }
        };
        view.settle_freely();
        view.release();
        reply.map(drop)
    }

    /// Visits up to `limit` keys that are due at `now`.
    pub(crate) fn due(&self, now: u64, limit: usize, visit: &mut dyn FnMut(&[u8])) {
        if self.expiry.next() > now {
            return;
        }
        self.expiry.forget();
        let (mut left, mut earliest) = (limit, NEVER);
        for index in 0..self.shards() {
            let mut shard = self.lock(index);
            left -= shard.table.due(now, left, |item| visit(item.key()));
            earliest = earliest.min(shard.table.earliest());
            if left == 0 {
                // There may be more in the shards that follow.
                earliest = earliest.min(now);
                break;
            }
        }
        self.expiry.note(earliest);
    }

    /// Visits every entry whose hash is from `first` to `last`, shard by shard.
    pub(crate) fn visit(&self, first: u64, last: u64, visit: &mut dyn FnMut(&Item)) {
        for index in 0..self.shards() {
            let shard = self.lock(index);
            let mut cursor = (shard.table.len() > 0).then_some(first);
            while let Some(at) = cursor.filter(|at| *at <= last) {
                cursor = shard.table.visit(at, |hash, item| {
                    if (first..=last).contains(&hash) {
                        visit(item);
                    }
                });
            }
        }
    }

    /// Makes the tables grow at once to where they have room for `times` as many entries as they have.
    pub(crate) fn expect(&self, times: usize) {
        for index in 0..self.shards() {
            let table = &mut self.lock(index).table;
            table.expect(table.len().saturating_mul(times));
        }
    }

    /// Changes places with all that `other`, made alike, holds; `meanwhile` is called while nobody can read.
    pub(crate) fn swap(&self, other: &Engine, meanwhile: impl FnOnce()) {
        let mut own: Vec<_> = (0..self.shards()).map(|index| self.lock(index)).collect();
        let mut others: Vec<_> = (0..other.shards()).map(|index| other.lock(index)).collect();
        meanwhile();
        own.iter_mut().zip(&mut others).for_each(|(own, other)| own.swap(other));
        for (own, other) in self.areas.iter().zip(&other.areas) {
            if let (Some(own), Some(other)) = (own.budget(), other.budget()) {
                own.swap(other);
            }
        }
        self.expiry.swap(&other.expiry);
    }
}
