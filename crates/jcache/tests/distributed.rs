//! The distributed memory as a level: alone, above Redis, and below process-local memory, with the promises of the levels.

use std::time::{Duration, Instant};

use jcache::distributed::{ClusterConfig, Etcd, Profile};
use jcache::prelude::*;
use jcache::{Arg, DistributedMemory, ErrorKind, HealthState, Memory, Redis, Reply, Request};
use jcache_testkit::etcd::{Etcd as Server, etcd_or_skip};
use jcache_testkit::oracle::redis_or_skip;

const PATIENCE: Duration = Duration::from_secs(10);

async fn member(etcd: &Server, node: &str) -> DistributedMemory {
    let config = ClusterConfig::new("levels", Etcd::new(etcd.endpoints())).node_id(node).profile(Profile::Fast);
    DistributedMemory::join(config).await.expect("a place in the cluster")
}

async fn run(cache: &Cache, line: &str) -> Reply {
    let args: Vec<Arg<'_>> = line.split(' ').map(Arg::from).collect();
    let request = Request::parse(&args).expect("the test's commands are right");
    cache.call(&request).await.unwrap_or_else(|error| panic!("{line}: {error}"))
}

/// Waits until `line` is answered with `expected`.
async fn soon(cache: &Cache, line: &str, expected: Reply) {
    let started = Instant::now();
    loop {
        let reply = run(cache, line).await;
        if reply == expected {
            return;
        }
        assert!(started.elapsed() < PATIENCE, "{line}: {reply:?}, and not {expected:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn bulk(text: &str) -> Reply {
    Reply::Bulk(text.into())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn alone_it_decides_and_every_process_agrees() {
    let Some(etcd) = etcd_or_skip() else { return };
    let (a, b) = (member(&etcd, "a").await, member(&etcd, "b").await);
    let caches = [&a, &b].map(|memory| Cache::builder().level(memory.clone()).build().expect("one level"));
    // Exactly one decides.
    let wins = [run(&caches[0], "SETNX key a").await, run(&caches[1], "SETNX key b").await];
    assert_eq!(wins, [Reply::Int(1), Reply::Int(0)]);
    // An element goes to one caller, once.
    run(&caches[0], "RPUSH list 1 2 3 4").await;
    let mut popped = Vec::new();
    for cache in [&caches[1], &caches[0], &caches[1], &caches[0], &caches[1]] {
        popped.push(run(cache, "LPOP list").await);
    }
    assert_eq!(popped, [bulk("1"), bulk("2"), bulk("3"), bulk("4"), Reply::Nil]);
    // A process reads what it wrote, and the others agree in the end.
    for (number, cache) in caches.iter().cycle().take(50).enumerate() {
        run(cache, &format!("SET n {number}")).await;
        assert_eq!(run(cache, "GET n").await, bulk(&number.to_string()));
    }
    for cache in &caches {
        soon(cache, "GET n", bulk("49")).await;
        soon(cache, "GET key", bulk("a")).await;
    }
    // No key past its deadline.
    run(&caches[1], "SET short lived PX 150").await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    for cache in &caches {
        assert_eq!(run(cache, "GET short").await, Reply::Nil);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_above_it_forgets_what_another_process_changed() {
    let Some(etcd) = etcd_or_skip() else { return };
    let (a, b) = (member(&etcd, "a").await, member(&etcd, "b").await);
    // Nothing but the feed makes the copies forget.
    let near = || jcache::LevelPolicy::new().ttl_cap(None);
    let caches = [&a, &b].map(|memory| {
        let builder = Cache::builder().level_with(Memory::new(), near());
        builder.level(memory.clone()).build().expect("two levels")
    });
    for (round, (writer, reader)) in [(0, 1), (1, 0), (0, 1)].into_iter().enumerate() {
        let (writer, reader) = (&caches[writer], &caches[reader]);
        run(writer, &format!("SET key {round}")).await;
        run(writer, "DEL hash").await;
        run(writer, &format!("HSET hash field {round} other x")).await;
        assert_eq!(run(writer, "GET key").await, bulk(&round.to_string()), "a process reads what it wrote");
        // Read until the copy is there, and another one after the next write.
        for write in 0..20 {
            run(writer, &format!("SET key {round}-{write}")).await;
            run(writer, &format!("HSET hash field {round}-{write}")).await;
            soon(reader, "GET key", bulk(&format!("{round}-{write}"))).await;
            soon(reader, "HGET hash field", bulk(&format!("{round}-{write}"))).await;
            assert_eq!(run(reader, "HGET hash other").await, bulk("x"), "no part of a collection");
        }
        run(writer, "DEL key").await;
        soon(reader, "GET key", Reply::Nil).await;
        run(reader, "SET key again").await;
        soon(writer, "GET key", bulk("again")).await;
        run(writer, "FLUSHALL").await;
        soon(reader, "GET key", Reply::Nil).await;
        soon(reader, "HGET hash field", Reply::Nil).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn above_redis_it_decides_and_redis_follows() {
    let (Some(etcd), Some(redis)) = (etcd_or_skip(), redis_or_skip()) else { return };
    let memory = member(&etcd, "a").await;
    let far = || Redis::lazy(&redis.url()).expect("the address is right");
    let only_redis = Cache::builder().level(far()).build().expect("one level");
    let cache = Cache::builder().level(memory.clone()).level(far()).build().expect("two levels");
    run(&cache, "SET key value EX 100").await;
    run(&cache, "RPUSH list a b c").await;
    run(&cache, "LPOP list").await;
    assert_eq!(run(&only_redis, "GET key").await, bulk("value"));
    assert!(matches!(run(&only_redis, "TTL key").await, Reply::Int(98..=100)));
    // Redis never holds a part of a list.
    let list = run(&only_redis, "LRANGE list 0 -1").await;
    assert!(list == Reply::Array(vec![bulk("b"), bulk("c")]) || list == Reply::Array(Vec::new()), "{list:?}");
    // What only Redis has is found there.
    run(&only_redis, "SET old value").await;
    assert_eq!(run(&cache, "GET old").await, bulk("value"));
    // The distributed memory decides: what it does not have can be set.
    assert_eq!(run(&cache, "SETNX old new").await, Reply::Int(1));
    assert_eq!(run(&only_redis, "GET old").await, bulk("new"));
    run(&cache, "DEL key old").await;
    assert_eq!(run(&cache, "EXISTS key old").await, Reply::Int(0));
    assert_eq!(run(&only_redis, "EXISTS key old").await, Reply::Int(0));
}

/// Calls that fail, one after the other or together, as a level down has it: more than a level may fail in a row.
async fn all_fail(cache: &Cache, code: &str, uncertain: bool) {
    let calls = (0..5).map(|_| {
        let cache = cache.clone();
        tokio::spawn(async move {
            let args = ["SET", "key", "value"].map(Arg::from);
            let request = Request::parse(&args).expect("a command");
            cache.call(&request).await.expect_err("too few members are in step")
        })
    });
    for call in calls.collect::<Vec<_>>() {
        let error = call.await.expect("no panic");
        assert_eq!((error.kind(), error.is_uncertain()), (ErrorKind::Refused, uncertain), "{error}");
        assert!(error.message().starts_with(code), "the code comes first: {error}");
    }
    let health = cache.stats().levels[0].health;
    assert_eq!(health, HealthState::Up, "a level that refuses is there");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_it_refuses_keeps_its_words_and_takes_no_level_down() {
    let Some(etcd) = etcd_or_skip() else { return };
    // Longer than the usual deadline of shared levels, which would cut the calls off with words of its own.
    let patience = Duration::from_millis(1_200);
    let member = |node: &'static str| {
        let config = ClusterConfig::new("refusals", Etcd::new(etcd.endpoints())).node_id(node).profile(Profile::Fast);
        DistributedMemory::join(config.min_insync(2).call_timeout(patience))
    };
    let a = member("a").await.expect("a place in the cluster");
    let cache = Cache::builder().level(a).build().expect("one level");
    all_fail(&cache, "NOREPLICAS ", false).await;
    let b = member("b").await.expect("a place in the cluster");
    run(&cache, "SET key value").await;
    drop(b);
    // The set is not shrunk below what a write needs: who leads has executed them, and nobody can tell.
    all_fail(&cache, "UNCERTAIN ", true).await;
    let _b = member("b").await.expect("a place in the cluster");
    run(&cache, "SET key value").await;
}
