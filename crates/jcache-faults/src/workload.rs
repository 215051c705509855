//! What clients do: registers, counters, lists, queues, sets, sorted sets and hashes, each in keys of its own for each
//! round, with the checks that fit it; and keys with a deadline.
//!
//! A round has keys of its own so that the search for an order of its operations stays short.

use fastrand::Rng;
use jcache_core::Encoded;
use jcache_testkit::history::{Intent, command};

/// A kind of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Register,
    Counter,
    Log,
    Queue,
    Set,
    Sorted,
    Hash,
}

/// The groups of keys of one round.
const KINDS: [Kind; 10] = [
    Kind::Register,
    Kind::Register,
    Kind::Register,
    Kind::Counter,
    Kind::Counter,
    Kind::Log,
    Kind::Queue,
    Kind::Set,
    Kind::Sorted,
    Kind::Hash,
];

/// The number of the group of all keys with a deadline.
pub(crate) const MORTAL: usize = usize::MAX;

/// What clients are to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mix {
    /// Everything.
    All,
    /// Pushes, and pops that wait for them.
    Queues,
    /// What shows a write that was carried out twice.
    Counted,
    /// Keys with a deadline, and writes of registers.
    Mortals,
}

/// A call that a client is to make.
#[derive(Debug)]
pub(crate) struct Wish {
    pub(crate) group: usize,
    pub(crate) command: Encoded,
    pub(crate) intent: Intent,
}

impl Wish {
    pub(crate) fn new(group: usize, words: &[&str], intent: Intent) -> Self {
        let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
        Self { group, command: command(&words), intent }
    }
}

/// The kind of a group.
pub(crate) fn kind(group: usize) -> Kind {
    KINDS[group % KINDS.len()]
}

/// All groups of the rounds `from..=to`.
pub(crate) fn groups(from: usize, to: usize) -> std::ops::Range<usize> {
    from * KINDS.len()..(to + 1) * KINDS.len()
}

/// The group's only key.
pub(crate) fn key(group: usize) -> String {
    format!("g{group}")
}

impl Kind {
    /// Whether its elements are added once and found once, or counted.
    pub(crate) fn is_counted(self) -> bool {
        self != Kind::Register
    }

    /// The read that shows all of it.
    pub(crate) fn read_all(self, key: &str) -> Vec<&str> {
        match self {
            Kind::Register | Kind::Counter => vec!["GET", key],
            Kind::Log | Kind::Queue => vec!["LRANGE", key, "0", "-1"],
            Kind::Set => vec!["SMEMBERS", key],
            Kind::Sorted => vec!["ZRANGE", key, "0", "-1"],
            Kind::Hash => vec!["HKEYS", key],
        }
    }

    /// Whether a reply of [`read_all`](Self::read_all) has an order that the model also gives.
    pub(crate) fn is_ordered(self) -> bool {
        !matches!(self, Kind::Set | Kind::Hash)
    }
}

/// Draws a call of a round. `unique` is a number that no call has had before.
pub(crate) fn wish(random: &mut Rng, mix: Mix, round: usize, unique: u64) -> Wish {
    let group = loop {
        let group = groups(round, round).start + random.usize(..KINDS.len());
        let fits = match mix {
            Mix::All => true,
            Mix::Queues => kind(group) == Kind::Queue,
            Mix::Counted => kind(group).is_counted(),
            Mix::Mortals => kind(group) == Kind::Register,
        };
        if fits {
            break group;
        }
    };
    let (key, value) = (key(group), format!("v{unique}"));
    let add = || Intent::Add(value.clone().into_bytes());
    let read = |words: Vec<&str>| Wish::new(group, &words, Intent::Read);
    match kind(group) {
        Kind::Register => match random.u8(..12) {
            0..3 => Wish::new(group, &["SET", &key, &value], Intent::Change),
            3 => Wish::new(group, &["SETNX", &key, &value], Intent::Change),
            4 => Wish::new(group, &["GETSET", &key, &value], Intent::Change),
            5 => Wish::new(group, &["DEL", &key], Intent::Change),
            6 => Wish::new(group, &["APPEND", &key, "+"], Intent::Change),
            _ => read(vec!["GET", &key]),
        },
        Kind::Counter => match random.u8(..10) {
            0..4 => Wish::new(group, &["INCR", &key], Intent::Count(1)),
            4 => Wish::new(group, &["INCRBY", &key, "7"], Intent::Count(7)),
            _ => read(vec!["GET", &key]),
        },
        Kind::Log => match random.u8(..8) {
            0..3 => Wish::new(group, &["RPUSH", &key, &value], add()),
            3 => Wish::new(group, &["LPUSH", &key, &value], add()),
            4 => read(vec!["LLEN", &key]),
            5 => read(vec!["LINDEX", &key, "0"]),
            _ => read(vec!["LRANGE", &key, "-3", "-1"]),
        },
        Kind::Queue => match random.u8(..10) {
            0..4 => Wish::new(group, &["RPUSH", &key, &value], add()),
            4 => Wish::new(group, &["LPOP", &key], Intent::Take(1)),
            5..8 => Wish::new(group, &["BLPOP", &key, ["0.2", "0.8"][random.usize(..2)]], Intent::Take(1)),
            8 => Wish::new(group, &["BRPOP", &key, "0.4"], Intent::Take(1)),
            _ => read(vec!["LLEN", &key]),
        },
        Kind::Set => match random.u8(..4) {
            0..2 => Wish::new(group, &["SADD", &key, &value], add()),
            2 => read(vec!["SCARD", &key]),
            _ => read(vec!["SISMEMBER", &key, "v1"]),
        },
        Kind::Sorted => match random.u8(..6) {
            0..4 => Wish::new(group, &["ZADD", &key, ["1", "2.5", "-3"][random.usize(..3)], &value], add()),
            4 => read(vec!["ZRANGE", &key, "0", "2"]),
            _ => read(vec!["ZCARD", &key]),
        },
        Kind::Hash => match random.u8(..4) {
            0..2 => Wish::new(group, &["HSET", &key, &value, "1"], add()),
            2 => read(vec!["HLEN", &key]),
            _ => read(vec!["HEXISTS", &key, "v1"]),
        },
    }
}
