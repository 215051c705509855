//! What the library that jcache follows got wrong, as far as levels are concerned: each failure by its name, so that it
//! does not come back.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use jcache::builder::LevelPolicy;
use jcache::{Arg, Cache, ErrorKind, Key, Memory, Query, Reply, Request, Result};
use jcache_memory::{Clock, ManualClock};
use jcache_testkit::fault::{Control, Fault, Faulty};

async fn call(cache: &Cache, line: &str) -> Result<Reply> {
    let args: Vec<Arg<'_>> = line.split(' ').map(Arg::from).collect();
    cache.call(&Request::parse(&args)?).await
}

async fn ok(cache: &Cache, line: &str) -> Reply {
    call(cache, line).await.unwrap_or_else(|error| panic!("{line}: {error}"))
}

fn text(text: &str) -> Reply {
    Reply::Bulk(text.into())
}

/// A near memory in front of another one that decides, as Redis would, with what the tests turn.
struct Two {
    cache: Cache,
    near: Memory,
    far: Memory,
    near_fault: Control,
    far_fault: Control,
    clock: Arc<ManualClock>,
}

const DEADLINE: Duration = Duration::from_millis(40);

fn two() -> Two {
    let clock = Arc::new(ManualClock::default());
    let memory = || Memory::builder().clock(clock.clone()).build();
    two_over(memory(), memory(), clock.clone(), Some(DEADLINE))
}

fn two_over(near: Memory, far: Memory, clock: Arc<ManualClock>, deadline: Option<Duration>) -> Two {
    let (near_driver, near_fault) = Faulty::new(near.clone());
    let (far_driver, far_fault) = Faulty::new(far.clone());
    let time = clock.clone();
    let cache = Cache::builder()
        .level_with(near_driver, LevelPolicy::new().name("near").deadline(deadline))
        .level_with(far_driver, LevelPolicy::new().name("far").deadline(deadline).authority())
        .clock(move || time.now())
        .build()
        .expect("the settings are right");
    Two { cache, near, far, near_fault, far_fault, clock }
}

#[tokio::test]
async fn a_miss_falls_through_and_fills() {
    let two = two();
    let elsewhere = Cache::builder().level(two.far.clone()).build().expect("the settings are right");
    ok(&elsewhere, "SET greeting hello").await;
    ok(&elsewhere, "RPUSH list a b c").await;

    assert_eq!(ok(&two.cache, "GET greeting").await, text("hello"), "the far level has it");
    assert_eq!(ok(&two.cache, "LINDEX list 1").await, text("b"));
    let asked = two.far_fault.calls();
    assert_eq!(ok(&two.cache, "GET greeting").await, text("hello"));
    assert_eq!(ok(&two.cache, "LINDEX list 2").await, text("c"), "the list was filled whole");
    assert_eq!(two.far_fault.calls(), asked, "the near level answers now");
    assert_eq!(ok(&two.cache, "MGET absent greeting").await, Reply::Array(vec![Reply::Nil, text("hello")]));
}

#[tokio::test]
async fn a_level_that_is_down_falls_through() {
    let two = two();
    ok(&two.cache, "SET k v").await;

    two.near_fault.set(Fault::Fail);
    assert_eq!(ok(&two.cache, "GET k").await, text("v"), "the far level answers for the near one");
    two.near_fault.recover();

    two.far_fault.set(Fault::Fail);
    assert_eq!(ok(&two.cache, "GET k").await, text("v"), "the near level answers for the far one");
    assert_eq!(ok(&two.cache, "GET absent").await, Reply::Nil, "as far as anybody knows");
    assert_eq!(two.cache.stats().degraded_misses, 1, "which is counted");
    let strict = call(&two.cache.strict(), "GET absent").await.expect_err("nobody who decides was asked");
    assert_eq!(strict.kind(), ErrorKind::Unavailable);

    two.near_fault.set(Fault::Fail);
    let error = call(&two.cache, "GET k").await.expect_err("nobody is there");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.message().contains("near") && error.message().contains("far"), "it names both: {error}");
}

#[tokio::test]
async fn what_was_written_while_the_far_level_was_away_gets_there() {
    let two = two();
    ok(&two.cache, "SET k old").await;
    two.far_fault.set(Fault::Fail);
    ok(&two.cache, "SET k new").await;
    assert_eq!(ok(&two.cache, "GET k").await, text("new"));
    let error = call(&two.cache, "INCR n").await.expect_err("nobody can decide");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    two.far_fault.recover();
    assert_eq!(ok(&two.cache, "APPEND k er").await, Reply::Int(5), "the write came first");
    assert_eq!(two.far.get(b"k").expect("a string").as_deref(), Some(&b"newer"[..]));
}

