//! A memory with a bound: never more than it says, nothing that is not true, and errors that change nothing.

mod common;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use common::{call, run};
use jcache_core::{Driver, ErrorKind, Object, Reply, Snapshot};
use jcache_memory::{Eviction, ManualClock, Memory, Removal};

const EVICTING: [Eviction; 4] = [Eviction::S3Fifo, Eviction::Lru, Eviction::Lfu, Eviction::Random];
const MIB: usize = 1 << 20;

fn bounded(bytes: usize, eviction: Eviction) -> Memory {
    Memory::builder().max_memory(bytes).eviction(eviction).build()
}

fn set(memory: &Memory, key: &str, len: usize) -> jcache_core::Result<Reply> {
    call(memory, &[b"SET", key.as_bytes(), &vec![b'x'; len]])
}

fn assert_oom(result: jcache_core::Result<Reply>) {
    let error = result.expect_err("there is no room");
    assert_eq!(error.kind(), ErrorKind::OutOfMemory);
    assert_eq!(error.message(), "OOM command not allowed when used memory > 'maxmemory'.");
}

/// Keys of versions: what is read was written last, or is not there.
#[test]
fn the_bound_holds_and_reads_are_true_under_threads() {
    for (eviction, threads) in EVICTING.into_iter().zip([4, 2, 2, 2]) {
        let (max, keys) = (8 * MIB, 60_000);
        let memory = bounded(max, eviction);
        let worst = AtomicU64::new(0);
        // Long enough on any machine, and no longer.
        let (begin, evictions) = (Instant::now(), 10_000);
        let goes_on = || {
            let passed = begin.elapsed();
            let much = passed > Duration::from_millis(500) && memory.stats().evictions > evictions;
            !much && passed < Duration::from_secs(60)
        };
        thread::scope(|scope| {
            let workers: Vec<_> = (0..threads)
                .map(|worker| {
                    let (memory, goes_on) = (&memory, &goes_on);
                    scope.spawn(move || work(memory, worker, keys / threads, goes_on))
                })
                .collect();
            scope.spawn(|| {
                while goes_on() {
                    worst.fetch_max(memory.memory_used() as u64, Ordering::Relaxed);
                }
            });
            workers.into_iter().for_each(|worker| worker.join().expect("a worker"));
        });
        let (worst, stats) = (worst.into_inner() as usize, memory.stats());
        assert!(worst <= max + max / 100, "{eviction}: {worst} bytes of {max}");
        assert!(stats.bytes > max - max / 10, "{eviction}: {stats:?} leaves room unused");
        assert!(stats.evictions > evictions && stats.lists > 0 && stats.strings > 0, "{eviction}: {stats:?}");
    }
}

/// Half reads, half writes of this worker's keys: texts of many sizes, some of them large, and lists that grow.
fn work(memory: &Memory, worker: usize, keys: usize, goes_on: &(dyn Fn() -> bool + Sync)) {
    let mut rng = fastrand::Rng::with_seed(worker as u64);
    let mut versions = vec![0_u64; keys];
    while goes_on() {
        for _ in 0..100 {
            // The square leans towards low numbers.
            let key = ((rng.f64() * rng.f64()) * keys as f64) as usize;
            let name = format!("{worker}:{key}");
            match (key % 10, rng.bool()) {
                (0, true) => drop(call(memory, &["RPUSH".to_owned(), name, "e".repeat(rng.usize(1..200))])),
                (0, false) => drop(call(memory, &["LLEN".to_owned(), name])),
                (_, true) => {
                    versions[key] += 1;
                    let pad = if rng.u8(..) == 0 { rng.usize(..200_000) } else { rng.usize(..300) };
                    let value = format!("{}:{}", versions[key], "v".repeat(pad));
                    assert_eq!(call(memory, &["SET".to_owned(), name, value]), Ok(Reply::Ok));
                }
                (_, false) => match memory.get(name.as_bytes()).expect("a text") {
                    None => {}
                    Some(value) => {
                        let version = value.split(|byte| *byte == b':').next().expect("a version");
                        assert_eq!(version, versions[key].to_string().as_bytes(), "{name} is stale");
                    }
                },
            }
        }
    }
}

