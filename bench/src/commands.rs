//! `cargo xtask bench commands`: what one command costs below the protocol: reading its arguments, carrying it out.
//!
//! The rows are the commands of `redis-benchmark`, on data of the same shape, through `Cache::try_call`: what a protocol
//! server does with each command between reading the socket and writing to it.

use std::hint::black_box;
use std::time::Instant;

use jcache::prelude::*;
use jcache::{Arg, Reply, Request};

use crate::memory::footprint;
use crate::plot::Panel;
use crate::report::{Report, Table, spread};
use crate::rounds::{ROUNDS, Spread};
use crate::spin;
use crate::work::{Request as Numbered, VALUE};

/// Different keys, fields or members that a row goes through.
const KEYS: u64 = 1024;

/// The rows of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Row {
    /// `GET key`, a hit.
    Get,
    /// `GET key`, a miss.
    GetMiss,
    /// `EXISTS key`, a hit.
    Exists,
    /// `SET key value`, where there is one.
    Set,
    /// `SET key value EX 60`, where there is one.
    SetEx,
    /// `SET key value` and `DEL key` of keys that are not there.
    SetDel,
    /// `INCR key`.
    Incr,
    /// `EXPIRE key 60`.
    Expire,
    /// `MSET` of ten keys.
    MSet,
    /// `MGET` of ten keys.
    MGet,
    /// `HSET hash field value`, a hash of 1,024 fields.
    HSet,
    /// `HGET hash field`.
    HGet,
    /// `HSET hash field value`, hashes of one small field each.
    HSetSmall,
    /// `LPUSH list value`, one list that grows.
    LPush,
    /// `LPUSH list value` and `RPOP list`.
    LPushRPop,
    /// `LRANGE list 0 99`.
    LRange100,
    /// `SADD set member`, there already.
    SAdd,
    /// `ZADD zset score member`, with another score each time.
    ZAdd,
    /// `ZRANGE zset 0 9 WITHSCORES`.
    ZRange10,
}

impl Row {
    const ALL: [(Row, &'static str); 19] = [
        (Row::Get, "GET, hit"),
        (Row::GetMiss, "GET, miss"),
        (Row::Exists, "EXISTS"),
        (Row::Set, "SET, overwrite"),
        (Row::SetEx, "SET EX 60, overwrite"),
        (Row::SetDel, "SET new + DEL, each half"),
        (Row::Incr, "INCR"),
        (Row::Expire, "EXPIRE"),
        (Row::MSet, "MSET, ten keys"),
        (Row::MGet, "MGET, ten keys"),
        (Row::HSet, "HSET, hash of 1,024"),
        (Row::HGet, "HGET, hash of 1,024"),
        (Row::HSetSmall, "HSET, small hashes"),
        (Row::LPush, "LPUSH"),
        (Row::LPushRPop, "LPUSH + RPOP, each half"),
        (Row::LRange100, "LRANGE 0 99"),
        (Row::SAdd, "SADD, set of 1,024"),
        (Row::ZAdd, "ZADD, set of 1,024"),
        (Row::ZRange10, "ZRANGE 0 9 WITHSCORES"),
    ];

    /// As the command line calls it.
    pub fn argument(self) -> String {
        clap::ValueEnum::to_possible_value(&self).expect("no variant is hidden").get_name().to_owned()
    }

    /// The arguments of the command with a number.
    fn args(self, number: u64) -> Vec<Vec<u8>> {
        let key = |number: u64| Numbered::new(number % KEYS, 0).key().to_vec();
        let (this, value) = (key(number), VALUE.to_vec());
        let mut args: Vec<Vec<u8>> = Vec::new();
        let words = match self {
            Row::Get => vec![b"GET".to_vec(), this],
            Row::GetMiss => vec![b"GET".to_vec(), b"absent".to_vec()],
            Row::Exists => vec![b"EXISTS".to_vec(), this],
            Row::Set => vec![b"SET".to_vec(), this, value],
            Row::SetEx => vec![b"SET".to_vec(), this, value, b"EX".to_vec(), b"60".to_vec()],
            Row::SetDel if number.is_multiple_of(2) => vec![b"SET".to_vec(), b"new".to_vec(), value],
            Row::SetDel => vec![b"DEL".to_vec(), b"new".to_vec()],
            Row::Incr => vec![b"INCR".to_vec(), format!("counter:{}", number % KEYS).into()],
            Row::Expire => vec![b"EXPIRE".to_vec(), this, b"60".to_vec()],
            Row::MSet => {
                args.push(b"MSET".to_vec());
                (0..10).for_each(|at| args.extend([key(number * 10 + at), value.clone()]));
                args
            }
            Row::MGet => {
                args.push(b"MGET".to_vec());
                (0..10).for_each(|at| args.push(key(number * 10 + at)));
                args
            }
            Row::HSet => vec![b"HSET".to_vec(), b"hash".to_vec(), this, value],
            Row::HGet => vec![b"HGET".to_vec(), b"hash".to_vec(), this],
            Row::HSetSmall => {
                vec![b"HSET".to_vec(), format!("hash:{}", number % KEYS).into(), b"field".to_vec(), b"value".to_vec()]
            }
            Row::LPush => vec![b"LPUSH".to_vec(), b"grows".to_vec(), value],
            Row::LPushRPop if number.is_multiple_of(2) => vec![b"LPUSH".to_vec(), b"list".to_vec(), value],
            Row::LPushRPop => vec![b"RPOP".to_vec(), b"list".to_vec()],
            Row::LRange100 => ["LRANGE", "list", "0", "99"].map(|word| word.into()).to_vec(),
            Row::SAdd => vec![b"SADD".to_vec(), b"set".to_vec(), this],
            Row::ZAdd => vec![b"ZADD".to_vec(), b"zset".to_vec(), (number * 7919 % 100_003).to_string().into(), this],
            Row::ZRange10 => ["ZRANGE", "zset", "0", "9", "WITHSCORES"].map(|word| word.into()).to_vec(),
        };
        words
    }
}

/// Which part of the way is walked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Part {
    /// The request is there already, and carried out.
    Call,
    /// It is read from its arguments first.
    Parse,
}