/// Two processes pop from one queue; each element reaches one of them, once, and no copy keeps it.
#[tokio::test]
async fn pops_do_not_diverge() {
    let (first, clock) = (two(), Arc::new(ManualClock::default()));
    let second = two_over(Memory::new(), first.far.clone(), clock, Some(DEADLINE));
    for n in 0..200 {
        let cache = if n % 2 == 0 { &first.cache } else { &second.cache };
        ok(cache, &format!("RPUSH queue e{n}")).await;
        ok(cache, "LRANGE queue 0 -1").await;
    }
    let drain = async |cache: Cache| {
        let mut taken = Vec::new();
        while let Reply::Bulk(element) = ok(&cache, "LPOP queue").await {
            taken.push(String::from_utf8_lossy(&element).into_owned());
            tokio::task::yield_now().await;
        }
        taken
    };
    let (a, b) = tokio::join!(drain(first.cache.clone()), drain(second.cache.clone()));
    assert!(!a.is_empty() && !b.is_empty(), "both took part");
    let mut all: Vec<String> = a.into_iter().chain(b).collect();
    all.sort();
    let mut expected: Vec<String> = (0..200).map(|n| format!("e{n}")).collect();
    expected.sort();
    assert_eq!(all, expected);
}

fn on(memory: &Memory, line: &str) -> Reply {
    use jcache::Driver;
    let args: Vec<Arg<'_>> = line.split(' ').map(Arg::from).collect();
    let query = Query::parse(&args).expect("a query");
    memory.try_query(&query).expect("memory answers at once").expect("the query is right").reply
}

/// One of each type: how it is made, and the query that reads it.
const TYPES: [(&str, &str); 5] = [
    ("SET key v", "STRLEN key"),
    ("HSET key f v", "HLEN key"),
    ("RPUSH key a b", "LLEN key"),
    ("SADD key m", "SCARD key"),
    ("ZADD key 1 m", "ZCARD key"),
];

/// The deadline of a new key is the same at every level, whether it came with the key or after it.
#[tokio::test]
async fn the_ttl_of_a_new_key_holds_on_copies() {
    let two = two();
    let deadline = |memory: &Memory| on(memory, "PEXPIRETIME key");
    ok(&two.cache, "SET key v PX 5000").await;
    let at = Reply::Int(two.clock.now().as_i64() + 5000);
    assert_eq!((deadline(&two.near), deadline(&two.far)), (at.clone(), at.clone()));
    for (write, query) in TYPES {
        ok(&two.cache, "DEL key").await;
        ok(&two.cache, write).await;
        ok(&two.cache, query).await;
        ok(&two.cache, "PEXPIRE key 5000").await;
        assert_eq!((deadline(&two.near), deadline(&two.far)), (at.clone(), at.clone()), "{write}");
        ok(&two.cache, "PERSIST key").await;
        assert_eq!((deadline(&two.near), deadline(&two.far)), (Reply::Int(-1), Reply::Int(-1)), "{write}");
    }
}

/// A collection is gone at its deadline, at once, everywhere; a fill carries no more than what is left.
#[tokio::test]
async fn expired_collections_are_unreadable_at_once() {
    for (write, query) in TYPES {
        let two = two();
        let elsewhere = Cache::builder().level(two.far.clone()).build().expect("the settings are right");
        ok(&elsewhere, write).await;
        ok(&elsewhere, "PEXPIREAT key 1000000005000").await;
        two.clock.advance(Duration::from_millis(4_999));
        let there = ok(&two.cache, query).await;
        assert_ne!(there, Reply::Int(0), "{write}: filled a millisecond before the end");
        assert_eq!(on(&two.near, query), there, "{write}");
        two.clock.advance(Duration::from_millis(1));
        assert_eq!(on(&two.near, query), Reply::Int(0), "{write}");
        assert_eq!(on(&two.far, query), Reply::Int(0), "{write}");
        assert_eq!(ok(&two.cache, query).await, Reply::Int(0), "{write}");
    }
}

