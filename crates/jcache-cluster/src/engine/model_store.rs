//! A store over core's reference keyspace: for tests, the simulator, and as the measure of other stores.

use std::collections::BTreeMap;

use bytes::Bytes;
use jcache_core::command::Mutation;
use jcache_core::object::{Object, ObjectRef};
use jcache_core::{Context, Error, Key, Keyspace, Masked, Model, Query, Reply, Snapshot, Timestamp, Value};

use jcache_memory::replica::Hasher;
use rapidhash::RapidHashMap;

use super::codec;
use super::store::{Removed, Side, Store};
use crate::store::Placement;

/// A [`Store`] over core's [`Model`], with as many shards as are asked for, and a bound in keys for tests of eviction.
#[derive(Debug, Clone, Default)]
pub struct ModelStore {
    live: Model,
    loading: Option<Model>,
    shards: usize,
    /// How keys are placed, when that is not its own way.
    hasher: Option<Hasher>,
    most_keys: Option<usize>,
    /// Hashes of keys with what they hold, since nothing was done to them: a digest is their sum.
    hashes: RapidHashMap<Vec<u8>, u64>,
}

impl ModelStore {
    /// An empty store with `shards` shards.
    pub fn new(shards: usize) -> Self {
        Self { shards: shards.max(1), ..Self::default() }
    }

    /// The same with keys in the shards in which a [`MemoryStore`](crate::store::MemoryStore) with this placement, and as
    /// many shards, has them.
    #[must_use]
    pub fn with_placement(mut self, placement: Placement) -> Self {
        self.hasher = Some(placement.hasher());
        self
    }

    /// The same, evicting the first key in order whenever there are more than `most` keys.
    #[must_use]
    pub fn with_most_keys(mut self, most: usize) -> Self {
        self.most_keys = Some(most);
        self
    }

    /// The live keyspace with everything in it, due or not.
    pub fn model(&self) -> &Model {
        &self.live
    }

    fn side(&mut self, side: Side) -> &mut Model {
        match side {
            Side::Live => &mut self.live,
            Side::Loading => self.loading.get_or_insert_default(),
        }
    }

    /// The keys of `mutation`, or all when it names none, are about to change.
    fn forget_hashes(&mut self, mutation: &Mutation<'_>) {
        let mut named = false;
        mutation.visit_keys(|key| {
            named = true;
            self.hashes.remove(key.0.as_bytes());
        });
        if !named {
            self.hashes.clear();
        }
    }
}

