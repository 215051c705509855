//! A node as a near cache in front of redis-server, against clients that ask redis-server themselves: on the same two
//! cores, where the node has to be faster by itself, and from a distance, which is what a near cache is for.

use std::time::Duration;

use super::Scale;
use super::relay;
use super::servers::{Kind, Load, Server};
use crate::report::{Report, Table, spread};
use crate::rounds::Spread;

const COMMON: [&str; 6] = ["--ratio", "95:5", "--keys", "100000", "--zipf", "0.99"];
/// How far away redis-server is, each way, where it is on another machine.
const DISTANCE: Duration = Duration::from_micros(500);

pub(super) fn run(report: &mut Report, scale: &Scale) -> Result<(), String> {
    let title = "Near cache: node with a memory level in front of redis-server; 95 % GET, Zipf 0.99 over 100,000 keys";
    let heads =
        ["thousand commands/s", "redis-server itself", "through the node", "× redis-server", "node without Redis"];
    let mut table = Table::new(title, &heads);
    let redis = Server::start(Kind::Redis, &scale.binary, &[])?;
    let alone = Server::start(Kind::Node, &scale.binary, &[])?;
    let far = relay::start(redis.port, DISTANCE).map_err(|error| error.to_string())?;
    for port in [redis.port, alone.port] {
        Load::run(&scale.binary, port, &[&COMMON, &["--fill", "--seconds", "1"][..]].concat())?;
    }
    for (distance, server) in [("here", redis.port), ("0.5 ms away", far)] {
        let url = format!("redis://127.0.0.1:{server}");
        let node = Server::start(Kind::Node, &scale.binary, &["--level", "memory", "--level", &url])?;
        for (clients, pipeline) in [("50", "1"), ("50", "16"), ("8", "1")] {
            let ports = [server, node.port, alone.port];
            let rates = measure(scale, ports, clients, pipeline)?;
            let ratio = spread(Spread::of_ratios(&rates[1], &rates[0]), 2);
            let [direct, near, alone] = rates.map(|rates| spread(Spread::of(rates), 1));
            let name = format!("{clients} clients, {pipeline} at once, redis-server {distance}");
            table.row([name, direct, near, ratio, alone]);
        }
    }
    table.note("away: behind a relay that gives every byte on 0.5 ms later, both ways");
    table.note("node without Redis: with the memory level alone, the most that a near cache here can come to");
    report.table(&table);
    Ok(())
}

/// Thousand commands a second at each port, in turn; the first round only warms up.
fn measure(scale: &Scale, ports: [u16; 3], clients: &str, pipeline: &str) -> Result<[Vec<f64>; 3], String> {
    let seconds = scale.seconds.to_string();
    let more = ["--clients", clients, "--pipeline", pipeline, "--seconds", &seconds];
    let mut rates = [const { Vec::new() }; 3];
    for round in 0..=scale.rounds {
        for turn in 0..ports.len() {
            let which = (turn + round) % ports.len();
            let load = Load::run(&scale.binary, ports[which], &[&COMMON, &more[..]].concat())?;
            if round > 0 {
                rates[which].push(load.figure("commands_per_second") / 1000.0);
            }
        }
    }
    Ok(rates)
}
