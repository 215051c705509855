//! Queries of the whole keyspace: how many keys, a scan of them, one of them.
//!
//! They take one shard after the other, each for a few buckets at a time, so nobody waits long for them. A cursor is the
//! index of a shard in its high 16 bits, and below it the first 48 bits of the hash that the shard's scan has come to.

use jcache_core::{ObjectRef, Value};

use super::{Hold, View};
use crate::clock::mix;
use crate::expiry;
use crate::shard::{Shard, object_of};

/// Homes that are visited under one lock: some tens of microseconds.
const BATCH: usize = 64;

/// Homes that one call visits at least before it gives up on finding `count` entries.
const PATIENCE: usize = 512;

const HASH_BITS: u32 = 48;

/// Lets `look` see shard `index`, if the view has it.
fn with_shard<R>(view: &View<'_>, index: usize, look: impl FnOnce(&Shard) -> R) -> Option<R> {
    match &view.hold {
        Hold::Each => Some(look(&view.engine.lock(index))),
        Hold::Many(shards) => {
            let position = shards.binary_search_by_key(&index, |(index, _)| *index).ok()?;
            Some(look(&shards[position].1))
        }
        Hold::One { shard, hash } => (view.engine.index(*hash) == index).then(|| look(shard)),
    }
}

/// Frees what is due, which has to be done anyway, and so counts only what lives.
pub(super) fn len(view: &View<'_>) -> usize {
    let now = view.now().as_millis();
    let len = |index| match &view.hold {
        Hold::Each if view.engine.expiry.is_on() => loop {
            let (done, len) = view.engine.reap(index, now, expiry::BATCH);
            if done {
                return len;
            }
        },
        _ => with_shard(view, index, |shard| shard.table.len()).unwrap_or(0),
    };
    (0..view.engine.shards()).map(len).sum()
}

pub(super) fn scan(view: &View<'_>, cursor: u64, count: usize, visit: &mut dyn FnMut(&[u8], ObjectRef<'_>)) -> u64 {
    let (mut index, mut hash) = ((cursor >> HASH_BITS) as usize, cursor << (64 - HASH_BITS));
    let (mut steps, mut homes) = (0, count.saturating_mul(10).max(PATIENCE));
    while index < view.engine.shards() {
        if steps >= count || homes == 0 {
            return (index as u64) << HASH_BITS | hash >> (64 - HASH_BITS);
        }
        let next = with_shard(view, index, |shard| {
            let mut next = Some(hash);
            for _ in 0..BATCH {
                let Some(from) = next.filter(|_| steps < count && homes > 0) else { break };
                homes -= 1;
                next = shard.table.scan(from, |item| {
                    steps += 1;
                    if view.lives(item) {
                        visit(item.key(), object_of(item));
                    }
                });
            }
            next
        });
        match next.flatten() {
            Some(next) => hash = next,
            None => (index, hash) = (index + 1, 0),
        }
    }
    0
}

pub(super) fn random_key(view: &View<'_>, seed: u64) -> Option<Value> {
    let shards = view.engine.shards();
    let lens: Vec<usize> = (0..shards).map(|i| with_shard(view, i, |s| s.table.len()).unwrap_or(0)).collect();
    let total: usize = lens.iter().sum();
    // The entry with this number, if shards were numbered through: a shard is as likely as it is full.
    let mut number = (seed % total.max(1) as u64) as usize;
    let first = lens.iter().position(|len| {
        let here = number < *len;
        number = number.wrapping_sub(*len);
        here
    })?;
    let picked = with_shard(view, first, |shard| {
        let mut seeds = (1..=PATIENCE as u64).map(|i| mix(seed.wrapping_add(i)));
        seeds.find_map(|seed| {
            shard.table.sample(seed).filter(|item| view.lives(item)).map(|item| Value::new(item.key()))
        })
    });
    // Nearly everything there is due: take the first that is not.
    picked
        .flatten()
        .or_else(|| (0..shards).find_map(|i| with_shard(view, (first + i) % shards, |s| first_live(view, s))?))
}

fn first_live(view: &View<'_>, shard: &Shard) -> Option<Value> {
    let mut found = None;
    let mut next = Some(0);
    while let Some(hash) = next.filter(|_| found.is_none()) {
        next = shard.table.scan(hash, |item| {
            if found.is_none() && view.lives(item) {
                found = Some(Value::new(item.key()));
            }
        });
    }
    found
}
