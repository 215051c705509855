//! A node as a near cache in front of redis-server, against clients that ask redis-server themselves.

use super::Scale;
use super::servers::{Kind, Load, Server};
use crate::report::{Report, Table, spread};
use crate::rounds::Spread;

const COMMON: [&str; 8] = ["--clients", "50", "--ratio", "95:5", "--keys", "100000", "--zipf", "0.99"];

pub(super) fn run(report: &mut Report, scale: &Scale) -> Result<(), String> {
    let title = "Near cache: node with a memory level in front of redis-server; 95 % GET, Zipf 0.99 over 100,000 keys";
    let heads = ["thousand commands/s", "redis-server itself", "through the node", "× redis-server"];
    let mut table = Table::new(title, &heads);
    let redis = Server::start(Kind::Redis, &scale.binary, &[])?;
    let url = format!("redis://127.0.0.1:{}", redis.port);
    let node = Server::start(Kind::Node, &scale.binary, &["--level", "memory", "--level", &url])?;
    Load::run(&scale.binary, redis.port, &[&COMMON, &["--fill", "--seconds", "1"][..]].concat())?;
    for pipeline in ["1", "16"] {
        let seconds = scale.seconds.to_string();
        let mut rates = [Vec::new(), Vec::new()];
        for round in 0..=scale.rounds {
            for turn in 0..2 {
                let which = (turn + round) % 2;
                let port = [redis.port, node.port][which];
                let more = ["--pipeline", pipeline, "--seconds", &seconds];
                let load = Load::run(&scale.binary, port, &[&COMMON, &more[..]].concat())?;
                if round > 0 {
                    rates[which].push(load.figure("commands_per_second") / 1000.0);
                }
            }
        }
        let ratio = spread(Spread::of_ratios(&rates[1], &rates[0]), 2);
        let speeds = rates.map(|rates| spread(Spread::of(rates), 1));
        table.row([format!("{pipeline} at once")].into_iter().chain(speeds).chain([ratio]));
    }
    report.table(&table);
    Ok(())
}
