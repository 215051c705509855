//! What one replicated write costs the engine: a leader and two followers in one thread, `SET`s of 100 bytes, `InSync`.
//!
//! `cargo bench -p jcache-cluster`. Measured are the time and the allocations per write of all three engines together,
//! once over a store that does nothing, so that the engine stands alone, and once over core's model. A write is one
//! step at the leader; messages are passed on after every `batch` writes, as a transport does under load.

use std::alloc::System;
use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use bytes::Bytes;
use criterion::{Criterion, Throughput};
use jcache_cluster::engine::*;
use jcache_core::command::Mutation;
use jcache_core::{Arg, Context, Error, Query, Reply, Request, Timestamp, Value};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Writes before anything is measured, and those whose allocations are counted.
const WARM_UP: u64 = 100_000;

/// A store that holds nothing and costs nothing.
struct Nothing;

impl Store for Nothing {
    fn query(&mut self, _: &Query<'_>, _: Context) -> Result<Reply, Error> {
        Ok(Reply::Nil)
    }
    fn mutate(&mut self, _: &Mutation<'_>, _: Context, _: &mut Removed) -> Result<Reply, Error> {
        Ok(Reply::Ok)
    }
    fn apply(&mut self, _: &Mutation<'_>, _: Side, _: &dyn Fn(usize) -> bool) -> Result<(), Error> {
        Ok(())
    }
    fn whole(&mut self, _: &[u8], _: &mut dyn FnMut(&Mutation<'_>)) {}
    fn due(&mut self, _: Timestamp, _: usize) -> Vec<Value> {
        Vec::new()
    }
    fn shards(&self) -> usize {
        1
    }
    fn shard_of(&self, _: &[u8]) -> usize {
        0
    }
    fn digest(&mut self, _: usize) -> u64 {
        0
    }
    fn snapshot(&mut self, _: usize, _: usize) -> Vec<Bytes> {
        Vec::new()
    }
    fn load_begin(&mut self) {}
    fn load(&mut self, _: usize, _: &[u8]) -> Result<(), Error> {
        Ok(())
    }
    fn load_swap(&mut self) {}
    fn load_abort(&mut self) {}
}

/// Three engines, and a coordinator that refuses nothing.
struct Cluster<S> {
    nodes: Vec<(Engine, S)>,
    out: Outbox,
    queue: VecDeque<(usize, StreamId, Message)>,
    opened: VecDeque<(usize, Event<'static>)>,
    pipes: BTreeMap<(usize, StreamId), (usize, StreamId)>,
    keys: BTreeMap<Key, Kv>,
    revision: Revision,
    boot_us: u64,
    next_in: u64,
    answered: u64,
}

impl<S: Store> Cluster<S> {
    fn new(store: impl Fn() -> S) -> Self {
        let config = Config { rejoin_ms: 50, digest_ms: 0, frames_in_flight: 4, ..Config::new(2, Timing::BALANCED) };
        let now = Now { boot_us: 1, wall_ms: 1_700_000_000_000 };
        let engine = |index: usize| {
            let member = MemberId::new(format!("n{index}").as_str(), index as u128 + 1);
            let addr = index.to_string();
            let me = Identity { member, addr, zone: String::new(), prio: 0, voter: true, seed: index as u128 };
            Engine::new(config.clone(), me, now).expect("the settings work")
        };
        let mut cluster = Self {
            nodes: (0..3).map(|index| (engine(index), store())).collect(),
            out: Outbox::default(),
            queue: VecDeque::new(),
            opened: VecDeque::new(),
            pipes: BTreeMap::new(),
            keys: BTreeMap::new(),
            revision: 1,
            boot_us: 1,
            next_in: 0,
            answered: 0,
        };
        while cluster.nodes[0].0.status(cluster.now()).isr.len() < 3 {
            assert!(cluster.boot_us < 60_000_000, "three in sync");
            cluster.tick();
        }
        cluster
    }

    fn now(&self) -> Now {
        Now { boot_us: self.boot_us, wall_ms: 1_700_000_000_000 + self.boot_us / 1000 }
    }

    fn tick(&mut self) {
        self.boot_us += Engine::TICK_MS * 1000;
        for node in 0..3 {
            self.step(node, Event::Tick);
            self.deliver();
        }
    }

    fn step(&mut self, node: usize, event: Event<'_>) {
        let now = self.now();
        let (engine, store) = &mut self.nodes[node];
        engine.step(now, event, store, &mut self.out);
        let mut out = std::mem::take(&mut self.out);
        for action in out.drain() {
            self.act(node, action);
        }
        self.out = out;
    }

    fn act(&mut self, node: usize, action: Action) {
        match action {
            Action::Send { stream, message } => {
                if let Some((peer, theirs)) = self.pipes.get(&(node, stream)) {
                    self.queue.push_back((*peer, *theirs, message));
                }
            }
            Action::Answer { .. } => self.answered += 1,
            Action::Connect { stream, kind, addr, .. } => {
                let peer: usize = addr.parse().expect("addresses are numbers");
                self.next_in += 1;
                let theirs = StreamId::In(self.next_in);
                self.pipes.insert((node, stream), (peer, theirs));
                self.pipes.insert((peer, theirs), (node, stream));
                self.opened.push_back((peer, Event::Accepted { stream: theirs, kind }));
                self.opened.push_back((node, Event::Opened { stream }));
            }
            Action::Coord(id, request) => {
                let answer = self.coordinate(node, request);
                self.opened.push_back((node, Event::Coord(CoordEvent::Answer(id, Ok(answer)))));
            }
            _ => {}
        }
    }

    fn coordinate(&mut self, node: usize, request: CoordRequest) -> CoordAnswer {
        match request {
            CoordRequest::Grant { .. } => CoordAnswer::Granted(node as i64 + 1),
            CoordRequest::KeepAlive(_) => CoordAnswer::Alive,
            CoordRequest::Revoke(_) => CoordAnswer::Revoked,
            CoordRequest::Watch { .. } => CoordAnswer::Watching,
            CoordRequest::List => CoordAnswer::Listing(Listing { revision: self.revision, keys: self.keys.clone() }),
            CoordRequest::Txn(txn) => {
                if txn.guards.iter().any(|(key, at)| self.keys.get(key).map_or(0, |kv| kv.revision) != *at) {
                    return CoordAnswer::Refused(Listing { revision: self.revision, keys: self.keys.clone() });
                }
                self.revision += 1;
                for write in txn.writes {
                    if let Write::Put { key, value, .. } = write {
                        self.keys.insert(key, Kv { value, revision: self.revision });
                    }
                }
                CoordAnswer::Done(self.revision)
            }
        }
    }

    fn deliver(&mut self) {
        loop {
            if let Some((node, event)) = self.opened.pop_front() {
                self.step(node, event);
            } else if let Some((node, stream, message)) = self.queue.pop_front() {
                self.step(node, Event::Message { stream, message });
            } else {
                return;
            }
        }
    }

    /// Writes, passing messages on after every `batch` writes.
    fn write(&mut self, writes: u64, batch: u64, keys: &[String], value: &[u8]) {
        for call in 0..writes {
            let args = [Arg::from("SET"), Arg::from(&keys[call as usize % keys.len()]), Arg::from(value)];
            let request = Request::parse(&args).expect("a command");
            self.step(
                0,
                Event::Call { call: self.answered + call % batch + 1, request, options: CallOptions::default() },
            );
            if (call + 1) % batch == 0 {
                self.boot_us += batch;
                self.deliver();
            }
        }
        self.deliver();
    }
}

/// Measures writes over such a store: by the number that go out before messages are passed on.
fn measure<S: Store>(criterion: &mut Criterion, name: &str, store: impl Fn() -> S) {
    let keys: Vec<String> = (0..10_000).map(|key| format!("key:{key:08}")).collect();
    let value = [b'x'; 100];
    let mut group = criterion.benchmark_group(name);
    for batch in [1, 16, 256] {
        let mut cluster = Cluster::new(&store);
        let mut write = |writes: u64| {
            let (before, start) = (cluster.answered, Instant::now());
            cluster.write(writes, batch, &keys, &value);
            let took = start.elapsed();
            assert_eq!(cluster.answered - before, writes, "every write was acknowledged");
            cluster.tick();
            took
        };
        let writes = WARM_UP.next_multiple_of(batch);
        write(writes);
        let region = Region::new(ALLOCATOR);
        write(writes);
        let change = region.change();
        let (count, bytes) = (change.allocations as f64 / writes as f64, change.bytes_allocated / writes as usize);
        eprintln!("{name}, {batch} writes a round: {count:.2} allocations of {bytes} bytes in all per write");
        group.throughput(Throughput::Elements(1));
        group.bench_function(format!("{batch} writes a round"), |bencher| {
            bencher.iter_custom(|writes| {
                let whole = writes.next_multiple_of(batch);
                write(whole).mul_f64(writes as f64 / whole as f64)
            });
        });
    }
    group.finish();
}

fn main() {
    // `cargo test` runs benches too, without measuring.
    if std::env::args().any(|arg| arg == "--test") {
        return;
    }
    let mut criterion = Criterion::default().configure_from_args();
    measure(&mut criterion, "engine alone", || Nothing);
    measure(&mut criterion, "with a model", || ModelStore::new(16));
    criterion.final_summary();
}
