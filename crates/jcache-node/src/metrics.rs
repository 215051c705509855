//! Metrics for Prometheus: a table of rows, each a name, what it means, and where it is read when somebody asks.
//!
//! Nothing is counted twice for this: server, cache and memory levels count for themselves. [`rows`] is the table,
//! [`http`] serves the text.

pub(crate) mod http;
mod rows;

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::registry::Registry;

use crate::node::View;
use rows::{Now, ROWS, Read, Row};

/// Reads a node whenever Prometheus asks.
struct Figures(View);

impl fmt::Debug for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Figures")
    }
}

impl Collector for Figures {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let now = Now::of(&self.0);
        for row in ROWS {
            let metric = encoder.encode_descriptor(row.name, row.help, row.unit.as_ref(), row.kind())?;
            encode(metric, row, &now)?;
        }
        Ok(())
    }
}

fn encode(mut metric: MetricEncoder<'_>, row: &Row, now: &Now) -> fmt::Result {
    match row.read {
        Read::Counter(read) => metric.encode_counter::<NoLabelSet, _, u64>(&read(now), None),
        Read::Seconds(read) => metric.encode_counter::<NoLabelSet, _, u64>(&read(now), None),
        Read::Gauge(read) => metric.encode_gauge(&read(now)),
        Read::Counters(read) => read(now).into_iter().try_for_each(|(labels, count)| {
            if labels.is_empty() {
                return metric.encode_counter::<NoLabelSet, _, u64>(&count, None);
            }
            metric.encode_family(&labels)?.encode_counter::<NoLabelSet, _, u64>(&count, None)
        }),
        Read::Gauges(read) => read(now).into_iter().try_for_each(|(labels, figure)| {
            if labels.is_empty() {
                metric.encode_gauge(&figure)
            } else {
                metric.encode_family(&labels)?.encode_gauge(&figure)
            }
        }),
        Read::Histograms(read) => read(now).into_iter().try_for_each(|(labels, it)| {
            let total = it.total.as_secs_f64();
            if labels.is_empty() {
                return metric.encode_histogram::<NoLabelSet>(total, it.count, &it.buckets, None);
            }
            metric.encode_family(&labels)?.encode_histogram::<NoLabelSet>(total, it.count, &it.buckets, None)
        }),
        Read::Info(read) => metric.encode_info(&read()),
    }
}

/// What is served: the registry and the node behind it.
#[derive(Debug)]
pub(crate) struct Metrics(Registry);

impl Metrics {
    /// The metrics of a node.
    pub(crate) fn new(view: View) -> Self {
        let mut registry = Registry::with_prefix("jcache");
        registry.register_collector(Box::new(Figures(view)));
        Self(registry)
    }

    /// The text that Prometheus reads, in the OpenMetrics format.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.0).expect("writing to a string does not fail");
        text
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use prometheus_client::metrics::MetricType;

    use super::*;

    /// The name under which Prometheus keeps the figures of a row.
    fn full_name(row: &Row) -> String {
        let unit = row.unit.as_ref().map(|unit| format!("_{}", unit.as_str())).unwrap_or_default();
        let kind = match row.kind() {
            MetricType::Counter => "_total",
            MetricType::Info => "_info",
            _ => "",
        };
        format!("jcache_{}{unit}{kind}", row.name)
    }

    #[test]
    fn the_manual_has_every_metric_and_no_other() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/operations.md");
        let manual = std::fs::read_to_string(path).unwrap();
        let rows: Vec<(String, &str)> = ROWS.iter().map(|row| (full_name(row), row.help)).collect();
        for (name, help) in &rows {
            let line = format!("| `{name}");
            let there = manual.lines().any(|it| it.starts_with(&line) && it.contains(help));
            assert!(there, "docs/operations.md has no row for `{name}` that says: {help}");
        }
        // Also in the alerts and in the text.
        let words = manual.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let named: BTreeSet<&str> = words.filter(|word| word.starts_with("jcache_")).collect();
        let known = |name: &str| {
            let bare = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
            rows.iter().any(|(it, _)| it == bare || it == name)
        };
        let strangers: Vec<&&str> = named.iter().filter(|name| !known(name)).collect();
        assert!(strangers.is_empty(), "docs/operations.md tells of metrics that there are not: {strangers:?}");
    }
}
