//! Picking at random without a random source: a seed comes with the call, and numbers are derived from it.
//!
//! `SPOP`, `SRANDMEMBER`, `HRANDFIELD` and `ZRANDMEMBER` share how they draw positions, how they read a signed count
//! and the two forms of their reply.

use hashbrown::HashSet;
use jcache_value::Value;

use crate::arg::Args;
use crate::error::{Error, Result};
use crate::reply::{Flat, Outcome, Reply};

/// The most picks with repetition in one reply. Redis has no limit and would answer a count of `-2^62` until its
/// memory ends; a cache inside a process must not take that process with it.
const MAX_REPEATED: u64 = 1 << 24;

/// Numbers derived from a seed by splitmix64: the same seed gives the same numbers.
#[derive(Debug, Clone)]
pub(crate) struct Picks(u64);

impl Picks {
    /// The numbers that follow from `seed`.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// The next position in a sequence of `len`, which is not empty. The high half of the product spreads evenly
    /// without a division.
    pub(crate) fn below(&mut self, len: usize) -> usize {
        ((u128::from(self.next()) * len as u128) >> 64) as usize
    }

    /// The positions that a signed `count` draws from a sequence of `len`, which is not empty: different ones, all when
    /// there are no more than that, or with a minus that many, each drawn from all.
    ///
    /// # Errors
    /// Out of range when a negative count asks for more than a reply may hold.
    pub(crate) fn draw(&mut self, count: i64, len: usize) -> Result<Vec<usize>> {
        let wanted = count.unsigned_abs();
        if count < 0 {
            if wanted > MAX_REPEATED {
                return Err(out_of_range());
            }
            return Ok((0..wanted).map(|_| self.below(len)).collect());
        }
        Ok(if wanted >= len as u64 { (0..len).collect() } else { self.different(wanted as usize, len) })
    }

    /// `count` different positions below `len`, in O(count): Floyd's method.
    fn different(&mut self, count: usize, len: usize) -> Vec<usize> {
        let mut seen = HashSet::with_capacity_and_hasher(count, foldhash::fast::FixedState::default());
        let mut drawn = Vec::with_capacity(count);
        for last in len - count..len {
            let position = self.below(last + 1);
            // `last` itself was out of reach until now, so it is free whenever the position drawn is not.
            let position = if seen.insert(position) { position } else { last };
            seen.insert(position);
            drawn.push(position);
        }
        drawn
    }
}

/// `ERR value is out of range`.
#[cold]
pub(crate) fn out_of_range() -> Error {
    Error::invalid("ERR value is out of range")
}

/// Takes a signed count, whose minus must have a plus.
pub(crate) fn take_count(args: &mut Args<'_>) -> Result<i64> {
    match args.take_i64()? {
        i64::MIN => {
            let (min, max) = (-i64::MAX, i64::MAX);
            Err(Error::invalid(format!("ERR value is out of range, value must between {min} and {max}")))
        }
        count => Ok(count),
    }
}

/// What was picked: without a count one member or nothing, with a count a list that may be empty.
///
/// `M` is the form of that list: [`Members`](crate::reply::Members), `Vec<Value>` or [`Listed`].
#[derive(Debug, Clone, PartialEq)]
pub enum Picked<M> {
    /// No count was given: one member, or `None` when there is none.
    One(Option<Value>),
    /// A count was given.
    Many(M),
}

impl<M: Outcome> Outcome for Picked<M> {
    fn from_reply(reply: Reply) -> Result<Self> {
        match reply {
            Reply::Nil | Reply::NilArray | Reply::Bulk(_) => Outcome::from_reply(reply).map(Picked::One),
            list => M::from_reply(list).map(Picked::Many),
        }
    }

    fn into_reply(self) -> Reply {
        match self {
            Picked::One(member) => member.into_reply(),
            Picked::Many(members) => members.into_reply(),
        }
    }
}

/// A list of names, or of names with what belongs to each, as `WITHVALUES` and `WITHSCORES` ask for.
///
/// A flat list is read as names; a command that asked for pairs reads it as those, because RESP2 sends them so.
#[derive(Debug, Clone, PartialEq)]
pub enum Listed<V> {
    /// Names alone.
    Names(Vec<Value>),
    /// Each name with its value or score.
    Pairs(Vec<(Value, V)>),
}

impl<V: Outcome> Outcome for Listed<V> {
    fn from_reply(reply: Reply) -> Result<Self> {
        match &reply {
            Reply::Pairs(_) => Outcome::from_reply(reply).map(|Flat(pairs)| Listed::Pairs(pairs)),
            Reply::Array(items) if matches!(items.first(), Some(Reply::Array(_))) => {
                Outcome::from_reply(reply).map(Listed::Pairs)
            }
            _ => Outcome::from_reply(reply).map(Listed::Names),
        }
    }

    fn into_reply(self) -> Reply {
        match self {
            Listed::Names(names) => names.into_reply(),
            Listed::Pairs(pairs) => {
                Reply::Pairs(pairs.into_iter().map(|(name, value)| (Reply::Bulk(name), value.into_reply())).collect())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// How often each position below `len` was drawn.
    fn tally(draws: impl Iterator<Item = usize>, len: usize) -> Vec<u32> {
        let mut tally = vec![0; len];
        draws.for_each(|position| tally[position] += 1);
        tally
    }

    #[test]
    fn a_positive_count_draws_different_positions_each_as_often() {
        for (count, len) in [(1, 7), (3, 7), (6, 7)] {
            let rounds = 7_000;
            let draws = (0..rounds).flat_map(|seed| {
                let drawn = Picks::new(seed).draw(count, len).unwrap();
                let different: BTreeSet<_> = drawn.iter().copied().collect();
                assert_eq!(different.len(), count as usize, "{drawn:?}");
                drawn
            });
            let expected = rounds as f64 * count as f64 / len as f64;
            for seen in tally(draws, len) {
                assert!((f64::from(seen) - expected).abs() < expected * 0.1 + 100.0, "{seen} of {expected}");
            }
        }
    }

    #[test]
    fn a_count_above_the_length_draws_all_and_a_negative_one_repeats() {
        let mut picks = Picks::new(1);
        assert_eq!(picks.draw(9, 3), Ok(vec![0, 1, 2]));
        assert_eq!(picks.draw(i64::MAX, 3), Ok(vec![0, 1, 2]));
        assert_eq!(picks.draw(0, 3), Ok(vec![]));
        assert_eq!(picks.draw(-9, 1), Ok(vec![0; 9]));
        let repeated = picks.draw(-3_000, 3).unwrap();
        for seen in tally(repeated.into_iter(), 3) {
            assert!((800..1_200).contains(&seen), "{seen}");
        }
        assert_eq!(picks.draw(-i64::MAX, 3), Err(out_of_range()));
    }
}