/// A cache with data for every row.
#[derive(Debug)]
pub struct Bench {
    cache: Cache,
}

impl Default for Bench {
    fn default() -> Self {
        Self::new()
    }
}

impl Bench {
    /// A filled cache.
    pub fn new() -> Self {
        let bench = Self { cache: Cache::new() };
        for row in [Row::Set, Row::Incr, Row::HSet, Row::HSetSmall, Row::SAdd, Row::ZAdd] {
            bench.spin(row, Part::Parse, KEYS as usize);
        }
        let args: Vec<Arg<'_>> = [&b"LPUSH"[..], b"list", &VALUE].map(Arg::from).to_vec();
        (0..10_000).for_each(|_| drop(bench.call(&Request::parse(&args).expect("a command"))));
        bench
    }

    #[inline]
    fn call(&self, request: &Request<'_>) -> Reply {
        self.cache.try_call(request).expect("memory answers at once").expect("the command is right")
    }

    /// Carries out `count` commands of a row.
    pub fn spin(&self, row: Row, part: Part, count: usize) {
        let words: Vec<Vec<Vec<u8>>> = (0..KEYS).map(|number| row.args(number)).collect();
        let args: Vec<Vec<Arg<'_>>> = words.iter().map(|words| words.iter().map(Arg::from).collect()).collect();
        let requests: Vec<Request<'_>> = args.iter().map(|args| Request::parse(args).expect("a command")).collect();
        for at in (0..args.len()).cycle().take(count) {
            let reply = match part {
                Part::Call => self.call(&requests[at]),
                Part::Parse => self.call(&Request::parse(&args[at]).expect("a command")),
            };
            black_box(reply);
        }
    }
}

/// Prints the table; a tenth of the calls when `quick`.
pub fn run(report: &mut Report, quick: bool, callgrind: bool) {
    let calls = if quick { 5_000 } else { 100_000 };
    let bench = Bench::new();
    let mut nanos = vec![Vec::new(); Row::ALL.len()];
    for round in 0..=ROUNDS {
        for at in (0..Row::ALL.len()).map(|at| (at + round) % Row::ALL.len()) {
            let begin = Instant::now();
            bench.spin(Row::ALL[at].0, Part::Parse, calls);
            // The first round only warms up.
            if round > 0 {
                nanos[at].push(begin.elapsed().as_nanos() as f64 / calls as f64);
            }
        }
    }
    let heads = ["parsed and carried out, one thread", "ns", "allocations", "instructions", "of them parsing"];
    let mut table = Table::new("Commands through Cache::try_call", &heads);
    let mut panel = Panel { title: "A command: ns".into(), groups: vec![String::new()], series: Vec::new() };
    for (at, (row, name)) in Row::ALL.into_iter().enumerate() {
        let time = Spread::of(nanos[at].iter().copied());
        panel.series.push((name.to_owned(), vec![Some(time.median)]));
        let [whole, call] =
            [Part::Parse, Part::Call].map(|part| if callgrind { spin::of_command(row, part) } else { None });
        let count = |it: Option<f64>| it.map_or("–".to_owned(), |count| format!("{count:.0}"));
        let allocations =
            footprint(&["command", &row.argument()]).map_or("–".to_owned(), |it| format!("{:.2}", it[0]));
        let parsing = whole.zip(call).map(|(whole, call)| whole - call);
        table.row([name.to_owned(), spread(time, 1), allocations, count(whole), count(parsing)]);
    }
    if !callgrind {
        table.note("instructions are counted with --callgrind");
    }
    report.table(&table);
    report.plot(panel);
}
