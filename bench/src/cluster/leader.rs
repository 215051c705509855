//! Writes that the leader alone acknowledges, against redis-server whose replicas follow asynchronously.

use super::Scale;
use super::load::{self, Plan, What};
use super::turns::{Duel, Turn, interleave};
use super::world::{Cluster, Cores, Redis};
use crate::report::{Report, spread};
use crate::rounds::Spread;

const OURS: &str = "jcache cluster";
const THEIRS: &str = "redis-server";

pub(super) fn run(report: &mut Report, scale: &Scale) -> Result<(), String> {
    let three = [const { Cores::all() }; 3];
    let cluster = Cluster::start(&scale.binary, &three, &["--min-insync", "2", "--ack", "leader"])?;
    let redis = Redis::start(&three)?;
    let title = "Writes acknowledged by the leader alone, two followers; redis-server with two asynchronous replicas";
    let mut duel = Duel::new(title, "thousand writes/s", OURS, THEIRS);
    for pipeline in [1, 16] {
        let (mut ours_behind, mut theirs_behind, mut refused) = (Vec::new(), Vec::new(), 0);
        let leader = cluster.leader()?;
        let plan = |port| Plan::new(port, 50, pipeline, What::Set);
        let (own, primary) = (plan(cluster.nodes[leader].port), plan(redis.servers[0].port));
        let mut turns: [Turn<'_>; 2] = [
            Box::new(|| {
                let figures = load::run(&own, scale.turn)?;
                refused += figures.refused;
                ours_behind.push(cluster.level(leader)?.as_secs_f64() * 1e3);
                Ok(figures.rate())
            }),
            Box::new(|| {
                let figures = load::run(&primary, scale.turn)?;
                theirs_behind.push(redis.level()?.as_secs_f64() * 1e3);
                Ok(figures.rate())
            }),
        ];
        let figures = interleave(scale.rounds, &mut turns)?;
        drop(turns);
        duel.row(&format!("50 clients, {pipeline} at once"), &figures[0], &figures[1], "≥ 1");
        let behind = [ours_behind, theirs_behind].map(|it| spread(Spread::of(it), 0));
        duel.note(format!(
            "{pipeline} at once: followers have all, ms after the load's end: {} and {}; refused by jcache: {refused}",
            behind[0], behind[1]
        ));
    }
    duel.tell(report);
    Ok(())
}
