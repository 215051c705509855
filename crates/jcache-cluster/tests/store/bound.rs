//! A leader under a bound evicts and says so; followers repeat it, evict nothing, and stay equal.

use jcache_cluster::engine::{Side, Store};
use jcache_core::{Arg, Context, ErrorKind, Mutation, Timestamp};
use jcache_memory::{Eviction, Memory};

use crate::common::*;

const BOUND: usize = 1 << 20;

fn set(number: usize, bytes: usize) -> Vec<Arg<'static>> {
    vec!["SET".into(), format!("key:{number}").into(), vec![b'x'; bytes].into()]
}

fn context(step: usize) -> Context {
    Context { now: Timestamp::from_millis(1_000), seed: step as u64 }
}

#[test]
fn followers_of_a_leader_that_evicts_stay_equal_and_small() {
    for eviction in [Eviction::S3Fifo, Eviction::Lru, Eviction::Lfu, Eviction::Random, Eviction::NoEviction] {
        let bounded = |bytes| store(Memory::builder().shards(4).max_memory(bytes).eviction(eviction));
        let (mut leader, mut unbounded) = (bounded(BOUND), plain());
        // Less than there will be: it must not matter while it follows.
        let (mut same, mut smaller) = (bounded(BOUND), bounded(BOUND / 4));
        let (mut evicted, mut refused) = (0, 0);
        for step in 0..20_000 {
            let args = set(step % 15_000, 50 + step % 200);
            let mutation = Mutation::parse(&args).expect("a command");
            let (reply, log) = lead(&mut leader, &mutation, context(step));
            match reply {
                Ok(_) => evicted += log.len() - 1,
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::OutOfMemory);
                    refused += 1;
                }
            }
            for follower in [&mut same, &mut smaller, &mut unbounded] {
                follow(follower, &log);
            }
        }
        let used = leader.reads().memory_used();
        assert!(used <= BOUND + BOUND / 100, "{eviction}: {used} bytes");
        let has_evicted = eviction != Eviction::NoEviction;
        assert_eq!((evicted > 5_000, refused > 5_000), (has_evicted, !has_evicted), "{eviction}: {evicted}, {refused}");
        let expected = digests(&mut leader);
        for (name, follower) in [("same", &mut same), ("smaller", &mut smaller), ("unbounded", &mut unbounded)] {
            assert_eq!(digests(follower), expected, "{eviction}: {name}");
            assert_eq!(follower.stats().evictions, 0, "{eviction}: {name}");
            let used = follower.reads().memory_used();
            assert!(used <= BOUND + BOUND / 8, "{eviction}: {name} takes {used} bytes");
        }
    }
}

#[test]
fn a_follower_that_comes_to_lead_returns_to_its_bound() {
    let small = BOUND / 4;
    let (mut leader, mut heir, mut third) =
        (plain(), store(Memory::builder().shards(4).max_memory(small)), store(Memory::builder().shards(8)));
    for step in 0..4_000 {
        let args = set(step, 100);
        let (_, log) = lead(&mut leader, &Mutation::parse(&args).expect("a command"), context(step));
        follow(&mut heir, &log);
        follow(&mut third, &log);
    }
    assert!(heir.reads().memory_used() > 2 * small, "a follower takes what the leader has");
    for step in 0..200 {
        let args = set(100_000 + step, 100);
        let (reply, log) = lead(&mut heir, &Mutation::parse(&args).expect("a command"), context(step));
        reply.expect("there is enough to evict");
        follow(&mut third, &log);
    }
    let used = heir.reads().memory_used();
    assert!(used <= small + small / 20, "{used} bytes of {small}");
    assert_eq!(digests(&mut third), digests(&mut heir));
}

#[test]
fn loading_costs_the_live_keyspace_nothing() {
    let bounded = || store(Memory::builder().shards(4).max_memory(BOUND));
    let (mut leader, mut copy) = (bounded(), bounded());
    for step in 0..4_000 {
        for store in [&mut leader, &mut copy] {
            let args = set(step, 100);
            lead(store, &Mutation::parse(&args).expect("a command"), context(step)).0.expect("there is room");
        }
    }
    let (before, entries) = (digests(&mut copy), copy.stats().entries);
    copy.load_begin();
    for shard in 0..leader.shards() {
        for piece in leader.snapshot(shard, 1 << 18) {
            copy.load(shard, &piece).expect("a piece can be read");
        }
    }
    assert_eq!((digests(&mut copy), copy.stats().entries), (before, entries));
    copy.load_swap();
    assert_eq!(digests(&mut copy), digests(&mut leader));
    // What was loaded is booked: it keeps within the bound when it leads.
    for step in 0..20_000 {
        let args = set(50_000 + step, 100);
        lead(&mut copy, &Mutation::parse(&args).expect("a command"), context(step))
            .0
            .expect("there is enough to evict");
    }
    let used = copy.reads().memory_used();
    assert!(used <= BOUND + BOUND / 100, "{used} bytes");
    let args: Vec<Arg<'_>> = vec!["FLUSHALL".into()];
    copy.apply(&Mutation::parse(&args).expect("a command"), Side::Live, &|_| true).expect("nothing to refuse");
    assert_eq!(copy.stats().entries, 0);
}
