//! What the library that jcache follows got wrong in single commands: each failure by its name, so that it does not come
//! back. Those of levels are in the crate `jcache`.

use jcache_core::{Arg, Driver, Reply, Request};
use jcache_memory::Memory;

/// Runs a line on the memory driver.
fn run(memory: &Memory, line: &str) -> Reply {
    let args: Vec<Arg<'_>> = line.split(' ').map(Arg::from).collect();
    let reply = match Request::parse(&args) {
        Ok(Request::Query(query)) => {
            memory.try_query(&query).expect("memory answers at once").map(|answer| answer.reply)
        }
        Ok(Request::Mutation(mutation)) => memory.try_mutate(&mutation).expect("no command here waits"),
        Err(error) => Err(error),
    };
    reply.unwrap_or_else(|error| panic!("{line}: {error}"))
}

fn texts(texts: impl IntoIterator<Item = String>) -> Reply {
    Reply::Array(texts.into_iter().map(|text| Reply::Bulk(text.into())).collect())
}

#[test]
fn hsetnx_looks_at_the_field_and_not_at_the_key() {
    let memory = Memory::new();
    assert_eq!(run(&memory, "HSET h a 1"), Reply::Int(1));
    assert_eq!(run(&memory, "HSETNX h b 2"), Reply::Int(1), "another field of the same key");
    assert_eq!(run(&memory, "HSETNX h a 3"), Reply::Int(0));
    assert_eq!(run(&memory, "HMGET h a b"), texts(["1".into(), "2".into()]));
}

#[test]
fn zremrangebyscore_with_nothing_in_range_removes_nothing() {
    let memory = Memory::new();
    run(&memory, "ZADD z 1 a 2 b 3 c");
    for range in ["10 20", "-5 0", "(1 (2", "3 1", "+inf -inf"] {
        assert_eq!(run(&memory, &format!("ZREMRANGEBYSCORE z {range}")), Reply::Int(0), "{range}");
    }
    assert_eq!(run(&memory, "ZREMRANGEBYSCORE none 0 1"), Reply::Int(0));
    assert_eq!(run(&memory, "ZCARD z"), Reply::Int(3));
}

#[test]
fn zcount_keeps_to_its_bounds() {
    let memory = Memory::new();
    run(&memory, "ZADD z 1 a 2 b 2 c 3 d");
    for (range, count) in
        [("-inf +inf", 4), ("1 2", 3), ("(1 2", 2), ("(1 (3", 2), ("2 2", 2), ("(2 2", 0), ("3 +inf", 1), ("4 9", 0)]
    {
        assert_eq!(run(&memory, &format!("ZCOUNT z {range}")), Reply::Int(count), "{range}");
    }
}

#[test]
fn ranges_over_more_than_12_elements_keep_their_order() {
    let memory = Memory::new();
    for n in 0..40 {
        run(&memory, &format!("RPUSH l e{n:02}"));
        // Added in an order that is not the order of the scores.
        run(&memory, &format!("ZADD z {} m{:02}", n * 7 % 40, n * 7 % 40));
    }
    assert_eq!(run(&memory, "LRANGE l 0 -1"), texts((0..40).map(|n| format!("e{n:02}"))));
    assert_eq!(run(&memory, "LRANGE l 5 17"), texts((5..=17).map(|n| format!("e{n:02}"))));
    assert_eq!(run(&memory, "ZRANGE z 0 -1"), texts((0..40).map(|n| format!("m{n:02}"))));
    assert_eq!(run(&memory, "ZREVRANGE z 0 -1"), texts((0..40).rev().map(|n| format!("m{n:02}"))));
    assert_eq!(run(&memory, "ZREVRANGE z 3 15"), texts((24..=36).rev().map(|n| format!("m{n:02}"))));
}

#[test]
fn the_ttl_of_a_new_key_holds_and_a_plain_set_clears_it() {
    let memory = Memory::new();
    run(&memory, "SET k v EX 100");
    assert!(matches!(run(&memory, "TTL k"), Reply::Int(99..=100)));
    run(&memory, "APPEND k w");
    assert!(matches!(run(&memory, "TTL k"), Reply::Int(99..=100)), "a change inside keeps it");
    run(&memory, "SET k v");
    assert_eq!(run(&memory, "TTL k"), Reply::Int(-1));
}
