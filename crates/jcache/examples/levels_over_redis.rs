//! Two levels: the memory of this process in front of a store that other processes share.
//!
//! `cargo run --example levels_over_redis -- redis://127.0.0.1:6379` uses a Redis or Valkey server (and its keys
//! `example:…`). Without a server, a stand-in plays one: memory that says it is shared and takes a millisecond to answer.
#![allow(clippy::print_stdout)]

use std::time::Duration;

use jcache::command::string::Get;
use jcache::driver::{HashDriver, ListDriver, SetDriver, SortedSetDriver, StringDriver};
use jcache::fetch::Fetched;
use jcache::prelude::*;
use jcache::snapshot::FillLimit;
use jcache::{Answer, Driver, LevelPolicy, Memory, Mutation, Query, Reply, Result, Scope};

/// A server's stand-in.
#[derive(Debug, Clone, Default)]
struct StandIn(Memory);

async fn on_the_way() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}

impl Driver for StandIn {
    fn scope(&self) -> Scope {
        Scope::Shared
    }
    async fn query(&self, query: &Query<'_>) -> Result<Answer> {
        on_the_way().await;
        self.0.query(query).await
    }
    async fn mutate(&self, mutation: &Mutation<'_>) -> Result<Reply> {
        on_the_way().await;
        self.0.mutate(mutation).await
    }
    // A whole key with its deadline: what fills the level before this one.
    async fn fetch(&self, query: &Query<'_>, limit: FillLimit) -> Result<Fetched> {
        on_the_way().await;
        self.0.fetch(query, limit).await
    }
}
impl StringDriver for StandIn {}
impl HashDriver for StandIn {}
impl ListDriver for StandIn {}
impl SetDriver for StandIn {}
impl SortedSetDriver for StandIn {}

/// Two caches over the same shared level, as two processes would have them.
fn two_processes(shared: impl Driver + Clone + Everything) -> Result<(Cache, Cache)> {
    let near = LevelPolicy::new().name("memory").ttl_cap(Duration::from_secs(5));
    let process = |shared| {
        let builder = Cache::builder().level_with(Memory::new(), near.clone());
        builder.level_with(shared, LevelPolicy::new().name("shared")).build()
    };
    Ok((process(shared.clone())?, process(shared)?))
}

trait Everything: StringDriver + HashDriver + ListDriver + SetDriver + SortedSetDriver {}
impl<D: StringDriver + HashDriver + ListDriver + SetDriver + SortedSetDriver> Everything for D {}

async fn tour(here: &Cache, there: &Cache) -> Result<()> {
    here.set("example:greeting", "hello").ttl(Duration::from_secs(60)).await?;
    println!("written here, read there: {:?}", there.get::<String>("example:greeting").await?);

    // The read there went to the shared level and filled the memory before it.
    let report = there.read(Get { key: "example:greeting".into() }).await?;
    println!("read there again: from level {:?}, which keeps it for {:?}", report.source, report.remaining);
    assert_eq!(report.source.as_deref(), Some("memory"));

    println!("where it is, as seen from there:");
    for level in there.explain(b"example:greeting").await {
        println!("  {}{}: {:?}", level.level, if level.authority { " (decides)" } else { "" }, level.presence);
    }

    // The shared level decides: of two, one gets the lock, and a job is done once.
    let locks = (here.set_nx("example:lock", "here").await?, there.set_nx("example:lock", "there").await?);
    println!("the lock: here {}, there {}", locks.0, locks.1);
    assert_eq!(locks, (true, false));
    here.rpush("example:jobs", ["one", "two"]).await?;
    let jobs = (here.lpop::<String>("example:jobs").await?, there.lpop::<String>("example:jobs").await?);
    println!("the jobs: here {:?}, there {:?}", jobs.0, jobs.1);
    assert_eq!(jobs, (Some("one".into()), Some("two".into())));

    for level in there.stats().levels {
        println!("{}: {} hits, {} misses, {} fills", level.name, level.hits, level.misses, level.fills);
    }
    here.del(["example:greeting", "example:lock", "example:jobs"]).await?;
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    match std::env::args().nth(1) {
        #[cfg(feature = "redis")]
        Some(url) if url.starts_with("redis") => {
            println!("the shared level is {url}");
            let redis = jcache::Redis::connect(&url).await?;
            let (here, there) = two_processes(redis)?;
            tour(&here, &there).await
        }
        _ => {
            println!("the shared level is a stand-in; for a server, give its URL: redis://127.0.0.1:6379");
            let (here, there) = two_processes(StandIn::default())?;
            tour(&here, &there).await
        }
    }
}

#[test]
fn it_runs() -> Result<()> {
    main()
}
