//! Sorted sets and lists: in memory through the driver, the bare structure, and redis-server by its own count of the
//! time that a command takes (`INFO commandstats`: neither network nor parsing).

use std::collections::VecDeque;
use std::hint::black_box;
use std::time::Instant;

use bytes::Bytes;
use jcache_core::collection::{List, SortedSet};
use jcache_core::{Arg, Driver, Mutation, Query, Value};
use jcache_memory::Memory;

use super::Scale;
use crate::machine::thousands;
use crate::plot::Panel;
use crate::redis_server::Server;
use crate::report::{Report, Table, spread};
use crate::rounds::{ROUNDS, Spread};
use crate::work::{key_20, scatter};

/// Nanoseconds of each step in each round, and bytes per element.
type Timings = Vec<Vec<f64>>;

pub(super) fn run(report: &mut Report, scale: &Scale) {
    let server = Server::start(&[]);
    let name = server.as_ref().map_or("redis-server: none".to_owned(), Server::version);
    let members: Vec<[u8; 20]> =
        (0..scale.members as u64).map(|number| key_20(scatter(number) % 1_000_000_000_000)).collect();
    let redis = |steps: &[Step]| move_on(server.as_ref().and_then(|server| on_redis(server, steps)), steps.len() + 1);

    let steps = sorted_set_steps(&members);
    let mut all: [Timings; 3] = Default::default();
    for _ in 0..ROUNDS {
        all[0].push(through_driver(&steps));
        all[1].push(bare_sorted_set(&members));
        all[2].push(redis(&steps));
    }
    let names = ["jcache Driver", "jcache SortedSet, bare", &name];
    let title = format!("Sorted set of {} members of 20 bytes: ns per operation", thousands(members.len() as u64));
    show(report, &title, &steps, &names, &all);

    let steps = list_steps(&members);
    let mut all: [Timings; 4] = Default::default();
    for _ in 0..ROUNDS {
        all[0].push(through_driver(&steps));
        all[1].push(bare_list(&members));
        all[2].push(deque(&members));
        all[3].push(redis(&steps));
    }
    let names = ["jcache Driver", "jcache List, bare", "VecDeque<Bytes>", &name];
    let title = format!("List of {} elements of 20 bytes: ns per operation", thousands(members.len() as u64));
    show(report, &title, &steps, &names, &all);
}

fn move_on(timings: Option<Vec<f64>>, len: usize) -> Vec<f64> {
    timings.unwrap_or_else(|| vec![f64::NAN; len])
}

/// Operations of one kind in a row. The memory is weighed after the first step.
struct Step {
    name: &'static str,
    command: &'static str,
    commands: Vec<Vec<Vec<u8>>>,
}

fn step(name: &'static str, command: &'static str, args: impl Iterator<Item = Vec<Vec<u8>>>) -> Step {
    let commands =
        args.map(|args| [command.as_bytes().to_vec(), b"collection".to_vec()].into_iter().chain(args).collect());
    Step { name, command, commands: commands.collect() }
}

fn score(number: usize) -> f64 {
    (scatter(number as u64) % 1_000_000) as f64
}

fn sorted_set_steps(members: &[[u8; 20]]) -> Vec<Step> {
    let text = |number: usize| number.to_string().into_bytes();
    let middle = |at: usize| members.len() / 2 + at % 1000 - 500;
    vec![
        step("insert", "ZADD", (0..members.len()).map(|at| vec![text(score(at) as usize), members[at].to_vec()])),
        step("rank", "ZRANK", members.iter().step_by(2).map(|member| vec![member.to_vec()])),
        step("100 by rank", "ZRANGE", (0..2000).map(|at| vec![text(middle(at)), text(middle(at) + 99)])),
        step("remove", "ZREM", members.iter().map(|member| vec![member.to_vec()])),
    ]
}

fn list_steps(members: &[[u8; 20]]) -> Vec<Step> {
    vec![
        step("push", "RPUSH", members.iter().map(|member| vec![member.to_vec()])),
        step("pop", "LPOP", members.iter().map(|_| Vec::new())),
    ]
}

fn nanos(count: usize, run: impl FnOnce()) -> f64 {
    let begin = Instant::now();
    run();
    begin.elapsed().as_nanos() as f64 / count as f64
}

/// The commands are parsed before the clock runs, as Redis's count leaves its parsing out.
fn through_driver(steps: &[Step]) -> Vec<f64> {
    let memory = Memory::new();
    let empty = memory.memory_used();
    let mut timings = Vec::new();
    let mut bytes = 0.0;
    for step in steps {
        let args: Vec<Vec<Arg<'_>>> = step.commands.iter().map(|it| it.iter().map(Arg::from).collect()).collect();
        timings.push(if ["ZRANK", "ZRANGE"].contains(&step.command) {
            let queries: Vec<Query<'_>> = args.iter().map(|args| Query::parse(args).expect("a query")).collect();
            nanos(queries.len(), || queries.iter().for_each(|it| drop(black_box(memory.try_query(it)))))
        } else {
            let mutations: Vec<Mutation<'_>> =
                args.iter().map(|args| Mutation::parse(args).expect("a change")).collect();
            nanos(mutations.len(), || mutations.iter().for_each(|it| drop(black_box(memory.try_mutate(it)))))
        });
        if timings.len() == 1 {
            bytes = (memory.memory_used() - empty) as f64 / step.commands.len() as f64;
        }
    }
    assert!(memory.is_empty(), "the last step took everything out");
    timings.push(bytes);
    timings
}

