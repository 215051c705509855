//! What a load found out.

use std::time::Duration;

use hdrhistogram::Histogram;
use jcache::Reply;

use super::{Bench, Target};

/// The longest latency that is told apart from longer ones, in microseconds: a minute.
const LONGEST: u64 = 60_000_000;

/// Figures of one connection, or of all.
#[derive(Debug)]
pub(super) struct Figures {
    /// In microseconds.
    latencies: Histogram<u64>,
    reads: u64,
    hits: u64,
    pub(super) errors: u64,
    /// The first error.
    error: Option<String>,
    pub(super) elapsed: Duration,
}

impl Default for Figures {
    fn default() -> Self {
        let latencies = Histogram::new_with_bounds(1, LONGEST, 3).expect("bounds that fit a histogram");
        Self { latencies, reads: 0, hits: 0, errors: 0, error: None, elapsed: Duration::ZERO }
    }
}

impl Figures {
    /// Takes down a reply.
    pub(super) fn reply(&mut self, read: bool, reply: &Reply, took: Duration) {
        self.latencies.saturating_record(took.as_micros() as u64);
        if let Reply::Error(error) = reply {
            self.errors += 1;
            self.error.get_or_insert_with(|| error.message().to_owned());
        }
        if read {
            self.reads += 1;
            self.hits += u64::from(matches!(reply, Reply::Bulk(_)));
        }
    }

    /// Adds those of another connection.
    pub(super) fn add(&mut self, other: &Figures) {
        self.latencies.add(&other.latencies).expect("histograms of the same bounds");
        self.reads += other.reads;
        self.hits += other.hits;
        self.errors += other.errors;
        self.error = self.error.take().or_else(|| other.error.clone());
    }

    fn per_second(&self) -> f64 {
        self.latencies.len() as f64 / self.elapsed.as_secs_f64().max(f64::MIN_POSITIVE)
    }

    /// For people.
    pub(super) fn text(&self, args: &Bench, target: &Target) -> String {
        let millis = |micros: u64| micros as f64 / 1000.0;
        let at = |quantile: f64| format!("{:.3}", millis(self.latencies.value_at_quantile(quantile)));
        let mut text = format!(
            "{target}: {} connections, {} commands at once, {} keys, values of {} bytes\n",
            args.clients, args.pipeline, args.keys, args.value_size
        );
        let (count, seconds) = (self.latencies.len(), self.elapsed.as_secs_f64());
        text += &format!("  {:.0} commands/s: {count} in {seconds:.2} s, {} errors\n", self.per_second(), self.errors);
        if self.reads > 0 {
            let share = self.hits as f64 * 100.0 / self.reads as f64;
            text += &format!("  {} reads, {share:.1} % of them found their key\n", self.reads);
        }
        text += &format!(
            "  latency in ms: mean {:.3}, 50 % {}, 90 % {}, 99 % {}, 99.9 % {}, longest {:.3}\n",
            self.latencies.mean() / 1000.0,
            at(0.5),
            at(0.9),
            at(0.99),
            at(0.999),
            millis(self.latencies.max()),
        );
        if let Some(error) = &self.error {
            text += &format!("  first error: {error}\n");
        }
        text
    }

    /// For programs: one line.
    pub(super) fn json(&self) -> String {
        let at = |quantile: f64| self.latencies.value_at_quantile(quantile);
        format!(
            "{{\"commands\":{},\"seconds\":{:.6},\"commands_per_second\":{:.1},\"errors\":{},\"reads\":{},\"hits\":{},\
             \"mean_us\":{:.1},\"p50_us\":{},\"p90_us\":{},\"p99_us\":{},\"p999_us\":{},\"max_us\":{}}}\n",
            self.latencies.len(),
            self.elapsed.as_secs_f64(),
            self.per_second(),
            self.errors,
            self.reads,
            self.hits,
            self.latencies.mean(),
            at(0.5),
            at(0.9),
            at(0.99),
            at(0.999),
            self.latencies.max(),
        )
    }
}