#[test]
fn what_a_bounded_memory_holds_the_model_holds() {
    use jcache_core::command::Request;
    use jcache_core::{Arg, Context, Model};
    use jcache_testkit::differential;
    let generators: [differential::Generator; 5] = [
        differential::string::command,
        differential::hash::command,
        differential::list::command,
        differential::set::command,
        differential::sorted_set::command,
    ];
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let mut refused = 0;
    for seed in 0..12 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let clock = Arc::new(ManualClock::default());
        let eviction = if seed % 6 == 0 { Eviction::NoEviction } else { EVICTING[seed as usize % 4] };
        let max = 2_000 + 1_500 * seed as usize;
        let memory = Memory::builder().shards(4).max_memory(max).eviction(eviction).clock(clock.clone()).build();
        let mut model = Model::default();
        model.set_now(jcache_memory::Clock::now(&*clock));
        for step in 0..4_000 {
            let args = generators[rng.usize(..generators.len())](&mut rng);
            let args: Vec<Arg<'_>> = args.iter().map(Arg::from).collect();
            let Ok(Request::Mutation(mutation)) = Request::parse(&args) else { continue };
            // The model forgets what the memory has evicted by now.
            let keys: Vec<Vec<u8>> = model.iter().map(|(key, ..)| key.to_vec()).collect();
            for key in keys {
                match runtime.block_on(common::whole(&memory, &key)) {
                    None => drop(jcache_core::Keyspace::remove(&mut model, &key)),
                    Some(snapshot) => {
                        let (_, object, deadline) = model.iter().find(|(other, ..)| *other == key).expect("it");
                        assert_eq!((&snapshot.object, snapshot.deadline), (object, deadline), "{step}: {key:?}");
                    }
                }
            }
            let before = memory.stats();
            let Some(reply) = memory.try_mutate(&mutation) else { continue };
            if reply.as_ref().is_err_and(|error| error.kind() == ErrorKind::OutOfMemory) {
                refused += 1;
                continue;
            }
            let evicted = memory.stats().evictions > before.evictions;
            let context = Context { now: jcache_memory::Clock::now(&*clock), seed: 0 };
            let expected = mutation.run(&mut model, context);
            // Its own keys are not evicted for a command, so what it answers is what the model answers.
            assert_eq!(reply, expected, "seed {seed}, step {step}, {eviction}: {args:?}, evicted: {evicted}");
            assert!(memory.memory_used() <= max + max / 2, "{} of {max}", memory.memory_used());
        }
        assert!(memory.len() <= model.iter().count());
    }
    assert!(refused > 100, "only {refused} refused");
}

#[test]
fn without_eviction_growth_is_refused_and_changes_nothing() {
    let memory = bounded(4 * MIB, Eviction::NoEviction);
    run(&memory, "RPUSH list a b c");
    run(&memory, "HSET hash f v");
    run(&memory, "SET text 12");
    let mut stored = 0;
    while set(&memory, &format!("key{stored}"), 100).is_ok() {
        stored += 1;
    }
    assert!((20_000..30_000).contains(&stored), "{stored} stored");
    let (before, used) = (memory.len(), memory.memory_used());
    assert!(used <= 4 * MIB && used > 4 * MIB * 98 / 100, "{used}");
    let long = "x".repeat(100_000);
    for line in [
        format!("SET other {long}"),
        format!("APPEND text {long}"),
        "SETRANGE text 200000 x".to_owned(),
        format!("MSET text 13 other {long}"),
        format!("RPUSH list {long}"),
        format!("HSET hash f w g {long}"),
        format!("SADD set {long}"),
        format!("ZADD zset 1 {long}"),
        format!("GETSET text {long}"),
    ] {
        assert_oom(call(&memory, &line.split(' ').collect::<Vec<_>>()));
        assert_eq!((memory.len(), memory.memory_used()), (before, used), "{line}");
    }
    assert_eq!(run(&memory, "GET text"), Reply::Bulk("12".into()));
    assert_eq!(run(&memory, "HGET hash f"), Reply::Bulk("v".into()));
    assert_eq!(run(&memory, "LLEN list"), Reply::Int(3));
    assert_eq!(memory.stats().evictions, 0);
    // What makes no larger is served, and so is what fits after.
    for line in ["SET text 14", "INCR text", "RENAME list renamed", "LPOP renamed", "EXPIRE text 100"] {
        run(&memory, line);
    }
    // Enough that a table may grow, too.
    (0..150).for_each(|i| drop(run(&memory, &format!("DEL key{i}"))));
    assert_eq!(set(&memory, "fits", 100), Ok(Reply::Ok));
}

