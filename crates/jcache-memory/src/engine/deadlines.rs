//! How many entries have a deadline: looked at when somebody asks, so that no command has to count them.
//!
//! A shard without any deadline is known by the bounds that tell what is due. Of the others some homes are looked at: all
//! of them where there are few, so that the answer is exact; else a run of them from anywhere. Which home an entry has its
//! hash says, so a run of homes is as good a sample as any.

use std::time::Duration;

use super::Engine;
use crate::shard::Shard;
use crate::stats::Deadlines;
use crate::table::NEVER;

/// Homes of a shard that are looked at under its lock: some 400 entries, for a few ten microseconds.
const HOMES: usize = 64;

/// What was seen of a shard.
#[derive(Default)]
struct Seen {
    entries: usize,
    timed: usize,
    /// Those of them that are not due yet, and how many milliseconds all of these have left.
    alive: u64,
    left: u64,
}

impl Engine {
    /// How many entries have a deadline, and how far those are away.
    pub(crate) fn deadlines(&self) -> Deadlines {
        let now = self.clock.now().as_millis();
        let (mut deadlines, mut is_exact) = (Deadlines::default(), true);
        // By shard, as shards differ in size while namespaces have some to themselves.
        let (mut left, mut weights) = (0.0, 0.0);
        for index in 0..self.shards() {
            let from = self.clock.seed();
            let shard = self.lock(index);
            let len = shard.table.len();
            deadlines.entries += len;
            let (seen, is_all) = look(&shard, now, from);
            drop(shard);
            let share = if seen.entries == 0 { 0.0 } else { seen.timed as f64 / seen.entries as f64 };
            let timed = if is_all { seen.timed } else { (share * len as f64).round() as usize };
            deadlines.timed += timed;
            is_exact &= is_all;
            if seen.alive > 0 {
                left += seen.left as f64 / seen.alive as f64 * timed as f64;
                weights += timed as f64;
            }
        }
        deadlines.is_exact = is_exact;
        if weights > 0.0 {
            deadlines.mean_left = Duration::from_millis((left / weights) as u64);
        }
        deadlines
    }
}

/// Looks at entries of a shard; whether at all of them that there are with a deadline.
fn look(shard: &Shard, now: u64, from: u64) -> (Seen, bool) {
    let mut seen = Seen::default();
    if shard.table.earliest() == NEVER {
        return (seen, true);
    }
    let is_all = shard.table.homes() <= HOMES;
    let mut cursor = if is_all { 0 } else { from };
    for _ in 0..shard.table.homes().min(HOMES) {
        let next = shard.table.scan(cursor, |item| {
            seen.entries += 1;
            seen.timed += usize::from(item.deadline() != 0);
            if item.deadline() > now {
                seen.alive += 1;
                seen.left += item.deadline() - now;
            }
        });
        match next {
            Some(next) => cursor = next,
            None if is_all => break,
            None => cursor = 0,
        }
    }
    (seen, is_all)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use jcache_core::{Arg, Driver, Mutation};

    use crate::{ManualClock, Memory};

    fn memory() -> Memory {
        Memory::builder().clock(Arc::new(ManualClock::default())).build()
    }

    /// Every `timed`th of `keys` expires, after 10 or 30 seconds in turn.
    fn fill(memory: &Memory, keys: usize, timed: usize) {
        for number in 0..keys {
            let (key, millis) =
                (format!("key:{number}"), if (number / timed).is_multiple_of(2) { "10000" } else { "30000" });
            let all: [Arg<'_>; 5] = ["SET".into(), key.into(), "v".into(), "PX".into(), millis.into()];
            let args = if number % timed == 0 { &all[..] } else { &all[..3] };
            let set = Mutation::parse(args).expect("a command");
            memory.try_mutate(&set).expect("at once").expect("stored");
        }
    }

    #[test]
    fn few_are_counted() {
        for (keys, timed, expected) in [(0, 1, 0), (1_000, 1_001, 1), (1_000, 1, 1_000), (1_000, 4, 250)] {
            let memory = memory();
            fill(&memory, keys, timed);
            let found = memory.deadlines();
            assert_eq!((found.entries, found.timed, found.is_exact), (keys, expected, true));
            let mean = [0, 10_000, 20_000][expected.min(2)];
            assert_eq!(found.mean_left.as_millis(), mean, "{keys} keys, each {timed}th");
        }
    }

    #[test]
    fn many_are_estimated() {
        let memory = memory();
        fill(&memory, 200_000, 5);
        let found = memory.deadlines();
        assert_eq!((found.entries, found.is_exact), (200_000, false));
        assert!((36_000..44_000).contains(&found.timed), "{found:?}");
        assert!((18_000..22_000).contains(&found.mean_left.as_millis()), "{found:?}");
        fill(&memory, 200_000, 1);
        assert_eq!(memory.deadlines().timed, 200_000);
    }
}
