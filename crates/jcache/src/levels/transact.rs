//! Transactions: the authority runs them, whole; the copies drop the keys that they changed.
//!
//! To the fences and marks a transaction is one write of all keys that its mutations name, so everything that holds for
//! a write holds for it: fills in between are void, a dropped future leaves marks, and after it no copy answers with what
//! was there before. Queries inside are answered by the authority.
//!
//! A watched key has to be read where it is watched, or a copy's old value could pass for the present one: so watching a
//! key makes the copies forget it, after the authority has begun to watch. What they are filled with later is no older
//! than the watch, and if it is too old all the same, the key has changed since, and the transaction does not run.

use std::sync::Arc;

use jcache_core::{Context, Effect, Error, ErrorKind, Key, Mutation, Reply, Request, Result, Watch};

use super::Levels;
use super::erased::Transacted;
use super::level::Verdict;
use super::report::Degraded;
use super::switch::elsewhere;
use super::write::{Unsure, WriteTrace};

impl Levels {
    /// Runs `requests` as one transaction, unless a key of `watch` has changed.
    pub(crate) async fn transact(
        self: &Arc<Self>,
        requests: &[Request<'_>],
        watch: Watch,
        trace: &mut WriteTrace,
    ) -> Result<Transacted> {
        let jittered = self.jittered(requests);
        let requests = jittered.as_deref().unwrap_or(requests);
        let context = Context { now: self.now(), seed: 0 };
        let Some(named) = drop_all(requests.iter().filter_map(mutation_of)) else {
            return self.decide_all(requests, watch, None).await;
        };
        let guard = self.fences.begin_write(&named);
        // Declared after the guard: dropped before it, so that the marks are there when the fence falls.
        let mut unsure = Unsure { levels: self, mutation: &named, armed: false };
        match self.decide_all(requests, watch, Some(&mut unsure)).await {
            Ok(None) => {
                unsure.armed = false;
                Ok(None)
            }
            Ok(Some(replies)) => {
                trace.decided = true;
                elsewhere().await;
                if let Some(changed) = drop_all(changed(requests, &replies, context)) {
                    self.to_copies(&changed, &Effect::whole(changed.clone()), &guard, context, trace).await;
                }
                unsure.armed = false;
                Ok(Some(replies))
            }
            Err(error) if Verdict::of(&error) != Verdict::Failure => {
                unsure.armed = unsure.armed && error.is_uncertain();
                Err(error)
            }
            Err(error) => {
                unsure.armed = unsure.armed && error.is_uncertain();
                self.look_after();
                trace.degraded.push(Degraded { level: self.authority().name.clone(), error: error.clone() });
                Err(self.refused(error, unsure.armed))
            }
        }
    }

    /// Lets the authority run the requests. `unsure` is armed once it may have.
    async fn decide_all(
        self: &Arc<Self>,
        requests: &[Request<'_>],
        watch: Watch,
        unsure: Option<&mut Unsure<'_>>,
    ) -> Result<Transacted> {
        let level = self.authority();
        self.enter(level).await?;
        let until = level.visit();
        for key in keys_of(requests) {
            self.pay_debts(self.authority, until, key.as_ref().map(Key::as_bytes)).await?;
        }
        if let Some(unsure) = unsure {
            self.no_fills(unsure.mutation).await?;
            elsewhere().await;
            unsure.armed = true;
        }
        let replies = level.ask(until, level.driver.transact(requests, watch)).await?;
        level.counters.writes.add(1);
        match replies {
            Some(replies) if replies.len() != requests.len() => {
                let text = format!("{} requests got {} replies", requests.len(), replies.len());
                // What was changed is as unknown as after no answer at all.
                Err(Error::new(ErrorKind::Protocol, text).uncertain())
            }
            replies => Ok(replies),
        }
    }

    /// Adds `keys` to `watch`, at the authority.
    pub(crate) async fn watch(self: &Arc<Self>, keys: &[Key<'_>], watch: &mut Watch) -> Result<()> {
        let level = self.authority();
        self.enter(level).await?;
        let until = level.visit();
        for key in keys {
            self.pay_debts(self.authority, until, Some(key)).await?;
        }
        level.ask(until, level.driver.watch(keys, watch)).await?;
        if self.copies().next().is_some() {
            keys.iter().for_each(|key| self.invalidate(key));
        }
        Ok(())
    }

    /// The requests with other times to live, where the cache spreads them.
    fn jittered<'a>(&self, requests: &[Request<'a>]) -> Option<Vec<Request<'a>>> {
        let jitter = |request: &Request<'a>| {
            let scaled = mutation_of(request).and_then(|mutation| mutation.scale_ttl(self.jitter_factor()));
            scaled.map_or_else(|| request.clone(), Request::Mutation)
        };
        (self.jitter != 0.0).then(|| requests.iter().map(jitter).collect())
    }
}

fn mutation_of<'r, 'a>(request: &'r Request<'a>) -> Option<&'r Mutation<'a>> {
    match request {
        Request::Query(_) => None,
        Request::Mutation(mutation) => Some(mutation),
    }
}

/// The removal of all that the mutations name: everything, when one has no key. `None` without mutations.
fn drop_all<'m, 'a: 'm>(mutations: impl Iterator<Item = &'m Mutation<'a>>) -> Option<Mutation<'m>> {
    let mut keys: Vec<Key<'m>> = Vec::new();
    for mutation in mutations {
        let before = keys.len();
        mutation.visit_keys(|key| keys.push(key.borrow()));
        if keys.len() == before {
            return Some(Mutation::clearing());
        }
    }
    (!keys.is_empty()).then(|| Mutation::removal(keys))
}

/// The mutations that changed something, as far as their replies tell.
fn changed<'m, 'a>(
    requests: &'m [Request<'a>],
    replies: &'m [Result<Reply>],
    context: Context,
) -> impl Iterator<Item = &'m Mutation<'a>> {
    requests.iter().zip(replies).filter_map(move |(request, reply)| {
        let (mutation, reply) = (mutation_of(request)?, reply.as_ref().ok()?);
        // A reply that cannot be read may mean anything.
        let is_idle = mutation.effect(reply, context).is_ok_and(|effect| effect.change.is_none());
        (!is_idle).then_some(mutation)
    })
}

/// The keys of all requests; `None` for one that has no key and so is about all of them.
fn keys_of<'r>(requests: &'r [Request<'_>]) -> Vec<Option<Key<'r>>> {
    let mut keys = Vec::new();
    for request in requests {
        let before = keys.len();
        match request {
            Request::Query(query) => query.visit_keys(|key| keys.push(Some(key.borrow()))),
            Request::Mutation(mutation) => mutation.visit_keys(|key| keys.push(Some(key.borrow()))),
        }
        if keys.len() == before {
            return vec![None];
        }
    }
    keys
}
