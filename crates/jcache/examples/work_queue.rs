//! A work queue: workers wait for jobs without polling, urgent jobs come first, and a job is not lost when a worker is.
//!
//! `cargo run --example work_queue`
#![allow(clippy::print_stdout)]

use std::time::Duration;

use jcache::Cache;
use jcache::commands::{Each, End};
use jcache::prelude::*;

const JOBS: u32 = 12;
const WORKERS: u32 = 3;

/// Takes jobs from the queues, urgent ones first, until none has come for a while.
async fn work(cache: Cache, worker: u32) -> jcache::Result<u32> {
    let mut done = 0;
    while let Some((queue, job)) = cache.brpop::<String>(["urgent", "jobs"], Duration::from_millis(200)).await? {
        println!("worker {worker} does {job} of {}", String::from_utf8_lossy(&queue));
        tokio::time::sleep(Duration::from_millis(2)).await;
        cache.sadd("done", job).await?;
        done += 1;
    }
    Ok(done)
}

/// Moves a job to a list of its own while it is done: if the worker dies, it is still there.
async fn work_safely(cache: &Cache) -> jcache::Result<()> {
    cache.lpush("careful", "the precious job").await?;
    let job: Option<String> = cache.blmove("careful", "in-hand", End::Right, End::Left, Duration::from_secs(1)).await?;
    println!(
        "in hand: {job:?}; were this worker gone, it would still be in {:?}",
        cache.lrange::<String>("in-hand", 0, -1).await?
    );
    assert_eq!(cache.lrem("in-hand", 1, job.as_deref().unwrap_or_default()).await?, 1, "done, and taken off the list");
    Ok(())
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> jcache::Result<()> {
    let cache = Cache::new();
    let workers: Vec<_> = (1..=WORKERS).map(|worker| tokio::spawn(work(cache.clone(), worker))).collect();

    cache.lpush("jobs", Each((1..JOBS).map(|n| format!("job {n}")))).await?;
    cache.lpush("urgent", "the fire").await?;

    let mut done = 0;
    for worker in workers {
        done += worker.await.expect("no worker panics")?;
    }
    println!("{done} jobs done, each by one worker");
    assert_eq!(done, JOBS);
    assert_eq!(cache.scard("done").await?, u64::from(JOBS), "each job was another one");
    work_safely(&cache).await
}

#[test]
fn it_runs() -> jcache::Result<()> {
    main()
}
