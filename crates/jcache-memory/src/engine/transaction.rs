//! Transactions: the shards of all keys are locked at once, and the requests run on one view of them.
//!
//! Nobody comes in between, because nobody has the locks; those who wait for an element are served when all is done, under
//! the same locks. A request that has no key locks every shard. Under a bound each request finds the room that it
//! needs on the way: what has been run cannot be run again, so nothing is gathered beforehand.

use std::sync::Arc;

use jcache_core::{Context, Key, Reply, Request, Result};
use smallvec::SmallVec;

use super::{Engine, Growth, Keyed};
use crate::view::{Hold, Room, View};
use crate::watched::Watching;

/// The requests of a transaction, and what it depends on.
struct Batch<'b> {
    requests: &'b [Request<'b>],
    watched: Vec<Key<'b>>,
}

impl Keyed for Batch<'_> {
    fn visit_keys<'s>(&'s self, mut visit: impl FnMut(&'s Key<'s>)) {
        for request in self.requests {
            visit_request(request, &mut visit);
        }
        self.watched.iter().for_each(visit);
    }

    fn growth(&self) -> Growth {
        Growth::None
    }

    fn asks_context(&self) -> bool {
        true
    }
}

fn visit_request<'s>(request: &'s Request<'_>, visit: &mut impl FnMut(&'s Key<'s>)) {
    match request {
        Request::Query(query) => query.visit_keys(visit),
        Request::Mutation(mutation) => mutation.visit_keys(visit),
    }
}

impl Batch<'_> {
    /// Whether a request looks at all keys.
    fn is_of_all(&self) -> bool {
        self.requests.iter().any(|request| {
            let mut has_key = false;
            visit_request(request, &mut |_| has_key = true);
            !has_key
        })
    }
}

impl Engine {
    /// Runs `requests` with nothing in between; `None` when a watched key has changed.
    pub(crate) fn transact(
        self: &Arc<Self>,
        requests: &[Request<'_>],
        watching: Option<&Watching>,
    ) -> Option<Vec<Result<Reply>>> {
        let watched = watching.map(|it| it.keys().collect()).unwrap_or_default();
        let batch = Batch { requests, watched };
        let context = Context { now: self.clock.now(), seed: 0 };
        let serves = !self.waiters.is_empty() && self.waiters.await_any(&batch);
        let mut view = self.view_of(&batch, serves || batch.is_of_all(), context);
        // Who began to wait before the locks were taken is seen now.
        let serves = !self.waiters.is_empty() && self.waiters.await_any(&batch);
        if serves && !view.is_of_all() {
            drop(view);
            view = self.view_of(&batch, true, context);
        }
        let replies = if watching.is_some_and(|it| it.has_changed(&view)) {
            None
        } else {
            Some(requests.iter().map(|request| self.run(request, &mut view, context)).collect())
        };
        let is_changed = replies.is_some() && !self.waiters.is_empty() && view.is_of_all();
        let wakers = if is_changed { self.waiters.serve(&mut view, &batch) } else { Vec::new() };
        view.settle();
        drop(view);
        self.tell();
        wakers.into_iter().for_each(std::task::Waker::wake);
        replies
    }

    fn view_of(&self, batch: &Batch<'_>, everything: bool, context: Context) -> View<'_> {
        let hold = match everything {
            true => self.hold_all(),
            false => self.hold_several(batch),
        };
        if !self.is_bounded() {
            return View::new(self, hold, Some(context.now));
        }
        let mut own: SmallVec<[u64; 4]> = SmallVec::new();
        batch.visit_keys(|key| own.push(self.seed.hash(key)));
        View::bounded(self, hold, Some(context.now), Room { own, is_last: true, ..Room::default() })
    }

    fn run(&self, request: &Request<'_>, view: &mut View<'_>, context: Context) -> Result<Reply> {
        let context = Context { seed: self.clock.seed(), ..context };
        match request {
            Request::Query(query) => query.answer(view, context).map(|answer| {
                view.count(answer.hit);
                answer.reply
            }),
            Request::Mutation(mutation) => {
                view.provide(mutation)?;
                view.carry_out(mutation, context)
            }
        }
    }
}

impl View<'_> {
    /// Whether all shards are locked.
    fn is_of_all(&self) -> bool {
        matches!(&self.hold, Hold::Many(shards) if shards.len() == self.engine.shards())
    }
}
