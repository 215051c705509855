//! Reading lists.

use jcache_value::Value;

use super::{clamp_range, position};
use crate::arg::{Arg, ArgSink, Args, Key};
use crate::collection::List;
use crate::command::several::take_at_least;
use crate::command::{Field, KeyPositions, QueryCommand, command};
use crate::error::{Error, Result};
use crate::keyspace::Keyspace;
use crate::number::parse_i64;
use crate::reply::{Outcome, Reply, ReplySink, Shape};
use crate::time::Context;

command! {
    /// How many elements the list has; 0 when there is none. O(1).
    LLen<'a> = "LLEN", Query List, arity 2, keys KeyPositions::ONE,
    "Counts the elements of a list." => u64 {
        /// The key.
        key: Key<'a>,
    }
}

impl<'a> QueryCommand<'a> for LLen<'a> {
    fn run<K: Keyspace>(&self, keyspace: &K, _: Context) -> Result<u64> {
        Ok(keyspace.collection::<List>(&self.key)?.map_or(0, |list| list.len() as u64))
    }
}

command! {
    /// The elements from index start to stop, both included; negative indexes count from the end. O(start + length),
    /// where start is a walk over chunks of 8 KiB.
    LRange<'a> = "LRANGE", Query List, arity 4, keys KeyPositions::ONE,
    "The elements of a list between two indexes." => Vec<Value> {
        /// The key.
        key: Key<'a>,
        /// The first index.
        start: i64,
        /// The last index.
        stop: i64,
    }
}

impl<'a> LRange<'a> {
    /// All elements.
    pub fn whole(key: Key<'a>) -> Self {
        Self { key, start: 0, stop: -1 }
    }
}

impl LRange<'_> {
    fn of<'l>(&self, list: &'l List) -> impl ExactSizeIterator<Item = &'l [u8]> + use<'l> {
        let range = clamp_range(self.start, self.stop, list.len());
        list.range(range.start, range.len())
    }
}

impl<'a> QueryCommand<'a> for LRange<'a> {
    const TELLS: bool = true;

    fn run<K: Keyspace>(&self, keyspace: &K, _: Context) -> Result<Vec<Value>> {
        let list = keyspace.collection::<List>(&self.key)?;
        Ok(list.map_or_else(Vec::new, |list| self.of(list).map(Value::new).collect()))
    }

    fn tell<K: Keyspace>(&self, keyspace: &K, out: &mut dyn ReplySink) -> Result<bool> {
        let Some(list) = keyspace.collection::<List>(&self.key)? else { return Ok(false) };
        let elements = self.of(list);
        out.list(Shape::Array, elements.len());
        elements.for_each(|element| out.bulk(element));
        Ok(true)
    }
}

command! {
    /// The element at an index, negative from the end; nil when there is none. O(n), a walk over chunks of 8 KiB.
    LIndex<'a> = "LINDEX", Query List, arity 3, keys KeyPositions::ONE,
    "The element of a list at an index." => Option<Value> {
        /// The key.
        key: Key<'a>,
        /// The index; that it is a number is asked only of a list that is there.
        index: Arg<'a>,
    }
}

impl<'a> QueryCommand<'a> for LIndex<'a> {
    fn run<K: Keyspace>(&self, keyspace: &K, _: Context) -> Result<Option<Value>> {
        let Some(list) = keyspace.collection::<List>(&self.key)? else { return Ok(None) };
        let index = parse_i64(&self.index).ok_or_else(Error::not_an_integer)?;
        Ok(position(index, list.len()).and_then(|index| list.get(index)))
    }
}

/// The options of `LPOS`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PosOptions {
    /// `RANK`: the first match to give, counted from 1; negative to search from the end. Not 0.
    pub rank: i64,
    /// `COUNT`: how many matches to give, in a list; 0 for all. Without it the first, by itself.
    pub count: Option<u64>,
    /// `MAXLEN`: how many elements to look at; 0 for all.
    pub max_len: u64,
}

