//! Readers around the engine: they see a change whole or not at all, one keyspace or the other, and nothing that is due.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use jcache_cluster::engine::{Side, Store};
use jcache_cluster::store::{LocalReads, MemoryStore};
use jcache_core::snapshot::FillLimit;
use jcache_core::{Arg, Context, Key, Mutation, Query, Reply, Timestamp, Value};
use jcache_memory::{ManualClock, Memory};

use crate::common::*;

fn apply(store: &mut MemoryStore, line: &str) {
    let args: Vec<Arg<'_>> = line.split(' ').map(Arg::from).collect();
    store.apply(&Mutation::parse(&args).expect(line), Side::Live, &|_| true).expect(line);
}

/// The strings at some keys, read as one; `None` while reads are closed.
fn all(reads: &LocalReads, line: &str) -> Option<Vec<Option<String>>> {
    let args: Vec<Arg<'_>> = line.split(' ').map(Arg::from).collect();
    let answer = reads.try_query(&Query::parse(&args).expect(line))?.expect("they hold strings");
    let text = |reply: Reply| match reply {
        Reply::Bulk(text) => Some(String::from_utf8_lossy(&text).into_owned()),
        _ => None,
    };
    Some(answer.reply.into_items().expect("a list").into_iter().map(text).collect())
}

/// Readers that compare what must be equal, while `write` works with the store.
fn while_reading(keys: &str, write: impl FnOnce(&mut MemoryStore, &AtomicU64)) {
    let mut store = plain();
    let line = format!("MGET {keys}");
    let (over, open, rounds) = (AtomicBool::new(false), AtomicU64::new(0), AtomicU64::new(0));
    let reads = store.reads();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    if let Some(found) = all(&reads, &line) {
                        open.fetch_add(1, Ordering::Relaxed);
                        assert!(found.iter().all(|it| *it == found[0]), "{found:?} are of different moments");
                    }
                }
            });
        }
        write(&mut store, &rounds);
        // On a busy machine the readers may come late.
        while open.load(Ordering::Relaxed) == 0 {
            store.reads().set_open(true);
            std::thread::yield_now();
        }
        over.store(true, Ordering::Relaxed);
    });
    assert!(rounds.load(Ordering::Relaxed) > 0);
}

#[test]
fn a_change_of_several_keys_is_seen_whole() {
    while_reading("a b c d e", |store, rounds| {
        store.reads().set_open(true);
        for round in 0..20_000 {
            apply(store, &format!("MSET a {round} b {round} c {round} d {round} e {round}"));
            rounds.fetch_add(1, Ordering::Relaxed);
        }
    });
}

#[test]
fn changes_that_belong_together_are_seen_together() {
    while_reading("a b c", |store, rounds| {
        store.reads().set_open(true);
        for round in 0..10_000 {
            store.together(true);
            apply(store, &format!("SET a {round}"));
            store.together(true);
            apply(store, "DEL b c");
            store.together(false);
            apply(store, &format!("SET b {round}"));
            apply(store, &format!("SET c {round}"));
            store.together(false);
            rounds.fetch_add(1, Ordering::Relaxed);
        }
    });
}

#[test]
fn a_swap_is_seen_whole_and_closes() {
    while_reading("a b c d e f g h", |store, rounds| {
        let mut leader = plain();
        for round in 0..300 {
            apply(
                &mut leader,
                &format!("MSET a {round} b {round} c {round} d {round} e {round} f {round} g {round} h {round}"),
            );
            synchronise(&mut leader, store, 1 << 18);
            assert!(!store.reads().is_open(), "what was loaded may not be read yet");
            store.reads().set_open(true);
            rounds.fetch_add(1, Ordering::Relaxed);
        }
    });
}

#[test]
fn what_is_due_is_hidden_and_stays() {
    let clock = Arc::new(ManualClock::default());
    clock.set(Timestamp::from_millis(1_000));
    let mut store = MemoryStore::new(Memory::builder(), placement(), clock.clone()).expect("no bounds");
    let reads = store.reads();
    apply(&mut store, "SET soon x PXAT 5000");
    apply(&mut store, "SET later y PXAT 9000");
    apply(&mut store, "RPUSH list z");
    apply(&mut store, "PEXPIREAT list 5000");
    for open in [false, true] {
        reads.set_open(open);
        let expected = open.then(|| vec![Some("x".to_owned()), Some("y".to_owned())]);
        assert_eq!(all(&reads, "MGET soon later"), expected);
        assert_eq!(reads.try_text(b"soon").is_some(), open);
    }
    let fetch = |key: &str| {
        let args: [Arg<'_>; 2] = ["GET".into(), key.into()];
        let query = Query::parse(&args).expect("a query");
        let fetched = reads.try_fetch(&query, FillLimit::default()).expect("open").expect("a string");
        fetched.snapshot.and_then(|it| it.deadline)
    };
    assert_eq!(fetch("soon"), Some(Timestamp::from_millis(5_000)));
    clock.set(Timestamp::from_millis(5_000));
    assert_eq!(all(&reads, "MGET soon later"), Some(vec![None, Some("y".to_owned())]));
    assert_eq!((reads.try_text(b"soon"), fetch("soon")), (Some(Ok(None)), None));
    assert_eq!(reads.try_text(b"list"), Some(Ok(None)), "of whatever type");
    let args: [Arg<'_>; 1] = ["DBSIZE".into()];
    let size = reads.try_query(&Query::parse(&args).expect("a query")).expect("open").expect("a number");
    assert_eq!((size.reply, reads.len()), (Reply::Int(3), 3), "nobody but the leader removes anything");
    // What the leader repeats finds it.
    apply(&mut store, "PERSIST soon");
    assert_eq!(reads.try_text(b"soon"), Some(Ok(Some("x".into()))));
    // And so does the leader when it looks for what is due.
    assert_eq!(store.due(Timestamp::from_millis(5_000), 10), [Value::from("list")]);
    assert_eq!(store.due(Timestamp::from_millis(5_000), 10), [Value::from("list")], "looking removes nothing");
    let due = store.due(Timestamp::from_millis(9_000), 1);
    assert_eq!(due.len(), 1, "no more than asked for");
    let later = Context::at(Timestamp::from_millis(9_000));
    for key in ["list", "later"] {
        let (_, log) = lead(&mut store, &Mutation::removal([Key::from(key)]), later);
        assert!(!log.is_empty(), "{key}");
    }
    assert_eq!((store.due(Timestamp::MAX, 10).len(), reads.len()), (0, 1));
}

#[test]
fn readers_keep_answering_while_much_is_written() {
    let mut store = plain();
    let reads = store.reads();
    reads.set_open(true);
    let (over, answered) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                for key in 0..100 {
                    let found = reads.try_text(format!("key{key}").as_bytes()).expect("open").expect("strings");
                    assert!(found.is_none_or(|text| text.starts_with(b"value")));
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
        for round in 0..30_000 {
            apply(&mut store, &format!("SET key{} value{round}", round % 100));
        }
        while answered.load(Ordering::Relaxed) < 1_000 {
            std::thread::yield_now();
        }
        over.store(true, Ordering::Relaxed);
    });
}
