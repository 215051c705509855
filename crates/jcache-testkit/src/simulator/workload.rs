//! What clients do: unique values, counters, lists, queues, sets, sorted sets, hashes, keys with deadlines, and a rest
//! of everything; each kind in keys of its own, with the checks that fit it.

use fastrand::Rng;
use jcache_cluster::engine::Ack;
use jcache_core::Encoded;

use crate::history::{Intent, command};

/// A kind of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Register,
    Counter,
    Log,
    Queue,
    Set,
    Pool,
    Sorted,
    Scores,
    Hash,
    /// Lists that grow and shrink by what is in them: a copy that lacked an element once keeps what others have not.
    Churn,
    /// Commands of every sort, also those that depend on chance and time: copies must agree on them.
    Rest,
}

/// The groups of keys; a group's number is its place.
pub(super) const GROUPS: [Kind; 17] = [
    Kind::Register,
    Kind::Register,
    Kind::Register,
    Kind::Counter,
    Kind::Counter,
    Kind::Counter,
    Kind::Log,
    Kind::Log,
    Kind::Queue,
    Kind::Queue,
    Kind::Set,
    Kind::Pool,
    Kind::Sorted,
    Kind::Scores,
    Kind::Hash,
    Kind::Churn,
    Kind::Rest,
];

/// A client's turns at its own list, over and over: in the end it is gone. A copy that missed the first of them keeps an
/// element for ever.
const TURNS: [[&str; 2]; 4] = [["RPUSH", "a"], ["RPUSH", "b"], ["LTRIM", "0 0"], ["LREM", "0 a"]];

/// The number of the group of all mortal keys.
pub(super) const MORTAL: usize = GROUPS.len();

impl Kind {
    /// Whether the reference model tells what each reply must be.
    pub(super) fn is_linearizable(self) -> bool {
        !matches!(self, Kind::Pool | Kind::Churn | Kind::Rest)
    }

    /// Whether its elements are added once and found once.
    pub(super) fn is_counted(self) -> bool {
        !matches!(self, Kind::Register | Kind::Scores | Kind::Churn | Kind::Rest)
    }
}

/// Whether `key` belongs to `group`.
pub(super) fn belongs(key: &[u8], group: usize) -> bool {
    let prefix = format!("g{group}:");
    key.starts_with(prefix.as_bytes())
}

/// A call that a client is to make.
#[derive(Debug)]
pub(super) struct Wish {
    pub(super) group: usize,
    pub(super) command: Encoded,
    pub(super) intent: Intent,
    /// For writes; `None` for reads.
    pub(super) ack: Option<Ack>,
    /// How long a new mortal key is to live, in milliseconds.
    pub(super) lives_ms: u64,
    /// It waits without end, until its caller goes.
    pub(super) endless: Option<Endless>,
}

/// A call that waits without end.
#[derive(Debug)]
pub(super) struct Endless {
    /// When its caller goes, in microseconds from the call.
    pub(super) lasts: u64,
    /// A key that nobody else names.
    pub(super) mark: Vec<u8>,
}

