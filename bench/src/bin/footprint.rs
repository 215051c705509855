//! Measures in a process of its own, under an allocator that counts: what one engine takes when it is filled, or what
//! one operation allocates. Started by `jcache-bench`, which reads the numbers that it prints.

use std::alloc::System;
use std::process::ExitCode;
use std::time::Duration;

use clap::ValueEnum;
use jcache_bench::engine::{Kind, Setting};
use jcache_bench::{commands, layer, machine};
use stats_alloc::{Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: StatsAlloc<System> = StatsAlloc::system();

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let done = match args[..] {
        ["layer", row] => layer::Row::from_str(row, true).ok().map(|row| {
            let bench = layer::Bench::new();
            per_call(|calls| bench.spin(row, calls))
        }),
        ["command", row] => commands::Row::from_str(row, true).ok().map(|row| {
            let bench = commands::Bench::new();
            per_call(|calls| bench.spin(row, commands::Part::Parse, calls))
        }),
        [kind, entries, ttl] => filled(kind, entries, ttl == "ttl"),
        _ => None,
    };
    done.map_or(ExitCode::FAILURE, |text| {
        println!("{text}");
        ExitCode::SUCCESS
    })
}

/// Bytes asked of the allocator, and bytes by which the resident size grew.
fn filled(kind: &str, entries: &str, ttl: bool) -> Option<String> {
    let (kind, keys) = (Kind::from_str(kind, true).ok()?, entries.parse().ok()?);
    let (region, resident) = (Region::new(&ALLOCATOR), machine::resident());
    let subject = kind.build(&Setting { keys, room: None, ttl: ttl.then_some(Duration::from_secs(3600)) })?;
    subject.fill_20(keys as u64);
    assert_eq!(subject.entries(), keys, "everything fits");
    let change = region.change();
    let allocated = change.bytes_allocated - change.bytes_deallocated;
    Some(format!("{allocated} {}", machine::resident() - resident))
}

/// Allocations of one call, on average.
fn per_call(spin: impl Fn(usize)) -> String {
    const CALLS: usize = 100_000;
    // What a loop needs once, whatever its length, is in both.
    let [once, again] = [CALLS, 2 * CALLS].map(|calls| {
        let region = Region::new(&ALLOCATOR);
        spin(calls);
        region.change().allocations
    });
    format!("{}", (again - once) as f64 / CALLS as f64)
}
