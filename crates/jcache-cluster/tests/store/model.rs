//! Random commands of all families on the store and on core's model at once, repeated at followers that are synchronised
//! anew at random points: equal replies, equal removals, equal digests.

use jcache_cluster::engine::Store;
use jcache_core::command::Request;
use jcache_core::{Arg, Context, Timestamp, Value};
use jcache_memory::Memory;
use jcache_testkit::differential;
use jcache_testkit::simulator::BothStores;

use crate::common::*;

fn check(seed: u64, steps: usize) {
    let mut rng = fastrand::Rng::with_seed(seed);
    let bits = rng.u32(1..5);
    let (mut leader, mut follower) = (BothStores::new(bits), BothStores::new(bits));
    let mut third = store(Memory::builder().shards(1 << rng.u32(..5))).with_shard_bits(bits);
    let mut now = Timestamp::from_millis(1_000);
    for step in 0..steps {
        let args = differential::any(&mut rng);
        let args: Vec<Arg<'_>> = args.iter().map(Arg::from).collect();
        let context = Context { now, seed: rng.u64(..) };
        match Request::parse(&args) {
            Ok(Request::Query(query)) => drop(leader.query(&query, context)),
            Ok(Request::Mutation(mutation)) => {
                let (_, log) = lead(&mut leader, &mutation, context);
                follow(&mut follower, &log);
                follow(&mut third, &log);
                mutation.visit_keys(|key| leader.whole(key, &mut |_| {}));
            }
            Err(_) => {}
        }
        if rng.u8(..40) == 0 {
            now = Timestamp::from_millis(now.as_millis() + (1 << rng.u32(..36)));
            leader.due(now, 1 + rng.usize(..10));
        }
        if rng.u16(..300) == 0 {
            let chunk = [1, 100, 1 << 18][rng.usize(..3)];
            let copy: &mut dyn FnMut(&mut BothStores) = match rng.bool() {
                true => &mut |leader| synchronise(leader, &mut follower, chunk),
                false => &mut |leader| synchronise(leader, &mut third, chunk),
            };
            copy(&mut leader);
        }
        if step % 100 == 0 {
            let expected = digests(&mut leader);
            assert_eq!(digests(&mut follower), expected, "seed {seed}, step {step}");
            // The third has no model beside it that sums up in its own way.
            let mut fourth = plain().with_shard_bits(bits);
            synchronise(&mut leader, &mut fourth, 1 << 18);
            assert_eq!(digests(&mut third), digests(&mut fourth), "seed {seed}, step {step}");
        }
    }
}

#[test]
fn a_store_does_what_the_model_does_and_so_do_its_copies() {
    let first = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(0);
    for seed in first..first + 12 {
        println!("seed {seed}; repeat with: SEED={seed} cargo test -p jcache-cluster --test store model");
        check(seed, 1_500);
    }
}

#[test]
fn a_large_key_comes_in_pieces() {
    let (mut store, mut copy) = (plain(), plain());
    let elements: Vec<String> = (0..5_000).map(|i| format!("element{i:06}")).collect();
    let pairs: Vec<String> = elements.iter().map(|it| format!("{it} {it}")).collect();
    let scored: Vec<String> = elements.iter().enumerate().map(|(score, it)| format!("{score} {it}")).collect();
    run(&mut store, &format!("RPUSH list {}", elements.join(" ")), 0).expect("a list");
    run(&mut store, &format!("SADD set {}", elements.join(" ")), 0).expect("a set");
    run(&mut store, &format!("HSET hash {}", pairs.join(" ")), 0).expect("a hash");
    run(&mut store, &format!("ZADD sorted {}", scored.join(" ")), 0).expect("a sorted set");
    run(&mut store, &format!("SET text {}", "x".repeat(100_000)), 0).expect("a text");
    run(&mut store, "PEXPIREAT sorted 5000", 0).expect("a deadline");
    let pieces: Vec<usize> =
        (0..store.shards()).flat_map(|shard| store.snapshot(shard, 4096)).map(|piece| piece.len()).collect();
    assert!(pieces.len() > 80, "{} pieces", pieces.len());
    assert!(pieces.iter().all(|len| *len <= 8192), "{pieces:?}");
    synchronise(&mut store, &mut copy, 4096);
    assert_eq!(digests(&mut copy), digests(&mut store));
    assert_eq!(copy.stats().entries, 5);
    assert_eq!(
        copy.due(Timestamp::from_millis(5000), 9),
        [Value::from("sorted")],
        "the deadline came with the last piece"
    );
}

#[test]
fn what_cannot_be_read_is_an_error() {
    let mut store = plain();
    run(&mut store, "SET kept x", 0).expect("a string");
    store.load_begin();
    for piece in [&b"\xff"[..], b"\x05\x03GET\x01k", b"\x04\x03SET", b"\x02\x01"] {
        assert!(store.load(0, piece).is_err(), "{piece:?}");
    }
    store.load_abort();
    assert_eq!(store.stats().entries, 1, "what is live is as it was");
}
