//! How fast memory comes back when many keys are due at once, and what a reader notices of it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use jcache_core::command::string::Set;
use jcache_core::{Driver, Key, Mutation, Timestamp};
use jcache_memory::Memory;

use super::Scale;
use crate::machine::thousands;
use crate::report::{Report, Table, spread};
use crate::rounds::Spread;
use crate::work::{VALUE, key_20, touch};

/// Between filling and the deadline: enough for a slow machine to fill a million.
const LEAD: Duration = Duration::from_secs(5);

/// What one time round gave, in milliseconds.
struct Seen {
    half: f64,
    all: f64,
    pause: f64,
    quiet: f64,
    left: f64,
}

pub(super) fn run(report: &mut Report, scale: &Scale) {
    let seen: Vec<Seen> = (0..3).map(|_| once(scale.keys as u64)).collect();
    let of = |pick: fn(&Seen) -> f64| Spread::of(seen.iter().map(pick));
    let mut table = Table::new(
        format!("{} keys due at once, 3 times: median [min–max]", thousands(scale.keys as u64)),
        &["jcache Memory", ""],
    );
    table.row(["half of the memory is back, ms after the deadline".into(), spread(of(|it| it.half), 0)]);
    table.row(["all keys are gone, ms after the deadline".into(), spread(of(|it| it.all), 0)]);
    table.row(["memory then left, % of before".into(), spread(of(|it| it.left), 2)]);
    table.row(["longest pause of a reader meanwhile, ms".into(), spread(of(|it| it.pause), 2)]);
    table.row(["longest pause of a reader while nothing is due, ms".into(), spread(of(|it| it.quiet), 2)]);
    table.note("a pause is the time from one read's end to the next one's: what the machine does is in it");
    report.table(&table);
}

fn once(keys: u64) -> Seen {
    let memory = Memory::new();
    set(&memory, b"stays", None);
    let deadline = SystemTime::now() + LEAD;
    let at = Timestamp::from_system(deadline);
    (0..keys).for_each(|number| set(&memory, &key_20(number), Some(at)));
    let full = memory.memory_used();
    let early = deadline.duration_since(SystemTime::now()).expect("filled before the deadline");
    let quiet = longest_pause(&memory, || thread::sleep(early.saturating_sub(Duration::from_millis(100)) / 2));
    thread::sleep(deadline.duration_since(SystemTime::now()).unwrap_or_default());

    let begin = Instant::now();
    let mut half = None;
    let mut all = Duration::ZERO;
    let pause = longest_pause(&memory, || {
        while memory.len() > 1 && begin.elapsed() < Duration::from_secs(30) {
            if half.is_none() && memory.memory_used() < full / 2 {
                half = Some(begin.elapsed());
            }
            thread::sleep(Duration::from_millis(1));
        }
        all = begin.elapsed();
    });
    let millis = |duration: Duration| duration.as_secs_f64() * 1e3;
    let left = memory.memory_used() as f64 / full as f64 * 100.0;
    Seen { half: millis(half.unwrap_or(all)), all: millis(all), pause: millis(pause), quiet: millis(quiet), left }
}

fn set(memory: &Memory, key: &[u8], deadline: Option<Timestamp>) {
    let set = Set::until(Key::from(key), (&VALUE[..]).into(), deadline);
    memory.try_mutate(&Mutation::from(set)).expect("memory answers at once").expect("memory takes it");
}

/// The longest time between two reads of a key that stays, while `meanwhile` runs.
fn longest_pause(memory: &Memory, meanwhile: impl FnOnce()) -> Duration {
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut longest = Duration::ZERO;
            let mut last = Instant::now();
            let mut number = 0;
            while !stop.load(Ordering::Relaxed) {
                touch(&memory.get(b"stays").expect("a string").expect("it stays"));
                // Keys all over the shards, there or not: whoever holds a lock is noticed.
                drop(memory.get(&key_20(number)));
                number = (number + 1) % 1_000_000;
                let now = Instant::now();
                longest = longest.max(now - last);
                last = now;
            }
            longest
        });
        meanwhile();
        stop.store(true, Ordering::Relaxed);
        reader.join().expect("the reader does not panic")
    })
}
