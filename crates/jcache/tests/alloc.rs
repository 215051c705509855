//! A hit allocates nothing: neither in a cache on memory, nor in one where a local level answers before a shared one.
//!
//! Without the test harness, whose own threads allocate.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::alloc::System;

use jcache::prelude::*;
use jcache::{Answer, Driver, Memory, Mutation, Query, Reply, Result, Scope};
use jcache_core::driver::{HashDriver, ListDriver, SetDriver, SortedSetDriver, StringDriver};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Memory that stands for a server which other processes see: it never answers without waiting.
#[derive(Debug)]
struct Remote(Memory);

impl Driver for Remote {
    fn scope(&self) -> Scope {
        Scope::Shared
    }
    async fn query(&self, query: &Query<'_>) -> Result<Answer> {
        self.0.query(query).await
    }
    async fn mutate(&self, mutation: &Mutation<'_>) -> Result<Reply> {
        self.0.mutate(mutation).await
    }
    async fn fetch(&self, query: &Query<'_>, limit: jcache::snapshot::FillLimit) -> Result<jcache::fetch::Fetched> {
        self.0.fetch(query, limit).await
    }
}
impl StringDriver for Remote {}
impl HashDriver for Remote {}
impl ListDriver for Remote {}
impl SetDriver for Remote {}
impl SortedSetDriver for Remote {}

/// How often `work` asks the allocator, in a thousand rounds after the first.
macro_rules! allocations {
    ($work:expr) => {{
        $work;
        let region = Region::new(ALLOCATOR);
        for _ in 0..1_000 {
            $work;
        }
        let change = region.change();
        change.allocations + change.reallocations
    }};
}

async fn hits(cache: &Cache) -> Result<usize> {
    Ok(allocations!(assert!(cache.get::<Value>("key").await?.is_some())))
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(check()).unwrap();
    println!("a hit allocates nothing");
}

async fn check() -> Result<()> {
    let one = Cache::new();
    one.set("key", "a value of some length, so that it is no special case").await?;
    one.hset("hash", ("field", "value")).await?;
    assert_eq!(hits(&one).await?, 0, "a hit in memory");
    assert_eq!(allocations!(assert_eq!(one.get::<Value>("nobody").await?, None)), 0, "a miss in memory");
    // What these change may grow now and then, but carrying them out takes no box.
    let minute = std::time::Duration::from_secs(60);
    assert!(allocations!(assert!(one.expire("key", minute).await?)) < 100, "a mutation with options");
    assert!(allocations!(one.incr("counter").await?) < 100, "a mutation");
    assert_ne!(allocations!(one.hget::<String>("hash", "field").await?), 0, "what is counted is counted");

    let two = Cache::builder().level(Memory::new()).level(Remote(Memory::new())).build()?;
    two.set("key", "a value of some length, so that it is no special case").await?;
    let before = two.stats();
    assert_eq!(hits(&two).await?, 0, "a hit in the first of two levels");
    let after = two.stats();
    assert!(after.levels[0].hits >= before.levels[0].hits + 1_000, "the first level answers");
    assert_eq!(after.levels[1].hits, before.levels[1].hits, "the second is not asked");
    Ok(())
}