#[test]
fn a_value_over_the_bound_is_refused_and_evicts_nobody() {
    for eviction in EVICTING {
        let memory = bounded(MIB, eviction);
        (0..1_000).for_each(|i| drop(set(&memory, &format!("key{i}"), 100)));
        run(&memory, "SET big small");
        assert_oom(set(&memory, "big", MIB));
        assert_oom(set(&memory, "other", 2 * MIB));
        assert_oom(call(&memory, &["RPUSH".to_owned(), "list".to_owned(), "x".repeat(MIB)]));
        assert_eq!((memory.len(), memory.stats().evictions), (1_001, 0), "{eviction}");
        assert_eq!(run(&memory, "GET big"), Reply::Bulk("small".into()));
        // Nearly all of it is fine, over all shards.
        assert_eq!(set(&memory, "big", MIB * 9 / 10), Ok(Reply::Ok), "{eviction}");
        assert!(memory.memory_used() <= MIB && memory.stats().evictions > 0, "{eviction}");
    }
}

/// Whatever state the table is in, also when it is about to double.
#[test]
fn a_value_over_the_bound_never_evicts() {
    let big = "x".repeat(MIB);
    for eviction in EVICTING {
        let memory = Memory::builder().shards(1).max_memory(MIB).eviction(eviction).build();
        for i in 0..1_000 {
            assert_eq!(set(&memory, &format!("key{i}"), 100), Ok(Reply::Ok));
            assert_oom(call(&memory, &["SET", "new", &big]));
            assert_oom(call(&memory, &["RPUSH", "list", &big]));
            assert_eq!((memory.len(), memory.stats().evictions), (i + 1, 0), "{eviction}");
        }
        // Nor does one that is larger by little than what is there.
        assert_eq!(set(&memory, "half", MIB / 2), Ok(Reply::Ok));
        let (len, evictions) = (memory.len(), memory.stats().evictions);
        assert_oom(set(&memory, "half", MIB - MIB / 128));
        assert_oom(call(&memory, &["APPEND", "half", &big[..MIB / 2 - MIB / 128]]));
        assert_eq!((memory.len(), memory.stats().evictions), (len, evictions), "{eviction}");
    }
}

#[test]
fn renaming_and_copying_at_the_bound() {
    for eviction in [Eviction::S3Fifo, Eviction::NoEviction] {
        let memory = bounded(512 << 10, eviction);
        let big = "x".repeat(100_000);
        call(&memory, &["SET", "big", &big]).expect("room");
        call(&memory, &["RPUSH", "list", &big]).expect("room");
        for i in 0..3_000 {
            let _ = set(&memory, &format!("key{i}"), 100);
            // Both are in use.
            memory.get(b"big").expect("a text");
            run(&memory, "LLEN list");
        }
        for round in 0..200 {
            let (from, to) = (round, round + 1);
            run(
                &memory,
                &format!("RENAME {} big{to}", if from == 0 { "big".to_owned() } else { format!("big{from}") }),
            );
            run(
                &memory,
                &format!("RENAME {} list{to}", if from == 0 { "list".to_owned() } else { format!("list{from}") }),
            );
            assert_eq!(run(&memory, &format!("STRLEN big{to}")), Reply::Int(100_000));
            assert_eq!(run(&memory, &format!("LLEN list{to}")), Reply::Int(1));
            assert!(memory.memory_used() <= (512 << 10) * 101 / 100);
        }
        let copied = call(&memory, &["COPY", "big200", "copy"]);
        match eviction {
            Eviction::NoEviction => assert_oom(copied),
            _ => assert_eq!(copied, Ok(Reply::Int(1))),
        }
        assert_eq!(run(&memory, "STRLEN big200"), Reply::Int(100_000));
        assert!(memory.memory_used() <= (512 << 10) * 101 / 100, "{eviction}: {}", memory.memory_used());
    }
}

