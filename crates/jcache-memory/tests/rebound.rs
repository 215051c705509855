//! The bound and the policy change while the cache is in use, and the bound is kept all the same.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use jcache_core::{Arg, Driver, ErrorKind, Mutation, Reply, Result};
use jcache_memory::{Eviction, Memory};

const MB: usize = 1 << 20;

fn run(memory: &Memory, args: &[&str]) -> Result<Reply> {
    let args: Vec<Arg<'_>> = args.iter().map(|arg| Arg::from(*arg)).collect();
    memory.try_mutate(&Mutation::parse(&args).unwrap()).expect("at once")
}

fn fill(memory: &Memory, keys: std::ops::Range<usize>) {
    for number in keys {
        run(memory, &["SET", &format!("key:{number}"), &"x".repeat(100)]).unwrap();
    }
}

#[track_caller]
fn within(memory: &Memory, bytes: usize) {
    let until = Instant::now() + Duration::from_secs(20);
    while memory.memory_used() > bytes {
        assert!(Instant::now() < until, "{} bytes of {bytes}", memory.memory_used());
        std::thread::sleep(Duration::from_millis(1));
    }
}

const POLICIES: [Eviction; 4] = [Eviction::S3Fifo, Eviction::Lru, Eviction::Lfu, Eviction::Random];

#[test]
fn a_first_bound_evicts_what_is_too_much_without_anybody_writing() {
    for eviction in POLICIES {
        let memory = Memory::builder().eviction(eviction).build();
        fill(&memory, 0..50_000);
        assert!(memory.memory_used() > 7 * MB);
        memory.set_max_memory(Some(4 * MB)).unwrap();
        within(&memory, 4 * MB);
        assert_eq!(memory.stats().max_bytes, Some(4 * MB));
        // Not much more than had to go.
        assert!(memory.memory_used() > 3 * MB, "{eviction}: {} bytes", memory.memory_used());
        let evicted = memory.stats().evictions;
        assert_eq!(evicted as usize + memory.len(), 50_000, "{eviction}");
        // From here on as if it had been there from the beginning.
        for first in (50_000..100_000).step_by(1_000) {
            fill(&memory, first..first + 1_000);
            assert!(memory.memory_used() <= 4 * MB, "{eviction}: {} bytes", memory.memory_used());
        }
        assert!(memory.memory_used() > 3 * MB, "{eviction}: {} bytes", memory.memory_used());
    }
}

