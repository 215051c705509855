//! `cargo xtask bench layer`: what the cache adds to a hit in memory, over the raw engine.

use std::hint::black_box;
use std::time::Instant;

use foldhash::fast::RandomState;
use jcache::prelude::*;
use jcache::{Driver, LevelPolicy, Query};
use jcache_core::command::string::Get;
use jcache_core::{Key, Reply};
use jcache_memory::Memory;

use crate::engine::{now, two_levels};
use crate::memory::footprint;
use crate::plot::Panel;
use crate::report::{Report, Table, spread};
use crate::rounds::{ROUNDS, Spread};
use crate::spin;
use crate::work::{Request, VALUE, touch};

const KEYS: usize = 1024;

/// The rows of the table: ways to read a key that is in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Row {
    /// `Memory::get`.
    Raw,
    /// `Driver::try_query` with `GET`.
    Driver,
    /// `Cache::get::<Value>` with one level.
    OneLevel,
    /// The same, `strict()`.
    Strict,
    /// The same, with a name, a deadline and a cap on the level.
    Policies,
    /// `Cache::get::<Value>` with two levels, found in the first.
    TwoLevels,
    /// The same, `strict()`.
    TwoLevelsStrict,
    /// `Cache::get::<String>` with one level: checks and copies the text.
    Text,
    /// moka's `get`.
    MokaGet,
    /// moka's `get_with`.
    MokaGetWith,
}

impl Row {
    const ALL: [(Row, &'static str); 10] = [
        (Row::Raw, "jcache Memory::get"),
        (Row::Driver, "jcache Driver::try_query(GET)"),
        (Row::OneLevel, "jcache Cache::get, one level"),
        (Row::Strict, "jcache Cache::get, one level, strict"),
        (Row::Policies, "jcache Cache::get, one level with policies"),
        (Row::TwoLevels, "jcache Cache::get, two levels"),
        (Row::TwoLevelsStrict, "jcache Cache::get, two levels, strict"),
        (Row::Text, "jcache Cache::get::<String>, one level"),
        (Row::MokaGet, "moka get"),
        (Row::MokaGetWith, "moka get_with"),
    ];

    /// As the command line calls it.
    pub fn argument(self) -> String {
        clap::ValueEnum::to_possible_value(&self).expect("no variant is hidden").get_name().to_owned()
    }
}

/// Everything that is read from, filled.
#[derive(Debug)]
pub struct Bench {
    requests: Vec<Request>,
    memory: Memory,
    one: Cache,
    strict: Cache,
    policies: Cache,
    two: Cache,
    two_strict: Cache,
    moka: moka::sync::Cache<Vec<u8>, std::sync::Arc<[u8]>, RandomState>,
}

impl Default for Bench {
    fn default() -> Self {
        Self::new()
    }
}

impl Bench {
    /// Fills all of them with the same keys.
    pub fn new() -> Self {
        let memory = Memory::new();
        let one = Cache::builder().level(memory.clone()).build().expect("one level");
        let minute = std::time::Duration::from_secs(60);
        let policy = LevelPolicy::new().name("memory").deadline(minute).ttl_cap(minute);
        let policies = Cache::builder().level_with(memory.clone(), policy).build().expect("one level");
        let two = two_levels();
        let moka = moka::sync::Cache::builder().build_with_hasher(RandomState::default());
        let requests: Vec<Request> = (0..KEYS as u64).map(|number| Request::new(number, 0)).collect();
        for request in &requests {
            now(one.set(request.key(), &VALUE[..])).expect("memory takes it");
            // The first level gets its copy when it is read.
            now(two.set(request.key(), &VALUE[..])).expect("memory takes it");
            assert!(now(two.get::<Value>(request.key())).expect("a string").is_some());
            moka.insert(request.key().into(), VALUE[..].into());
        }
        let (strict, two_strict) = (one.strict(), two.strict());
        Self { requests, memory, one, strict, policies, two, two_strict, moka }
    }

    /// Reads `count` keys in one of the ways.
    pub fn spin(&self, row: Row, count: usize) {
        let get =
            |cache: &Cache| self.each(count, |key| now(cache.get::<Value>(key)).expect("a string").expect("a hit"));
        match row {
            Row::Raw => self.each(count, |key| self.memory.get(key).expect("a string").expect("a hit")),
            Row::Driver => self.each(count, |key| {
                let answer = self.memory.try_query(&Query::from(Get { key: Key::from(key) }));
                match answer.expect("memory answers at once").expect("a string").reply {
                    Reply::Bulk(value) => value,
                    other => panic!("a hit, not {other:?}"),
                }
            }),
            Row::OneLevel => get(&self.one),
            Row::Strict => get(&self.strict),
            Row::Policies => get(&self.policies),
            Row::TwoLevels => get(&self.two),
            Row::TwoLevelsStrict => get(&self.two_strict),
            Row::Text => self.each(count, |key| now(self.one.get::<String>(key)).expect("a string").expect("a hit")),
            Row::MokaGet => self.each(count, |key| self.moka.get(key).expect("a hit")),
            Row::MokaGetWith => self.each(count, |key| self.moka.get_with_by_ref(key, || unreachable!("a hit"))),
        }
    }

    #[inline]
    fn each<V: AsRef<[u8]>>(&self, count: usize, read: impl Fn(&[u8]) -> V) {
        for request in self.requests.iter().cycle().take(count) {
            touch(black_box(read(request.key())).as_ref());
        }
    }
}

/// Prints the table; a tenth of the calls when `quick`.
pub fn run(report: &mut Report, quick: bool, callgrind: bool) {
    let calls = if quick { 20_000 } else { 1_000_000 };
    let bench = Bench::new();
    let mut nanos = vec![Vec::new(); Row::ALL.len()];
    for round in 0..=ROUNDS {
        for at in (0..Row::ALL.len()).map(|at| (at + round) % Row::ALL.len()) {
            let begin = Instant::now();
            bench.spin(Row::ALL[at].0, calls);
            // The first round only warms up.
            if round > 0 {
                nanos[at].push(begin.elapsed().as_nanos() as f64 / calls as f64);
            }
        }
    }
    let heads =
        ["a hit in memory, 1,024 keys, one thread", "ns", "over raw", "allocations", "instructions", "over raw"];
    let mut table = Table::new("What the cache adds", &heads);
    let mut panel = Panel { title: "A hit in memory: ns".into(), groups: vec![String::new()], series: Vec::new() };
    let counts = Row::ALL.map(|(row, _)| if callgrind { spin::of_layer(row) } else { None });
    for (at, (row, name)) in Row::ALL.into_iter().enumerate() {
        let over = Spread::of(nanos[at].iter().zip(&nanos[0]).map(|(nanos, raw)| nanos - raw));
        let count = |it: Option<f64>| it.map_or("–".to_owned(), |count| format!("{count:.0}"));
        let more = counts[at].zip(counts[0]).map(|(count, raw)| count - raw);
        let allocations = footprint(&["layer", &row.argument()]).map_or("–".to_owned(), |it| format!("{:.2}", it[0]));
        let time = Spread::of(nanos[at].iter().copied());
        panel.series.push((name.to_owned(), vec![Some(time.median)]));
        let cells = [spread(time, 1), spread(over, 1), allocations, count(counts[at]), count(more)];
        table.row(std::iter::once(name.to_owned()).chain(cells));
    }
    if !callgrind {
        table.note("instructions are counted with --callgrind");
    }
    table.note("get_or_load: not there yet, so moka's get_with stands alone");
    report.table(&table);
    report.plot(panel);
}
