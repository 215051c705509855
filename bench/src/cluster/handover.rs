//! Leadership is handed over under load: the longest that a write waits, and whether any fails.

use std::thread;
use std::time::Duration;

use super::Scale;
use super::load::{Plan, Running, What};
use super::world::{Cluster, Cores};
use crate::report::{Report, Table, spread};
use crate::rounds::Spread;

/// Writes a second, at all nodes together.
const WRITES: f64 = 2_000.0;
/// How long after the command its effects are looked for, and how long before it what the machine itself does.
const AROUND: Duration = Duration::from_millis(300);

pub(super) fn run(report: &mut Report, scale: &Scale) -> Result<(), String> {
    let cluster = Cluster::start(&scale.binary, &[const { Cores::all() }; 3], &["--min-insync", "2"])?;
    let ports = cluster.nodes.iter().map(|node| node.port).collect();
    let load = Running::start(&Plan { ports, rate: Some(WRITES), ..Plan::new(0, 24, 1, What::Set) })?;
    let (mut pauses, mut usual) = (Vec::new(), Vec::new());
    let millis = |it: Duration| it.as_secs_f64() * 1e3;
    for _ in 0..scale.handovers {
        let to = (cluster.leader()? + 1) % cluster.nodes.len();
        load.longest();
        thread::sleep(AROUND);
        usual.push(millis(load.longest()));
        cluster.hand_over(to)?;
        thread::sleep(AROUND);
        pauses.push(millis(load.longest()));
        cluster.whole()?;
    }
    let refused = load.finish()?.refused;
    let mut table = Table::new(
        format!("Hand-over under {WRITES} writes/s at all three nodes: the longest that a write waits, in ms"),
        &["", "in each", "99 %", "goal", "hand-overs", "failed writes"],
    );
    for (name, mut waits, goal) in [("handing over", pauses, "99 %: ≤ 50"), ("the same time without", usual, "")] {
        let spread = spread(Spread::of(waits.iter().copied()), 1);
        waits.sort_by(f64::total_cmp);
        let most = format!("{:.1}", waits[waits.len() * 99 / 100]);
        let counts = if goal.is_empty() {
            [String::new(), String::new()]
        } else {
            [waits.len(), refused as usize].map(|it| it.to_string())
        };
        let [count, failed] = counts;
        table.row([name.to_owned(), spread, most, goal.to_owned(), count, failed]);
    }
    report.table(&table);
    Ok(())
}
