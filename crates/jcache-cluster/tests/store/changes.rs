//! The feed of changes: what a copy above must hear.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context as Task, Poll, Wake, Waker};

use jcache_cluster::engine::{Side, Store};
use jcache_cluster::store::{Changed, MemoryStore};
use jcache_core::{Arg, Mutation};
use jcache_memory::Memory;

use crate::common::*;

fn keys(keys: &[&str]) -> Option<Changed> {
    Some(Changed::Keys(keys.iter().map(|key| (*key).into()).collect()))
}

fn apply(store: &mut MemoryStore, line: &str, side: Side) {
    let args: Vec<Arg<'_>> = line.split(' ').map(Arg::from).collect();
    store.apply(&Mutation::parse(&args).expect(line), side, &|_| true).expect(line);
}

#[test]
fn every_change_is_told() {
    let mut store = plain();
    run(&mut store, "SET early x", 0).expect("a string");
    let (mut one, mut other) = (store.changes(), store.changes());
    assert_eq!(one.try_next(), None, "nothing since");
    run(&mut store, "SET a x PXAT 100", 0).expect("a string");
    run(&mut store, "MSET b x c y", 0).expect("strings");
    apply(&mut store, "RENAME b d", Side::Live);
    assert_eq!(one.try_next(), keys(&["a", "b", "c", "b", "d"]));
    assert_eq!(one.try_next(), None);
    run(&mut store, "APPEND a y", 200).expect("a string");
    run(&mut store, "LPUSH a y", 200).expect_err("it is a string");
    assert_eq!(one.try_next(), keys(&["a", "a"]), "it was due, and is another now; an error changes nothing");
    apply(&mut store, "SET loading x", Side::Loading);
    assert_eq!(one.try_next(), None, "nobody reads it yet");
    store.load_swap();
    assert_eq!(one.try_next(), Some(Changed::Everything));
    apply(&mut store, "SET a x", Side::Live);
    apply(&mut store, "FLUSHALL", Side::Live);
    apply(&mut store, "SET b x", Side::Live);
    assert_eq!(one.try_next(), Some(Changed::Everything), "which includes what came before and after");
    apply(&mut store, "SET c x", Side::Live);
    assert_eq!(one.try_next(), keys(&["c"]));
    assert_eq!(other.try_next(), Some(Changed::Everything), "each feed has its own place");
}

#[test]
fn what_is_evicted_is_told() {
    let mut store = store(Memory::builder().shards(4).max_memory(1 << 18));
    let mut changes = store.changes();
    let (mut written, mut told) = (0, 0);
    for number in 0..5_000 {
        run(&mut store, &format!("SET key{number} {}", "x".repeat(100)), 0).expect("there is enough to evict");
        written += 1;
        if number % 100 == 0 {
            let Some(Changed::Keys(keys)) = changes.try_next() else { panic!("something was written") };
            told += keys.len();
        }
    }
    let evicted = store.stats().evictions as usize;
    assert!(evicted > 1_000 && told > written, "{evicted} evicted, {written} written, {told} told");
    assert!(told + 200 >= evicted + written, "{evicted} evicted, {written} written, {told} told");
}

#[test]
fn a_feed_that_nobody_reads_stays_small() {
    let mut store = plain();
    let mut changes = store.changes();
    for number in 0..70_000 {
        apply(&mut store, &format!("SET key{} x", number % 10), Side::Live);
    }
    assert_eq!(changes.try_next(), Some(Changed::Everything), "65,536 keys are too many");
    let long = "k".repeat(1 << 20);
    for number in 0..7 {
        apply(&mut store, &format!("SET {long}{number} x"), Side::Live);
    }
    assert!(matches!(changes.try_next(), Some(Changed::Keys(keys)) if keys.len() == 7));
    for number in 0..9 {
        apply(&mut store, &format!("SET {long}{number} x"), Side::Live);
    }
    assert_eq!(changes.try_next(), Some(Changed::Everything), "8 MiB are too many");
    apply(&mut store, "SET a x", Side::Live);
    assert_eq!(changes.try_next(), keys(&["a"]));
}

#[test]
fn who_waits_is_woken() {
    #[derive(Default)]
    struct Count(AtomicUsize);
    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    let count = Arc::new(Count::default());
    let waker = Waker::from(count.clone());
    let mut task = Task::from_waker(&waker);
    let mut store = plain();
    let mut changes = store.changes();
    {
        let mut next = pin!(changes.next());
        assert_eq!(next.as_mut().poll(&mut task), Poll::Pending);
        apply(&mut store, "SET a x", Side::Live);
        assert_eq!(count.0.load(Ordering::Relaxed), 1);
    }
    apply(&mut store, "SET b x", Side::Live);
    assert_eq!(pin!(changes.next()).poll(&mut task), Poll::Ready(keys(&["a", "b"])), "a dropped wait loses nothing");
    assert_eq!(pin!(changes.next()).poll(&mut task), Poll::Pending);
    drop(store);
    assert_eq!(count.0.load(Ordering::Relaxed), 2);
    assert_eq!(pin!(changes.next()).poll(&mut task), Poll::Ready(None), "the store is gone");
}
