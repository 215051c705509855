//! Blocking commands: beside normal traffic, bounded, and without loss when their callers go away.
#![allow(clippy::unwrap_used)] // A helper of a test fails like the test itself.

mod common;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use common::{bulk, eventually, quick, run};
use jcache_core::{ErrorKind, Reply};
use jcache_redis::{Protocol, Redis};
use jcache_testkit::oracle::{RedisServer, redis_or_skip};

fn pair(key: &str, element: &str) -> Reply {
    Reply::Array(vec![bulk(key), bulk(element)])
}

/// How many connections of the server wait in a blocking command.
fn blocked(server: &RedisServer) -> usize {
    info(server, "clients", "blocked_clients:")
}

fn info(server: &RedisServer, section: &str, name: &str) -> usize {
    let Ok(Reply::Bulk(info)) = server.client().line(&format!("INFO {section}")) else { panic!("INFO") };
    let text = String::from_utf8_lossy(&info).into_owned();
    text.lines().find_map(|it| it.strip_prefix(name)).unwrap().trim().parse().unwrap()
}

async fn until_blocked(server: &RedisServer, count: usize) {
    let patience = Instant::now() + Duration::from_secs(3);
    while blocked(server) != count {
        assert!(Instant::now() < patience, "{} and not {count} are blocked", blocked(server));
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test]
async fn a_blocking_pop_waits_beside_normal_commands() {
    let Some(server) = redis_or_skip() else { return };
    for protocol in [Protocol::Resp2, Protocol::Resp3] {
        let redis = quick().url(&server.url()).protocol(protocol).connect().await.unwrap();
        let waiting: Vec<_> = (0..5)
            .map(|n| {
                let redis = redis.clone();
                tokio::spawn(async move { run(&redis, &format!("BLPOP queue{n} other{n} 0")).await })
            })
            .collect();
        until_blocked(&server, 5).await;
        for n in 0..5 {
            let start = Instant::now();
            assert_eq!(run(&redis, "SET a 1").await, Ok(Reply::Ok));
            assert!(start.elapsed() < Duration::from_millis(200), "{:?}", start.elapsed());
            run(&redis, &format!("RPUSH other{n} x{n} y")).await.unwrap();
        }
        for (n, waiting) in waiting.into_iter().enumerate() {
            assert_eq!(waiting.await.unwrap(), Ok(pair(&format!("other{n}"), &format!("x{n}"))));
        }
        run(&redis, "FLUSHALL").await.unwrap();
    }
}

#[tokio::test]
async fn a_pop_without_an_element_gives_nothing_in_time() {
    let Some(server) = redis_or_skip() else { return };
    let redis = quick().url(&server.url()).connect().await.unwrap();
    let start = Instant::now();
    // Longer than the command timeout: that counts beyond the command's own wait.
    assert_eq!(run(&redis, "BLPOP none 1").await, Ok(Reply::NilArray));
    assert!(start.elapsed() >= Duration::from_millis(950), "{:?}", start.elapsed());
    assert!(start.elapsed() < Duration::from_millis(1450), "{:?}", start.elapsed());
    run(&redis, "SET text x").await.unwrap();
    assert_eq!(run(&redis, "BLPOP text 1").await.unwrap_err().kind(), ErrorKind::WrongType);
}

#[tokio::test]
async fn connections_are_used_again_and_bounded() {
    let Some(server) = redis_or_skip() else { return };
    let redis = quick().url(&server.url()).max_blocking(2).connect().await.unwrap();
    let before = info(&server, "stats", "total_connections_received:");
    for n in 0..20 {
        run(&redis, &format!("RPUSH q {n}")).await.unwrap();
        assert_eq!(run(&redis, "BLPOP q 1").await, Ok(pair("q", &n.to_string())));
    }
    // One for all pops, one to count.
    assert_eq!(info(&server, "stats", "total_connections_received:"), before + 2);
    let waiting: Vec<_> = (0..2)
        .map(|_| {
            let redis = redis.clone();
            tokio::spawn(async move { run(&redis, "BLPOP q 0").await })
        })
        .collect();
    until_blocked(&server, 2).await;
    let error = run(&redis, "BLPOP q 0").await.unwrap_err();
    assert_eq!((error.kind(), error.message()), (ErrorKind::Unavailable, "2 blocking commands are already under way"));
    waiting.iter().for_each(tokio::task::JoinHandle::abort);
    until_blocked(&server, 0).await;
    run(&redis, "RPUSH q last").await.unwrap();
    assert_eq!(eventually(Duration::from_secs(1), || run(&redis, "BLPOP q 1")).await, pair("q", "last"));
}

#[tokio::test]
async fn a_dropped_pop_ends_its_wait_and_takes_nothing() {
    let Some(server) = redis_or_skip() else { return };
    let redis = quick().url(&server.url()).connect().await.unwrap();
    for _ in 0..20 {
        let waiting = tokio::spawn({
            let redis = redis.clone();
            async move { run(&redis, "BLPOP q 0").await }
        });
        until_blocked(&server, 1).await;
        waiting.abort();
        until_blocked(&server, 0).await;
        run(&redis, "RPUSH q x").await.unwrap();
        tokio::time::sleep(Duration::from_millis(5)).await;
        assert_eq!(run(&redis, "LPOP q").await, Ok(bulk("x")));
    }
}

/// Producers push, consumers pop and drop their pops at random moments, around the moment of a push above all: every
/// element is popped once by somebody or still there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dropped_pops_lose_nothing() {
    let Some(server) = redis_or_skip() else { return };
    let redis = quick().command_timeout(Duration::from_secs(3)).url(&server.url()).connect().await.unwrap();
    const ELEMENTS: usize = 2000;
    let consumers: Vec<_> = (0..4).map(|seed| tokio::spawn(consume(redis.clone(), seed))).collect();
    for n in 0..ELEMENTS {
        run(&redis, &format!("RPUSH q e{n}")).await.unwrap();
        if n % 7 == 0 {
            tokio::time::sleep(Duration::from_micros(n as u64 % 500)).await;
        }
    }
    let mut seen = BTreeSet::new();
    let mut dropped = 0;
    for consumer in consumers {
        let (popped, gone) = consumer.await.unwrap();
        dropped += gone;
        for element in popped {
            assert!(seen.insert(element.clone()), "{element} was popped twice");
        }
    }
    // What dropped pops have given back arrives a moment later.
    let patience = Instant::now() + Duration::from_secs(5);
    while seen.len() < ELEMENTS {
        assert!(Instant::now() < patience, "{} of {ELEMENTS} elements, after {dropped} dropped pops", seen.len());
        if let Ok(Reply::Bulk(element)) = run(&redis, "LPOP q").await {
            let element = String::from_utf8(element.to_vec()).unwrap();
            assert!(seen.insert(element.clone()), "{element} was popped twice");
        }
    }
    assert!(dropped > 100, "only {dropped} pops were dropped");
}

