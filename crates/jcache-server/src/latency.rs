//! How long commands take: a histogram for each that was called, by a sample of its calls.
//!
//! Two readings of a precise clock cost more than many a command, so one in [`SAMPLE`] of a client's commands is measured,
//! its first among them; those that wait for a level are measured each. A bucket is a sixteenth of a power of two wide.
//! What `LATENCY HISTOGRAM` shows of it are Redis's own steps, powers of two of nanoseconds, told in microseconds.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::command;

/// One of so many commands of a client that are answered at once is measured.
pub(crate) const SAMPLE: u32 = 64;

/// Below this power of two of nanoseconds everything is one bucket, from the other on as well: 64 ns, and about a second,
/// where Redis ends too.
const FIRST: u32 = 6;
const LAST: u32 = 30;
/// Buckets of a power of two, as a power of two.
const PARTS: u32 = 4;
const BUCKETS: usize = 1 + ((LAST - FIRST) << PARTS) as usize;
/// The power of two of nanoseconds of the first step that is told: about a microsecond.
const FIRST_STEP: u32 = 10;

/// One for each command, made when it is first measured: 3 KiB.
#[derive(Debug)]
pub(crate) struct Latencies(Box<[OnceLock<Box<Histogram>>]>);

#[derive(Debug)]
struct Histogram {
    buckets: [AtomicU64; BUCKETS],
    nanos: AtomicU64,
}

/// What was measured of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Measured {
    buckets: Vec<u64>,
    pub(crate) count: u64,
    nanos: u64,
}

fn bucket(nanos: u64) -> usize {
    let power = nanos.max(1).ilog2();
    match power {
        ..FIRST => 0,
        LAST.. => BUCKETS - 1,
        _ => 1 + ((power - FIRST) << PARTS) as usize + (nanos >> (power - PARTS)) as usize % (1 << PARTS),
    }
}

/// The most nanoseconds that fall into a bucket.
fn most(bucket: usize) -> u64 {
    let Some(above) = bucket.checked_sub(1) else { return (1 << FIRST) - 1 };
    let (power, part) = (FIRST + (above >> PARTS) as u32, above as u64 % (1 << PARTS));
    (((1 << PARTS) + part + 1) << (power - PARTS)) - 1
}

impl Latencies {
    pub(crate) fn new() -> Self {
        Self((0..command::count()).map(|_| OnceLock::new()).collect())
    }

    /// The command at place `command` of the table took so long.
    pub(crate) fn add(&self, command: usize, took: Duration) {
        let new = || Box::new(Histogram { buckets: [const { AtomicU64::new(0) }; BUCKETS], nanos: AtomicU64::new(0) });
        let histogram = self.0[command].get_or_init(new);
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX).min(1 << LAST);
        histogram.buckets[bucket(nanos)].fetch_add(1, Ordering::Relaxed);
        histogram.nanos.fetch_add(nanos, Ordering::Relaxed);
    }

    /// What was measured of the command at place `command`, if anything was.
    pub(crate) fn of(&self, command: usize) -> Option<Measured> {
        let histogram = self.0[command].get()?;
        let buckets: Vec<u64> = histogram.buckets.iter().map(|count| count.load(Ordering::Relaxed)).collect();
        let count = buckets.iter().sum();
        (count > 0).then(|| Measured { buckets, count, nanos: histogram.nanos.load(Ordering::Relaxed) })
    }

    pub(crate) fn reset(&self) {
        for histogram in self.0.iter().filter_map(OnceLock::get) {
            histogram.buckets.iter().chain([&histogram.nanos]).for_each(|count| count.store(0, Ordering::Relaxed));
        }
    }
}

impl Measured {
    /// Microseconds, and how many calls took no longer: the steps that have calls of their own.
    pub(crate) fn steps(&self) -> Vec<(u64, u64)> {
        let mut steps = Vec::new();
        let mut before = 0;
        for power in FIRST_STEP..=LAST {
            let upto = 1 + ((power - FIRST) << PARTS) as usize;
            let count: u64 = self.buckets[..if power == LAST { BUCKETS } else { upto }].iter().sum();
            if count > before {
                // As two digits are all that Redis's histogram is sure of, its steps are a 128th longer.
                steps.push((((1 << power) + (1 << (power - 7)) - 1) / 1000, count));
            }
            before = count;
        }
        steps
    }

    /// Microseconds that so many of a thousand calls took at most.
    pub(crate) fn within(&self, per_mille: u64) -> f64 {
        let wanted = (self.count * per_mille).div_ceil(1000).max(1);
        let mut seen = 0;
        let reached = self.buckets.iter().position(|count| {
            seen += count;
            seen >= wanted
        });
        most(reached.unwrap_or(BUCKETS - 1)) as f64 / 1000.0
    }

    /// Microseconds of a call on average.
    pub(crate) fn mean(&self) -> f64 {
        self.nanos as f64 / self.count as f64 / 1000.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_time_has_a_bucket_and_no_bucket_is_wide() {
        assert_eq!((bucket(0), bucket(63), bucket(64), bucket(u64::MAX)), (0, 0, 1, BUCKETS - 1));
        for at in 1..BUCKETS {
            let (least, last) = (most(at - 1) + 1, most(at));
            assert_eq!((bucket(least), bucket(last)), (at, at), "{least} to {last}");
            assert!((last - least) * 16 < least, "{least} to {last}");
        }
    }

    #[test]
    fn steps_are_redis_s() {
        let latencies = Latencies::new();
        assert_eq!(latencies.of(3), None);
        for (micros, times) in [(0, 1), (1, 2), (20, 3), (100, 1), (1_000, 1), (5_000_000, 1)] {
            (0..times).for_each(|_| latencies.add(3, Duration::from_micros(micros)));
        }
        let measured = latencies.of(3).expect("some");
        assert_eq!(measured.steps(), [(1, 3), (33, 6), (132, 7), (1056, 8), (1_082_130, 9)]);
        assert_eq!((measured.count, measured.within(500).round(), measured.within(0)), (9, 20.0, 0.063));
        latencies.reset();
        assert_eq!(latencies.of(3), None);
    }
}
