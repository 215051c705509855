//! The object-safe twin of [`Driver`]: only the asynchronous path is boxed.

use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use jcache_core::driver::ChangeFeed;
use jcache_core::fetch::Fetched;
use jcache_core::snapshot::FillLimit;
use jcache_core::{
    Answer, Driver, Effect, Key, Mutation, Query, Reply, ReplySink, Request, Result, Scope, Snapshot, Timestamp, Value,
    Watch,
};

pub(crate) type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The replies of a transaction; `None` when a watched key had changed.
pub(crate) type Transacted = Option<Vec<Result<Reply>>>;

/// [`Driver`], so that levels of different types stand in one list.
pub(crate) trait DynDriver: Debug + Send + Sync {
    fn scope(&self) -> Scope;
    fn patience(&self) -> Option<Duration>;
    fn try_query(&self, query: &Query<'_>) -> Option<Result<Answer>>;
    fn try_text(&self, key: &[u8]) -> Option<Result<Option<Value>>>;
    fn try_tell(&self, query: &Query<'_>, out: &mut dyn ReplySink) -> Option<Result<()>>;
    fn query<'a>(&'a self, query: &'a Query<'a>) -> BoxFuture<'a, Result<Answer>>;
    fn try_mutate(&self, mutation: &Mutation<'_>) -> Option<Result<Reply>>;
    fn mutate<'a>(&'a self, mutation: &'a Mutation<'a>) -> BoxFuture<'a, Result<Reply>>;
    fn query_many<'a>(&'a self, queries: &'a [Query<'a>]) -> BoxFuture<'a, Vec<Result<Answer>>>;
    fn fetch<'a>(&'a self, query: &'a Query<'a>, limit: FillLimit) -> BoxFuture<'a, Result<Fetched>>;
    fn install<'a>(&'a self, snapshot: &'a Snapshot) -> BoxFuture<'a, Result<()>>;
    fn apply<'a>(&'a self, effect: &'a Effect<'a>, cap: Option<Timestamp>) -> BoxFuture<'a, Result<()>>;
    fn transact<'a>(&'a self, requests: &'a [Request<'a>], watch: Watch) -> BoxFuture<'a, Result<Transacted>>;
    fn watch<'a>(&'a self, keys: &'a [Key<'a>], watch: &'a mut Watch) -> BoxFuture<'a, Result<()>>;
    fn changes(&self) -> Option<Box<dyn ChangeFeed>>;
    fn probe(&self) -> BoxFuture<'_, Result<()>>;
}

impl<D: Driver> DynDriver for D {
    fn scope(&self) -> Scope {
        Driver::scope(self)
    }
    fn patience(&self) -> Option<Duration> {
        Driver::patience(self)
    }
    fn try_query(&self, query: &Query<'_>) -> Option<Result<Answer>> {
        Driver::try_query(self, query)
    }
    fn try_text(&self, key: &[u8]) -> Option<Result<Option<Value>>> {
        Driver::try_text(self, key)
    }
    fn try_tell(&self, query: &Query<'_>, out: &mut dyn ReplySink) -> Option<Result<()>> {
        Driver::try_tell(self, query, out)
    }
    fn query<'a>(&'a self, query: &'a Query<'a>) -> BoxFuture<'a, Result<Answer>> {
        Box::pin(Driver::query(self, query))
    }
    fn try_mutate(&self, mutation: &Mutation<'_>) -> Option<Result<Reply>> {
        Driver::try_mutate(self, mutation)
    }
    fn mutate<'a>(&'a self, mutation: &'a Mutation<'a>) -> BoxFuture<'a, Result<Reply>> {
        Box::pin(Driver::mutate(self, mutation))
    }
    fn query_many<'a>(&'a self, queries: &'a [Query<'a>]) -> BoxFuture<'a, Vec<Result<Answer>>> {
        Box::pin(Driver::query_many(self, queries))
    }
    fn fetch<'a>(&'a self, query: &'a Query<'a>, limit: FillLimit) -> BoxFuture<'a, Result<Fetched>> {
        Box::pin(Driver::fetch(self, query, limit))
    }
    fn install<'a>(&'a self, snapshot: &'a Snapshot) -> BoxFuture<'a, Result<()>> {
        Box::pin(Driver::install(self, snapshot))
    }
    fn apply<'a>(&'a self, effect: &'a Effect<'a>, cap: Option<Timestamp>) -> BoxFuture<'a, Result<()>> {
        Box::pin(Driver::apply(self, effect, cap))
    }
    fn transact<'a>(&'a self, requests: &'a [Request<'a>], watch: Watch) -> BoxFuture<'a, Result<Transacted>> {
        Box::pin(Driver::transact(self, requests, watch))
    }
    fn watch<'a>(&'a self, keys: &'a [Key<'a>], watch: &'a mut Watch) -> BoxFuture<'a, Result<()>> {
        Box::pin(Driver::watch(self, keys, watch))
    }
    fn changes(&self) -> Option<Box<dyn ChangeFeed>> {
        Driver::changes(self)
    }
    fn probe(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(Driver::probe(self))
    }
}
