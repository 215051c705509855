//! How long writes wait until the in-sync set has them: counted by size, for metrics.

use std::time::Duration;

/// Upper bounds of the buckets in microseconds; what takes longer has one more.
const BOUNDS_US: [u64; 15] = [
    100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000,
    5_000_000,
];

/// Times from a write's execution at the leader until it was committed, counted by size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CommitTimes {
    counts: [u64; BOUNDS_US.len() + 1],
    total_us: u64,
}

impl CommitTimes {
    pub(crate) fn add(&mut self, took_us: u64) {
        self.counts[BOUNDS_US.partition_point(|bound| *bound < took_us)] += 1;
        self.total_us += took_us;
    }

    /// How many writes there were.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// All their times together.
    pub fn total(&self) -> Duration {
        Duration::from_micros(self.total_us)
    }

    /// The buckets: upper bound in seconds, the last one infinite, and how many were in the bucket that it ends.
    pub fn buckets(&self) -> impl Iterator<Item = (f64, u64)> {
        let bounds = BOUNDS_US.iter().map(|bound| *bound as f64 / 1e6).chain([f64::INFINITY]);
        bounds.zip(self.counts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_counted_where_they_belong() {
        let mut times = CommitTimes::default();
        for took_us in [0, 100, 101, 5_000_000, 5_000_001] {
            times.add(took_us);
        }
        let filled: Vec<(f64, u64)> = times.buckets().filter(|(_, count)| *count > 0).collect();
        assert_eq!(filled, [(0.0001, 2), (0.00025, 1), (5.0, 1), (f64::INFINITY, 1)]);
        assert_eq!((times.count(), times.total()), (5, Duration::from_micros(10_000_202)));
    }
}