#[test]
fn ttl_evicts_what_expires_soonest_and_nothing_else() {
    let clock = Arc::new(ManualClock::default());
    let memory = Memory::builder().shards(1).max_memory(256 << 10).eviction(Eviction::Ttl).clock(clock).build();
    (0..500).for_each(|i| drop(run(&memory, &format!("SET stays{i} x"))));
    let mut stored = 0;
    while memory.stats().evictions < 300 {
        // Later ones expire sooner or later, by turns.
        let ttl = 1_000_000 + (stored * 7_919) % 10_007;
        run(&memory, &format!("SET timed{stored} {stored:0100} PX {ttl}"));
        stored += 1;
    }
    let mut evicted: Vec<usize> = Vec::new();
    let mut kept: Vec<usize> = Vec::new();
    for i in 0..stored {
        let ttl = 1_000_000 + (i * 7_919) % 10_007;
        if memory.get(format!("timed{i}").as_bytes()).expect("a text").is_some() { &mut kept } else { &mut evicted }
            .push(ttl);
    }
    assert_eq!(evicted.len(), 300);
    // Those that came after an eviction may expire sooner than what was evicted then.
    let least = kept.iter().min().expect("some");
    let earlier = evicted.iter().filter(|ttl| *ttl < least).count();
    assert!(earlier >= 290, "{earlier} of 300");
    assert_eq!(run(&memory, "DBSIZE"), Reply::Int((500 + stored - 300) as i64));
    // When only such are left that never expire, as without eviction.
    let full = (0..10_000).find_map(|i| set(&memory, &format!("more{i}"), 100).err()).expect("a bound");
    assert_eq!(full.kind(), ErrorKind::OutOfMemory);
    assert_eq!(run(&memory, "EXISTS stays0 stays499"), Reply::Int(2));
}

#[test]
fn collections_are_evicted_and_large_ones_do_not_make_their_neighbours_pay() {
    let memory = bounded(4 * MIB, Eviction::S3Fifo);
    (0..2_000).for_each(|i| drop(run(&memory, &format!("ZADD zset{i} 1 {i:0100} 2 b 3 c"))));
    for i in 0..40_000 {
        run(&memory, &format!("RPUSH large {i:060}"));
        if i % 4 == 0 {
            run(&memory, &format!("SET key{} {i:0100}", i % 5_000));
        }
    }
    let stats = memory.stats();
    assert!(stats.bytes <= 4 * MIB && stats.evictions > 1_000, "{stats:?}");
    assert_eq!(run(&memory, "LLEN large"), Reply::Int(40_000), "it is in use");
    for i in 0..40_000 {
        run(&memory, &format!("HSET hash{} field{i} {i:050}", i % 1_000));
        run(&memory, "LINDEX large 0");
    }
    let stats = memory.stats();
    assert!(stats.bytes <= 4 * MIB + MIB / 25 && stats.sorted_sets < 300 && stats.hashes > 100, "{stats:?}");
    assert_eq!(stats.entries, stats.strings + stats.hashes + stats.lists + stats.sets + stats.sorted_sets);
}

#[test]
fn budget_of_emptied_shards_goes_to_others() {
    let memory = bounded(2 * MIB, Eviction::S3Fifo);
    (0..30_000).for_each(|i| drop(set(&memory, &format!("key{i}"), 100)));
    (0..30_000).for_each(|i| drop(run(&memory, &format!("DEL key{i}"))));
    assert!(memory.is_empty());
    assert_eq!(set(&memory, "big", MIB * 3 / 2), Ok(Reply::Ok));
    let evictions = memory.stats().evictions;
    run(&memory, "FLUSHALL");
    assert!(memory.memory_used() < MIB / 10, "{}", memory.memory_used());
    (0..10_000).for_each(|i| drop(set(&memory, &format!("key{i}"), 100)));
    assert_eq!((memory.len(), memory.stats().evictions), (10_000, evictions), "all fit");
}

#[test]
fn churn_leaves_no_trace() {
    let memory = bounded(64 * MIB, Eviction::S3Fifo);
    (0..1_000).for_each(|i| drop(set(&memory, &format!("stays{i}"), 10)));
    let before = memory.memory_used();
    for round in 0..300 {
        (0..1_000).for_each(|i| drop(set(&memory, &format!("goes{i}"), 10)));
        (0..1_000).for_each(|i| drop(run(&memory, &format!("DEL goes{i}"))));
        let used = memory.memory_used();
        assert!(used < before + 120_000, "round {round}: {used} bytes, at first {before}");
    }
}

