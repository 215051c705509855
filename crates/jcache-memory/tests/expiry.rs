//! Keys that are due cannot be read and, soon after, take no memory.

mod common;

use std::sync::Arc;
use std::time::{Duration, Instant};

use common::run;
use jcache_core::Reply;
use jcache_memory::{Clock, ManualClock, Memory};

#[test]
fn memory_of_due_keys_comes_back_within_a_second() {
    let memory = Memory::new();
    let empty = memory.memory_used();
    let life = Duration::from_millis(1_500);
    let filling = Instant::now();
    let at = jcache_core::Timestamp::from_system(std::time::SystemTime::now()).plus(life).as_millis();
    for i in 0..50_000 {
        run(&memory, &format!("SET text{i} {i:0100} PXAT {at}"));
    }
    for i in 0..500 {
        run(&memory, &format!("RPUSH list{i} a b c d e f"));
        run(&memory, &format!("PEXPIREAT list{i} {at}"));
    }
    run(&memory, "SET stays x EX 1000");
    assert!(filling.elapsed() < life, "too slow a machine to see the keys alive");
    assert!(memory.memory_used() > empty + 50_000 * 140);
    std::thread::sleep((life + Duration::from_secs(1)).saturating_sub(filling.elapsed()));
    assert_eq!(memory.len(), 1, "due keys are freed");
    assert!(memory.memory_used() < empty + 200_000, "{} bytes for one key", memory.memory_used());
    assert_eq!(run(&memory, "EXISTS stays"), Reply::Int(1));
}

#[test]
fn a_key_is_gone_at_its_deadline_to_the_millisecond() {
    let clock = Arc::new(ManualClock::default());
    let memory = Memory::builder().clock(clock.clone()).build();
    let at = clock.now().plus(Duration::from_millis(10));
    for line in ["SET text x", "HSET hash f v", "RPUSH list x", "SADD set x", "ZADD zset 1 x"] {
        run(&memory, line);
        let key = line.split(' ').nth(1).expect("a key");
        run(&memory, &format!("PEXPIREAT {key} {}", at.as_millis()));
        assert_eq!(run(&memory, &format!("EXISTS {key}")), Reply::Int(1));
    }
    clock.advance(Duration::from_millis(9));
    assert_eq!(run(&memory, "EXISTS text hash list set zset"), Reply::Int(5));
    clock.advance(Duration::from_millis(1));
    assert_eq!(run(&memory, "EXISTS text hash list set zset"), Reply::Int(0));
    assert_eq!(memory.get(b"text"), Ok(None));
    assert_eq!(run(&memory, "KEYS *"), Reply::Array(Vec::new()));
    assert_eq!(run(&memory, "RANDOMKEY"), Reply::Nil);
    assert_eq!(run(&memory, "SET text y XX"), Reply::Nil);
    assert_eq!(run(&memory, "RPUSH list y"), Reply::Int(1), "a new list");
}

#[test]
fn a_clock_that_is_set_forward_frees_memory() {
    let clock = Arc::new(ManualClock::default());
    let memory = Memory::builder().clock(clock.clone()).build();
    (0..1_000).for_each(|i| drop(run(&memory, &format!("SET key{i} x EX 86400"))));
    clock.advance(Duration::from_secs(86_400));
    let start = Instant::now();
    while !memory.is_empty() && start.elapsed() < Duration::from_secs(10) {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(memory.is_empty());
}
