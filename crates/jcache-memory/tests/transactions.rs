//! Transactions: nobody sees half of one, none is lost, and those that depend on a key run only while it is as it was.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use common::{call, run, wait};
use jcache_core::{Arg, Driver, Key, Reply, Request, Result, Watch};
use jcache_memory::{ManualClock, Memory};
use jcache_testkit::differential;

/// The outcome of a future that needs no waiting.
fn now<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    match future.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop())) {
        std::task::Poll::Ready(outcome) => outcome,
        std::task::Poll::Pending => panic!("a transaction in memory does not wait"),
    }
}

fn transact(memory: &Memory, lines: &[&str], watch: Watch) -> Option<Vec<Result<Reply>>> {
    let args: Vec<Vec<Arg<'_>>> = lines.iter().map(|line| line.split(' ').map(Arg::from).collect()).collect();
    let requests: Vec<Request<'_>> = args.iter().map(|args| Request::parse(args).expect("a command")).collect();
    now(memory.transact(&requests, watch)).expect("memory runs transactions")
}

fn watch(memory: &Memory, keys: &[&str]) -> Watch {
    let mut watch = Watch::new();
    let keys: Vec<Key<'_>> = keys.iter().map(|key| Key::from(*key)).collect();
    now(memory.watch(&keys, &mut watch)).expect("memory watches");
    watch
}

