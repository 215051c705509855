//! Levels under real threads, futures that nobody polls, and drivers that cannot tell an empty string from none.

use std::future::Future;
use std::pin::pin;
use std::sync::{Barrier, Mutex};
use std::task::Poll;
use std::time::Duration;

use jcache::builder::LevelPolicy;
use jcache::driver::{HashDriver, ListDriver, SetDriver, SortedSetDriver, StringDriver};
use jcache::fetch::Fetched;
use jcache::snapshot::FillLimit;
use jcache::{
    Answer, Arg, Cache, Driver, Effect, Explained, Memory, Mutation, Presence, Query, Reply, Request, Result, Snapshot,
    Timestamp,
};
use jcache_testkit::fault::{Fault, Faulty};

async fn ok(cache: &Cache, line: &str) -> Reply {
    let args: Vec<Arg<'_>> = line.split(' ').map(Arg::from).collect();
    let request = Request::parse(&args).expect("the line is right");
    cache.call(&request).await.unwrap_or_else(|error| panic!("{line}: {error}"))
}

/// Carries out what needs no waiting.
fn now(cache: &Cache, line: &str) -> Reply {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match pin!(ok(cache, line)).poll(&mut context) {
        Poll::Ready(reply) => reply,
        Poll::Pending => panic!("{line} waits"),
    }
}

/// Memory that lets other threads run around each step, so that they meet where one would not have to wait.
#[derive(Debug)]
struct Unhurried(Memory);

/// Sleeps, or not: a thread that sleeps surely lets others run, whatever the machine.
fn dawdle() {
    if fastrand::bool() {
        std::thread::sleep(Duration::from_micros(fastrand::u64(0..200)));
    }
}

impl Driver for Unhurried {
    async fn query(&self, query: &Query<'_>) -> Result<Answer> {
        self.0.query(query).await
    }
    async fn mutate(&self, mutation: &Mutation<'_>) -> Result<Reply> {
        dawdle();
        let reply = self.0.mutate(mutation).await;
        dawdle();
        reply
    }
    async fn fetch(&self, query: &Query<'_>, limit: FillLimit) -> Result<Fetched> {
        let fetched = self.0.fetch(query, limit).await;
        dawdle();
        fetched
    }
    async fn install(&self, snapshot: &Snapshot) -> Result<()> {
        dawdle();
        self.0.install(snapshot).await
    }
    async fn apply(&self, effect: &Effect<'_>, cap: Option<Timestamp>) -> Result<()> {
        dawdle();
        self.0.apply(effect, cap).await
    }
}

impl StringDriver for Unhurried {}
impl HashDriver for Unhurried {}
impl ListDriver for Unhurried {}
impl SetDriver for Unhurried {}
impl SortedSetDriver for Unhurried {}

