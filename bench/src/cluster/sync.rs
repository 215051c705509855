//! A process that has nothing joins while writes go on: how long until it has everything, and how long writes waited
//! meanwhile; against a replica of redis-server that comes anew.

use std::thread;
use std::time::{Duration, Instant};

use super::Scale;
use super::load::{self, KEY, Plan, Running, What};
use super::turns::{Duel, Turn, interleave};
use super::world::{Cluster, Cores, Redis, Server, wait};
use crate::machine::thousands;
use crate::report::{Report, Table, spread};
use crate::rounds::Spread;

/// Writes a second that go on.
const WRITES: f64 = 10_000.0;
/// How long writes are watched before a process joins: what the machine itself makes of them.
const BEFORE: Duration = Duration::from_secs(1);
/// After this the place of a process that was killed is free: its lease at etcd is over.
const GONE: Duration = Duration::from_secs(3);

/// What came of one synchronisation.
#[derive(Debug, Clone, Copy)]
struct Sync {
    seconds: f64,
    /// The longest latency of a write before it and during it, in milliseconds.
    pauses: [f64; 2],
    writes: f64,
}

pub(super) fn run(report: &mut Report, scale: &Scale) -> Result<(), String> {
    let mut cluster = Cluster::start(&scale.binary, &[const { Cores::all() }; 3], &["--min-insync", "1"])?;
    let mut redis = Redis::start(&[const { Cores::all() }; 3])?;
    let leader = cluster.leader()?;
    let joiner = (leader + 2) % 3;
    // What it takes to join at all.
    let empty = [ours(&mut cluster, leader, joiner, None)?.seconds, theirs(&mut redis, None)?.seconds];
    for port in [cluster.nodes[leader].port, redis.servers[0].port] {
        load::fill(port, scale.keys)?;
    }
    cluster.level(leader)?;
    redis.level()?;
    let mut syncs = [const { Vec::new() }; 2];
    let [of_ours, of_theirs] = &mut syncs;
    let mut turns: [Turn<'_>; 2] = [
        Box::new(|| {
            let sync = ours(&mut cluster, leader, joiner, Some(scale.keys))?;
            of_ours.push(sync);
            Ok(sync.seconds)
        }),
        Box::new(|| {
            let sync = theirs(&mut redis, Some(scale.keys))?;
            of_theirs.push(sync);
            Ok(sync.seconds)
        }),
    ];
    let seconds = interleave(scale.syncs, &mut turns)?;
    drop(turns);
    let bytes = scale.keys as f64 * (KEY + 100) as f64 / 1e6;
    let title = format!(
        "Full synchronisation of {} keys of 100 bytes ({bytes:.0} MB with keys) to a new process, {WRITES} writes/s",
        thousands(scale.keys)
    );
    let rates = |less: [f64; 2]| [0, 1].map(|who| seconds[who].iter().map(|it| bytes / (it - less[who])).collect());
    let mut duel = Duel::new(&title, "MB/s", "jcache cluster", "redis-server");
    let [own, redis]: [Vec<f64>; 2] = rates([0.0; 2]);
    duel.row("from the process's start", &own, &redis, "≥ 1, or ≥ 150 MB/s");
    let [own, redis]: [Vec<f64>; 2] = rates(empty);
    duel.row("less joining with no data", &own, &redis, "");
    duel.note(format!("to start and join with no data took {:.2} s and {:.2} s", empty[0], empty[1]));
    duel.tell(report);
    let heads = ["longest wait of a write, ms", "before", "meanwhile", "goal", "thousand writes/s"];
    let mut table = Table::new("Writes while a process joins: in batches of 4, from when they were due", &heads);
    for (name, syncs, goal) in [("jcache, InSync", &syncs[0], "≤ 10"), ("redis-server, asynchronous", &syncs[1], "")]
    {
        // The first only warms up.
        let of = |figure: fn(&Sync) -> f64| spread(Spread::of(syncs.iter().skip(1).map(figure)), 1);
        let cells = [of(|it| it.pauses[0]), of(|it| it.pauses[1]), goal.to_owned(), of(|it| it.writes)];
        table.row([name.to_owned()].into_iter().chain(cells));
    }
    report.table(&table);
    Ok(())
}

/// Over the keys that are there.
fn writes(server: &Server, keys: u64) -> Plan {
    Plan { rate: Some(WRITES), keys, ..Plan::new(server.port, 8, 4, What::Set) }
}

/// Runs writes of so many keys at `leader`, if any, and `join` in the middle of them.
fn watched(
    leader: &Server,
    writing: Option<u64>,
    join: impl FnOnce() -> Result<Duration, String>,
) -> Result<Sync, String> {
    let Some(keys) = writing else {
        return Ok(Sync { seconds: join()?.as_secs_f64(), pauses: [0.0; 2], writes: 0.0 });
    };
    let load = Running::start(&writes(leader, keys))?;
    thread::sleep(BEFORE / 2);
    load.longest();
    thread::sleep(BEFORE);
    let before = load.longest();
    let seconds = join()?.as_secs_f64();
    let pauses = [before, load.longest()].map(|it| it.as_secs_f64() * 1e3);
    Ok(Sync { seconds, pauses, writes: load.finish()?.rate() })
}

fn ours(cluster: &mut Cluster, leader: usize, joiner: usize, writing: Option<u64>) -> Result<Sync, String> {
    cluster.nodes[joiner].kill();
    // The others go on without it first.
    thread::sleep(GONE);
    cluster.whole()?;
    let mut node = cluster.nodes.remove(joiner);
    let leader = if leader > joiner { leader - 1 } else { leader };
    let sync = watched(&cluster.nodes[leader], writing, || {
        let started = Instant::now();
        node.start();
        wait("the new process has everything", || {
            node.field("distributed", "cluster_readable").is_some_and(|it| it == "1")
        })?;
        Ok(started.elapsed())
    });
    let whole = holds(&node, &cluster.nodes[leader]);
    cluster.nodes.insert(joiner, node);
    cluster.whole()?;
    whole.and(sync)
}

/// That a process which answers has no less than what it copies had before.
fn holds(copy: &Server, of: &Server) -> Result<(), String> {
    let count = |server: &Server| match server.connect()?.line("DBSIZE")? {
        jcache_core::Reply::Int(count) => Ok(count),
        other => Err(format!("DBSIZE said {other:?}")),
    };
    let (copied, there) = (count(copy)?, count(of)?);
    if copied < there { Err(format!("{} has {copied} keys of {there}", copy.name)) } else { Ok(()) }
}

fn theirs(redis: &mut Redis, writing: Option<u64>) -> Result<Sync, String> {
    let joiner = redis.servers.len() - 1;
    redis.servers[joiner].kill();
    let mut replica = redis.servers.remove(joiner);
    let sync = watched(&redis.servers[0], writing, || {
        let started = Instant::now();
        replica.start();
        let linked = || replica.field("replication", "master_link_status").is_some_and(|it| it == "up");
        wait("the new replica has everything", linked)?;
        Ok(started.elapsed())
    });
    let whole = holds(&replica, &redis.servers[0]);
    redis.servers.insert(joiner, replica);
    whole.and(sync)
}
