//! Picking fields of a hash at random.

use jcache_value::Value;

use crate::arg::{ArgSink, Args, Key};
use crate::collection::Hash;
use crate::command::random::{Picks, out_of_range, take_count};
use crate::command::{Field, KeyPositions, Listed, Picked, QueryCommand, command};
use crate::error::{Error, Result};
use crate::keyspace::Keyspace;
use crate::reply::{Flat, Outcome, Reply};
use crate::time::Context;

/// What `HRANDFIELD` picks. A positive count picks that many different fields, or all; a negative one that many, where
/// a field may come repeatedly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FieldPicks {
    /// One field, or nothing.
    #[default]
    One,
    /// So many fields.
    Names(i64),
    /// So many fields, each with its value: `WITHVALUES`.
    Pairs(i64),
}

impl<'a> Field<'a> for FieldPicks {
    fn parse(args: &mut Args<'a>) -> Result<Self> {
        if args.is_empty() {
            return Ok(FieldPicks::One);
        }
        let count = take_count(args)?;
        if args.is_empty() {
            Ok(FieldPicks::Names(count))
        } else if args.len() > 1 || !args.take_word("WITHVALUES") {
            Err(Error::syntax())
        } else if count.unsigned_abs() > (i64::MAX / 2) as u64 {
            // The flat reply of RESP2 would have more elements than can be counted.
            Err(out_of_range())
        } else {
            Ok(FieldPicks::Pairs(count))
        }
    }

    fn write<S: ArgSink + ?Sized>(&self, out: &mut S) {
        match *self {
            FieldPicks::One => {}
            FieldPicks::Names(count) => out.int(count),
            FieldPicks::Pairs(count) => {
                out.int(count);
                out.arg(b"WITHVALUES");
            }
        }
    }
}

command! {
    /// Fields picked at random: without a count one, or nothing when there is no hash; with a count a list, with
    /// `WITHVALUES` of pairs. O(count), plus the number of fields of a small hash.
    HRandField<'a> = "HRANDFIELD", Query Hash, arity -2, keys KeyPositions::ONE,
    "Fields of a hash, picked at random." => Picked<Listed<Value>> {
        /// The key.
        key: Key<'a>,
        /// How many, and whether with their values.
        picks: FieldPicks,
    }
}

impl<'a> QueryCommand<'a> for HRandField<'a> {
    fn run<K: Keyspace>(&self, keyspace: &K, context: Context) -> Result<Picked<Listed<Value>>> {
        let hash = keyspace.collection::<Hash>(&self.key)?;
        let mut seeded = Picks::new(context.seed);
        let mut many = |count| match hash {
            None => Ok(Vec::new()),
            Some(hash) => seeded.draw(count, hash.len()).map(|drawn| at(hash, drawn)),
        };
        Ok(match self.picks {
            FieldPicks::One => {
                let entry = hash.and_then(|hash| hash.nth(seeded.below(hash.len())));
                Picked::One(entry.map(|(field, _)| field))
            }
            FieldPicks::Names(count) => {
                Picked::Many(Listed::Names(many(count)?.into_iter().map(|(field, _)| field).collect()))
            }
            FieldPicks::Pairs(count) => Picked::Many(Listed::Pairs(many(count)?)),
        })
    }

    fn asks_context(&self) -> bool {
        true
    }

    fn read_reply(&self, reply: Reply) -> Result<Picked<Listed<Value>>> {
        match self.picks {
            FieldPicks::One => Outcome::from_reply(reply).map(Picked::One),
            FieldPicks::Names(_) => Outcome::from_reply(reply).map(|names| Picked::Many(Listed::Names(names))),
            FieldPicks::Pairs(_) => Outcome::from_reply(reply).map(|Flat(pairs)| Picked::Many(Listed::Pairs(pairs))),
        }
    }
}

/// The entries at `positions`; a packed hash is walked once, not once for each.
fn at(hash: &Hash, positions: Vec<usize>) -> Vec<(Value, Value)> {
    if hash.is_packed() {
        let all = hash.entries();
        positions.into_iter().map(|position| all[position].clone()).collect()
    } else {
        positions.into_iter().filter_map(|position| hash.nth(position)).collect()
    }
}
