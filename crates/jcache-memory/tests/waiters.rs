//! Blocking commands: they sleep, are served in the order in which they came, and lose nothing when their caller goes.

mod common;

use std::time::{Duration, Instant};

use common::{run, wait};
use jcache_core::{Arg, Driver, Mutation, Reply, Result};
use jcache_memory::Memory;
use tokio::task::JoinHandle;

/// Starts a command that waits, and lets it come to its wait.
async fn start(memory: &Memory, line: &str) -> JoinHandle<Result<Reply>> {
    let task = tokio::spawn(wait(memory.clone(), line.to_owned()));
    for _ in 0..5 {
        tokio::task::yield_now().await;
    }
    task
}

async fn text(task: JoinHandle<Result<Reply>>) -> String {
    let reply = tokio::time::timeout(Duration::from_secs(5), task).await.expect("in time").expect("no panic");
    match reply.expect("a reply") {
        Reply::Nil | Reply::NilArray => "nil".to_owned(),
        reply => shown(reply),
    }
}

fn shown(reply: Reply) -> String {
    match reply {
        Reply::Bulk(value) => String::from_utf8_lossy(&value).into_owned(),
        Reply::Array(items) => items.into_iter().map(shown).collect::<Vec<_>>().join(" "),
        other => format!("{other:?}"),
    }
}

fn list(memory: &Memory, key: &str) -> String {
    shown(run(memory, &format!("LRANGE {key} 0 -1")))
}

#[tokio::test]
async fn the_first_to_wait_is_the_first_served() {
    let memory = Memory::new();
    let mut tasks = Vec::new();
    for _ in 0..3 {
        tasks.push(start(&memory, "BLPOP q 0").await);
    }
    assert_eq!(run(&memory, "RPUSH q a b"), Reply::Int(2), "the push counts before it serves");
    let third = tasks.pop().expect("three tasks");
    let second = tasks.pop().expect("three tasks");
    assert_eq!(text(tasks.pop().expect("three tasks")).await, "q a");
    assert_eq!(text(second).await, "q b");
    assert!(!third.is_finished());
    run(&memory, "RPUSH q c d");
    assert_eq!(text(third).await, "q c");
    assert_eq!(list(&memory, "q"), "d");
}

#[tokio::test]
async fn a_wait_for_several_keys_ends_with_the_first_that_gets_something() {
    let memory = Memory::new();
    let task = start(&memory, "BRPOP a b c 0").await;
    run(&memory, "SADD a member");
    run(&memory, "RPUSH c x y");
    assert_eq!(text(task).await, "c y", "a key of another type serves nobody and is no error");
    assert_eq!(list(&memory, "c"), "x");
    run(&memory, "DEL a");
    run(&memory, "RPUSH b z");
    assert_eq!(text(start(&memory, "BRPOP a b c 0").await).await, "b z", "what is there is taken in argument order");
}

#[tokio::test]
async fn waiters_of_two_types_share_a_key() {
    let memory = Memory::new();
    let list = start(&memory, "BLPOP k 0").await;
    let sorted = start(&memory, "BZPOPMIN k 0").await;
    run(&memory, "ZADD k 1 member");
    assert_eq!(text(sorted).await, "k member Double(1.0)");
    assert!(!list.is_finished());
    run(&memory, "RPUSH k element");
    assert_eq!(text(list).await, "k element");
}

#[tokio::test]
async fn an_element_moves_on_from_queue_to_queue() {
    let memory = Memory::new();
    let last = start(&memory, "BLPOP c 0").await;
    let second = start(&memory, "BLMOVE b c RIGHT LEFT 0").await;
    let first = start(&memory, "BLMOVE a b RIGHT LEFT 0").await;
    run(&memory, "RPUSH a x");
    for task in [first, second] {
        assert_eq!(text(task).await, "x");
    }
    assert_eq!(text(last).await, "c x");
    assert!(memory.is_empty());
}

#[tokio::test]
async fn a_move_to_a_key_of_another_type_fails_and_loses_nothing() {
    let memory = Memory::new();
    run(&memory, "SET b text");
    let task = start(&memory, "BLMOVE a b LEFT RIGHT 0").await;
    run(&memory, "RPUSH a x");
    let error = task.await.expect("no panic").expect_err("b is a string");
    assert_eq!(error.kind(), jcache_core::ErrorKind::WrongType);
    assert_eq!(list(&memory, "a"), "x");
}

#[tokio::test]
async fn renamed_and_installed_lists_serve_too() {
    let memory = Memory::new();
    let task = start(&memory, "BLPOP q 0").await;
    run(&memory, "RPUSH elsewhere x");
    run(&memory, "RENAME elsewhere q");
    assert_eq!(text(task).await, "q x");

    let other = Memory::new();
    run(&other, "RPUSH q y");
    let snapshot = common::whole(&other, b"q").await.expect("a list");
    let task = start(&memory, "BLPOP q 0").await;
    memory.install(&snapshot).await.expect("memory takes everything");
    assert_eq!(text(task).await, "q y");
}

#[tokio::test]
async fn who_left_before_being_served_takes_nothing() {
    let memory = Memory::new();
    let gone = start(&memory, "BLPOP q 0").await;
    let stays = start(&memory, "BLPOP q 0").await;
    gone.abort();
    assert!(gone.await.expect_err("aborted").is_cancelled());
    run(&memory, "RPUSH q x");
    assert_eq!(text(stays).await, "q x");
}

