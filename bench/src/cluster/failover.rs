//! The leader is killed: how long until a write is accepted again that all copies in step have.

use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use jcache_testkit::oracle::RawClient;

use super::Scale;
use super::world::{Cluster, Cores};
use crate::report::{Report, Table, spread};
use crate::rounds::Spread;

/// How long writes may be refused.
const LONGEST: Duration = Duration::from_secs(30);
/// After a refusal.
const PAUSE: Duration = Duration::from_millis(1);

pub(super) fn run(report: &mut Report, scale: &Scale) -> Result<(), String> {
    let mut cluster = Cluster::start(&scale.binary, &[const { Cores::all() }; 3], &["--min-insync", "2"])?;
    let mut accepted = Vec::new();
    for _ in 0..scale.kills {
        let leader = cluster.leader()?;
        let others = cluster.nodes.iter().filter(|node| node.name != cluster.nodes[leader].name);
        let clients = others.map(super::world::Server::connect).collect::<Result<Vec<_>, _>>()?;
        let killed = Instant::now();
        cluster.nodes[leader].kill();
        let (tell, first) = mpsc::channel();
        for client in clients {
            let tell = tell.clone();
            thread::spawn(move || write(client, killed, &tell));
        }
        let first = first.recv_timeout(LONGEST).map_err(|_| format!("no write was accepted for {LONGEST:?}"))?;
        accepted.push(first.as_secs_f64() * 1e3);
        cluster.nodes[leader].start();
        cluster.whole()?;
    }
    let mut table = Table::new("Failover, profile balanced: SIGKILL of the leader", &["", "ms", "goal", "kills"]);
    let figure = spread(Spread::of(accepted), 0);
    table.row(["until a write is accepted by all in step".into(), figure, "≤ 1200".into(), scale.kills.to_string()]);
    report.table(&table);
    Ok(())
}

/// Writes until a write is accepted, and tells when that was.
fn write(mut client: RawClient, since: Instant, tell: &mpsc::Sender<Duration>) {
    while since.elapsed() < LONGEST {
        if client.call(&["INCR", "after"]).is_ok() {
            // The other one may have been told first.
            let _ = tell.send(since.elapsed());
            return;
        }
        thread::sleep(PAUSE);
    }
}