/// FNV-1a: the same everywhere, as a shard's number must be.
fn hash(parts: &[&[u8]]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for part in parts {
        for byte in (part.len() as u64).to_le_bytes().iter().chain(*part) {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    hash
}

fn shard_of(hasher: Option<&Hasher>, key: &[u8], shards: usize) -> usize {
    match hasher {
        None => (hash(&[key]) % shards as u64) as usize,
        Some(hasher) => (hasher.hash(key).reverse_bits() % shards as u64) as usize,
    }
}

impl Store for ModelStore {
    fn query(&mut self, query: &Query<'_>, context: Context) -> Result<Reply, Error> {
        self.live.at(context.now);
        query.run(&self.live, context)
    }

    fn mutate(&mut self, mutation: &Mutation<'_>, context: Context, removed: &mut Removed) -> Result<Reply, Error> {
        self.forget_hashes(mutation);
        mutation.visit_keys(|key| {
            self.live.at(context.now);
            let live = self.live.contains(key);
            self.live.at(Timestamp::ZERO);
            if !live && self.live.remove(key) {
                removed.due.push(key.0.to_value());
            }
        });
        self.live.at(context.now);
        let reply = mutation.run(&mut self.live, context);
        self.live.at(Timestamp::ZERO);
        while self.most_keys.is_some_and(|most| self.live.len() > most) {
            let Some(key) = self.live.iter().next().map(|(key, ..)| Value::new(key)) else { break };
            self.live.remove(&key);
            self.hashes.remove(key.as_bytes());
            removed.evicted.push(key);
        }
        reply
    }

    fn apply(&mut self, effect: &Mutation<'_>, side: Side, admits: &dyn Fn(usize) -> bool) -> Result<(), Error> {
        let (shards, hasher) = (self.shards, self.hasher.clone());
        self.forget_hashes(effect);
        let model = self.side(side);
        model.at(Timestamp::ZERO);
        let mut masked = Masked::new(model, |key: &[u8]| admits(shard_of(hasher.as_ref(), key, shards)));
        effect.run(&mut masked, Context::at(Timestamp::ZERO)).map(drop)
    }

    fn whole(&mut self, key: &[u8], visit: &mut dyn FnMut(&Mutation<'_>)) {
        self.live.at(Timestamp::ZERO);
        let Some(found) = self.live.find(key) else {
            return visit(&Mutation::removal([Key::from(key)]));
        };
        let snapshot = Snapshot { key: Value::new(key), object: found.object.to_object(), deadline: found.deadline };
        snapshot.to_mutations().iter().for_each(visit);
    }

    fn due(&mut self, now: Timestamp, limit: usize) -> Vec<Value> {
        self.live.at(Timestamp::ZERO);
        let due = self.live.iter().filter(|(_, _, deadline)| deadline.is_some_and(|at| at <= now));
        due.take(limit).map(|(key, ..)| Value::new(key)).collect()
    }

    fn shards(&self) -> usize {
        self.shards
    }

    fn shard_of(&self, key: &[u8]) -> usize {
        shard_of(self.hasher.as_ref(), key, self.shards)
    }

    fn digest(&mut self, shard: usize) -> u64 {
        self.live.at(Timestamp::ZERO);
        let (shards, hasher) = (self.shards, &self.hasher);
        let own = self.live.iter().filter(|(key, ..)| shard_of(hasher.as_ref(), key, shards) == shard);
        let hashes = &mut self.hashes;
        own.map(|(key, object, deadline)| {
            let known = hashes.get(key).copied();
            known.unwrap_or_else(|| {
                let deadline = deadline.map_or(0, Timestamp::as_millis).to_le_bytes();
                let hash = hash(&[key, &deadline, &content(object)]);
                hashes.insert(key.to_vec(), hash);
                hash
            })
        })
        .fold(0, u64::wrapping_add)
    }

    fn snapshot(&mut self, shard: usize, chunk: usize) -> Vec<Bytes> {
        self.live.at(Timestamp::ZERO);
        let (mut pieces, mut piece) = (Vec::new(), Vec::new());
        for (key, object, deadline) in self.live.iter().filter(|(key, ..)| self.shard_of(key) == shard) {
            let snapshot = Snapshot { key: Value::new(key), object: object.clone(), deadline };
            for mutation in snapshot.to_mutations() {
                codec::put_command(&mut piece, &mutation);
            }
            if piece.len() >= chunk {
                pieces.push(std::mem::take(&mut piece).into());
            }
        }
        if !piece.is_empty() {
            pieces.push(piece.into());
        }
        pieces
    }

    fn load_begin(&mut self) {
        self.loading = Some(Model::default());
    }

    fn load(&mut self, _: usize, piece: &[u8]) -> Result<(), Error> {
        let model = self.side(Side::Loading);
        let mut rest = piece;
        while !rest.is_empty() {
            let args = codec::take_command(&mut rest)?;
            Mutation::parse(&args)?.run(model, Context::at(Timestamp::ZERO))?;
        }
        Ok(())
    }

    fn load_swap(&mut self) {
        self.live = self.loading.take().unwrap_or_default();
        self.hashes.clear();
    }

    fn load_abort(&mut self) {
        self.loading = None;
    }
}

/// What an object holds, in an order that does not depend on how it came to be.
fn content(object: &Object) -> Vec<u8> {
    let mut parts: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
    match object.as_ref() {
        ObjectRef::String(text) => drop(parts.insert(Vec::new(), text.as_bytes().to_vec())),
        ObjectRef::Hash(hash) => hash.for_each(|field, value| drop(parts.insert(field.to_vec(), value.to_vec()))),
        ObjectRef::Set(set) => set.for_each(|member| drop(parts.insert(member.to_vec(), Vec::new()))),
        ObjectRef::List(list) => {
            for (index, element) in list.iter().enumerate() {
                parts.insert((index as u64).to_be_bytes().to_vec(), element.to_vec());
            }
        }
        ObjectRef::SortedSet(sorted) => {
            for (member, score) in sorted.iter() {
                // Minus zero and zero are one score.
                parts.insert(member.as_bytes().to_vec(), (score + 0.0).to_bits().to_be_bytes().to_vec());
            }
        }
    }
    let mut all = object.as_ref().kind().name().as_bytes().to_vec();
    for (name, value) in parts {
        codec::put_bytes(&mut all, &name);
        codec::put_bytes(&mut all, &value);
    }
    all
}

#[cfg(test)]
mod tests {
    use jcache_core::Arg;

    use super::*;

    #[test]
    fn a_digest_is_that_of_what_is_held_now() {
        let mut random = fastrand::Rng::with_seed(7);
        let (mut store, mut removed) = (ModelStore::new(3).with_most_keys(12), Removed::default());
        for round in 0..4_000_u64 {
            let key = format!("k{}", random.u8(..8));
            let (other, value) = (format!("k{}", random.u8(..8)), round.to_string());
            let words: &[&str] = match random.u8(..12) {
                0 => &["SET", &key, &value],
                1 => &["SET", &key, &value, "PX", "50"],
                2 => &["RPUSH", &key, &value, "x"],
                3 => &["LPOP", &key],
                4 => &["RENAME", &key, &other],
                5 => &["COPY", &key, &other, "REPLACE"],
                6 => &["SUNIONSTORE", &key, &key, &other],
                7 => &["SADD", &key, &value, "m"],
                8 => &["LMPOP", "2", &key, &other, "LEFT"],
                9 => &["PEXPIRE", &key, "30"],
                10 => &["DEL", &key, &other],
                _ => &["ZADD", &key, &value, "m"],
            };
            let args: Vec<Arg<'_>> = words.iter().map(|word| Arg::from(*word)).collect();
            let mutation = Mutation::parse(&args).expect("a command");
            let context = Context::at(Timestamp::from_millis(1_000 + round));
            if random.bool() {
                let _ = store.mutate(&mutation, context, &mut removed);
            } else {
                let admitted = random.usize(..3);
                let _ = store.apply(&mutation, Side::Live, &|shard| shard == admitted);
            }
            if random.u8(..100) == 0 {
                let all = ["FLUSHALL"].map(Arg::from);
                store.apply(&Mutation::parse(&all).expect("a command"), Side::Live, &|_| true).expect("it runs");
            }
            let mut anew = ModelStore { hashes: RapidHashMap::default(), ..store.clone() };
            let shard = random.usize(..3);
            assert_eq!(store.digest(shard), anew.digest(shard), "after {words:?}");
        }
    }
}
