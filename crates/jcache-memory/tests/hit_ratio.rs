//! The hit ratio of each policy on a Zipf trace, held against textbook simulations of LRU and S3-FIFO.

#![allow(clippy::print_stdout, reason = "the figures are for whoever asks: --nocapture")]

mod common;

use std::collections::{HashMap, HashSet, VecDeque};

use jcache_memory::{Eviction, Memory};

const KEYS: usize = 50_000;
const READS: usize = 600_000;

/// Keys by Zipf's law with exponent 0.99, in shuffled order.
fn zipf(seed: u64) -> Vec<u32> {
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut sums = Vec::with_capacity(KEYS);
    let mut sum = 0.0;
    for rank in 1..=KEYS {
        sum += (rank as f64).powf(-0.99);
        sums.push(sum);
    }
    let pick = |point: f64| sums.partition_point(|sum| *sum < point).min(KEYS - 1) as u32;
    (0..READS).map(|_| pick(rng.f64() * sum)).collect()
}

/// Exactly `room` entries, the one read longest ago goes.
fn lru(trace: &[u32], room: usize) -> f64 {
    let (mut stamps, mut order) = (HashMap::new(), std::collections::BTreeMap::new());
    let mut hits = 0;
    for (now, key) in trace.iter().enumerate() {
        match stamps.insert(*key, now) {
            Some(then) => {
                hits += 1;
                order.remove(&then);
            }
            None if stamps.len() > room => {
                let (_, old) = order.pop_first().expect("full");
                stamps.remove(&old);
            }
            None => {}
        }
        order.insert(now, *key);
    }
    hits as f64 / trace.len() as f64
}

/// S3-FIFO as published, with entries of one size.
fn s3_fifo(trace: &[u32], room: usize) -> f64 {
    let (mut small, mut main, mut ghosts) = (VecDeque::new(), VecDeque::new(), VecDeque::new());
    let (mut reads, mut is_ghost): (HashMap<u32, u8>, HashSet<u32>) = Default::default();
    let mut hits = 0;
    for key in trace {
        if let Some(count) = reads.get_mut(key) {
            hits += 1;
            *count = (*count + 1).min(3);
            continue;
        }
        while reads.len() >= room {
            if small.len() >= room / 10 || main.is_empty() {
                let key: u32 = small.pop_front().expect("not empty");
                if reads[&key] > 1 {
                    reads.insert(key, 0);
                    main.push_back(key);
                } else {
                    reads.remove(&key);
                    ghosts.push_back(key);
                    is_ghost.insert(key);
                    if ghosts.len() > room * 9 / 10 {
                        is_ghost.remove(&ghosts.pop_front().expect("not empty"));
                    }
                }
            } else {
                let key = main.pop_front().expect("not empty");
                match reads[&key] {
                    0 => drop(reads.remove(&key)),
                    count => {
                        reads.insert(key, count - 1);
                        main.push_back(key);
                    }
                }
            }
        }
        reads.insert(*key, 0);
        if is_ghost.remove(key) { main.push_back(*key) } else { small.push_back(*key) }
    }
    hits as f64 / trace.len() as f64
}

/// Read, and on a miss write, in a memory that settles at some number of entries: hit ratio, and that number.
fn measured(trace: &[u32], max: usize, eviction: Eviction) -> (f64, usize) {
    let memory = Memory::builder().max_memory(max).eviction(eviction).build();
    let value = "x".repeat(100);
    let mut hits = 0;
    for key in trace {
        let name = format!("key:{key:010}");
        if memory.get(name.as_bytes()).expect("a text").is_some() {
            hits += 1;
        } else {
            common::call(&memory, &["SET", &name, &value]).expect("room is made");
        }
    }
    let stats = memory.stats();
    let overhead = stats.bytes as f64 / stats.entries as f64 - 114.0;
    println!("{eviction}: {} entries, {overhead:.1} bytes over payload for each", stats.entries);
    (hits as f64 / trace.len() as f64, stats.entries)
}

#[test]
fn s3_fifo_keeps_what_is_read_and_beats_lru() {
    let trace = zipf(1);
    for max in [800_000, 160_000] {
        let (ours, room) = measured(&trace, max, Eviction::S3Fifo);
        let (reference, lru) = (s3_fifo(&trace, room), lru(&trace, room));
        println!("room for {room}: {ours:.4}; S3-FIFO as published {reference:.4}, LRU {lru:.4}");
        assert!(ours > reference - 0.01, "{ours} against {reference}");
        assert!(ours > lru + 0.02, "{ours} against {lru} of LRU");
    }
}

#[test]
fn the_other_policies_are_what_they_say() {
    let trace = zipf(2);
    let ratio = |eviction| measured(&trace, 800_000, eviction);
    let ((clock, room), (lfu, _), (random, _)) = (ratio(Eviction::Lru), ratio(Eviction::Lfu), ratio(Eviction::Random));
    let exact = lru(&trace, room);
    println!("second chance {clock:.4}, exact LRU {exact:.4}, LFU {lfu:.4}, random {random:.4}");
    assert!((clock - exact).abs() < 0.03, "{clock} against {exact}");
    assert!(lfu > exact && random < exact, "{lfu} > {exact} > {random}");
}
