//! Reads of a follower while the leader takes writes, against the same without, and against a node that is in no cluster.
//!
//! The follower and its readers have half of the machine's cores to themselves, and all others (leader, the other follower,
//! etcd, the writers) have the other half: what is measured is what following costs, not who gets the processor.

use super::Scale;
use super::load::{self, Plan, Running, What};
use super::turns::{Turn, interleave};
use super::world::{Cluster, Cores, Redis, Server, standalone};
use crate::plot::Panel;
use crate::report::{Report, Table, spread};
use crate::rounds::Spread;

/// Writes a second at the leader.
pub(super) const WRITES: f64 = 50_000.0;
/// Keys that are read and written.
const KEYS: u64 = 100_000;

/// A load of writes at a leader.
pub(super) fn writes(leader: &Server, cores: &Cores) -> Plan {
    let plan = Plan::new(leader.port, 16, 16, What::Set);
    Plan { rate: Some(WRITES), keys: KEYS, cores: cores.clone(), ..plan }
}

pub(super) fn run(report: &mut Report, scale: &Scale) -> Result<(), String> {
    let (here, there) = Cores::halves();
    let places = [there.clone(), here.clone(), there.clone()];
    let cluster = Cluster::start(&scale.binary, &places, &["--min-insync", "2"])?;
    let redis = Redis::start(&places)?;
    let alone = standalone(&scale.binary, &here, cluster.folder())?;
    let (leader, primary) = (&cluster.nodes[cluster.leader()?], &redis.servers[0]);
    let (follower, replica) = (&cluster.nodes[1], &redis.servers[1]);
    if leader.name == follower.name {
        return Err("the follower leads".to_owned());
    }
    for port in [leader.port, primary.port, alone.port] {
        load::fill(port, KEYS)?;
    }
    let heads = [
        "thousand GET/s",
        "standalone",
        "follower, no writes",
        "follower, writes",
        "× standalone",
        "× no writes",
        "goal",
        "Redis replica",
        "Redis replica, writes",
        "× no writes",
    ];
    let title = format!("Reads of a follower on its own cores, while the leader takes {WRITES} writes/s");
    let mut table = Table::new(title.clone(), &heads);
    let mut panel = Panel { title: format!("{title}, × no writes"), groups: Vec::new(), series: Vec::new() };
    panel.series = ["jcache follower", "redis-server replica"].map(|name| (name.to_owned(), Vec::new())).into();
    for pipeline in [1, 16] {
        let plan = |server: &Server| Plan {
            keys: KEYS,
            cores: here.clone(),
            ..Plan::new(server.port, 50, pipeline, What::Get)
        };
        let mut carried = [const { Vec::new() }; 2];
        let [ours, theirs] = &mut carried;
        let loaded = |reads: &Server, writes_at: &Server, carried: &mut Vec<f64>| -> Result<f64, String> {
            let writing = Running::start(&writes(writes_at, &there))?;
            std::thread::sleep(scale.turn / 10);
            let figures = load::run(&plan(reads), scale.turn)?;
            carried.push(writing.finish()?.rate());
            Ok(figures.rate())
        };
        let idle = |server: &Server| Ok(load::run(&plan(server), scale.turn)?.rate());
        let mut turns: [Turn<'_>; 5] = [
            Box::new(|| idle(&alone)),
            Box::new(|| idle(follower)),
            Box::new(|| loaded(follower, leader, ours)),
            Box::new(|| idle(replica)),
            Box::new(|| loaded(replica, primary, theirs)),
        ];
        let figures = interleave(scale.rounds, &mut turns)?;
        drop(turns);
        let rate = |index: usize| spread(Spread::of(figures[index].iter().copied()), 1);
        let share = |of: usize, to: usize| Spread::of_ratios(&figures[of], &figures[to]);
        let name = format!("50 clients, {pipeline} at once");
        let shares = [share(2, 0), share(2, 1), share(4, 3)];
        let [of_alone, own, replicas] = shares.map(|it| spread(it, 2));
        table.row([
            name.clone(),
            rate(0),
            rate(1),
            rate(2),
            of_alone,
            own,
            "≥ 0.9".to_owned(),
            rate(3),
            rate(4),
            replicas,
        ]);
        let [ours, theirs] = carried.map(|it| spread(Spread::of(it), 1));
        table.note(format!("{pipeline} at once: thousand writes/s that leader and primary took: {ours} and {theirs}"));
        panel.groups.push(name);
        panel.series[0].1.push(Some(shares[1].median));
        panel.series[1].1.push(Some(shares[2].median));
    }
    report.table(&table);
    report.plot(panel);
    Ok(())
}