#[test]
fn a_bound_grows_shrinks_and_goes() {
    let memory = Memory::builder().max_memory(2 * MB).build();
    fill(&memory, 0..50_000);
    assert!(memory.memory_used() <= 2 * MB);
    memory.set_max_memory(Some(20 * MB)).unwrap();
    let before = memory.len();
    fill(&memory, 50_000..100_000);
    assert_eq!(memory.len(), before + 50_000);
    memory.set_max_memory(Some(3 * MB)).unwrap();
    within(&memory, 3 * MB);
    fill(&memory, 100_000..110_000);
    assert!(memory.memory_used() <= 3 * MB);
    memory.set_max_memory(None).unwrap();
    assert_eq!(memory.stats().max_bytes, None);
    let before = memory.len();
    fill(&memory, 110_000..210_000);
    assert_eq!(memory.len(), before + 100_000);
    // Next to nothing: all go, and writes are refused while reads and removals are not.
    memory.set_max_memory(Some(1)).unwrap();
    let until = Instant::now() + Duration::from_secs(20);
    while !memory.is_empty() {
        assert!(Instant::now() < until, "{} keys", memory.len());
        std::thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(run(&memory, &["SET", "a", "1"]).unwrap_err().kind(), ErrorKind::OutOfMemory);
    assert_eq!(run(&memory, &["DEL", "a"]), Ok(Reply::Int(0)));
    memory.set_max_memory(Some(MB)).unwrap();
    assert_eq!(run(&memory, &["SET", "a", "1"]), Ok(Reply::Ok));
}

#[test]
fn nobody_is_evicted_who_may_not_be() {
    let memory = Memory::builder().eviction(Eviction::NoEviction).build();
    fill(&memory, 0..20_000);
    memory.set_max_memory(Some(MB)).unwrap();
    assert_eq!(run(&memory, &["SET", "a", "1"]).unwrap_err().kind(), ErrorKind::OutOfMemory);
    assert_eq!((memory.len(), memory.stats().evictions), (20_000, 0));
    memory.set_eviction(Eviction::Lru);
    within(&memory, MB);
    assert_eq!(run(&memory, &["SET", "a", "1"]), Ok(Reply::Ok));
}

#[test]
fn a_policy_goes_by_its_own_rules_from_when_it_is_set() {
    let memory = Memory::builder().max_memory(4 * MB).build();
    fill(&memory, 0..20_000);
    for eviction in POLICIES.into_iter().chain(POLICIES) {
        memory.set_eviction(eviction);
        fill(&memory, 0..40_000);
        assert!((3 * MB..=4 * MB).contains(&memory.memory_used()), "{eviction}: {} bytes", memory.memory_used());
    }
    // What is read stays under a policy that looks at it.
    memory.set_eviction(Eviction::Lfu);
    run(&memory, &["SET", "hot", "x"]).unwrap();
    for number in 0..60_000 {
        fill(&memory, number..number + 1);
        assert!(memory.get(b"hot").unwrap().is_some(), "after {number} keys");
    }
    let memory = Memory::builder().max_memory(4 * MB).build();
    fill(&memory, 0..10_000);
    run(&memory, &["PEXPIRE", "key:0", "100000000"]).unwrap();
    memory.set_eviction(Eviction::Ttl);
    let full = (10_000..).find(|number| run(&memory, &["SET", &format!("key:{number}"), &"x".repeat(100)]).is_err());
    assert!(full.is_some() && memory.get(b"key:0").unwrap().is_none() && memory.get(b"key:1").unwrap().is_some());
}

#[test]
fn quotas_stay_and_are_taken_off() {
    let memory = Memory::builder().quota("a:", 2 * MB).build();
    assert!(memory.set_max_memory(Some(2 * MB)).is_err());
    memory.set_max_memory(Some(4 * MB)).unwrap();
    fill(&memory, 0..40_000);
    assert_eq!(memory.stats().max_bytes, Some(4 * MB));
    assert!(memory.memory_used() <= 2 * MB + MB / 4, "{} bytes", memory.memory_used());
    assert_eq!(memory.namespaces()[0].stats.max_bytes, Some(2 * MB));
}

#[test]
fn the_books_balance_while_threads_write() {
    let memory = Memory::new();
    let (stop, writes) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let threads: Vec<_> = (0..3)
        .map(|thread| {
            let (memory, stop, writes) = (memory.clone(), stop.clone(), writes.clone());
            std::thread::spawn(move || {
                let mut number = thread * 1_000_000;
                while !stop.load(Ordering::Relaxed) {
                    let (key, list) = (format!("key:{}", number % 60_000), format!("list:{}", number % 500));
                    let value = "v".repeat(number % 300);
                    // Where there is no room for a moment, it is refused.
                    let _ = run(&memory, &["SET", &key, &value]);
                    let _ = run(&memory, &["RPUSH", &list, &value]);
                    let _ = run(&memory, &["LTRIM", &list, "-100", "-1"]);
                    number += 1;
                    writes.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    let turns =
        [(8, Eviction::S3Fifo), (2, Eviction::S3Fifo), (6, Eviction::Lru), (3, Eviction::Lfu), (0, Eviction::Lfu)];
    for (max, eviction) in turns.into_iter().chain(turns) {
        memory.set_eviction(eviction);
        memory.set_max_memory(Some(max * MB).filter(|max| *max > 0)).unwrap();
        let until = writes.load(Ordering::Relaxed) + 3_000;
        while writes.load(Ordering::Relaxed) < until {
            std::thread::yield_now();
        }
    }
    memory.set_max_memory(Some(2 * MB)).unwrap();
    stop.store(true, Ordering::Relaxed);
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    within(&memory, 2 * MB);
    fill(&memory, 0..60_000);
    // All of the bound can be used still: nothing of it was lost on the way, and nothing gained.
    assert!((2 * MB - MB / 2..=2 * MB).contains(&memory.memory_used()), "{} bytes", memory.memory_used());
    run(&memory, &["FLUSHALL"]).unwrap();
    fill(&memory, 0..60_000);
    assert!((2 * MB - MB / 2..=2 * MB).contains(&memory.memory_used()), "{} bytes", memory.memory_used());
}
