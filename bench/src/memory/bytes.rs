//! Bytes per entry: each engine is filled in a process of its own, by the package's binary `footprint`, whose allocator
//! counts; redis-server is asked.

use std::process::Command;

use super::Scale;
use crate::engine::Kind;
use crate::machine::thousands;
use crate::plot::Panel;
use crate::redis_server::Server;
use crate::report::{Report, Table};
use crate::work::{VALUE, key_20};

/// A key of 20 bytes and a value of 100.
const PAYLOAD: f64 = 120.0;

pub(super) fn run(report: &mut Report, scale: &Scale) {
    let entries = thousands(scale.keys as u64);
    let title = format!("Bytes per entry over its 120 of payload, {entries} entries (20-byte key, 100-byte value)");
    let heads = ["", "allocated", "resident", "allocated, TTL", "resident, TTL"];
    let mut table = Table::new(title, &heads);
    let groups = vec!["resident, no TTL".to_owned(), "resident, TTL".to_owned()];
    let title = "Bytes per entry over the payload, resident".to_owned();
    let mut panel = Panel { title, groups, series: Vec::new() };
    let kinds = [
        Kind::Memory,
        Kind::QuickCache,
        Kind::Moka,
        Kind::Foyer,
        Kind::Scc,
        Kind::Dashmap,
        Kind::Papaya,
        Kind::Mutexes,
    ];
    let measured = kinds.into_iter().map(|kind| {
        let measure = |ttl| footprint(&[&kind.argument(), &scale.keys.to_string(), ttl]);
        (kind.name().to_owned(), [measure("no"), measure("ttl")])
    });
    let redis = [of_redis(scale, false), of_redis(scale, true)];
    let name = redis[0].as_ref().map_or("redis-server".to_owned(), |(name, _)| name.clone());
    let redis = redis.map(|it| it.map(|(_, figures)| figures.to_vec()));
    for (name, figures) in measured.chain(std::iter::once((name, redis))) {
        let over = |bytes: f64| bytes / scale.keys as f64 - PAYLOAD;
        let figures = figures.map(|it| it.map(|it| [over(it[0]), over(it[1])]));
        let cells = figures.iter().flat_map(|it| match it {
            Some(it) => it.map(|bytes| format!("{bytes:.1}")),
            None => ["–".to_owned(), "–".to_owned()],
        });
        table.row(std::iter::once(name.clone()).chain(cells));
        panel.series.push((name, figures.iter().map(|it| it.map(|it| it[1])).collect()));
    }
    table.note("allocated: what was asked of the allocator; redis-server: used_memory and used_memory_rss");
    report.table(&table);
    report.plot(panel);
}

/// Runs the binary beside this one, and reads the numbers that it prints.
pub(crate) fn footprint(args: &[&str]) -> Option<Vec<f64>> {
    let binary = std::env::current_exe().ok()?.with_file_name("footprint");
    let output = Command::new(binary).args(args).output().ok()?;
    if !output.status.success() {
        return None;
    }
    String::from_utf8(output.stdout).ok()?.split_whitespace().map(|number| number.parse().ok()).collect()
}

/// redis-server's name, and by how many bytes it grew.
fn of_redis(scale: &Scale, ttl: bool) -> Option<(String, [f64; 2])> {
    let server = Server::start(&[])?;
    let mut connection = server.connect().ok()?;
    let memory = || [server.memory("used_memory"), server.memory("used_memory_rss")];
    let before = memory();
    for chunk in (0..scale.keys as u64).collect::<Vec<_>>().chunks(10_000) {
        let mut pipe = redis::pipe();
        for number in chunk {
            let set = pipe.cmd("SET").arg(&key_20(*number)).arg(&VALUE);
            if ttl {
                set.arg("PX").arg(3_600_000).ignore()
            } else {
                set.ignore()
            };
        }
        pipe.query::<()>(&mut connection).ok()?;
    }
    let after = memory();
    Some((server.version(), [after[0] - before[0], after[1] - before[1]]))
}
