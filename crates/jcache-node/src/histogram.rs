//! How long things took: a histogram that many threads add to without a lock.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The upper bounds of the buckets, in microseconds; beyond the last there is one more.
const BOUNDS: [u64; 17] =
    [1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 50_000, 100_000, 1_000_000, 10_000_000];

/// Counts of durations by size.
#[derive(Debug, Default)]
pub(crate) struct Histogram {
    buckets: [AtomicU64; BOUNDS.len() + 1],
    nanoseconds: AtomicU64,
}

/// What a histogram held at one moment.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Summary {
    pub(crate) count: u64,
    pub(crate) total: Duration,
    /// Upper bound in seconds, and how many were in the bucket that it ends.
    pub(crate) buckets: Vec<(f64, u64)>,
}

impl Histogram {
    /// Adds one.
    pub(crate) fn add(&self, took: Duration) {
        let micros = took.as_nanos().div_ceil(1000) as u64;
        let bucket = BOUNDS.partition_point(|bound| *bound < micros);
        self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        self.nanoseconds.fetch_add(took.as_nanos() as u64, Ordering::Relaxed);
    }

    /// What there is now.
    pub(crate) fn summary(&self) -> Summary {
        let bounds = BOUNDS.iter().map(|micros| *micros as f64 / 1e6).chain([f64::INFINITY]);
        let counts = self.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed));
        let buckets: Vec<(f64, u64)> = bounds.zip(counts).collect();
        Summary {
            count: buckets.iter().map(|(_, count)| count).sum(),
            total: Duration::from_nanos(self.nanoseconds.load(Ordering::Relaxed)),
            buckets,
        }
    }
}

impl Summary {
    /// The mean in microseconds; 0 of nothing.
    pub(crate) fn mean_micros(&self) -> f64 {
        if self.count == 0 { 0.0 } else { self.total.as_secs_f64() * 1e6 / self.count as f64 }
    }

    /// An upper bound in microseconds of all but a part of them; 0 of nothing.
    pub(crate) fn quantile_micros(&self, quantile: f64) -> f64 {
        let mut left = (self.count as f64 * quantile).ceil() as u64;
        for (bound, count) in &self.buckets {
            if left <= *count {
                return if self.count == 0 { 0.0 } else { (bound * 1e6).round() };
            }
            left -= count;
        }
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_counted_where_they_belong() {
        let histogram = Histogram::default();
        assert_eq!((histogram.summary().mean_micros(), histogram.summary().quantile_micros(0.99)), (0.0, 0.0));
        for micros in [1, 2, 3, 1_000] {
            histogram.add(Duration::from_micros(micros));
        }
        histogram.add(Duration::from_nanos(1));
        histogram.add(Duration::from_secs(100));
        let summary = histogram.summary();
        assert_eq!(summary.count, 6);
        let counts: Vec<u64> = summary.buckets.iter().map(|(_, count)| *count).collect();
        assert_eq!(counts, [2, 1, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1]);
        assert_eq!(summary.quantile_micros(0.5), 2.0);
        assert_eq!(summary.quantile_micros(0.8), 1_000.0);
    }
}