/// Pops until it has waited a second for nothing; gives what it got, and how many pops it dropped.
async fn consume(redis: Redis, seed: u64) -> (Vec<String>, u32) {
    let mut popped = vec![];
    let mut dropped = 0;
    let mut idle = Instant::now();
    for round in seed.. {
        let patience = Duration::from_micros(round * 7919 % 1500);
        match tokio::time::timeout(patience, run(&redis, "BLPOP q 0")).await {
            Err(_) => dropped += 1,
            Ok(Ok(Reply::Array(pair))) => {
                let [_, Reply::Bulk(element)] = &pair[..] else { panic!("{pair:?}") };
                popped.push(String::from_utf8(element.to_vec()).unwrap());
                idle = Instant::now();
            }
            // Many waits of dropped pops are still being ended.
            Ok(Err(error)) if error.kind() == ErrorKind::Unavailable => {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            Ok(other) => panic!("{other:?}"),
        }
        if idle.elapsed() > Duration::from_secs(1) {
            break;
        }
    }
    (popped, dropped)
}

#[tokio::test]
async fn a_pop_fails_when_its_server_dies() {
    let Some(mut server) = redis_or_skip() else { return };
    let redis = quick().url(&server.url()).connect().await.unwrap();
    let waiting = tokio::spawn({
        let redis = redis.clone();
        async move { run(&redis, "BLPOP q 0").await }
    });
    until_blocked(&server, 1).await;
    server.kill();
    let start = Instant::now();
    assert_eq!(waiting.await.unwrap().unwrap_err().kind(), ErrorKind::Unavailable);
    assert!(start.elapsed() < Duration::from_millis(500));
    assert_eq!(run(&redis, "BLPOP q 0").await.unwrap_err().kind(), ErrorKind::Unavailable);
    server.restart();
    eventually(Duration::from_secs(2), || run(&redis, "RPUSH q x")).await;
    assert_eq!(run(&redis, "BLPOP q 1").await, Ok(pair("q", "x")));
    // A halted server: overdue by the command timeout, and half as much again for the end of the wait.
    server.stop();
    let start = Instant::now();
    let error = run(&redis, "BLPOP q 1").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(start.elapsed() < Duration::from_millis(2500), "{:?}", start.elapsed());
    server.cont();
}
