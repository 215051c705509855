//! Namespaces with a quota: full ones make room among their own keys, and nobody else notices.

mod common;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use common::{call, run};
use jcache_core::{ErrorKind, Reply};
use jcache_memory::{Eviction, Memory, Stats};

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

fn set(memory: &Memory, key: &str, len: usize) -> jcache_core::Result<Reply> {
    call(memory, &[b"SET", key.as_bytes(), &vec![b'x'; len]])
}

fn fill(memory: &Memory, prefix: &str, keys: usize, len: usize) {
    (0..keys).for_each(|i| drop(set(memory, &format!("{prefix}{i}"), len)));
}

/// The figures of each namespace.
fn stats(memory: &Memory) -> Vec<Stats> {
    memory.namespaces().into_iter().map(|it| it.stats).collect()
}

#[test]
fn a_full_namespace_makes_room_among_its_own() {
    for eviction in [Eviction::S3Fifo, Eviction::Lru, Eviction::Lfu, Eviction::Random] {
        let builder = Memory::builder().max_memory(8 * MIB).quota("small:", 256 * KIB).quota("large:", 2 * MIB);
        let memory = builder.eviction(eviction).build();
        fill(&memory, "other", 5_000, 100);
        fill(&memory, "large:", 4_000, 200);
        fill(&memory, "small:", 20_000, 100);
        let [small, large] = stats(&memory).try_into().expect("two namespaces");
        assert!(small.bytes <= 256 * KIB && small.bytes > 200 * KIB, "{eviction}: {small:?}");
        assert_eq!(small.evictions + small.entries as u64, 20_000, "{eviction}");
        assert_eq!((large.entries, large.evictions), (4_000, 0), "{eviction}");
        assert_eq!((large.max_bytes, small.max_bytes), (Some(2 * MIB), Some(256 * KIB)));
        let all = memory.stats();
        assert_eq!(all.entries, 9_000 + small.entries, "{eviction}: the others are all there");
        assert_eq!((all.evictions, all.max_bytes, all.bytes), (small.evictions, Some(8 * MIB), memory.memory_used()));
        // The others have their bound, too, and the namespaces what is theirs.
        fill(&memory, "other", 200_000, 100);
        assert!(memory.memory_used() <= 8 * MIB && memory.memory_used() > 13 * MIB / 2, "{eviction}");
        assert_eq!(stats(&memory), [small, large], "{eviction}");
    }
}

#[test]
fn without_eviction_a_full_namespace_refuses_and_says_which() {
    let memory = Memory::builder().quota("n:", 128 * KIB).eviction(Eviction::NoEviction).build();
    let full = (0..).find_map(|i| set(&memory, &format!("n:{i}"), 100).err()).expect("a quota");
    assert_eq!(full.kind(), ErrorKind::OutOfMemory);
    assert_eq!(full.message(), "OOM command not allowed when used memory > the quota of 'n:'.");
    let before = stats(&memory);
    assert!(before[0].bytes > 120 * KIB, "{before:?}");
    for line in ["APPEND n:0 ", "RPUSH n:list ", "MSET other x n:1 ", "HSET n:hash f "] {
        let error = call(&memory, &format!("{line}{}", "x".repeat(5_000)).split(' ').collect::<Vec<_>>());
        assert_eq!(error.expect_err("no room").kind(), ErrorKind::OutOfMemory, "{line}");
    }
    assert_eq!((stats(&memory), run(&memory, "EXISTS other")), (before, Reply::Int(0)), "nothing has changed");
    assert_eq!(set(&memory, "n", MIB), Ok(Reply::Ok), "it is not in the namespace");
    assert_eq!(memory.stats().max_bytes, None, "the others have no bound");
    run(&memory, "DEL n:0 n:1 n:2");
    assert_eq!(set(&memory, "n:0", 100), Ok(Reply::Ok));
}

#[test]
fn a_value_over_the_quota_is_refused_and_evicts_nobody() {
    let memory = Memory::builder().max_memory(8 * MIB).quota("n:", 256 * KIB).build();
    fill(&memory, "n:", 1_000, 100);
    let before = stats(&memory);
    assert_eq!(set(&memory, "n:big", 256 * KIB).expect_err("too large").kind(), ErrorKind::OutOfMemory);
    assert_eq!(stats(&memory), before);
    assert_eq!(set(&memory, "big", 256 * KIB), Ok(Reply::Ok));
    // Nearly all of it is fine, over all shards of the namespace.
    assert_eq!(set(&memory, "n:big", 200 * KIB), Ok(Reply::Ok));
    assert!(stats(&memory)[0].bytes <= 256 * KIB);
}

