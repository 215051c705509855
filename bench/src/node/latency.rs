//! Latency where redis-server is half busy: the same number of commands a second for both, due at fixed times.

use super::Scale;
use super::servers::{Kind, Load, Server};
use crate::report::{Report, Table, spread};
use crate::rounds::Spread;

const COMMON: [&str; 6] = ["--clients", "50", "--ratio", "1:1", "--keys", "100000"];

pub(super) fn run(report: &mut Report, scale: &Scale) -> Result<(), String> {
    let servers = Server::both(&scale.binary)?;
    let seconds = scale.seconds.to_string();
    let load = |server: &Server, more: &[&str]| {
        Load::run(&scale.binary, server.port, &[&COMMON, &["--seconds", &seconds][..], more].concat())
    };
    for server in &servers {
        load(server, &["--fill"])?;
    }
    let peak = load(&servers[0], &[])?.figure("commands_per_second");
    let rate = (peak / 2.0).round().to_string();
    let mut figures = [const { Vec::new() }; 2];
    for round in 0..scale.rounds {
        for turn in 0..Kind::ALL.len() {
            let kind = (turn + round) % Kind::ALL.len();
            figures[kind].push(load(&servers[kind], &["--rate", &rate])?);
        }
    }
    let title =
        format!("Latency in µs at {rate} commands/s, half of redis-server's peak; GET and SET evenly, 50 clients");
    let mut table = Table::new(title, &["", "50 %", "99 %", "99.9 %", "99 %, × redis-server", "done/s"]);
    let column = |kind: usize, name: &str| figures[kind].iter().map(|it: &Load| it.figure(name)).collect::<Vec<_>>();
    for (index, kind) in Kind::ALL.into_iter().enumerate() {
        let cells = ["p50_us", "p99_us", "p999_us"].map(|name| spread(Spread::of(column(index, name)), 0));
        let ratio = spread(Spread::of_ratios(&column(index, "p99_us"), &column(0, "p99_us")), 2);
        let done = spread(Spread::of(column(index, "commands_per_second")), 0);
        table.row([kind.name().to_owned()].into_iter().chain(cells).chain([ratio, done]));
    }
    table.note("goal: 99 % no longer than redis-server's");
    table.note("a latency counts from when the command was due, so a pause of the server is in it");
    report.table(&table);
    Ok(())
}