/// A waiter that was served but is dropped before it could take its reply.
#[tokio::test]
async fn who_leaves_with_an_element_gives_it_back() {
    let memory = Memory::new();
    let args: [Arg<'_>; 3] = ["BLPOP".into(), "q".into(), "0".into()];
    let blpop = Mutation::parse(&args).expect("BLPOP");
    let poll_once = |future: &mut std::pin::Pin<Box<dyn Future<Output = Result<Reply>> + '_>>| {
        let mut task = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(future.as_mut().poll(&mut task).is_pending());
    };
    let mut first: std::pin::Pin<Box<dyn Future<Output = _> + '_>> = Box::pin(memory.mutate(&blpop));
    poll_once(&mut first);
    run(&memory, "RPUSH q x y");
    assert_eq!(list(&memory, "q"), "y");
    drop(first);
    assert_eq!(list(&memory, "q"), "x y", "back where it was");

    // With somebody else in the queue, it is theirs.
    run(&memory, "DEL q");
    let mut first: std::pin::Pin<Box<dyn Future<Output = _> + '_>> = Box::pin(memory.mutate(&blpop));
    poll_once(&mut first);
    let second = start(&memory, "BLPOP q 0").await;
    run(&memory, "RPUSH q x");
    assert!(!second.is_finished());
    drop(first);
    assert_eq!(text(second).await, "q x");
    assert!(memory.is_empty());
}

#[tokio::test]
async fn a_wait_ends_with_nil_when_its_time_is_up() {
    let memory = Memory::new();
    let start_time = Instant::now();
    assert_eq!(text(start(&memory, "BLPOP q 0.1").await).await, "nil");
    assert!((100..2_000).contains(&start_time.elapsed().as_millis()), "{:?}", start_time.elapsed());
    run(&memory, "RPUSH q x");
    assert_eq!(list(&memory, "q"), "x", "nobody waits any more");
}

#[tokio::test]
async fn at_once_or_not_at_all() {
    let memory = Memory::new();
    let args: [Arg<'_>; 3] = ["BLPOP".into(), "q".into(), "0".into()];
    let blpop = Mutation::parse(&args).expect("BLPOP");
    assert_eq!(memory.try_mutate(&blpop), None, "it would wait");
    run(&memory, "RPUSH q x");
    assert!(memory.try_mutate(&blpop).is_some_and(|reply| shown(reply.expect("an element")) == "q x"));
}

/// Every element pushed is popped by exactly one waiter, with waiters that give up at random.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_and_nothing_comes_twice() {
    let memory = Memory::new();
    let mut consumers = Vec::new();
    for number in 0..8u64 {
        let memory = memory.clone();
        consumers.push(tokio::spawn(async move {
            let mut rng = fastrand::Rng::with_seed(number);
            let mut got = Vec::new();
            loop {
                let pop = wait(memory.clone(), "BLPOP q1 q2 0".to_owned());
                let patience = Duration::from_micros(rng.u64(0..300));
                let Ok(reply) = tokio::time::timeout(patience, pop).await else { continue };
                let element = shown(reply.expect("an element")).split(' ').nth(1).expect("key and element").to_owned();
                if element == "end" {
                    return got;
                }
                got.push(element.parse::<u32>().expect("a number"));
            }
        }));
    }
    for number in 0..5_000u32 {
        run(&memory, &format!("RPUSH q{} {number}", 1 + number % 2));
        if number % 50 == 0 {
            tokio::time::sleep(Duration::from_micros(200)).await;
        }
    }
    // The ends come behind all elements of either list.
    while run(&memory, "EXISTS q1 q2") != Reply::Int(0) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let mut all = Vec::new();
    (0..consumers.len()).for_each(|_| drop(run(&memory, "RPUSH q2 end")));
    for consumer in consumers {
        all.extend(consumer.await.expect("no panic"));
    }
    all.extend(
        run(&memory, "LRANGE q1 0 -1")
            .into_items()
            .expect("a list")
            .into_iter()
            .map(|it| shown(it).parse::<u32>().expect("a number")),
    );
    all.sort_unstable();
    assert_eq!(all, (0..5_000).collect::<Vec<_>>());
}

/// Processor time of this process: `utime` and `stime` of `/proc/self/stat`, in hundredths of a second.
#[cfg(target_os = "linux")]
fn cpu_ticks() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/task/self/stat")
        .or_else(|_| std::fs::read_to_string("/proc/thread-self/stat"));
    let stat = stat.expect("proc");
    let fields: Vec<&str> = stat.rsplit(')').next().expect("fields").split_whitespace().collect();
    fields[11].parse::<u64>().expect("utime") + fields[12].parse::<u64>().expect("stime")
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn waiting_takes_no_processor_time() {
    let memory = Memory::new();
    let mut tasks = Vec::new();
    for number in 0..100 {
        tasks.push(start(&memory, &format!("BLPOP q{number} 100")).await);
    }
    let before = cpu_ticks();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let used = cpu_ticks() - before;
    assert!(used <= 2, "{used}0 ms of processor time for a second of sleep");
    tasks.iter().for_each(JoinHandle::abort);
}
