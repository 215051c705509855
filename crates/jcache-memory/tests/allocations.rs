//! A hit allocates nothing. In a file of its own: the allocator counts for the whole process.

use std::alloc::System;

use jcache_core::command::string::Get;
use jcache_core::{Arg, Driver, Mutation, Query, Reply};
use jcache_memory::Memory;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

#[test]
fn a_hit_and_a_miss_allocate_nothing() {
    let memory = Memory::new();
    let long = "x".repeat(10_000);
    for args in [["SET", "short", "value"], ["SET", "long", &long]] {
        let args: Vec<Arg<'_>> = args.into_iter().map(Arg::from).collect();
        memory.try_mutate(&Mutation::parse(&args).expect("SET")).expect("at once").expect("room");
    }
    let get = |key: &'static str| Query::from(Get { key: key.into() });
    let queries = [get("short"), get("long"), get("absent")];
    let run = || queries.each_ref().map(|query| memory.try_query(query).expect("at once").expect("a string"));
    run();

    let region = Region::new(ALLOCATOR);
    let answers = run();
    let values = [memory.get(b"short"), memory.get(b"long"), memory.get(b"absent")];
    let change = region.change();
    assert_eq!((change.allocations, change.reallocations, change.deallocations), (0, 0, 0), "{change:?}");
    assert!(matches!(&answers[0].reply, Reply::Bulk(value) if value.as_bytes() == b"value"));
    assert_eq!(answers.each_ref().map(|answer| answer.hit), [true, true, false]);
    assert_eq!(values.map(|value| value.expect("a string").map_or(0, |value| value.len())), [5, 10_000, 0]);

    // An overwrite in the same size class, of a value that nobody holds, writes in place.
    let args: [Arg<'_>; 3] = ["SET".into(), "short".into(), "other".into()];
    let set = Mutation::parse(&args).expect("SET");
    memory.try_mutate(&set).expect("at once").expect("room");
    drop(answers);
    let region = Region::new(ALLOCATOR);
    memory.try_mutate(&set).expect("at once").expect("room");
    assert_eq!(region.change().allocations, 0);
}
