//! Memory in front of a real Redis that is killed, stopped and restarted under load: no wrong answer, no call that hangs
//! beyond its deadline, and recovery by itself.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use jcache::prelude::*;
use jcache::{HealthState, LevelPolicy, Memory, Redis, Reply};
use jcache_testkit::oracle::{RedisServer, redis_or_skip};

/// How long one call to Redis may take. A cache call makes a few of them at the most.
const DEADLINE: Duration = Duration::from_millis(200);

/// Far above what any call needs within its deadlines, and far below how long the faults last together.
const HANG: Duration = Duration::from_secs(3);

fn cache(redis: &RedisServer) -> Cache {
    let redis = Redis::lazy(&redis.url()).expect("the address is right");
    Cache::builder()
        .level_with(Memory::new(), LevelPolicy::new().name("memory"))
        .level_with(redis, LevelPolicy::new().name("redis").deadline(DEADLINE))
        .build()
        .expect("the settings are right")
}

/// What the load saw.
#[derive(Default)]
struct Seen {
    writes: AtomicU64,
    degraded: AtomicU64,
    failed: AtomicU64,
    longest_ms: AtomicU64,
}

impl Seen {
    fn took(&self, start: Instant) {
        self.longest_ms.fetch_max(start.elapsed().as_millis() as u64, Ordering::Relaxed);
    }
}

/// Writes and reads its own keys until told to stop; a read must give the latest write that was acknowledged, or a later
/// one whose outcome is not known.
async fn worker(cache: Cache, worker: usize, stop: Arc<AtomicBool>, seen: Arc<Seen>) -> HashMap<String, u64> {
    let mut latest: HashMap<String, u64> = HashMap::new();
    let mut unknown: HashMap<String, Vec<u64>> = HashMap::new();
    let mut version = 0u64;
    while !stop.load(Ordering::Relaxed) {
        version += 1;
        let key = format!("w{worker}:{}", version % 17);
        let start = Instant::now();
        match cache.write(jcache::command::string::Set::until((&key).into(), version.to_string().into(), None)).await {
            Ok(report) => {
                seen.writes.fetch_add(1, Ordering::Relaxed);
                seen.degraded.fetch_add(u64::from(!report.decided), Ordering::Relaxed);
                latest.insert(key.clone(), version);
                unknown.remove(&key);
            }
            Err(error) => {
                assert!(error.is_retryable(), "{error:?}");
                seen.failed.fetch_add(1, Ordering::Relaxed);
                unknown.entry(key.clone()).or_default().push(version);
            }
        }
        seen.took(start);
        let start = Instant::now();
        let read: Option<u64> = cache.get(&key).await.unwrap_or_else(|error| panic!("memory can answer: {error:?}"));
        seen.took(start);
        let expected = latest.get(&key).copied();
        let later = unknown.get(&key).is_some_and(|all| read.is_some_and(|it| all.contains(&it)));
        assert!(read == expected || later, "{key}: read {read:?}, wrote {expected:?}, unknown {unknown:?}");
        tokio::task::yield_now().await;
    }
    latest
}

async fn under_load(redis: &mut RedisServer, fault: impl AsyncFnOnce(&mut RedisServer)) {
    let cache = cache(redis);
    let (stop, seen) = (Arc::new(AtomicBool::new(false)), Arc::new(Seen::default()));
    let workers: Vec<_> = (0..4).map(|n| tokio::spawn(worker(cache.clone(), n, stop.clone(), seen.clone()))).collect();
    tokio::time::sleep(Duration::from_millis(300)).await;
    fault(redis).await;

    // It comes back by itself: writes are decided by Redis again, and nothing is left to repair.
    let start = Instant::now();
    loop {
        let report = cache.write(jcache::command::string::Set::until("probe".into(), "1".into(), None)).await;
        let stats = cache.stats();
        let up = stats.levels.iter().all(|level| level.health == HealthState::Up);
        if report.is_ok_and(|report| report.decided) && up && stats.repairs_queued == 0 {
            break;
        }
        assert!(start.elapsed() < Duration::from_secs(20), "it does not come back: {stats:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    stop.store(true, Ordering::Relaxed);
    let mut latest = HashMap::new();
    for worker in workers {
        latest.extend(worker.await.expect("no wrong answer"));
    }

    let longest = Duration::from_millis(seen.longest_ms.load(Ordering::Relaxed));
    assert!(longest < HANG, "a call took {longest:?}");
    assert!(seen.writes.load(Ordering::Relaxed) > 0 && cache.stats().degraded_writes > 0, "the fault was not felt");

    // Where Redis has a key, it has what the cache says.
    let mut client = redis.client();
    for (key, version) in latest {
        let there = client.call(&["GET", &key]).expect("a string or nothing");
        let agree = there == Reply::Nil || there == Reply::Bulk(version.to_string().into());
        assert!(agree, "{key}: Redis has {there:?}, the cache wrote {version}");
        assert_eq!(cache.get::<u64>(&key).await.expect("all is well"), Some(version));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_and_restarted() {
    let Some(mut redis) = redis_or_skip() else { return };
    under_load(&mut redis, async |redis: &mut RedisServer| {
        redis.kill();
        tokio::time::sleep(Duration::from_secs(1)).await;
        redis.restart();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopped_and_continued() {
    let Some(mut redis) = redis_or_skip() else { return };
    under_load(&mut redis, async |redis: &mut RedisServer| {
        redis.stop();
        tokio::time::sleep(Duration::from_secs(2)).await;
        redis.cont();
    })
    .await;
}

/// Deciding writes fail while Redis is stopped, and none that was acknowledged is lost or done twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn counters_are_exact_but_for_the_unknown() {
    let Some(redis) = redis_or_skip() else { return };
    let cache = cache(&redis);
    let (stop, sure, unknown) =
        (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let workers: Vec<_> = (0..3)
        .map(|_| {
            let (cache, stop, sure, unknown) = (cache.clone(), stop.clone(), sure.clone(), unknown.clone());
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    match cache.incr("counter").await {
                        Ok(_) => sure.fetch_add(1, Ordering::Relaxed),
                        Err(error) if error.is_uncertain() => unknown.fetch_add(1, Ordering::Relaxed),
                        Err(error) => {
                            assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
                            tokio::time::sleep(Duration::from_millis(5)).await;
                            0
                        }
                    };
                }
            })
        })
        .collect();
    for _ in 0..2 {
        tokio::time::sleep(Duration::from_millis(300)).await;
        redis.stop();
        tokio::time::sleep(Duration::from_millis(900)).await;
        redis.cont();
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    stop.store(true, Ordering::Relaxed);
    for worker in workers {
        worker.await.expect("no wrong error");
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    let total: u64 = cache.get("counter").await.expect("Redis is back").expect("it was counted");
    let (sure, unknown) = (sure.load(Ordering::Relaxed), unknown.load(Ordering::Relaxed));
    assert!((sure..=sure + unknown).contains(&total), "{sure} sure, {unknown} unknown, {total} counted");
    assert!(unknown > 0, "the fault was not felt");
}