fn on_redis(server: &Server, steps: &[Step]) -> Option<Vec<f64>> {
    let mut connection = server.connect().ok()?;
    redis::cmd("FLUSHALL").exec(&mut connection).ok()?;
    redis::cmd("CONFIG").arg("RESETSTAT").exec(&mut connection).ok()?;
    let mut timings = Vec::new();
    let mut bytes = f64::NAN;
    for step in steps {
        for chunk in step.commands.chunks(10_000) {
            let mut pipe = redis::pipe();
            for args in chunk {
                let mut command = redis::Cmd::new();
                for arg in args {
                    command.arg(arg);
                }
                pipe.add_command(command).ignore();
            }
            pipe.query::<()>(&mut connection).ok()?;
        }
        timings.push(server.per_call(&step.command.to_lowercase())?);
        if timings.len() == 1 {
            let usage =
                redis::cmd("MEMORY").arg(&["USAGE", "collection", "SAMPLES", "0"]).query::<f64>(&mut connection);
            bytes = usage.ok()? / step.commands.len() as f64;
        }
    }
    timings.push(bytes);
    Some(timings)
}

fn bare_sorted_set(members: &[[u8; 20]]) -> Vec<f64> {
    let mut set = SortedSet::new();
    let middle = |at: usize| members.len() / 2 + at % 1000 - 500;
    let insert = nanos(members.len(), || {
        for (at, member) in members.iter().enumerate() {
            black_box(set.insert(member, score(at)));
        }
    });
    let bytes = set.heap_size() as f64 / members.len() as f64;
    let rank = nanos(members.len() / 2, || {
        for member in members.iter().step_by(2) {
            black_box(set.rank(member));
        }
    });
    let range = nanos(2000, || {
        for at in 0..2000 {
            black_box(set.range(middle(at), 100).map(|(member, _)| member.to_value()).collect::<Vec<Value>>());
        }
    });
    let remove = nanos(members.len(), || {
        for member in members {
            black_box(set.remove(member));
        }
    });
    vec![insert, rank, range, remove, bytes]
}

fn bare_list(members: &[[u8; 20]]) -> Vec<f64> {
    let mut list = List::new();
    let push = nanos(members.len(), || members.iter().for_each(|it| list.push_back(it)));
    let bytes = list.heap_size() as f64 / members.len() as f64;
    let pop = nanos(members.len(), || while black_box(list.pop_front()).is_some() {});
    vec![push, pop, bytes]
}

/// Its bytes: the slots, and a block of 32 for each element of 20, as the allocator rounds it.
fn deque(members: &[[u8; 20]]) -> Vec<f64> {
    let mut deque = VecDeque::new();
    let push = nanos(members.len(), || members.iter().for_each(|it| deque.push_back(Bytes::copy_from_slice(it))));
    let bytes = (deque.capacity() * size_of::<Bytes>()) as f64 / members.len() as f64 + 32.0;
    let pop = nanos(members.len(), || while black_box(deque.pop_front()).is_some() {});
    vec![push, pop, bytes]
}

fn show(report: &mut Report, title: &str, steps: &[Step], names: &[&str], all: &[Timings]) {
    let heads: Vec<&str> = std::iter::once("").chain(steps.iter().map(|it| it.name)).chain(["bytes each"]).collect();
    let mut table = Table::new(title, &heads);
    let groups = steps.iter().map(|it| it.name.to_owned()).collect();
    let mut panel = Panel { title: title.to_owned(), groups, series: Vec::new() };
    for (name, rounds) in names.iter().zip(all) {
        let spreads = (0..=steps.len()).map(|column| Spread::of(rounds.iter().map(|round| round[column])));
        let spreads: Vec<Spread> = spreads.collect();
        let cell = |(column, it): (usize, &Spread)| match it.median {
            median if median.is_nan() => "–".to_owned(),
            median if column == steps.len() => format!("{median:.0}"),
            _ => spread(*it, 0),
        };
        table.row(std::iter::once((*name).to_owned()).chain(spreads.iter().enumerate().map(cell)));
        let bars = spreads[..steps.len()].iter().map(|it| Some(it.median).filter(|it| !it.is_nan())).collect();
        panel.series.push(((*name).to_owned(), bars));
    }
    table.note("bytes each include the 20 of the element; redis-server's by MEMORY USAGE");
    report.table(&table);
    report.plot(panel);
}
