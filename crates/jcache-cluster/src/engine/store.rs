//! The data that the engine keeps equal everywhere, as the host holds it.
//!
//! A [`Store`] is core's keyspace with a few things more: whole shards for a full synchronisation, digests, and a second
//! keyspace to load into. The engine calls it inside [`step`](super::Engine::step), in log order.

use bytes::Bytes;
use jcache_core::{Context, Error, Mutation, Query, Reply, Timestamp, Value};

/// Keys that a store removed besides what a command did.
#[derive(Debug, Default)]
pub struct Removed {
    /// Keys of the command that were due, removed before it ran.
    pub due: Vec<Value>,
    /// Keys that had to go for want of room, removed by the time it had run.
    pub evicted: Vec<Value>,
}

/// Which of two keyspaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The one that reads see.
    Live,
    /// The one that a full synchronisation fills.
    Loading,
}

/// A copy of the data.
pub trait Store {
    /// Reads at `context.now`; what is due by then is not there.
    ///
    /// # Errors
    /// The command's.
    fn query(&mut self, query: &Query<'_>, context: Context) -> Result<Reply, Error>;

    /// Changes, at the leader. First removes those of the command's keys that are due, and says which; what it must
    /// evict it says too. A blocking command answers nil where it would block.
    ///
    /// # Errors
    /// The command's; then only `removed` has changed.
    fn mutate(&mut self, mutation: &Mutation<'_>, context: Context, removed: &mut Removed) -> Result<Reply, Error>;

    /// Repeats a logged effect. No key counts as due, and nothing is evicted. Keys of shards that `admits` refuses are
    /// left as they are: not read, not written.
    ///
    /// # Errors
    /// The copy differs from the leader's: the engine takes everything anew.
    fn apply(&mut self, effect: &Mutation<'_>, side: Side, admits: &dyn Fn(usize) -> bool) -> Result<(), Error>;

    /// What is changed between a call with `true` and one with `false` is one change: whoever reads around the engine sees
    /// all of it or nothing. Calls may be nested. A store that is read only through the engine need not care.
    fn together(&mut self, begins: bool) {
        let _ = begins;
    }

    /// Visits the mutations that make a copy hold `key` as it is here, due or not; the one that deletes it when it is
    /// absent.
    fn whole(&mut self, key: &[u8], visit: &mut dyn FnMut(&Mutation<'_>));

    /// Up to `limit` keys that are due at `now`, without removing them.
    fn due(&mut self, now: Timestamp, limit: usize) -> Vec<Value>;

    /// How many shards there are: the same everywhere and always.
    fn shards(&self) -> usize;

    /// The shard of `key`: the same everywhere.
    fn shard_of(&self, key: &[u8]) -> usize;

    /// A hash of everything in `shard`, deadlines included: equal for equal data, however it is held.
    fn digest(&mut self, shard: usize) -> u64;

    /// All of `shard` as it is now, in pieces of about `chunk` bytes.
    fn snapshot(&mut self, shard: usize, chunk: usize) -> Vec<Bytes>;

    /// Makes an empty second keyspace to load into, and drops a half-loaded one.
    fn load_begin(&mut self);

    /// Takes a piece of [`snapshot`](Store::snapshot) into the second keyspace.
    ///
    /// # Errors
    /// It cannot be read.
    fn load(&mut self, shard: usize, piece: &[u8]) -> Result<(), Error>;

    /// Makes the second keyspace the live one.
    fn load_swap(&mut self);

    /// Drops the second keyspace.
    fn load_abort(&mut self);
}
