//! Random commands. Each process writes keys of its own, so that what its reads must answer is known; queues belong to
//! all.

use std::collections::BTreeSet;

use jcache_core::{Arg, Encoded, Request};

/// A command as a line of words.
#[derive(Debug, Clone)]
pub(super) struct Line(pub(super) Vec<String>);

impl std::fmt::Display for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.join(" "))
    }
}

impl Line {
    pub(super) fn new(line: &str) -> Self {
        Self(line.split(' ').map(str::to_owned).collect())
    }

    pub(super) fn args(&self) -> Vec<Arg<'_>> {
        self.0.iter().map(|word| Arg::from(word.as_str())).collect()
    }

    /// The commands of a transaction, in order; `None` for a command alone.
    pub(super) fn transaction(&self) -> Option<Vec<Line>> {
        let (multi, words) = self.0.split_first()?;
        (multi == "MULTI").then(|| words.split(|word| word == ";").map(|words| Line(words.to_vec())).collect())
    }

    /// The keys that the command changes; `None` for all of them.
    pub(super) fn writes(&self) -> Option<Vec<Vec<u8>>> {
        if let Some(lines) = self.transaction() {
            let each: Option<Vec<_>> = lines.iter().map(Line::writes).collect();
            return each.map(|each| each.concat().into_iter().collect::<BTreeSet<_>>().into_iter().collect());
        }
        let args = self.args();
        match Request::parse(&args).expect("the program is right") {
            Request::Query(_) => Some(Vec::new()),
            Request::Mutation(mutation) => {
                let mut keys = Vec::new();
                // Encoded, so that the keys are those that a driver sees.
                let encoded = Encoded::mutation(&mutation);
                encoded.as_mutation().expect("it was encoded").visit_keys(|key| keys.push(key.as_bytes().to_vec()));
                (!keys.is_empty()).then_some(keys)
            }
        }
    }
}

/// The query that reads all of `key`, whose name says its type.
pub(super) fn whole(key: &str) -> Line {
    Line::new(&match key.split_once(':').map_or(key, |(_, name)| name).as_bytes()[0] {
        b's' => format!("GET {key}"),
        b'h' => format!("HGETALL {key}"),
        b'l' => format!("LRANGE {key} 0 -1"),
        b't' => format!("SMEMBERS {key}"),
        _ => format!("ZRANGE {key} 0 -1 WITHSCORES"),
    })
}

/// The keys of process `id`.
pub(super) fn keys_of(id: usize) -> Vec<String> {
    ["s0", "s1", "s2", "h0", "h1", "l0", "l1", "t0", "t1", "z0", "z1"]
        .iter()
        .map(|name| format!("p{id}:{name}"))
        .collect()
}

/// The queues of all processes: a list, a set and a sorted set.
pub(super) const QUEUES: [&str; 3] = ["l-queue", "t-queue", "z-queue"];

/// Makes commands.
#[derive(Debug)]
pub(super) struct Author {
    next: u64,
    processes: usize,
    /// Whether most commands are about one key, so that they meet there.
    hot: bool,
    /// Whether what comes of the commands is printed.
    pub(super) aloud: bool,
}

impl Author {
    pub(super) fn new(processes: usize, hot: bool, aloud: bool) -> Self {
        Self { next: 0, processes, hot, aloud }
    }

