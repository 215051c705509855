//! Writes through a follower, which forwards them, against writes at the leader itself. All are acknowledged by all three.

use super::Scale;
use super::load::{self, Plan, What};
use super::turns::{Duel, Turn, interleave};
use super::world::{Cluster, Cores};
use crate::report::Report;

pub(super) fn run(report: &mut Report, scale: &Scale) -> Result<(), String> {
    let cluster = Cluster::start(&scale.binary, &[const { Cores::all() }; 3], &["--min-insync", "2"])?;
    let leader = cluster.leader()?;
    let follower = (leader + 1) % cluster.nodes.len();
    let title = "Writes through a follower (InSync), against the leader's own";
    let mut duel = Duel::new(title, "thousand writes/s", "jcache follower", "jcache leader");
    for (clients, pipeline) in [(64, 1), (50, 16)] {
        let plan = |node: usize| Plan::new(cluster.nodes[node].port, clients, pipeline, What::Set);
        let (far, own) = (plan(follower), plan(leader));
        let turn = |plan: &Plan| -> Result<f64, String> {
            let figures = load::run(plan, scale.turn)?;
            cluster.level(leader)?;
            if figures.refused > 0 {
                return Err(format!("{} writes were refused", figures.refused));
            }
            Ok(figures.rate())
        };
        let mut turns: [Turn<'_>; 2] = [Box::new(|| turn(&far)), Box::new(|| turn(&own))];
        let figures = interleave(scale.rounds, &mut turns)?;
        drop(turns);
        duel.row(&format!("{clients} clients, {pipeline} at once"), &figures[0], &figures[1], "≥ 0.7");
    }
    duel.tell(report);
    Ok(())
}