/// Draws a call. `unique` is a number that no call has had before; where copies are to be made while they change, half of
/// the calls change what depends on what is there. `client` says who calls, and counts its turns.
pub(super) fn wish(random: &mut Rng, unique: u64, changing: bool, client: (usize, &mut usize)) -> Wish {
    if random.u8(..20) == 0 {
        return mortal(random, unique);
    }
    // The last two groups are those that depend most on what is there.
    let from = if changing && random.bool() { GROUPS.len() - 2 } else { 0 };
    let group = random.usize(from..GROUPS.len());
    let value = format!("v{unique}");
    let add = || Intent::Add(value.clone().into_bytes());
    let (client, turn) = client;
    let churning = GROUPS[group] == Kind::Churn;
    let key = if churning { format!("g{group}:{client}") } else { format!("g{group}:k") };
    let other = format!("g{group}:o");
    // The full stop ends its number: no other contains it.
    let never = format!("g{group}:never{unique}.");
    let mut lasts = None;
    let (words, intent): (Vec<&str>, Intent) = match GROUPS[group] {
        Kind::Register => match random.u8(..12) {
            0..3 => (vec!["SET", &key, &value], Intent::Change),
            3 => (vec!["SETNX", &key, &value], Intent::Change),
            4 => (vec!["GETSET", &key, &value], Intent::Change),
            5 => (vec!["DEL", &key], Intent::Change),
            6 => (vec!["GETDEL", &key], Intent::Change),
            7 => (vec!["APPEND", &key, "+"], Intent::Change),
            8 => (vec!["LPUSH", &key, "wrong type"], Intent::Change),
            _ => (vec!["GET", &key], Intent::Read),
        },
        Kind::Counter => match random.u8(..10) {
            0..4 => (vec!["INCR", &key], Intent::Count(1)),
            4 => (vec!["INCRBY", &key, "7"], Intent::Count(7)),
            _ => (vec!["GET", &key], Intent::Read),
        },
        Kind::Log => match random.u8(..8) {
            0..3 => (vec!["RPUSH", &key, &value], add()),
            3 => (vec!["LPUSH", &key, &value], add()),
            4 => (vec!["LLEN", &key], Intent::Read),
            5 => (vec!["LINDEX", &key, "0"], Intent::Read),
            _ => (vec!["LRANGE", &key, "-3", "-1"], Intent::Read),
        },
        Kind::Queue => match random.u8(..10) {
            0..3 => (vec!["RPUSH", &key, &value], add()),
            3 => (vec!["LPUSH", &other, &value], add()),
            4 => (vec!["LPOP", &key], Intent::Take(1)),
            5 => (vec!["LMPOP", "2", &other, &key, "LEFT", "COUNT", "3"], Intent::Take(3)),
            6 => (vec!["LMOVE", &key, &other, "LEFT", "RIGHT"], Intent::Change),
            7 => match random.usize(..8) {
                // It takes what it gets, or nothing ever; its caller goes soon, or stays for nearly all of the run.
                0 | 1 => {
                    lasts = Some(random.u64(..2_000_000));
                    (vec!["BLPOP", &other, &key, &never, "0"], Intent::Take(1))
                }
                2 => {
                    lasts = Some([random.u64(..2_000_000), random.u64(..20_000_000)][random.usize(..2)]);
                    (vec!["BLPOP", &never, "0"], Intent::Take(1))
                }
                3..5 => (vec!["BLPOP", &other, &key, "1.5"], Intent::Take(1)),
                _ => (vec!["BLPOP", &other, &key, "0.2"], Intent::Take(1)),
            },
            8 => (vec!["BRPOP", &key, "0.4"], Intent::Take(1)),
            _ => (vec!["BLMOVE", &key, &other, "RIGHT", "LEFT", "0.3"], Intent::Change),
        },
        Kind::Set => match random.u8(..4) {
            0..2 => (vec!["SADD", &key, &value], add()),
            2 => (vec!["SCARD", &key], Intent::Read),
            _ => (vec!["SISMEMBER", &key, "v1"], Intent::Read),
        },
        Kind::Pool => match random.u8(..3) {
            0..2 => (vec!["SADD", &key, &value], add()),
            _ => (vec!["SPOP", &key, "2"], Intent::Take(2)),
        },
        Kind::Sorted => match random.u8(..6) {
            0..2 => (vec!["ZADD", &key, ["1", "2.5", "-3"][random.usize(..3)], &value], add()),
            2 => (vec!["ZPOPMIN", &key], Intent::Take(1)),
            3 => (vec!["BZPOPMAX", &key, "0.3"], Intent::Take(1)),
            4 => (vec!["ZRANGE", &key, "0", "2", "WITHSCORES"], Intent::Read),
            _ => (vec!["ZCARD", &key], Intent::Read),
        },
        Kind::Scores => match random.u8(..6) {
            0..2 => (vec!["ZINCRBY", &key, "1.5", ["a", "b", "c"][random.usize(..3)]], Intent::Change),
            2 => (vec!["ZREM", &key, "a"], Intent::Change),
            3 => (vec!["ZADD", &key, "GT", "CH", "4", "b"], Intent::Change),
            4 => (vec!["ZSCORE", &key, "a"], Intent::Read),
            _ => (vec!["ZRANGE", &key, "0", "-1", "WITHSCORES"], Intent::Read),
        },
        Kind::Hash => match random.u8(..4) {
            0..2 => (vec!["HSET", &key, &value, "1"], add()),
            2 => (vec!["HLEN", &key], Intent::Read),
            _ => (vec!["HEXISTS", &key, "v1"], Intent::Read),
        },
        Kind::Churn => {
            let [command, args] = TURNS[*turn % TURNS.len()];
            *turn += 1;
            ([command, &key].into_iter().chain(args.split(' ')).collect(), Intent::Change)
        }
        Kind::Rest => (rest(random, &key, &other, &value), Intent::Change),
    };
    let reads = intent == Intent::Read;
    let ack = match random.u8(..10) {
        _ if reads => None,
        // What is taken and given up again would be taken twice: only kept answers count elements that leave.
        0 if !matches!(GROUPS[group], Kind::Queue | Kind::Sorted | Kind::Pool) => Some(Ack::Leader),
        1 if !matches!(GROUPS[group], Kind::Queue | Kind::Sorted | Kind::Pool) => {
            Some(Ack::Replicas(1 + random.u32(..2)))
        }
        _ => Some(Ack::InSync),
    };
    let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
    let endless = lasts.map(|lasts| Endless { lasts, mark: never.clone().into_bytes() });
    Wish { group, command: command(&words), intent, ack, lives_ms: 0, endless }
}

