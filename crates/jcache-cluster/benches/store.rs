//! What the memory costs as the engine's store: effects applied, snapshots cut, loaded and summed up, reads around it.
//!
//! `cargo bench -p jcache-cluster --bench store [-- KEYS]`: strings of 100 bytes under keys of about 14, a million by
//! default. Printed are the best and the median of some rounds.

use std::hint::black_box;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use jcache_cluster::engine::{Removed, Side, Store};
use jcache_cluster::store::{ClusterClock, MemoryStore, Placement};
use jcache_core::{Arg, Context, Mutation, Timestamp};
use jcache_memory::{Builder, Memory};

const VALUE: [u8; 100] = [b'x'; 100];

fn store(memory: Builder) -> MemoryStore {
    let clock = Arc::new(ClusterClock::new());
    MemoryStore::new(memory, Placement::of(&[b"bench"]), clock).expect("settings that can be kept")
}

fn key(number: usize) -> String {
    format!("key:{:010}", number.wrapping_mul(0x9e37_79b1) % 10_000_000_000)
}

/// Runs `round` some times, and says what one of `count` things takes.
fn measure(what: &str, count: usize, unit: &str, mut round: impl FnMut() -> Duration) {
    let mut rounds: Vec<f64> = (0..5).map(|_| round().as_nanos() as f64 / count as f64).collect();
    rounds.sort_by(f64::total_cmp);
    let line = format!("{what:<44} {:>8.1} ns/{unit} (median {:.1})", rounds[0], rounds[2]);
    writeln!(std::io::stdout().lock(), "{line}").expect("somebody reads");
}

fn rate(what: &str, bytes: usize, took: Duration) {
    let rate = bytes as f64 / 1e6 / took.as_secs_f64();
    let line = format!("{what:<44} {rate:>8.0} MB/s ({} MB in {took:.0?})", bytes / 1_000_000);
    writeln!(std::io::stdout().lock(), "{line}").expect("somebody reads");
}

