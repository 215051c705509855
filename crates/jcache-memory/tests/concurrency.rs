//! Many threads on the same keys: every command is whole or not at all, and nobody waits for ever.

mod common;

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use common::{call, run};
use jcache_core::Reply;
use jcache_memory::Memory;

const THREADS: usize = 4;

#[test]
fn no_increment_is_lost() {
    let memory = Memory::new();
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for i in 0..20_000 {
                    run(&memory, &format!("INCR counter{}", i % 3));
                }
            });
        }
    });
    let sum: i64 = (0..3)
        .map(|i| match run(&memory, &format!("INCRBY counter{i} 0")) {
            Reply::Int(n) => n,
            other => panic!("{other:?}"),
        })
        .sum();
    assert_eq!(sum, (THREADS * 20_000) as i64);
}

#[test]
fn several_keys_change_together() {
    let memory = Memory::new();
    let keys: Vec<String> = (0..10).map(|i| format!("key{i}")).collect();
    let write = |value: usize| {
        let mut args = vec!["MSET".to_owned()];
        args.extend(keys.iter().flat_map(|key| [key.clone(), value.to_string()]));
        call(&memory, &args).expect("MSET");
    };
    write(0);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let writers: Vec<_> =
            (0..2).map(|thread| scope.spawn(move || (0..5_000).for_each(|i| write(i * 2 + thread)))).collect();
        for _ in 0..2 {
            scope.spawn(|| {
                let mut args = vec!["MGET".to_owned()];
                args.extend(keys.iter().cloned());
                while !done.load(Ordering::Relaxed) {
                    let values = call(&memory, &args).expect("MGET").into_items().expect("a list");
                    assert!(values.iter().all(|value| *value == values[0]), "{values:?}");
                }
            });
        }
        writers.into_iter().for_each(|writer| writer.join().expect("a writer"));
        done.store(true, Ordering::Relaxed);
    });
}

#[test]
fn keys_renamed_in_a_ring_never_block_each_other() {
    let memory = Memory::new();
    run(&memory, "RPUSH ring0 a b c");
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let memory = &memory;
            scope.spawn(move || {
                for i in 0..20_000 {
                    let (from, to) = ((i + thread) % 5, (i + thread + 1 + thread % 3) % 5);
                    // The source may be elsewhere just now.
                    let _ = call(memory, &["RENAME".to_owned(), format!("ring{from}"), format!("ring{to}")]);
                }
            });
        }
    });
    let lists: Vec<Reply> = (0..5).map(|i| run(&memory, &format!("LLEN ring{i}"))).collect();
    assert_eq!(lists.iter().filter(|len| **len == Reply::Int(3)).count(), 1, "{lists:?}");
    assert_eq!(memory.len(), 1);
}

#[test]
fn whole_keyspace_commands_run_beside_all_others() {
    let memory = Memory::new();
    (0..1_000).for_each(|i| drop(run(&memory, &format!("SET stays{i} x"))));
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let writers: Vec<_> = (0..2)
            .map(|thread| {
                let memory = &memory;
                scope.spawn(move || {
                    for i in 0..30_000 {
                        run(memory, &format!("SET passes{thread}:{i} x"));
                        if i >= 3_000 {
                            run(memory, &format!("DEL passes{thread}:{}", i - 3_000));
                        }
                    }
                })
            })
            .collect();
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                let keys = run(&memory, "KEYS stays*").into_items().expect("a list");
                let unique: std::collections::HashSet<_> = keys.iter().map(|key| format!("{key:?}")).collect();
                assert_eq!(unique.len(), 1_000, "a scan sees what is there all the while");
                assert_ne!(run(&memory, "RANDOMKEY"), Reply::Nil);
                assert!(matches!(run(&memory, "DBSIZE"), Reply::Int(1_000..=8_000)));
            }
        });
        writers.into_iter().for_each(|writer| writer.join().expect("a writer"));
        done.store(true, Ordering::Relaxed);
    });
    run(&memory, "FLUSHALL");
    assert!(memory.is_empty());
}
