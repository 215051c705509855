//! Writes that are acknowledged when every copy has them, against redis-server with `WAIT` after each.

use super::Scale;
use super::load::{self, Figures, Plan, What};
use super::turns::{Duel, Turn, interleave};
use super::world::{Cluster, Cores, Redis};
use crate::report::{Report, spread};
use crate::rounds::Spread;

/// Writers at a time.
const WRITERS: usize = 64;

pub(super) fn all_three(report: &mut Report, scale: &Scale) -> Result<(), String> {
    compare(report, scale, 3, "≥ 5")
}

pub(super) fn pair(report: &mut Report, scale: &Scale) -> Result<(), String> {
    compare(report, scale, 2, "")
}

fn compare(report: &mut Report, scale: &Scale, copies: u8, goal: &str) -> Result<(), String> {
    let cores = vec![Cores::all(); copies.into()];
    let text = copies.to_string();
    let cluster = Cluster::start(&scale.binary, &cores, &["--min-insync", &text])?;
    let redis = Redis::start(&cores)?;
    let leader = cluster.leader()?;
    let own = Plan::new(cluster.nodes[leader].port, WRITERS, 1, What::Set);
    let primary = Plan::new(redis.servers[0].port, WRITERS, 1, What::SetAndWait(copies - 1));
    let mut latencies = [const { Vec::new() }; 2];
    let [ours, theirs] = &mut latencies;
    let mut turns: [Turn<'_>; 2] = [Box::new(|| turn(&own, scale, ours)), Box::new(|| turn(&primary, scale, theirs))];
    let figures = interleave(scale.rounds, &mut turns)?;
    drop(turns);
    let title = format!("Writes acknowledged by all {copies} copies (InSync); redis-server with WAIT {} 0", copies - 1);
    let mut duel = Duel::new(&title, "thousand writes/s", "jcache cluster", "redis-server");
    duel.row(&format!("{WRITERS} writers, 1 at once"), &figures[0], &figures[1], goal);
    for (name, latencies) in ["jcache cluster", "redis-server"].into_iter().zip(&latencies) {
        let at = |which: fn(&(f64, f64)) -> f64| spread(Spread::of(latencies.iter().map(which)), 2);
        duel.note(format!("{name}: latency in ms, 50 %: {}, 99 %: {}", at(|it| it.0), at(|it| it.1)));
    }
    duel.tell(report);
    Ok(())
}

fn turn(plan: &Plan, scale: &Scale, latencies: &mut Vec<(f64, f64)>) -> Result<f64, String> {
    let figures: Figures = load::run(plan, scale.turn)?;
    if figures.refused > 0 {
        return Err(format!("{} writes were refused", figures.refused));
    }
    let at = |quantile| figures.latencies.value_at_quantile(quantile) as f64 / 1e3;
    latencies.push((at(0.5), at(0.99)));
    Ok(figures.rate())
}
