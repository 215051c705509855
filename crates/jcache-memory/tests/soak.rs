//! Everything at once, for as long as is asked: two threads, all types, deadlines, eviction. The bound holds at every
//! sample, the process does not grow, and what is read is what was written last, or nothing.
//!
//! `cargo xtask soak 60` runs it for a minute; by itself it takes a slice of a few seconds.

mod common;

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use common::call;
use jcache_core::Reply;
use jcache_memory::Memory;

const MAX: usize = 24 << 20;
const THREADS: usize = 2;
/// Keys of each thread: some four times as many as fit.
const KEYS: usize = 150_000;

fn seconds() -> u64 {
    std::env::var("JCACHE_SOAK").ok().and_then(|text| text.parse().ok()).unwrap_or(3)
}

/// Pages of this process that are in memory, in bytes; `None` where nobody tells.
fn resident() -> Option<usize> {
    let pages = std::fs::read_to_string("/proc/self/statm").ok()?;
    Some(pages.split(' ').nth(1)?.parse::<usize>().ok()? * 4096)
}

fn text(reply: Reply) -> Option<String> {
    match reply {
        Reply::Bulk(value) => Some(String::from_utf8_lossy(&value).into_owned()),
        Reply::Double(score) => Some(format!("{score}")),
        _ => None,
    }
}

/// One thread: writes versions of its own keys, and reads them.
struct Worker<'w> {
    memory: &'w Memory,
    number: usize,
    rng: fastrand::Rng,
    versions: Vec<u32>,
    reads: u64,
    hits: u64,
    writes: u64,
}

impl Worker<'_> {
    fn run(&self, words: &[&str]) -> Reply {
        call(self.memory, words).unwrap_or_else(|error| panic!("{}: {error}", words[..2].join(" ")))
    }

    fn write(&mut self, key: usize, name: &str) {
        let old = format!("v{}", self.versions[key]);
        self.versions[key] += 1;
        let version = self.versions[key].to_string();
        let new = format!("v{version}");
        let longest = if self.rng.u8(..) == 0 { 20_000 } else { 300 };
        let pad = "p".repeat(self.rng.usize(..longest));
        let life = self.rng.usize(20..5_000).to_string();
        let (expires, other) = (self.rng.u8(..3) == 0, format!("m{}", self.rng.u8(..)));
        match key % 6 {
            0 | 1 if expires => _ = self.run(&["SET", name, &format!("{version}:{pad}"), "PX", &life]),
            0 | 1 => _ = self.run(&["SET", name, &format!("{version}:{pad}")]),
            2 => _ = self.run(&["HSET", name, "version", &version, &other, &pad]),
            3 => {
                self.run(&["RPUSH", name, &pad, &version]);
                self.run(&["LTRIM", name, "-40", "-1"]);
            }
            4 => {
                self.run(&["SADD", name, &new, &other]);
                self.run(&["SREM", name, &old]);
            }
            _ => _ = self.run(&["ZADD", name, &version, "version", &life, &other]),
        }
        if expires && key % 6 > 1 {
            self.run(&["PEXPIRE", name, &life]);
        }
        self.writes += 1;
    }

    fn read(&mut self, key: usize, name: &str) {
        let version = self.versions[key].to_string();
        let found = match key % 6 {
            0 | 1 => text(self.run(&["GET", name])).map(|it| it.split(':').next().unwrap_or_default().to_owned()),
            2 => text(self.run(&["HGET", name, "version"])),
            3 => text(self.run(&["LINDEX", name, "-1"])),
            4 => {
                let members = self.run(&["SMEMBERS", name]).into_items().expect("a list");
                let versions =
                    members.into_iter().filter_map(text).filter_map(|it| it.strip_prefix('v').map(str::to_owned));
                versions.max_by_key(|it| it.parse::<u32>().unwrap_or(u32::MAX))
            }
            _ => text(self.run(&["ZSCORE", name, "version"])),
        };
        self.reads += 1;
        if let Some(found) = found {
            self.hits += 1;
            assert_eq!(found, version, "{name} is stale");
        }
    }

    fn work(&mut self, done: &AtomicBool) {
        while !done.load(Ordering::Relaxed) {
            for _ in 0..100 {
                // The product leans towards low numbers.
                let key = (self.rng.f64() * self.rng.f64() * KEYS as f64) as usize;
                let name = format!("{}:{key}", self.number);
                if self.rng.u8(..3) == 0 { self.write(key, &name) } else { self.read(key, &name) }
            }
        }
    }
}

#[test]
fn the_bound_holds_the_process_stays_as_large_and_reads_are_true() {
    let memory = Memory::builder().max_memory(MAX).build();
    let (life, done) = (Duration::from_secs(seconds()), AtomicBool::new(false));
    let worker = |number| Worker {
        memory: &memory,
        number,
        rng: fastrand::Rng::with_seed(number as u64),
        versions: vec![0; KEYS],
        reads: 0,
        hits: 0,
        writes: 0,
    };
    let mut workers: Vec<Worker<'_>> = (0..THREADS).map(worker).collect();
    let (mut worst, mut samples, mut sizes) = (0, 0, Vec::new());
    thread::scope(|scope| {
        let threads: Vec<_> = workers.iter_mut().map(|worker| scope.spawn(|| worker.work(&done))).collect();
        let begin = Instant::now();
        while begin.elapsed() < life && threads.iter().all(|thread| !thread.is_finished()) {
            worst = worst.max(memory.memory_used());
            samples += 1;
            sizes.extend(resident().map(|size| (begin.elapsed(), size)));
            thread::sleep(Duration::from_millis(20));
        }
        done.store(true, Ordering::Relaxed);
    });
    let sum = |figure: fn(&Worker<'_>) -> u64| workers.iter().map(figure).sum::<u64>();
    let (reads, hits, writes, stats) = (sum(|it| it.reads), sum(|it| it.hits), sum(|it| it.writes), memory.stats());
    // The second quarter is warm, the last is what it came to.
    let mean = |from: u32, to: u32| {
        let within =
            sizes.iter().filter(|(at, _)| *at >= life * from / 4 && *at < life * to / 4).map(|(_, size)| *size);
        let within: Vec<usize> = within.collect();
        within.iter().sum::<usize>() / within.len().max(1)
    };
    let (warm, end) = (mean(1, 2), mean(3, 4));
    println!(
        "{life:?}: {reads} reads ({hits} hits), {writes} writes, {} evictions, {} expirations; at most {worst} bytes of \
         {MAX} in {samples} samples; resident {warm} bytes warm, {end} at the end",
        stats.evictions, stats.expirations
    );
    assert!(worst <= MAX + MAX / 100, "{worst} of {MAX}");
    assert!(reads > 1_000 && hits > 100 && writes > 1_000, "{reads} reads, {hits} hits, {writes} writes");
    // A slice is over before the memory is full: only a real run can tell whether it leaks.
    if life >= Duration::from_secs(30) {
        assert!(stats.evictions > 10_000 && stats.expirations > 1_000, "{stats:?}");
        assert!(end < warm + warm / 10, "from {warm} to {end} resident bytes");
    }
}
