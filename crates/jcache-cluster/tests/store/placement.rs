//! Where keys are: the same in every process and version, another place in every cluster.

use std::sync::Arc;

use jcache_cluster::engine::Store;
use jcache_cluster::store::{MemoryStore, Placement};
use jcache_memory::{ManualClock, Memory};

use crate::common::*;

fn placed(parts: &[&[u8]], memory: jcache_memory::Builder) -> MemoryStore {
    MemoryStore::new(memory, Placement::of(parts), Arc::new(ManualClock::default())).expect("settings that can be kept")
}

/// These numbers may never change: processes of all versions have to agree on them.
#[test]
fn a_key_is_in_the_same_shard_in_every_version() {
    let rows: [(&[&[u8]], [usize; 6]); 3] = [
        (&[], [675, 140, 525, 916, 713, 997]),
        (&[b"demo"], [49, 267, 932, 47, 495, 977]),
        (&[b"demo", b"secret"], [743, 790, 791, 938, 281, 632]),
    ];
    let long = [b'k'; 200];
    let keys: [&[u8]; 6] =
        [b"", b"a", b"user:1000", b"session:4f2b7c", b"a key that has more than sixteen bytes", &long];
    for (parts, shards) in rows {
        let store = placed(parts, Memory::builder());
        assert_eq!(keys.map(|key| store.shard_of(key)), shards, "{parts:?}");
    }
}

#[test]
fn a_shard_depends_on_nothing_of_the_process() {
    let builders = [
        Memory::builder(),
        Memory::builder().shards(1),
        Memory::builder().shards(256).max_memory(64 << 20),
        Memory::builder().max_memory(64 << 20).quota("key:1", 1 << 20).quota("key:", 2 << 20),
    ];
    let mut stores = builders.map(store);
    for number in 0..3_000 {
        let key = format!("key:{number}");
        let shards: Vec<usize> = stores.iter().map(|store| store.shard_of(key.as_bytes())).collect();
        assert!(shards.iter().all(|shard| *shard == shards[0] && *shard < MemoryStore::SHARDS), "{key}: {shards:?}");
        for store in &mut stores {
            run(store, &format!("SET {key} {number}"), 0).expect("there is room");
        }
    }
    let expected = digests(&mut stores[0]);
    for store in &mut stores[1..] {
        assert_eq!(digests(store), expected, "what is in a shard is found there");
    }
    let filled = expected.iter().filter(|digest| **digest != 0).count();
    assert!(filled > MemoryStore::SHARDS * 9 / 10, "keys are in {filled} shards only");
}

#[test]
fn another_secret_is_another_placement() {
    let (one, other) = (placed(&[b"demo", b"one"], Memory::builder()), placed(&[b"demo", b"two"], Memory::builder()));
    let same = (0..10_000).filter(|number| {
        let key = format!("key:{number}");
        one.shard_of(key.as_bytes()) == other.shard_of(key.as_bytes())
    });
    assert!(same.count() < 100, "about one in 1024 by chance");
}
