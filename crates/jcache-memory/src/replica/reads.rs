//! Reading a replica while its writer works.

use std::sync::Arc;

use jcache_core::command::Query;
use jcache_core::fetch::Fetched;
use jcache_core::snapshot::FillLimit;
use jcache_core::{Answer, Context, Result, Value};

use super::Shared;
use super::gate::State;
use crate::engine::text_answer;
use crate::stats::{Deadlines, Stats};
use crate::view::{Hold, View};

/// Reads of a [`Replica`](super::Replica) by its clock, from any thread and at any time; cheap to clone.
///
/// What is due is not there, and is never removed by a read. A read sees a mutation whole or not at all, and so it sees
/// what the writer declares to be [one change](super::Replica::begin). `None` is the answer while reads are
/// [closed](Reads::set_open): somebody else has to be asked. No method waits for more than the locks of a mutation or of one
/// such change.
#[derive(Debug, Clone)]
pub struct Reads(pub(super) Arc<Shared>);

impl Reads {
    /// Lets readers in or not. At first they are not, and not after [`Replica::swap`](super::Replica::swap).
    #[inline]
    pub fn set_open(&self, is_open: bool) {
        self.0.gate.set_open(is_open);
    }

    /// Whether readers are let in.
    pub fn is_open(&self) -> bool {
        self.0.gate.state() != State::Closed
    }

    /// The string at `key`: what the command `GET` answers. O(1), no copy, no allocation.
    ///
    /// # Errors
    /// Wrong type when the key holds a collection.
    #[inline]
    pub fn try_text(&self, key: &[u8]) -> Option<Result<Option<Value>>> {
        let Shared { engine, gate } = &*self.0;
        let hash = engine.seed.hash(key);
        loop {
            let mut shard = engine.lock(engine.index(hash));
            match gate.state() {
                State::Open => return Some(engine.get_from(&mut shard, hash, key)),
                State::Closed => return None,
                State::Busy => {
                    drop(shard);
                    gate.wait();
                }
            }
        }
    }

    /// The answer to `query`.
    ///
    /// # Errors
    /// The query's.
    #[inline]
    pub fn try_query(&self, query: &Query<'_>) -> Option<Result<Answer>> {
        if let Some(key) = query.whole_string() {
            return self.try_text(key).map(text_answer);
        }
        self.read(query, |view, context| {
            let answer = query.answer(view, context)?;
            view.count(answer.hit);
            Ok(answer)
        })
    }

    /// The answer to `query`, with the whole key when that is within `limit`.
    ///
    /// # Errors
    /// The query's.
    pub fn try_fetch(&self, query: &Query<'_>, limit: FillLimit) -> Option<Result<Fetched>> {
        self.read(query, |view, context| {
            let fetched = Fetched::from_keyspace(query, view, limit, context)?;
            view.count(fetched.answer.hit);
            Ok(fetched)
        })
    }

    fn read<R>(&self, query: &Query<'_>, run: impl FnOnce(&View<'_>, Context) -> R) -> Option<R> {
        let Shared { engine, gate } = &*self.0;
        let (now, context) = engine.context(query.asks_context());
        let swaps = gate.swaps();
        loop {
            let view = View::new(engine, engine.hold(query, || Hold::Each), now);
            match gate.state() {
                State::Open => {
                    let result = run(&view, context);
                    // Who goes from shard to shard may have seen some before and others after.
                    let is_whole = !matches!(view.hold, Hold::Each) || gate.swaps() == swaps;
                    return is_whole.then_some(result);
                }
                State::Closed => return None,
                State::Busy => {
                    drop(view);
                    gate.wait();
                }
            }
        }
    }

    /// What the replica holds and what it has done: see [`Memory::stats`](crate::Memory::stats).
    pub fn stats(&self) -> Stats {
        self.0.engine.stats()
    }

    /// How many keys have a deadline: see [`Memory::deadlines`](crate::Memory::deadlines).
    pub fn deadlines(&self) -> Deadlines {
        self.0.engine.deadlines()
    }

    /// Bytes of memory that the data take: see [`Memory::memory_used`](crate::Memory::memory_used).
    pub fn memory_used(&self) -> usize {
        self.0.engine.memory_used()
    }

    /// How many keys there are, due or not. O(number of shards).
    pub fn len(&self) -> usize {
        self.0.engine.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