fn with_set<R>(key: &str, with: impl FnOnce(&Mutation<'_>) -> R) -> R {
    let args: [Arg<'_>; 3] = ["SET".into(), key.into(), Arg::Slice(&VALUE)];
    with(&Mutation::parse(&args).expect("a command"))
}

fn fill(store: &mut MemoryStore, keys: &[String]) {
    for key in keys {
        with_set(key, |set| store.apply(set, Side::Live, &|_| true).expect("a string"));
    }
}

fn main() {
    let keys = std::env::args().filter_map(|arg| arg.parse().ok()).next().unwrap_or(1_000_000);
    let keys: Vec<String> = (0..keys).map(key).collect();
    let context = Context::at(Timestamp::from_millis(1_000));
    let memory = Memory::new();
    let set_all = || {
        for key in &keys {
            with_set(key, |set| jcache_core::Driver::try_mutate(&memory, set).expect("at once").expect("a string"));
        }
    };
    set_all();
    measure("SET of a plain memory", keys.len(), "op", || {
        let start = Instant::now();
        set_all();
        start.elapsed()
    });
    let mut plain = store(Memory::builder());
    fill(&mut plain, &keys);
    measure("apply SET at a follower", keys.len(), "op", || {
        let start = Instant::now();
        fill(&mut plain, &keys);
        start.elapsed()
    });
    let mut removed = Removed::default();
    measure("mutate SET at the leader", keys.len(), "op", || {
        let start = Instant::now();
        for key in &keys {
            drop(with_set(key, |set| plain.mutate(set, context, &mut removed)));
        }
        start.elapsed()
    });
    let mut bounded = store(Memory::builder().max_memory(keys.len() * 80));
    measure("mutate SET at the leader, evicting", keys.len(), "op", || {
        let start = Instant::now();
        for key in &keys {
            drop(with_set(key, |set| bounded.mutate(set, context, &mut removed)));
            removed.evicted.clear();
        }
        start.elapsed()
    });
    drop(bounded);
    synchronisation(&mut plain);
    reads(&memory, &mut plain, &keys);
    collections(keys.len());
}

/// One key that holds `elements`: the steps in which nothing else is done meanwhile, the cut of its shard and the digest.
fn collections(elements: usize) {
    for (what, add) in [("list", "RPUSH"), ("set", "SADD"), ("hash", "HSET"), ("sorted set", "ZADD")] {
        let mut store = store(Memory::builder());
        for first in (0..elements).step_by(1_000) {
            let members: Vec<String> = (first..elements.min(first + 1_000)).map(key).collect();
            let mut args: Vec<Arg<'_>> = vec![add.into(), "big".into()];
            for member in &members {
                match add {
                    "HSET" => args.extend([member.as_str().into(), Arg::Slice(&VALUE)]),
                    "ZADD" => args.extend(["1.5".into(), member.as_str().into()]),
                    _ => args.push(member.as_str().into()),
                }
            }
            let mutation = Mutation::parse(&args).expect("a command");
            store.apply(&mutation, Side::Live, &|_| true).expect("a collection");
        }
        let shard = store.shard_of(b"big");
        measure(&format!("{what} of {elements}: cut"), elements, "element", || {
            let start = Instant::now();
            black_box(store.snapshot(shard, 256 << 10));
            start.elapsed()
        });
        measure(&format!("{what} of {elements}: digest"), elements, "element", || {
            let start = Instant::now();
            black_box(store.digest(shard));
            start.elapsed()
        });
    }
}

fn synchronisation(store: &mut MemoryStore) {
    let shards = store.shards();
    for _ in 0..2 {
        let (start, mut held) = (Instant::now(), Vec::new());
        let pieces: Vec<Vec<Bytes>> = (0..shards)
            .map(|shard| {
                let start = Instant::now();
                let pieces = store.snapshot(shard, 256 << 10);
                held.push(start.elapsed());
                pieces
            })
            .collect();
        let (took, bytes) = (start.elapsed(), pieces.iter().flatten().map(Bytes::len).sum());
        held.sort_unstable();
        let [median, late] = [held.len() / 2, held.len() * 99 / 100].map(|at| held[at]);
        rate(&format!("snapshot (a shard {median:.0?}, p99 {late:.0?})"), bytes, took);
        let mut copy = self::store(Memory::builder());
        let start = Instant::now();
        copy.load_begin();
        for (shard, pieces) in pieces.iter().enumerate() {
            for piece in pieces {
                copy.load(shard, piece).expect("a piece can be read");
            }
        }
        rate("load", bytes, start.elapsed());
        let start = Instant::now();
        copy.load_swap();
        let swap = start.elapsed();
        let start = Instant::now();
        copy.load_swap();
        rate(&format!("swap {swap:.0?}, of a full one {:.0?}; digests", start.elapsed()), bytes, {
            let start = Instant::now();
            (0..shards).for_each(|shard| assert_ne!(black_box(store.digest(shard)), 1));
            start.elapsed()
        });
    }
}

/// Reads of a plain memory and around a store, each alone and while something is written.
fn reads(memory: &Memory, store: &mut MemoryStore, keys: &[String]) {
    let order: Vec<&[u8]> = (0..keys.len()).map(|i| keys[i.wrapping_mul(7_919) % keys.len()].as_bytes()).collect();
    let local = store.reads();
    local.set_open(true);
    for writes in [0_u64, 50_000] {
        let (over, done) = (AtomicBool::new(false), AtomicU64::new(0));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                // So many a second, a hundredth of them at a time.
                while writes > 0 && !over.load(Ordering::Relaxed) {
                    let start = Instant::now();
                    for _ in 0..writes / 100 {
                        let number = done.fetch_add(1, Ordering::Relaxed) as usize;
                        with_set(&keys[number * 31 % keys.len()], |set| {
                            store.apply(set, Side::Live, &|_| true).expect("a string");
                        });
                    }
                    std::thread::sleep(Duration::from_millis(10).saturating_sub(start.elapsed()));
                }
            });
            measure(&format!("GET of a plain memory ({writes} writes/s elsewhere)"), order.len(), "op", || {
                let start = Instant::now();
                order.iter().for_each(|key| drop(black_box(memory.get(key))));
                start.elapsed()
            });
            measure(&format!("GET around a store ({writes} writes/s)"), order.len(), "op", || {
                let start = Instant::now();
                order.iter().for_each(|key| drop(black_box(local.try_text(key))));
                start.elapsed()
            });
            over.store(true, Ordering::Relaxed);
        });
    }
}