    fn unique(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// A command of process `id`.
    pub(super) fn line(&mut self, id: usize, rng: &mut fastrand::Rng) -> Line {
        let line = match rng.u32(0..20) {
            _ if self.hot && rng.u32(0..8) > 0 => self.hot(id, rng),
            0..=5 => self.query(rng),
            6 => self.transaction(id, rng),
            7 => self.queue(rng),
            8..=12 => self.text(id, rng),
            13 => self.key(id, rng),
            _ => self.collection(id, rng),
        };
        Line::new(&line)
    }

    fn hot(&mut self, id: usize, rng: &mut fastrand::Rng) -> String {
        let key = format!("p{id}:s0");
        let unique = self.unique();
        match rng.u32(0..13) {
            0..=3 => format!("GET {key}"),
            4 => format!("MGET {key} p{id}:s1"),
            5 | 6 => format!("SET {key} v{unique}"),
            7 => format!("SET {key} {unique}"),
            8 => format!("DEL {key}"),
            9 => format!("INCRBY {key} 3"),
            10 => format!("SET {key} v{unique} PX {}", rng.u32(1..250)),
            11 => format!("APPEND {key} +"),
            _ => format!("MULTI SET {key} v{unique} ; APPEND {key} + ; GET {key}"),
        }
    }

    /// Some commands together; reads in between say what the writes before them did.
    fn transaction(&mut self, id: usize, rng: &mut fastrand::Rng) -> String {
        let mut lines = Vec::new();
        for _ in 0..rng.usize(1..5) {
            lines.push(match rng.u32(0..6) {
                0 => format!("GET p{id}:s{}", rng.u32(0..3)),
                1 => self.collection(id, rng),
                2 => self.key(id, rng),
                _ => self.text(id, rng),
            });
        }
        format!("MULTI {}", lines.join(" ; "))
    }

    fn query(&mut self, rng: &mut fastrand::Rng) -> String {
        let id = rng.usize(0..self.processes);
        let keys = keys_of(id);
        let key = &keys[rng.usize(0..keys.len())];
        match rng.u32(0..14) {
            0 => format!("MGET p{id}:s0 p{id}:s1 p{id}:s0 p{id}:h0 p{id}:s2"),
            1 => format!("EXISTS p{id}:s0 p{id}:h0 p{id}:s0"),
            2 => format!("HGET p{id}:h0 f{}", rng.u32(0..3)),
            3 => format!("LINDEX p{id}:l0 0"),
            4 => format!("SISMEMBER p{id}:t0 m1"),
            5 => format!("PTTL {key}"),
            6 => "DBSIZE".to_owned(),
            7 => format!("SUNION p{id}:t0 p{id}:t1"),
            8 => format!("TYPE {key}"),
            // Now and then the wrong type.
            9 => format!("GET {key}"),
            _ => whole(key).to_string(),
        }
    }

    fn text(&mut self, id: usize, rng: &mut fastrand::Rng) -> String {
        let key = format!("p{id}:s{}", rng.u32(0..3));
        let value = format!("v{}", self.unique());
        let millis = rng.u32(1..250);
        match rng.u32(0..20) {
            0..=5 => format!("SET {key} {value}"),
            6 | 7 => format!("SET {key} {value} PX {millis}"),
            8 => format!("SET {key} {value} KEEPTTL"),
            9 => format!("SET {key} {value} NX"),
            10 => format!("SET {key} {value} XX PX {millis}"),
            11 => format!("SET {key} {value} NX GET"),
            12 => format!("SET {key} {}", rng.u32(0..100)),
            13 => format!("INCRBY {key} 3"),
            14 => format!("APPEND {key} +"),
            15 => format!("GETDEL {key}"),
            16 => format!("GETEX {key} PX {millis}"),
            17 => format!("MSET {key} {value} p{id}:s0 {value}"),
            18 => format!("MSETNX p{id}:s1 {value} p{id}:s2 {value}"),
            _ => format!("INCRBYFLOAT {key} 0.5"),
        }
    }

    fn key(&mut self, id: usize, rng: &mut fastrand::Rng) -> String {
        let keys = keys_of(id);
        let key = &keys[rng.usize(0..keys.len())];
        let millis = rng.u32(1..250);
        match rng.u32(0..10) {
            0 | 1 => format!("DEL {key} p{id}:s0"),
            2 | 3 => format!("PEXPIRE {key} {millis}"),
            4 => format!("PEXPIRE {key} {millis} GT"),
            5 => format!("PERSIST {key}"),
            6 => format!("EXPIRE {key} -1"),
            7 => format!("RENAME p{id}:t0 p{id}:t1"),
            8 => format!("COPY p{id}:h0 p{id}:h1 REPLACE"),
            // Everything is one process's only when there is no other.
            _ if self.processes == 1 => "FLUSHALL".to_owned(),
            _ => format!("UNLINK {key}"),
        }
    }

    fn collection(&mut self, id: usize, rng: &mut fastrand::Rng) -> String {
        let n = rng.u32(0..2);
        let (m, u) = (rng.u32(0..5), self.unique());
        match rng.u32(0..24) {
            0 | 1 => format!("HSET p{id}:h{n} f{m} {u} g {u}"),
            2 => format!("HSETNX p{id}:h{n} f{m} {u}"),
            3 => format!("HDEL p{id}:h{n} f{m} g"),
            4 => format!("HINCRBY p{id}:h{n} n {m}"),
            5 | 6 => format!("RPUSH p{id}:l{n} {u} a"),
            7 => format!("LPUSHX p{id}:l{n} {u}"),
            8 => format!("LPOP p{id}:l{n}"),
            9 => format!("RPOP p{id}:l{n} 2"),
            10 => format!("LMOVE p{id}:l0 p{id}:l1 LEFT RIGHT"),
            11 => format!("LREM p{id}:l{n} 1 a"),
            12 => format!("LTRIM p{id}:l{n} 0 3"),
            13 => format!("BLPOP p{id}:l{n} p{id}:l1 0.0{}", m + 1),
            14 | 15 => format!("SADD p{id}:t{n} m{m} u{u}"),
            16 => format!("SREM p{id}:t{n} m{m}"),
            17 => format!("SPOP p{id}:t{n}"),
            18 => format!("SMOVE p{id}:t0 p{id}:t1 m{m}"),
            19 => format!("SUNIONSTORE p{id}:t1 p{id}:t0 p{id}:t1"),
            20 | 21 => format!("ZADD p{id}:z{n} {m} m{m} {u} u{u}"),
            22 => format!("ZADD p{id}:z{n} GT CH {m} m1"),
            _ => format!("ZPOPMIN p{id}:z{n}"),
        }
    }

    /// Puts a unique element into a queue, or takes one out.
    fn queue(&mut self, rng: &mut fastrand::Rng) -> String {
        let u = self.unique();
        match rng.u32(0..10) {
            0 | 1 => format!("RPUSH l-queue e{u}"),
            2 => format!("SADD t-queue e{u}"),
            3 => format!("ZADD z-queue {u} e{u}"),
            4 => "LPOP l-queue".to_owned(),
            5 => "RPOP l-queue".to_owned(),
            6 => "SPOP t-queue".to_owned(),
            7 => "BLPOP l-queue 0.02".to_owned(),
            8 => "BZPOPMAX z-queue 0.02".to_owned(),
            _ => "ZPOPMIN z-queue".to_owned(),
        }
    }
}
