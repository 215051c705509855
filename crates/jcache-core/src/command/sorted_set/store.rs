//! Storing a sorted set that a command computed.

use super::select::Selection;
use crate::Mutation;
use crate::arg::Key;
use crate::collection::SortedSet;
use crate::command::key::Del;
use crate::command::{KeyPositions, MutationCommand, command};
use crate::effect::Effect;
use crate::error::Result;
use crate::keyspace::Keyspace;
use crate::object::Object;
use crate::time::Context;

command! {
    /// Stores the members of a range of a sorted set, as `ZRANGE` gives them, whatever the destination held. How many
    /// there are. O(log n + m log m), m being the members stored.
    ZRangeStore<'a> = "ZRANGESTORE", Decides SortedSet, arity -5, keys KeyPositions::TWO,
    "Stores members of a sorted set in a range." => u64 {
        /// Where the result goes.
        destination: Key<'a>,
        /// The sorted set to read.
        source: Key<'a>,
        /// The members.
        selection: Selection<'a>,
    }
}

impl<'a> MutationCommand<'a> for ZRangeStore<'a> {
    fn run<K: Keyspace>(&self, keyspace: &mut K, _: Context) -> Result<u64> {
        let mut selected = SortedSet::new();
        if let Some(set) = keyspace.collection::<SortedSet>(&self.source)? {
            let ranks = self.selection.ranks(set);
            selected.extend(set.range(ranks.start, ranks.len()));
        }
        store(keyspace, &self.destination, selected)
    }

    fn effect(&self, len: &u64, _: Context) -> Effect<'a> {
        stored(*len, &self.destination, self.clone())
    }
}

/// Makes `destination` hold `result` without a deadline, or nothing when it is empty, whatever was there before.
pub(super) fn store<K: Keyspace>(keyspace: &mut K, destination: &[u8], result: SortedSet) -> Result<u64> {
    let len = result.len() as u64;
    if result.is_empty() {
        keyspace.remove(destination);
    } else {
        keyspace.put(destination, Object::SortedSet(result), None)?;
    }
    Ok(len)
}

/// An empty result removes the destination, which every copy can repeat; any other needs the sources.
pub(super) fn stored<'a>(len: u64, destination: &Key<'a>, command: impl Into<Mutation<'a>>) -> Effect<'a> {
    if len == 0 { Effect::whole(Del { keys: vec![destination.clone()] }) } else { Effect::replica(command) }
}
