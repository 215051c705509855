//! Specialised caches: what they accept and offer. What they refuse is in `compile_fail`.
#![allow(clippy::unwrap_used)]

use std::future::Future;

use jcache::prelude::*;
use jcache::{
    Answer, Driver, HashCache, ListCache, Memory, Mutation, Query, Reply, Result, SetCache, SortedSetCache, StringCache,
};
use jcache_core::driver::StringDriver;

fn run<T>(test: impl Future<Output = Result<T>>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(test).unwrap()
}

/// A driver of strings alone.
#[derive(Debug, Default)]
struct Strings(Memory);

impl Driver for Strings {
    async fn query(&self, query: &Query<'_>) -> Result<Answer> {
        self.0.query(query).await
    }
    async fn mutate(&self, mutation: &Mutation<'_>) -> Result<Reply> {
        self.0.mutate(mutation).await
    }
}
impl StringDriver for Strings {}

#[test]
fn a_cache_of_one_family_stands_on_a_driver_of_that_family() {
    run(async {
        let cache = StringCache::builder().level(Memory::new()).level(Strings::default()).build()?;
        assert_eq!(cache.level_names().collect::<Vec<_>>(), ["level0", "level1"]);
        cache.set("a", 1).await?;
        assert_eq!(cache.incr("a").await?, 2);
        assert_eq!(cache.strict().get::<i64>("a").await?, Some(2));
        assert_eq!(cache.del("a").await?, 1);
        assert_eq!(cache.explain(b"a").await.len(), 2);
        Ok(())
    });
}

#[test]
fn each_offers_its_family_and_keys() {
    run(async {
        let (strings, hashes, lists) = (StringCache::new(), HashCache::new(), ListCache::new());
        let (sets, sorted_sets) = (SetCache::new(), SortedSetCache::new());
        strings.set("a", 1).await?;
        hashes.hset("a", ("f", 1)).await?;
        lists.lpush("a", 1).await?;
        sets.sadd("a", 1).await?;
        sorted_sets.zadd("a", ("m", 1)).await?;
        let there = (strings.exists("a").await?, hashes.exists("a").await?, lists.exists("a").await?);
        assert_eq!(there, (1, 1, 1));
        assert_eq!((sets.exists("a").await?, sorted_sets.exists("a").await?), (1, 1));
        Ok(())
    });
}
