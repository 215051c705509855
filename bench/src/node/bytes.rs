//! Resident bytes of the server's process after loading a data set, over what it takes without.

use super::Scale;
use super::servers::{Kind, Server};
use crate::machine::thousands;
use crate::plot::Panel;
use crate::report::{Report, Table};
use crate::work::{VALUE, key_20};

/// Commands that are sent at once.
const BATCH: u64 = 10_000;

type Command = fn(u64) -> redis::Cmd;

pub(super) fn run(report: &mut Report, scale: &Scale) -> Result<(), String> {
    let hashes = scale.entries / 10;
    let sets: [(String, u64, Command); 3] = [
        (format!("{} strings of 100 bytes", thousands(scale.entries)), scale.entries, |number| {
            redis::cmd("SET").arg(&key_20(number)).arg(&VALUE).take()
        }),
        (format!("{} hashes of 10 fields", thousands(hashes)), hashes, |number| {
            let mut command = redis::cmd("HSET");
            command.arg(&key_20(number));
            (0..10).for_each(|field| {
                command.arg(format!("field:{field}")).arg(format!("value:{number}:{field}"));
            });
            command
        }),
        (format!("a sorted set of {} members", thousands(scale.entries)), scale.entries, |number| {
            redis::cmd("ZADD").arg("board").arg(number as f64 * 1.5).arg(&key_20(number)).take()
        }),
    ];
    let mut table = Table::new("Resident MiB after loading", &["", "redis-server", "jcache node", "× redis-server"]);
    let mut panel = Panel { title: "Resident MiB after loading".to_owned(), groups: Vec::new(), series: Vec::new() };
    panel.series = Kind::ALL.iter().rev().map(|kind| (kind.name().to_owned(), Vec::new())).collect();
    for (name, count, command) in sets {
        let mut grown = [0.0; 2];
        for (index, kind) in Kind::ALL.into_iter().enumerate() {
            let server = Server::start(kind, &scale.binary, &[])?;
            let before = server.resident();
            load(&server, count, command)?;
            grown[index] = (server.resident() - before) / f64::from(1 << 20);
        }
        let cells = [format!("{:.1}", grown[0]), format!("{:.1}", grown[1]), format!("{:.2}", grown[1] / grown[0])];
        table.row([name.clone()].into_iter().chain(cells));
        panel.groups.push(name);
        panel.series[0].1.push(Some(grown[1]));
        panel.series[1].1.push(Some(grown[0]));
    }
    report.table(&table);
    report.plot(panel);
    Ok(())
}

fn load(server: &Server, count: u64, command: Command) -> Result<(), String> {
    let mut connection = server.connect()?;
    for first in (0..count).step_by(BATCH as usize) {
        let mut pipe = redis::pipe();
        for number in first..count.min(first + BATCH) {
            pipe.add_command(command(number)).ignore();
        }
        pipe.query::<()>(&mut connection).map_err(|error| error.to_string())?;
    }
    Ok(())
}