fn int(reply: &Reply) -> i64 {
    match reply {
        Reply::Int(n) => *n,
        Reply::Bulk(text) => std::str::from_utf8(text).expect("text").parse().expect("a number"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn each_request_has_its_own_result() {
    let memory = Memory::new();
    let replies = transact(&memory, &["SET k v", "INCR k", "LPUSH k x", "GET k", "BLPOP q 0", "DBSIZE"], Watch::new());
    let replies: Vec<String> = replies.expect("run").iter().map(|it| format!("{it:?}")).collect();
    assert_eq!(replies[0], "Ok(Ok)");
    assert!(replies[1].contains("ERR value is not an integer or out of range"), "{}", replies[1]);
    assert!(replies[2].contains("WRONGTYPE"), "{}", replies[2]);
    assert_eq!(replies[3..], ["Ok(Bulk(b\"v\"))", "Ok(NilArray)", "Ok(Int(1))"]);
    assert_eq!(transact(&memory, &[], Watch::new()), Some(vec![]));
}

/// Money moves between accounts; what there is in all stays the same, for readers and for transactions.
#[test]
fn a_bank_loses_nothing_and_shows_no_half_transfer() {
    const ACCOUNTS: usize = 8;
    for memory in [Memory::new(), Memory::builder().max_memory(1 << 20).build()] {
        let names: Vec<String> = (0..ACCOUNTS).map(|i| format!("account:{i}")).collect();
        names.iter().for_each(|name| drop(run(&memory, &format!("SET {name} 100"))));
        let done = AtomicBool::new(false);
        let sum = |replies: &[Reply]| replies.iter().map(int).sum::<i64>();
        thread::scope(|scope| {
            let movers: Vec<_> = (0..3)
                .map(|thread| {
                    let (memory, names) = (&memory, &names);
                    scope.spawn(move || {
                        let mut rng = fastrand::Rng::with_seed(thread);
                        for _ in 0..5_000 {
                            let (from, to) = (&names[rng.usize(..ACCOUNTS)], &names[rng.usize(..ACCOUNTS)]);
                            let amount = rng.u8(..50);
                            let lines = [format!("DECRBY {from} {amount}"), format!("INCRBY {to} {amount}")];
                            let replies = transact(memory, &lines.each_ref().map(String::as_str), Watch::new());
                            assert!(replies.expect("run").iter().all(Result::is_ok));
                        }
                    })
                })
                .collect();
            scope.spawn(|| {
                let args: Vec<&str> = ["MGET"].into_iter().chain(names.iter().map(String::as_str)).collect();
                while !done.load(Ordering::Relaxed) {
                    let seen = call(&memory, &args).expect("MGET").into_items().expect("a list");
                    assert_eq!(sum(&seen), 800, "{seen:?}");
                }
            });
            scope.spawn(|| {
                let lines: Vec<String> = names.iter().map(|name| format!("GET {name}")).collect();
                let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
                while !done.load(Ordering::Relaxed) {
                    let seen = transact(&memory, &lines, Watch::new()).expect("run");
                    let seen: Vec<Reply> = seen.into_iter().map(|it| it.expect("a number")).collect();
                    assert_eq!(sum(&seen), 800, "{seen:?}");
                }
            });
            movers.into_iter().for_each(|mover| mover.join().expect("a mover"));
            done.store(true, Ordering::Relaxed);
        });
    }
}

/// Read, add one, write if nobody else did, otherwise again.
#[test]
fn an_optimistic_counter_loses_nothing() {
    let memory = Memory::new();
    run(&memory, "SET n 0");
    let retries: usize = thread::scope(|scope| {
        let adders: Vec<_> = (0..3)
            .map(|_| {
                scope.spawn(|| {
                    let mut retries = 0;
                    for _ in 0..2_000 {
                        loop {
                            let watched = watch(&memory, &["n"]);
                            let n = int(&run(&memory, "GET n"));
                            // The others come in here on a machine of any size.
                            if n % 16 == 0 {
                                thread::yield_now();
                            }
                            if transact(&memory, &[&format!("SET n {}", n + 1)], watched).is_some() {
                                break;
                            }
                            retries += 1;
                        }
                    }
                    retries
                })
            })
            .collect();
        adders.into_iter().map(|adder| adder.join().expect("an adder")).sum()
    });
    assert_eq!(int(&run(&memory, "GET n")), 6_000, "{retries} retries");
}

#[test]
fn a_dropped_watch_costs_nothing_and_a_foreign_one_is_refused() {
    let (memory, other) = (Memory::new(), Memory::new());
    let mut watched = watch(&memory, &["a", "b", "a"]);
    assert_eq!(watched.len(), 2, "a key is watched once");
    now(memory.watch(&["b".into(), "c".into()], &mut watched)).expect("more keys");
    assert_eq!(watched.len(), 3);
    let error = now(other.watch(&["a".into()], &mut watched)).expect_err("another cache");
    assert_eq!(error.message(), "ERR the watched keys belong to another cache");
    let error = now(other.transact(&[], watched)).expect_err("another cache");
    assert_eq!(error.message(), "ERR the watched keys belong to another cache");
}

/// What Redis does with keys that expire: a life that ends is a change, the removal of what was dead is none.
#[test]
fn expiry_is_a_change_for_those_who_saw_the_key_alive() {
    let clock = Arc::new(ManualClock::default());
    let memory = Memory::builder().clock(clock.clone()).build();
    let runs = |watch: Watch| transact(&memory, &["DBSIZE"], watch).is_some();
    run(&memory, "SET k v PX 100");
    let alive = watch(&memory, &["k"]);
    let later = watch(&memory, &["k"]);
    clock.advance(Duration::from_millis(200));
    assert!(!runs(alive), "its life has ended, though nobody has noticed");
    let dead = watch(&memory, &["k"]);
    let replaced = watch(&memory, &["k"]);
    run(&memory, "DEL k");
    assert!(runs(dead), "it was dead and is dead");
    run(&memory, "SET k new");
    assert!(!runs(replaced), "there was nothing, and now there is");
    assert!(!runs(later), "the key that was alive is another one");
}

#[tokio::test]
async fn those_who_wait_are_served_after_the_whole_transaction() {
    let memory = Memory::new();
    let waiting = tokio::spawn(wait(memory.clone(), "BLPOP q 5".to_owned()));
    tokio::task::yield_now().await;
    let replies = transact(&memory, &["RPUSH q a", "LPOP q", "RPUSH q b", "LLEN q"], Watch::new()).expect("run");
    assert_eq!(replies[1..], [Ok(Reply::Bulk("a".into())), Ok(Reply::Int(1)), Ok(Reply::Int(1))]);
    let popped = waiting.await.expect("no panic").expect("a reply");
    assert_eq!(popped, Reply::Array(vec![Reply::Bulk("q".into()), Reply::Bulk("b".into())]));
}

#[test]
fn under_a_bound_each_request_finds_room_or_says_so() {
    let memory = Memory::builder().max_memory(256 << 10).build();
    let big = "x".repeat(512 << 10);
    let small = "y".repeat(1_000);
    for i in 0..200 {
        let (set, push) = (format!("SET k{i} {small}"), format!("RPUSH l{i} {small} {small}"));
        let too_much = format!("SET big{i} {big}");
        let replies = transact(&memory, &[&set, &too_much, &push, "GET none"], Watch::new()).expect("run");
        assert_eq!(replies[0], Ok(Reply::Ok));
        let error = replies[1].as_ref().expect_err("more than the whole cache");
        assert_eq!(error.kind(), jcache_core::ErrorKind::OutOfMemory);
        assert_eq!(replies[2], Ok(Reply::Int(2)));
        assert!(memory.memory_used() <= 256 << 10, "{} bytes", memory.memory_used());
    }
    let victim = watch(&memory, &["k199"]);
    run(&memory, "SET other v");
    assert!(transact(&memory, &[], victim).is_some());
    let victim = watch(&memory, &["k199"]);
    (0..300).for_each(|i| drop(run(&memory, &format!("SET n{i} {small}"))));
    assert_eq!(run(&memory, "EXISTS k199"), Reply::Int(0));
    assert!(transact(&memory, &[], victim).is_none(), "an eviction is a change");
}

#[test]
fn the_same_as_redis() {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_time().build().expect("a runtime");
    let plays = differential::invocations(10_000);
    differential::transactions(&Memory::new(), runtime.handle(), &differential::FAMILIES, plays, differential::seed());
}