#[tokio::test]
async fn copies_obey_too() {
    let memory = bounded(256 << 10, Eviction::S3Fifo);
    let snapshot = |i: usize, len: usize| Snapshot {
        key: format!("key{i}").into_bytes().into(),
        object: Object::String(vec![b'x'; len].into()),
        deadline: None,
    };
    for i in 0..5_000 {
        memory.install(&snapshot(i, 100)).await.expect("room is made");
    }
    assert!(memory.memory_used() <= 256 << 10);
    let error = memory.install(&snapshot(4_999, 300_000)).await.expect_err("it does not fit");
    assert_eq!(error.kind(), ErrorKind::OutOfMemory);
    assert_eq!(run(&memory, "STRLEN key4999"), Reply::Int(100));
    // A change that the copy has no room for drops the key.
    let args = [jcache_core::Arg::from("APPEND"), "key4999".into(), vec![b'x'; 300_000].into()];
    let append = jcache_core::Mutation::parse(&args).expect("APPEND");
    let effect = jcache_core::Effect::within(append);
    memory.apply(&effect, None).await.expect("always");
    assert_eq!(run(&memory, "EXISTS key4999"), Reply::Int(0));
}

#[tokio::test]
async fn a_handoff_to_somebody_waiting_obeys() {
    let memory = bounded(256 << 10, Eviction::S3Fifo);
    let waiting: Vec<_> = (0..20)
        .map(|i| tokio::spawn(common::wait(memory.clone(), format!("BLMOVE source target{i} LEFT RIGHT 0"))))
        .collect();
    tokio::task::yield_now().await;
    (0..3_000).for_each(|i| drop(set(&memory, &format!("key{i}"), 100)));
    for i in 0..20 {
        call(&memory, &["RPUSH".to_owned(), "source".to_owned(), format!("{i}{}", "x".repeat(2_000))]).expect("room");
        assert!(memory.memory_used() <= (256 << 10) * 101 / 100);
        tokio::task::yield_now().await;
    }
    for waiter in waiting {
        assert!(matches!(waiter.await.expect("a task"), Ok(Reply::Bulk(_))));
    }
}

#[test]
fn a_listener_hears_every_removal_once() {
    let clock = Arc::new(ManualClock::default());
    let heard: Arc<Mutex<Vec<(String, Removal)>>> = Arc::default();
    let listener = {
        let heard = heard.clone();
        Arc::new(move |key: &[u8], removal: Removal| {
            heard.lock().expect("the list").push((String::from_utf8_lossy(key).into_owned(), removal));
        })
    };
    let memory = Memory::builder().max_memory(256 << 10).clock(clock.clone()).on_removal(listener).build();
    (0..3_000).for_each(|i| drop(set(&memory, &format!("key{i}"), 100)));
    let evicted: Vec<String> = {
        let heard = heard.lock().expect("the list");
        assert!(heard.iter().all(|(_, removal)| *removal == Removal::Evicted));
        heard.iter().map(|(key, _)| key.clone()).collect()
    };
    assert_eq!(evicted.len() as u64, memory.stats().evictions);
    assert!(evicted.iter().all(|key| memory.get(key.as_bytes()).expect("a text").is_none()));
    assert_eq!(evicted.len() + memory.len(), 3_000);
    run(&memory, "SET short x PX 10");
    clock.advance(Duration::from_millis(11));
    run(&memory, "DBSIZE");
    let deadline = Instant::now() + Duration::from_secs(5);
    while heard.lock().expect("the list").last().is_none_or(|(key, _)| key != "short") {
        assert!(Instant::now() < deadline, "nobody told");
        thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(heard.lock().expect("the list").last(), Some(&("short".to_owned(), Removal::Expired)));
    assert_eq!(memory.stats().expirations, 1);
}

#[test]
fn hits_and_misses_are_counted() {
    let memory = Memory::new();
    run(&memory, "SET a x");
    run(&memory, "HSET h f v");
    for line in ["GET a", "GET b", "MGET a b", "MGET a a", "HGET h f", "HGET h g", "DBSIZE"] {
        run(&memory, line);
    }
    let stats = memory.stats();
    assert_eq!((stats.hits, stats.misses), (4, 2), "{stats:?}");
    assert_eq!((stats.strings, stats.hashes, stats.max_bytes), (1, 1, None));
}
