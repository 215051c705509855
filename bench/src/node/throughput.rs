//! Commands by redis-benchmark: how many a second, and what they cost the server in processor time.

use std::path::Path;

use super::Scale;
use super::servers::{Kind, Server, output};
use crate::plot::Panel;
use crate::report::{Report, Table, spread};
use crate::rounds::Spread;

/// redis-benchmark's names of tests, and what part of a turn's commands they send: some do much for one.
const TESTS: [(&str, u64); 9] = [
    ("set", 1),
    ("get", 1),
    ("incr", 1),
    ("lpush", 1),
    ("rpop", 1),
    ("hset", 1),
    ("zadd", 1),
    ("mset", 4),
    ("lrange_100", 8),
];

/// What the project wants to reach, by the size of pipelines.
const GOALS: [(u32, &str); 3] = [
    (1, "goal: commands/s ≥ 1.0 × redis-server"),
    (16, "goal: commands/s ≥ 1.5 × redis-server; CPU s a million ≤ 1.0 × redis-server"),
    (128, "goal: commands/s ≥ 2 × redis-server"),
];

/// One turn of one server.
#[derive(Debug, Clone, Copy)]
struct Turn {
    per_second: f64,
    cpu_per_million: f64,
}

pub(super) fn run(report: &mut Report, scale: &Scale) -> Result<(), String> {
    for &(pipeline, commands) in &scale.pipelines {
        let title = format!("redis-benchmark -c 50 -d 100 -r 1000000 -P {pipeline}");
        let heads = [
            "thousand commands/s",
            "redis-server",
            "jcache node",
            "× redis-server",
            "CPU s a million, redis-server",
            "jcache node",
            "× redis-server",
        ];
        let mut table = Table::new(title.clone(), &heads);
        let mut ratios = Vec::new();
        for (test, part) in TESTS {
            let turns = measure(scale, test, pipeline, commands / part)?;
            let column = |kind: usize, figure: fn(&Turn) -> f64| turns[kind].iter().map(figure).collect::<Vec<_>>();
            let rates = [0, 1].map(|kind| column(kind, |turn| turn.per_second / 1000.0));
            let ratio = Spread::of_ratios(&rates[1], &rates[0]);
            let costs = [0, 1].map(|kind| column(kind, |turn| turn.cpu_per_million));
            let dearer = spread(Spread::of_ratios(&costs[1], &costs[0]), 2);
            let costs = costs.map(|costs| spread(Spread::of(costs), 2));
            let speeds = rates.map(|rates| spread(Spread::of(rates), 0));
            let cells = [test.to_owned()].into_iter().chain(speeds).chain([spread(ratio, 2)]).chain(costs).chain([dearer]);
            table.row(cells);
            ratios.push(Some(ratio.median));
        }
        if let Some((_, goal)) = GOALS.iter().find(|(its, _)| *its == pipeline) {
            table.note(*goal);
        }
        table.note("processor time of the server's process alone, from /proc");
        report.table(&table);
        report.plot(Panel {
            title: format!("Commands a second, × redis-server: {title}"),
            groups: TESTS.iter().map(|(test, _)| (*test).to_owned()).collect(),
            series: vec![
                (Kind::Node.name().to_owned(), ratios),
                (Kind::Redis.name().to_owned(), vec![Some(1.0); TESTS.len()]),
            ],
        });
    }
    Ok(())
}

/// The turns of both servers, which are fresh for each test; the first round only warms up.
fn measure(scale: &Scale, test: &str, pipeline: u32, commands: u64) -> Result<[Vec<Turn>; 2], String> {
    let servers = Server::both(&scale.binary)?;
    let mut turns = [Vec::new(), Vec::new()];
    for round in 0..=scale.rounds {
        for turn in 0..Kind::ALL.len() {
            let kind = (turn + round) % Kind::ALL.len();
            if test == "rpop" {
                // What is popped has to be there.
                one(&servers[kind], "lpush", pipeline.max(16), commands)?;
            }
            let done = one(&servers[kind], test, pipeline, commands)?;
            if round > 0 {
                turns[kind].push(done);
            }
            if test == "lpush" {
                let mut connection = servers[kind].connect()?;
                redis::cmd("DEL").arg("mylist").exec(&mut connection).map_err(|error| error.to_string())?;
            }
        }
    }
    Ok(turns)
}

fn one(server: &Server, test: &str, pipeline: u32, commands: u64) -> Result<Turn, String> {
    let (port, pipeline, count) = (server.port.to_string(), pipeline.to_string(), commands.to_string());
    let fixed = ["-c", "50", "-d", "100", "-r", "1000000", "--csv"];
    let args = [&["-p", &port, "-t", test, "-n", &count, "-P", &pipeline], &fixed[..]].concat();
    let before = server.cpu();
    let text = output(Path::new("redis-benchmark"), &args)?;
    let spent = server.cpu() - before;
    // Before LRANGE it fills a list, which is a row of its own.
    let row = text.lines().rfind(|line| !line.starts_with("\"test\"")).unwrap_or_default();
    let rate = row.split(',').nth(1).map(|cell| cell.trim_matches('"'));
    let per_second = rate.and_then(|it| it.parse().ok()).ok_or_else(|| format!("redis-benchmark said {text:?}"))?;
    Ok(Turn { per_second, cpu_per_million: spent * 1e6 / commands as f64 })
}
