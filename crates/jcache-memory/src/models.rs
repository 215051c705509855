//! This crate's own code under a model checker, which tries schedules of its choosing: `cargo xtask schedules`.
//!
//! What is tried: commands of one and several keys on shards under a budget, with eviction and without, and blocking pops
//! that are served, time out and are dropped. After each schedule the books must balance to the byte.

use std::sync::Arc;

use jcache_core::command::Request;
use jcache_core::{Arg, Driver, ErrorKind, Reply, Result};
use shuttle::future::block_on;
use shuttle::thread;

use crate::{Eviction, ManualClock, Memory};

/// Worth two shards.
const MAX: usize = 160 << 10;

fn call(memory: &Memory, line: &str) -> Result<Reply> {
    let args: Vec<Arg<'_>> = line.split(' ').map(Arg::from).collect();
    match Request::parse(&args)? {
        Request::Query(query) => memory.try_query(&query).expect("at once").map(|answer| answer.reply),
        Request::Mutation(mutation) => memory.try_mutate(&mutation).expect("at once"),
    }
}

/// A call that may fail for lack of room, and for nothing else.
fn attempt(memory: &Memory, line: &str) {
    if let Err(error) = call(memory, line) {
        assert!(error.kind() == ErrorKind::OutOfMemory || error.message() == "ERR no such key", "{error}");
    }
}

fn big(kib: usize) -> String {
    "x".repeat(kib << 10)
}

/// What shards have leased and what is left is the bound, no more and no less, and no shard holds more than it leased.
fn balance(memory: &Memory) {
    let engine = &memory.0;
    for area in &engine.areas {
        let Some(budget) = area.budget() else { continue };
        let shards: Vec<_> = area.shards.clone().map(|index| engine.lock(index)).collect();
        let used: usize = shards.iter().map(|shard| shard.memory_used()).sum();
        let spare: isize = shards.iter().map(|shard| shard.slack()).sum();
        assert!(shards.iter().all(|shard| shard.slack() >= 0), "a shard holds more than it leased");
        assert_eq!(used as isize + spare + budget.left(), budget.max() as isize, "leases were lost or doubled");
        assert!(budget.left() >= 0, "{} overdrawn", -budget.left());
    }
}

fn bounded(eviction: Eviction) -> Memory {
    let builder = Memory::builder().shards(2).max_memory(MAX).quota("n:", 64 << 10);
    builder.eviction(eviction).clock(Arc::new(ManualClock::default())).build()
}

/// Threads that write, move and remove beside one that looks at the sum.
fn budget(eviction: Eviction) {
    let memory = bounded(eviction);
    (0..6).for_each(|i| attempt(&memory, &format!("SET old{i} {}", big(12))));
    let work: [Vec<String>; 3] = [
        vec![format!("SET a {}", big(30)), format!("MSET b {} c {}", big(9), big(9)), "DEL a".to_owned()],
        vec![format!("APPEND old1 {}", big(20)), "RENAME old1 d".to_owned(), format!("SET n:a {}", big(40))],
        vec![format!("RPUSH l {} {}", big(5), big(5)), format!("SET n:b {}", big(30)), "RENAME l n:l".to_owned()],
    ];
    let threads: Vec<_> = work
        .into_iter()
        .map(|lines| {
            let memory = memory.clone();
            thread::spawn(move || lines.iter().for_each(|line| attempt(&memory, line)))
        })
        .collect();
    for _ in 0..3 {
        let used = memory.memory_used();
        assert!(used <= MAX + MAX / 100, "{used} of {MAX}");
    }
    threads.into_iter().for_each(|thread| thread.join().expect("a thread"));
    balance(&memory);
}

/// Pops that wait, pushes, and a caller who gives up: each element is given to one caller or is still there.
fn handing_over() {
    let memory = bounded(Eviction::S3Fifo);
    let pops: Vec<_> = (0..2)
        .map(|_| {
            let memory = memory.clone();
            thread::spawn(move || {
                let args = [Arg::from("BLPOP"), "a".into(), "b".into(), "0".into()];
                let Ok(Request::Mutation(pop)) = Request::parse(&args) else { panic!("BLPOP") };
                block_on(memory.mutate(&pop)).expect("an element").into_items().expect("key and element")
            })
        })
        .collect();
    let gives_up = {
        let memory = memory.clone();
        thread::spawn(move || {
            let args = [Arg::from("BLMOVE"), "a".into(), "c".into(), "LEFT".into(), "LEFT".into(), "0".into()];
            let Ok(Request::Mutation(wait)) = Request::parse(&args) else { panic!("BLMOVE") };
            let mut wait = Box::pin(memory.mutate(&wait));
            // It looks once, and is dropped, served or not.
            block_on(std::future::poll_fn(|task| {
                let _ = wait.as_mut().poll(task);
                std::task::Poll::Ready(())
            }));
        })
    };
    let pushes: Vec<_> = ["RPUSH a 1 2", "RPUSH b 3"]
        .into_iter()
        .map(|line| {
            let memory = memory.clone();
            thread::spawn(move || call(&memory, line).expect("room"))
        })
        .collect();
    pushes.into_iter().for_each(|push| drop(push.join().expect("a push")));
    gives_up.join().expect("it comes back");
    // One of the three may have been moved: bring it back for those who still wait.
    while let Ok(Reply::Bulk(_)) = call(&memory, "LMOVE c a LEFT LEFT") {}
    let mut seen: Vec<Reply> = Vec::new();
    for pop in pops {
        seen.push(pop.join().expect("a pop").remove(1));
    }
    for key in ["a", "b", "c"] {
        seen.extend(call(&memory, &format!("LRANGE {key} 0 -1")).expect("a list").into_items().expect("items"));
    }
    let mut seen: Vec<String> = seen.iter().map(|item| format!("{item:?}")).collect();
    seen.sort();
    assert_eq!(seen, ["1", "2", "3"].map(|item| format!("{:?}", Reply::Bulk(item.into()))));
    balance(&memory);
}

/// How many schedules of each.
fn schedules() -> usize {
    std::env::var("JCACHE_SCHEDULES").ok().and_then(|text| text.parse().ok()).unwrap_or(2_000)
}

#[test]
fn the_budget_balances_whatever_comes_between() {
    for eviction in [Eviction::S3Fifo, Eviction::NoEviction] {
        shuttle::check_random(move || budget(eviction), schedules());
        shuttle::check_pct(move || budget(eviction), schedules(), 3);
    }
}

#[test]
fn every_element_is_given_once() {
    shuttle::check_random(handing_over, schedules());
    shuttle::check_pct(handing_over, schedules(), 3);
}