/// Threads write and read one key through two levels: whenever all of them rest, a read answers what the authority has.
#[test]
fn levels_agree_after_threads_wrote_and_read_the_same_key() {
    let far = Memory::new();
    let cache = Cache::builder()
        .level_with(Unhurried(Memory::new()), LevelPolicy::new().name("near"))
        .level_with(Unhurried(far.clone()), LevelPolicy::new().name("far").authority())
        .build()
        .expect("the settings are right");
    let threads = 4;
    let (start, end) = (Barrier::new(threads), Barrier::new(threads));
    let wrong = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let (cache, far, start, end, wrong) = (&cache, &far, &start, &end, &wrong);
            scope.spawn(move || {
                for round in 0..500 {
                    start.wait();
                    for n in 0..2 {
                        match thread {
                            0 | 1 => now(cache, &format!("SET k {thread}-{round}-{n}")),
                            2 if n == 0 => now(cache, "DEL k"),
                            _ => now(cache, "GET k"),
                        };
                    }
                    end.wait();
                    if thread == 0 {
                        let truth = far.get(b"k").expect("a string").map_or(Reply::Nil, Reply::Bulk);
                        let read = now(cache, "GET k");
                        if read != truth {
                            wrong.lock().expect("nobody panics").push((round, read, truth));
                        }
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().expect("nobody panics");
    assert!(wrong.is_empty(), "round, read and truth: {wrong:?}");
}

/// A reader that nobody polls stands in the middle of a fill: a writer of the key does not wait for it, and nobody
/// reads what it may still put there.
#[tokio::test(start_paused = true)]
async fn a_fill_that_stands_still_blocks_no_writer() {
    let far = Memory::new();
    let (near, near_fault) = Faulty::new(Memory::new());
    let cache = Cache::builder()
        .level_with(near, LevelPolicy::new().name("near").deadline(Duration::from_secs(1)))
        .level_with(far.clone(), LevelPolicy::new().name("far").authority())
        .build()
        .expect("the settings are right");
    let elsewhere = Cache::builder().level(far).build().expect("the settings are right");
    ok(&elsewhere, "SET k old").await;

    // The near level misses, and then takes its time to take the fill.
    near_fault.next([Fault::None, Fault::Slow(Duration::from_millis(500))]);
    let mut reader = pin!(ok(&cache, "GET k"));
    let polled = std::future::poll_fn(|context| Poll::Ready(reader.as_mut().poll(context))).await;
    assert!(polled.is_pending() && near_fault.calls() == 2, "the fill is on its way");

    let began = tokio::time::Instant::now();
    assert_eq!(ok(&cache, "SET k new").await, Reply::Ok);
    assert_eq!(ok(&cache, "GET k").await, Reply::Bulk("new".into()));
    assert!(began.elapsed().is_zero(), "nobody waits for it");

    assert_eq!(reader.await, Reply::Bulk("old".into()), "it had read before the write");
    assert_eq!(ok(&cache, "GET k").await, Reply::Bulk("new".into()));
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(ok(&cache, "GET k").await, Reply::Bulk("new".into()));
}

/// A driver that knows replies only: nothing may be an empty string or no key.
#[derive(Debug)]
struct Blunt(Memory);

impl Driver for Blunt {
    async fn query(&self, query: &Query<'_>) -> Result<Answer> {
        Ok(self.0.query(query).await?.reply.into())
    }
    async fn mutate(&self, mutation: &Mutation<'_>) -> Result<Reply> {
        self.0.mutate(mutation).await
    }
}

impl StringDriver for Blunt {}
impl HashDriver for Blunt {}
impl ListDriver for Blunt {}
impl SetDriver for Blunt {}
impl SortedSetDriver for Blunt {}

#[tokio::test]
async fn an_empty_string_is_explained_as_there() {
    let cache = Cache::builder().level(Blunt(Memory::new())).level(Memory::new()).build().expect("right");
    let args = ["SET", "empty", ""].map(Arg::from);
    cache.call(&Request::parse(&args).expect("right")).await.expect("well");
    let there = |explained: &Explained| matches!(explained.presence, Presence::Has { size: 0, .. });
    assert!(cache.explain(b"empty").await.iter().all(there));
    let missing = |explained: &Explained| matches!(explained.presence, Presence::Missing);
    assert!(cache.explain(b"absent").await.iter().all(missing));
}

/// Without a runtime there is no timer and no task, and what needs none works all the same.
#[test]
fn a_cache_works_without_a_runtime() {
    let cache = Cache::builder()
        .level_with(Memory::new(), LevelPolicy::new().name("near"))
        .level_with(Memory::new(), LevelPolicy::new().name("far").authority())
        .build()
        .expect("the settings are right");
    for (line, expected) in [("SET k v", Reply::Ok), ("GET k", Reply::Bulk("v".into()))] {
        assert_eq!(now(&cache, line), expected);
    }
    cache.invalidate(b"k");
    assert_eq!(now(&cache, "GET k"), Reply::Bulk("v".into()));
}