impl Default for PosOptions {
    fn default() -> Self {
        Self { rank: 1, count: None, max_len: 0 }
    }
}

impl<'a> Field<'a> for PosOptions {
    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let mut options = Self::default();
        while !args.is_empty() {
            if args.take_word("RANK") {
                options.rank = args.take_i64_or_syntax()?;
                if options.rank == 0 {
                    return Err(Error::invalid(
                        "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... \
                         or use negative to start from the end of the list",
                    ));
                }
            } else if args.take_word("COUNT") {
                options.count = Some(take_at_least(args, 0, "ERR COUNT can't be negative")?);
            } else if args.take_word("MAXLEN") {
                options.max_len = take_at_least(args, 0, "ERR MAXLEN can't be negative")?;
            } else {
                return Err(Error::syntax());
            }
        }
        Ok(options)
    }

    fn write<S: ArgSink + ?Sized>(&self, out: &mut S) {
        let mut option = |word: &str, number: i64| {
            out.arg(word.as_bytes());
            out.int(number);
        };
        if self.rank != 1 {
            option("RANK", self.rank);
        }
        if let Some(count) = self.count {
            option("COUNT", i64::try_from(count).unwrap_or(i64::MAX));
        }
        if self.max_len != 0 {
            option("MAXLEN", i64::try_from(self.max_len).unwrap_or(i64::MAX));
        }
    }
}

/// Where `LPOS` found the element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Positions {
    /// The position of the first match, when no number of matches was asked for.
    First(Option<u64>),
    /// The positions of all matches that were asked for.
    All(Vec<u64>),
}

impl Positions {
    /// The positions, in the order in which they were found.
    pub fn into_vec(self) -> Vec<u64> {
        match self {
            Positions::First(first) => first.into_iter().collect(),
            Positions::All(all) => all,
        }
    }
}

impl Outcome for Positions {
    fn from_reply(reply: Reply) -> Result<Self> {
        match reply {
            Reply::Array(_) => Outcome::from_reply(reply).map(Positions::All),
            one => Outcome::from_reply(one).map(Positions::First),
        }
    }

    fn into_reply(self) -> Reply {
        match self {
            Positions::First(first) => first.into_reply(),
            Positions::All(all) => all.into_reply(),
        }
    }
}

command! {
    /// The positions of elements equal to one. Without `COUNT` the first, or nil; with it a list of so many. O(n).
    LPos<'a> = "LPOS", Query List, arity -3, keys KeyPositions::ONE,
    "The positions of an element in a list." => Positions {
        /// The key.
        key: Key<'a>,
        /// The element to find.
        element: Arg<'a>,
        /// Which matches, how many, and how far to look.
        options: PosOptions,
    }
}

impl LPos<'_> {
    fn find(&self, list: &List) -> Vec<u64> {
        let PosOptions { rank, count, max_len } = self.options;
        let size = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
        let all = |n: u64| if n == 0 { usize::MAX } else { size(n) };
        let skip = size(rank.unsigned_abs() - 1);
        let (look, take) = (all(max_len), count.map_or(1, all));
        let found = |(_, element): &(usize, &[u8])| *element == self.element.as_bytes();
        let position = |(at, _): (usize, &[u8])| at as u64;
        let elements = list.iter().enumerate();
        if rank > 0 {
            elements.take(look).filter(found).map(position).skip(skip).take(take).collect()
        } else {
            elements.rev().take(look).filter(found).map(position).skip(skip).take(take).collect()
        }
    }
}

impl<'a> QueryCommand<'a> for LPos<'a> {
    fn run<K: Keyspace>(&self, keyspace: &K, _: Context) -> Result<Positions> {
        let found = keyspace.collection::<List>(&self.key)?.map(|list| self.find(list)).unwrap_or_default();
        Ok(match self.options.count {
            None => Positions::First(found.into_iter().next()),
            Some(_) => Positions::All(found),
        })
    }
}
