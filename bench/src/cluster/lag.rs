//! How long after a write's reply a follower's own reads show it, while the leader takes writes.
//!
//! Writes are acknowledged by the leader alone, so that nothing of the copying lies before the reply. The follower, and who
//! asks it, have half of the machine's cores to themselves, as for the reads.

use std::thread;
use std::time::{Duration, Instant};

use super::Scale;
use super::load::Running;
use super::reads::{WRITES, writes};
use super::turns::{Turn, interleave};
use super::world::{Cluster, Cores, Redis, Server};
use crate::report::{Report, Table, spread};
use crate::rounds::Spread;

/// Between two probes.
const PAUSE: Duration = Duration::from_millis(1);
/// A follower that does not show a write for this long fails the run.
const LONGEST: Duration = Duration::from_secs(10);

pub(super) fn run(report: &mut Report, scale: &Scale) -> Result<(), String> {
    let (here, there) = Cores::halves();
    let places = [there.clone(), here.clone(), there.clone()];
    let cluster = Cluster::start(&scale.binary, &places, &["--min-insync", "2", "--ack", "leader"])?;
    let redis = Redis::start(&places)?;
    let leader = cluster.leader()?;
    let pairs = [(&cluster.nodes[leader], &cluster.nodes[1]), (&redis.servers[0], &redis.servers[1])];
    if leader == 1 {
        return Err("the follower leads".to_owned());
    }
    let mut medians = [const { Vec::new() }; 2];
    let mut carried = [const { Vec::new() }; 2];
    let mut turns: Vec<Turn<'_>> = Vec::new();
    for ((pair, medians), carried) in pairs.into_iter().zip(&mut medians).zip(&mut carried) {
        let (here, there) = (here.clone(), there.clone());
        turns.push(Box::new(move || {
            let writing = Running::start(&writes(pair.0, &there))?;
            thread::sleep(scale.turn / 10);
            let (at, of, turn, here) = (pair.0, pair.1, scale.turn, here.clone());
            let mut lags = thread::scope(|scope| {
                let probing = scope.spawn(move || {
                    here.take();
                    probe(at, of, turn)
                });
                probing.join().map_err(|_| "the probe panicked".to_owned())?
            })?;
            carried.push(writing.finish()?.rate());
            lags.sort_by(f64::total_cmp);
            medians.push(lags[lags.len() / 2]);
            Ok(lags[lags.len() * 99 / 100])
        }));
    }
    let figures = interleave(scale.rounds, &mut turns)?;
    drop(turns);
    let title = format!("Lag in ms: from a write's reply until a follower shows it, at {WRITES} writes/s");
    let mut table = Table::new(title, &["", "50 %", "99 %", "goal", "thousand writes/s"]);
    for (index, (name, goal)) in
        [("jcache follower", "99 %: ≤ 5"), ("redis-server replica", "")].into_iter().enumerate()
    {
        let of = |figures: &[f64], decimals| spread(Spread::of(figures.iter().copied()), decimals);
        let cells = [of(&medians[index], 2), of(&figures[index], 2), goal.to_owned(), of(&carried[index], 1)];
        table.row([name.to_owned()].into_iter().chain(cells));
    }
    report.table(&table);
    Ok(())
}

/// Writes and looks for what was written, again and again: milliseconds.
fn probe(at: &Server, of: &Server, turn: Duration) -> Result<Vec<f64>, String> {
    let (mut leader, mut follower) = (at.connect()?, of.connect()?);
    let (started, mut lags) = (Instant::now(), Vec::new());
    while started.elapsed() < turn || lags.is_empty() {
        let number = format!("{}", lags.len());
        leader.call(&["SET", "probe", &number])?;
        let replied = Instant::now();
        while !matches!(follower.call(&["GET", "probe"])?, jcache_core::Reply::Bulk(text) if text.as_bytes() == number.as_bytes())
        {
            if replied.elapsed() > LONGEST {
                return Err(format!("{} does not show a write of {LONGEST:?} ago", of.name));
            }
        }
        lags.push(replied.elapsed().as_secs_f64() * 1e3);
        thread::sleep(PAUSE);
    }
    Ok(lags)
}