/// Waiting is not polling: the future of a blocking pop is woken by what it waits for, not in between.
#[tokio::test]
async fn a_blocking_pop_uses_no_cpu() {
    let two = two();
    let mut polls = 0;
    let mut pop = pin!(call(&two.cache, "BLPOP queue 10"));
    let counted = std::future::poll_fn(|context| {
        polls += 1;
        pop.as_mut().poll(context)
    });
    let push = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let calls = two.far_fault.calls();
        ok(&two.cache, "RPUSH queue element").await;
        calls
    };
    let (popped, calls) = tokio::join!(counted, push);
    assert_eq!(popped.expect("it was pushed"), Reply::Array(vec![text("queue"), text("element")]));
    assert!(calls <= 2, "the level was asked {calls} times while nothing was there");
    // Both futures are polled together: for the start, the timer of the push, and the push itself.
    assert!(polls < 10, "it was polled {polls} times");
    assert_eq!(ok(&two.cache, "LLEN queue").await, Reply::Int(0));
}

/// The caller's own limit holds though a level without a deadline hangs, and leaves no wrong copy behind.
#[tokio::test]
async fn the_callers_deadline_is_honoured() {
    let clock = Arc::new(ManualClock::default());
    let memory = || Memory::builder().clock(clock.clone()).build();
    let two = two_over(memory(), memory(), clock.clone(), None);
    ok(&two.cache, "SET k old").await;
    two.far_fault.set(Fault::Stall);
    for line in ["SET k new", "GET absent", "INCR n", "BLPOP queue 60"] {
        let began = std::time::Instant::now();
        let result = tokio::time::timeout(Duration::from_millis(30), call(&two.cache, line)).await;
        assert!(result.is_err(), "{line} cannot be answered: {result:?}");
        assert!(began.elapsed() < Duration::from_millis(500), "{line} took {:?}", began.elapsed());
    }
    two.far_fault.recover();
    let far = two.far.get(b"k").expect("a string").expect("there");
    assert_eq!(ok(&two.cache, "GET k").await, Reply::Bulk(far), "the copies have forgotten what is not known");
}

/// A level that stalls costs its deadline a few times, and nothing from then on; when it is back it is used again.
#[tokio::test(start_paused = true)]
async fn a_slow_level_costs_its_deadline_and_then_nothing() {
    let two = two();
    ok(&two.cache, "SET k v").await;
    ok(&two.cache, "SET far-only v").await;
    two.near_fault.set(Fault::Stall);
    let mut costs = Vec::new();
    for _ in 0..6 {
        let began = tokio::time::Instant::now();
        assert_eq!(ok(&two.cache, "GET k").await, text("v"));
        costs.push(began.elapsed());
    }
    assert!(costs.iter().all(|cost| *cost <= DEADLINE + Duration::from_millis(2)), "{costs:?}");
    assert!(costs[3..].iter().all(|cost| cost.is_zero()), "{costs:?}");
    let calls = two.near_fault.calls();
    for _ in 0..50 {
        ok(&two.cache, "GET k").await;
    }
    assert_eq!(two.near_fault.calls(), calls, "it is not even asked");
    two.near_fault.recover();
    tokio::time::sleep(Duration::from_secs(6)).await;
    let asked = two.far_fault.calls();
    ok(&two.cache, "GET k").await;
    ok(&two.cache, "GET k").await;
    assert!(two.far_fault.calls() <= asked + 1, "the near level answers again");
}

/// Every key of a command is visited within one deadline, however many there are.
#[tokio::test(start_paused = true)]
async fn many_keys_do_not_cost_many_deadlines() {
    let two = two();
    let keys: Vec<String> = (0..50).map(|n| format!("k{n}")).collect();
    ok(&two.cache, &format!("MSET {}", keys.iter().map(|key| format!("{key} v")).collect::<Vec<_>>().join(" "))).await;
    for key in &keys {
        two.cache.invalidate(Key::from(key.as_str()).as_bytes());
    }
    two.near_fault.set(Fault::Stall);
    let began = tokio::time::Instant::now();
    let reply = ok(&two.cache, &format!("MGET {}", keys.join(" "))).await;
    assert_eq!(reply, Reply::Array(vec![text("v"); 50]));
    assert!(began.elapsed() <= DEADLINE + Duration::from_millis(2), "it took {:?}", began.elapsed());
}

/// A pop whose caller went away has taken nothing, or what it took is gone from the copies too.
#[tokio::test]
async fn a_dropped_blocking_pop_leaves_the_element() {
    let two = two();
    {
        let mut pop = pin!(call(&two.cache, "BLPOP queue 10"));
        let first = std::future::poll_fn(|context| Poll::Ready(pop.as_mut().poll(context))).await;
        assert!(first.is_pending());
    }
    ok(&two.cache, "RPUSH queue element").await;
    assert_eq!(ok(&two.cache, "LRANGE queue 0 -1").await, Reply::Array(vec![text("element")]));
    assert_eq!(ok(&two.cache, "LPOP queue").await, text("element"));
}
