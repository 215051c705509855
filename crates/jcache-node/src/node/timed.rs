//! A driver whose calls are timed: what a level over a network costs.
//!
//! Only levels over a network are timed. A clock read each way takes longer than a hit in memory does.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jcache::driver::{ChangeFeed, HashDriver, ListDriver, SetDriver, SortedSetDriver, StringDriver};
use jcache::fetch::Fetched;
use jcache::snapshot::FillLimit;
use jcache::{
    Answer, Driver, Effect, Key, Mutation, Query, Reply, ReplySink, Request, Result, Scope, Snapshot, Timestamp, Value,
    Watch,
};

use crate::histogram::Histogram;

/// A driver, and how long its calls took.
#[derive(Debug)]
pub(crate) struct Timed<D> {
    driver: D,
    calls: Arc<Histogram>,
}

impl<D> Timed<D> {
    /// The driver, with its calls counted in `calls`.
    pub(crate) fn new(driver: D, calls: Arc<Histogram>) -> Self {
        Self { driver, calls }
    }

    async fn time<T>(&self, call: impl Future<Output = T>) -> T {
        let _running = Running { started: Instant::now(), calls: &self.calls };
        call.await
    }
}

/// A call under way. It counts also when it is given up at a deadline.
struct Running<'a> {
    started: Instant,
    calls: &'a Histogram,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.calls.add(self.started.elapsed());
    }
}

impl<D: Driver> Driver for Timed<D> {
    fn scope(&self) -> Scope {
        self.driver.scope()
    }
    fn patience(&self) -> Option<Duration> {
        self.driver.patience()
    }
    fn try_query(&self, query: &Query<'_>) -> Option<Result<Answer>> {
        self.driver.try_query(query)
    }
    fn try_text(&self, key: &[u8]) -> Option<Result<Option<Value>>> {
        self.driver.try_text(key)
    }
    fn try_tell(&self, query: &Query<'_>, out: &mut dyn ReplySink) -> Option<Result<()>> {
        self.driver.try_tell(query, out)
    }
    async fn query(&self, query: &Query<'_>) -> Result<Answer> {
        self.time(self.driver.query(query)).await
    }
    fn try_mutate(&self, mutation: &Mutation<'_>) -> Option<Result<Reply>> {
        self.driver.try_mutate(mutation)
    }
    async fn mutate(&self, mutation: &Mutation<'_>) -> Result<Reply> {
        // A blocking command waits for other clients: that is not what the level costs.
        if mutation.blocking().is_some() {
            self.driver.mutate(mutation).await
        } else {
            self.time(self.driver.mutate(mutation)).await
        }
    }
    async fn query_many(&self, queries: &[Query<'_>]) -> Vec<Result<Answer>> {
        self.time(self.driver.query_many(queries)).await
    }
    async fn fetch(&self, query: &Query<'_>, limit: FillLimit) -> Result<Fetched> {
        self.time(self.driver.fetch(query, limit)).await
    }
    async fn install(&self, snapshot: &Snapshot) -> Result<()> {
        self.time(self.driver.install(snapshot)).await
    }
    async fn apply(&self, effect: &Effect<'_>, cap: Option<Timestamp>) -> Result<()> {
        self.time(self.driver.apply(effect, cap)).await
    }
    async fn transact(&self, requests: &[Request<'_>], watch: Watch) -> Result<Option<Vec<Result<Reply>>>> {
        self.time(self.driver.transact(requests, watch)).await
    }
    async fn watch(&self, keys: &[Key<'_>], watch: &mut Watch) -> Result<()> {
        self.time(self.driver.watch(keys, watch)).await
    }
    fn changes(&self) -> Option<Box<dyn ChangeFeed>> {
        self.driver.changes()
    }
    async fn probe(&self) -> Result<()> {
        self.driver.probe().await
    }
}

impl<D: StringDriver> StringDriver for Timed<D> {}
impl<D: HashDriver> HashDriver for Timed<D> {}
impl<D: ListDriver> ListDriver for Timed<D> {}
impl<D: SetDriver> SetDriver for Timed<D> {}
impl<D: SortedSetDriver> SortedSetDriver for Timed<D> {}

#[cfg(test)]
mod tests {
    use jcache::Memory;
    use jcache_testkit::conformance;

    use super::*;

    #[tokio::test]
    async fn a_timed_driver_is_the_driver_and_counts() {
        let calls = Arc::new(Histogram::default());
        conformance::everything(&Timed::new(Memory::new(), Arc::clone(&calls))).await;
        // Memory answers most at once.
        assert!(calls.summary().count > 0);
    }
}
