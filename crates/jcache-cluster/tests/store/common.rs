//! A leader's store whose log is repeated at others, as the engine does it.

use std::sync::Arc;

use jcache_cluster::engine::{Removed, Side, Store};
use jcache_cluster::store::{MemoryStore, Placement};
use jcache_core::{Arg, Context, Encoded, Error, Key, Mutation, Reply, Timestamp};
use jcache_memory::{Builder, ManualClock, Memory};

/// The placement of all stores here.
pub(crate) fn placement() -> Placement {
    Placement::of(&[b"tests"])
}

pub(crate) fn store(memory: Builder) -> MemoryStore {
    MemoryStore::new(memory, placement(), Arc::new(ManualClock::default())).expect("settings that can be kept")
}

pub(crate) fn plain() -> MemoryStore {
    store(Memory::builder().shards(8))
}

/// Carries the command in `line` out at `millis`.
pub(crate) fn run(store: &mut impl Store, line: &str, millis: u64) -> Result<Reply, Error> {
    let args: Vec<Arg<'_>> = line.split(' ').map(Arg::from).collect();
    let context = Context::at(Timestamp::from_millis(millis));
    store.mutate(&Mutation::parse(&args).expect(line), context, &mut Removed::default())
}

/// Carries a mutation out, and gives its reply and what the log says of it, in order.
pub(crate) fn lead(
    store: &mut impl Store,
    mutation: &Mutation<'_>,
    context: Context,
) -> (Result<Reply, Error>, Vec<Encoded>) {
    let mut removed = Removed::default();
    let reply = store.mutate(mutation, context, &mut removed);
    let removal = |key| Encoded::mutation(&Mutation::removal([Key::from(key)]));
    let mut log: Vec<Encoded> = removed.due.iter().map(removal).collect();
    if let Ok(reply) = &reply {
        let effect = mutation.effect(reply, context).expect("its own reply");
        log.extend(effect.change.as_ref().map(Encoded::mutation));
    }
    log.extend(removed.evicted.iter().map(removal));
    (reply, log)
}

/// Repeats what a log says.
pub(crate) fn follow(store: &mut impl Store, log: &[Encoded]) {
    for effect in log {
        let effect = effect.as_mutation().expect("it was written by a leader");
        store.apply(&effect, Side::Live, &|_| true).unwrap_or_else(|error| panic!("{effect:?}: {error}"));
    }
}

/// Makes `copy` hold what `store` holds, shard by shard.
pub(crate) fn synchronise(store: &mut impl Store, copy: &mut impl Store, chunk: usize) {
    copy.load_begin();
    for shard in 0..store.shards() {
        for piece in store.snapshot(shard, chunk) {
            copy.load(shard, &piece).expect("a piece can be read");
        }
    }
    copy.load_swap();
}

pub(crate) fn digests(store: &mut impl Store) -> Vec<u64> {
    (0..store.shards()).map(|shard| store.digest(shard)).collect()
}