/// Writes only: their replies are not checked, what they leave on each copy is.
fn rest<'w>(random: &mut Rng, key: &'w str, other: &'w str, value: &'w str) -> Vec<&'w str> {
    match random.u8(..26) {
        20 => vec!["LTRIM", key, "0", "0"],
        21 => vec!["LREM", key, "0", "x"],
        22 => vec!["ZREMRANGEBYRANK", other, "1", "-1"],
        23 => vec!["RPUSH", other, "x", value],
        24 => vec!["LREM", other, "0", value],
        25 => vec!["APPEND", key, "tail"],
        0 => vec!["SET", key, value, "PX", "700"],
        1 => vec!["SET", key, value],
        2 => vec!["EXPIRE", key, "1"],
        3 => vec!["PEXPIRE", other, "1500"],
        4 => vec!["PERSIST", key],
        5 => vec!["INCRBYFLOAT", other, "0.1"],
        6 => vec!["SETRANGE", key, "3", "xyz"],
        7 => vec!["RENAME", key, other],
        8 => vec!["COPY", other, key, "REPLACE"],
        9 => vec!["MSET", key, value, other, value],
        10 => vec!["DEL", key, other],
        11 => vec!["SADD", key, value, "a", "b", "c"],
        12 => vec!["SPOP", key, "2"],
        13 => vec!["SMOVE", key, other, "a"],
        14 => vec!["SUNIONSTORE", other, key, other],
        15 => vec!["ZADD", other, "1", value, "2", "m"],
        16 => vec!["ZUNIONSTORE", key, "2", key, other],
        17 => vec!["LTRIM", key, "1", "-2"],
        18 => vec!["GETEX", key, "PX", "300"],
        _ => vec!["RPUSH", key, value, "x"],
    }
}

/// A new key with a deadline, written once.
fn mortal(random: &mut Rng, unique: u64) -> Wish {
    let lives_ms = 1_000 + random.u64(..4_000);
    let (key, lives) = (format!("m:{unique}"), lives_ms.to_string());
    let words = ["SET", &key, "alive", "PX", &lives].map(str::as_bytes);
    let (intent, ack) = (Intent::Change, Some(Ack::InSync));
    Wish { group: MORTAL, command: command(&words), intent, ack, lives_ms, endless: None }
}

/// Reads of all there is in a group, for the end of a run; of what has no order, how much there is.
pub(super) fn last_reads(group: usize) -> Vec<Encoded> {
    let keys = ["k", "o"].map(|name| format!("g{group}:{name}"));
    let read = |words: &[&str]| command(&words.iter().map(|word| word.as_bytes()).collect::<Vec<_>>());
    let each =
        |words: &[&str]| keys.iter().map(|key| read(&[&[words[0], key.as_str()], &words[1..]].concat())).collect();
    match GROUPS[group] {
        Kind::Counter => vec![read(&["GET", &keys[0]])],
        Kind::Register => each(&["GET"]),
        Kind::Log | Kind::Queue => each(&["LRANGE", "0", "-1"]),
        Kind::Set => each(&["SCARD"]),
        Kind::Sorted | Kind::Scores => each(&["ZRANGE", "0", "-1", "WITHSCORES"]),
        Kind::Hash => each(&["HLEN"]),
        Kind::Pool | Kind::Churn | Kind::Rest => Vec::new(),
    }
}