#[test]
fn what_moves_between_namespaces_arrives_or_stays() {
    for eviction in [Eviction::S3Fifo, Eviction::NoEviction] {
        let memory = Memory::builder().quota("n:", 128 * KIB).eviction(eviction).build();
        let big = "x".repeat(200 * KIB);
        call(&memory, &["SET", "big", &big]).expect("no bound here");
        call(&memory, &["RPUSH", "list", &big, "small"]).expect("no bound here");
        call(&memory, &["SADD", "set", &big, "small"]).expect("no bound here");
        let moves: [&[&str]; 5] = [
            &["RENAME", "big", "n:big"],
            &["RENAMENX", "list", "n:list"],
            &["COPY", "set", "n:set"],
            &["LMOVE", "list", "n:list", "LEFT", "LEFT"],
            &["SMOVE", "set", "n:set", &big],
        ];
        for args in moves {
            let error = call(&memory, args).expect_err("it does not fit");
            assert_eq!(error.kind(), ErrorKind::OutOfMemory, "{eviction}: {}", args[0]);
            let held = ["STRLEN big", "LLEN list", "SCARD set"].map(|line| run(&memory, line));
            assert_eq!(held, [Reply::Int(200 * KIB as i64), Reply::Int(2), Reply::Int(2)], "{}", args[0]);
        }
        for line in ["LMOVE list n:list RIGHT LEFT", "SMOVE set n:set small", "COPY n:set copy", "RENAME n:list back"] {
            run(&memory, line);
        }
        assert_eq!(run(&memory, "LRANGE back 0 -1"), Reply::Array(vec![Reply::Bulk("small".into())]));
        assert_eq!(run(&memory, "SISMEMBER n:set small"), Reply::Int(1));
        assert_eq!(run(&memory, "SISMEMBER copy small"), Reply::Int(1));
        assert!(stats(&memory)[0].bytes <= 128 * KIB);
    }
}

#[test]
fn commands_of_all_keys_see_those_of_namespaces() {
    let memory = Memory::builder().quota("a:", MIB).quota("a:b:", MIB).max_memory(4 * MIB).build();
    for prefix in ["a", "a:", "a:b", "a:b:", "b:"] {
        fill(&memory, prefix, 100, 10);
    }
    let entries: Vec<usize> = stats(&memory).iter().map(|it| it.entries).collect();
    assert_eq!(entries, [200, 100], "the longest prefix counts");
    assert_eq!(run(&memory, "DBSIZE"), Reply::Int(500));
    assert_eq!(run(&memory, "KEYS a:*").into_items().expect("a list").len(), 300);
    let (mut seen, mut cursor) = (0, "0".to_owned());
    loop {
        let mut page = run(&memory, &format!("SCAN {cursor} COUNT 7")).into_items().expect("a page");
        seen += page.pop().expect("keys").into_items().expect("a list").len();
        let Some(Reply::Bulk(next)) = page.pop() else { panic!("a cursor") };
        cursor = String::from_utf8_lossy(&next).into_owned();
        if cursor == "0" {
            break;
        }
    }
    assert_eq!(seen, 500);
    assert_eq!(run(&memory, "MGET a0 a:0 a:b:0 b:0").into_items().expect("a list").len(), 4);
    run(&memory, "FLUSHALL");
    assert!(memory.is_empty() && stats(&memory).iter().all(|it| it.entries == 0));
}

#[test]
fn quotas_hold_under_threads() {
    let memory = Memory::builder().max_memory(6 * MIB).quota("a:", MIB).quota("b:", 2 * MIB).build();
    let (done, worst) = (AtomicBool::new(false), [const { AtomicUsize::new(0) }; 3]);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..3)
            .map(|worker| {
                let memory = &memory;
                scope.spawn(move || {
                    let mut rng = fastrand::Rng::with_seed(worker);
                    for _ in 0..40_000 {
                        let names = ["a:", "b:", ""].map(|prefix| format!("{prefix}{}", rng.usize(..20_000)));
                        let [a, b, c] = &names;
                        let value = "v".repeat(rng.usize(..400));
                        match rng.u8(..8) {
                            0 => drop(call(memory, &["MSET", a, &value, b, &value, c, &value]).expect("room is made")),
                            1 => drop(call(memory, &["RENAME", a, b])),
                            2 => drop(call(memory, &["COPY", c, a])),
                            number => {
                                let key = &names[usize::from(number) % 3];
                                call(memory, &["SET", key, &value]).expect("room is made");
                            }
                        }
                    }
                })
            })
            .collect();
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                let namespaces = stats(&memory);
                worst[0].fetch_max(namespaces[0].bytes, Ordering::Relaxed);
                worst[1].fetch_max(namespaces[1].bytes, Ordering::Relaxed);
                worst[2].fetch_max(memory.memory_used(), Ordering::Relaxed);
            }
        });
        workers.into_iter().for_each(|worker| worker.join().expect("a worker"));
        done.store(true, Ordering::Relaxed);
    });
    let worst = worst.map(AtomicUsize::into_inner);
    for (worst, max) in worst.into_iter().zip([MIB, 2 * MIB, 6 * MIB]) {
        assert!(worst <= max + max / 100 && worst > max * 9 / 10, "{worst} of {max}");
    }
}
