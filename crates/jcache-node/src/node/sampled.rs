//! The backend of a node: its cache, with the time measured that one in so many commands takes.
//!
//! A clock read each way costs more than a hit in memory, so not every command is measured.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Instant;

use jcache::{Cache, Key, Query, Reply, ReplySink, Request, Result, Watch};
use jcache_server::Backend;

use crate::histogram::Histogram;

/// One command in so many is measured.
pub(crate) const SAMPLE: u32 = 64;

thread_local! {
    static COMMANDS: Cell<u32> = const { Cell::new(0) };
}

/// Whether this command is measured.
#[inline]
fn chosen() -> bool {
    COMMANDS.with(|commands| {
        let next = commands.get().wrapping_add(1);
        commands.set(next);
        next % SAMPLE == 0
    })
}

/// A cache that measures a sample of its commands.
#[derive(Debug, Clone)]
pub(crate) struct Sampled {
    cache: Cache,
    commands: Arc<Histogram>,
}

impl Sampled {
    pub(crate) fn new(cache: Cache) -> Self {
        Self { cache, commands: Arc::default() }
    }

    /// What was measured.
    pub(crate) fn commands(&self) -> Arc<Histogram> {
        Arc::clone(&self.commands)
    }
}

impl Backend for Sampled {
    #[inline]
    fn try_call(&self, request: &Request<'_>) -> Option<Result<Reply>> {
        if !chosen() {
            return Backend::try_call(&self.cache, request);
        }
        let started = Instant::now();
        let answer = Backend::try_call(&self.cache, request);
        if answer.is_some() {
            self.commands.add(started.elapsed());
        }
        answer
    }

    fn try_tell(&self, query: &Query<'_>, out: &mut dyn ReplySink) -> Option<Result<()>> {
        if !chosen() {
            return Backend::try_tell(&self.cache, query, out);
        }
        let started = Instant::now();
        let told = Backend::try_tell(&self.cache, query, out);
        if told.is_some() {
            self.commands.add(started.elapsed());
        }
        told
    }

    async fn call(&self, request: &Request<'_>) -> Result<Reply> {
        // A blocking command waits for other clients: that is not what it costs.
        let blocks = matches!(request, Request::Mutation(mutation) if mutation.blocking().is_some());
        if blocks || !chosen() {
            return Backend::call(&self.cache, request).await;
        }
        let started = Instant::now();
        let answer = Backend::call(&self.cache, request).await;
        self.commands.add(started.elapsed());
        answer
    }

    async fn transact(&self, requests: &[Request<'_>], watch: Watch) -> Result<Option<Vec<Result<Reply>>>> {
        self.cache.transact(requests, watch).await
    }

    async fn watch(&self, keys: &[Key<'_>], watch: &mut Watch) -> Result<()> {
        self.cache.watch(keys, watch).await
    }
}
